"""What `make bench` writes; what it times is checked by itself before it is timed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measuring import Entry, write_results


def entry(name: str, baseline: str, seconds: float) -> Entry:
    return Entry(name, seconds, baseline, 2.0 * seconds, 2.0, 100.0, seconds, 2.0 * seconds, 0.1)


def rows(file: Path) -> list[tuple[str, str, float]]:
    return [(row["name"], row["baseline"], row["openleo_cpu_s"]) for row in json.loads(file.read_text())]


def test_a_workload_measured_again_takes_the_place_of_its_own_rows(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    first = [entry("a", "numpy", 1.0), entry("a", "scipy", 1.0), entry("b", "numpy", 2.0), entry("c", "scipy", 3.0)]
    write_results(file, first, anew=False)
    assert rows(file) == [("a", "numpy", 1.0), ("a", "scipy", 1.0), ("b", "numpy", 2.0), ("c", "scipy", 3.0)]
    write_results(file, [entry("d", "numpy", 9.0), entry("a", "numpy", 4.0)], anew=False)
    assert rows(file) == [("a", "numpy", 4.0), ("b", "numpy", 2.0), ("c", "scipy", 3.0), ("d", "numpy", 9.0)]
    write_results(file, [entry("b", "numpy", 5.0)], anew=True)
    assert rows(file) == [("b", "numpy", 5.0)]


@pytest.mark.slow
def test_serving_is_timed_from_positions_on() -> None:
    """Satellites are sorted into bins within the timed part: before it no bin holds one."""
    from benchmarks.workloads import all_workloads

    dict(all_workloads())["serving-4408"]().check()
