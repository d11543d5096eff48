"""SGP4 through our own TLE reader, against the published verification run.

Authority: Vallado, Crawford, Hujsak, Kelso, "Revisiting Spacetrack Report #3", AIAA 2006-6753: SGP4-VER.TLE and the
output of its C++ code, tcppver.out, both as shipped in the sgp4 wheel. Five lines there were altered by hand to provoke
errors and kept their old checksums; the reader sets them aside, so the test mends the checksums first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sgp4

from compared import compared, same
from openleo.network.constellation import tle
from openleo.network.constellation.elements import read_elements

WHEEL = Path(sgp4.__file__).parent
ONE_MILLIMETRE_KM = 1e-6

pytestmark = pytest.mark.filterwarnings("default")


def states() -> dict[int, list[tuple[float, np.ndarray]]]:
    """Of each satellite: minutes since its epoch, and its TEME position in km. A repeated satellite's come together."""
    found: dict[int, list[tuple[float, np.ndarray]]] = {}
    current = 0
    for line in (WHEEL / "tcppver.out").read_text().splitlines():
        words = line.split()
        if words[-1] == "xx":
            current = int(words[0])
        else:
            found.setdefault(current, []).append((float(words[0]), np.array(words[1:4], dtype=float)))
    return found


@pytest.fixture
def mended(tmp_path: Path) -> Path:
    lines = [
        line[:68] + str(tle.checksum(line)) + line[69:] if line[:1] in "12" else line
        for line in (WHEEL / "SGP4-VER.TLE").read_text().splitlines()
    ]
    path = tmp_path / "SGP4-VER.TLE"
    path.write_text("\n".join(lines))
    return path


def test_every_published_state_to_a_millimetre(mended: Path) -> None:
    sets = {one.id: one for one in read_elements(mended).sets}
    published = states()
    assert sets.keys() == published.keys()
    assert len(sets) == 32

    theirs, ours = [], []
    for satellite, expected in published.items():
        for minutes, position_km in expected:
            code, found_km, _ = sets[satellite].satrec.sgp4_tsince(minutes)
            if code == 0:  # the published run prints a last line at the error itself
                theirs.append(position_km)
                ours.append(found_km)
    assert len(ours) > 650
    compared(
        authority="Vallado 2006",
        what="positions of the verification run, by axis",
        theirs=theirs,
        ours=ours,
        tolerance=ONE_MILLIMETRE_KM,
        unit="km",
    )


def test_the_lines_altered_by_hand_are_set_aside_and_named() -> None:
    read = read_elements(WHEEL / "SGP4-VER.TLE")
    assert len(read) == 29
    checksums = [problem for problem in read.set_aside if "checksum" in problem.rule]
    assert [problem.where for problem in checksums] == ["line 100", "line 101", "line 103", "line 106", "line 107"]
    assert "'4'; the digits of the line add up to 2" in checksums[0].rule
    (repeated,) = [problem for problem in read.set_aside if "checksum" not in problem.rule]
    assert repeated.where == "line 109 (20413)"


def test_checksums_of_the_published_lines() -> None:
    untouched = [
        line
        for line in (WHEEL / "SGP4-VER.TLE").read_text().splitlines()
        if line[:1] in "12" and not line[2:7].startswith("3333")
    ]
    assert len(untouched) == 60
    same(
        authority="Vallado 2006",
        what="checksums of the verification run's lines",
        theirs=[int(line[68]) for line in untouched],
        ours=[tle.checksum(line) for line in untouched],
    )
