"""Run every comparison with an outside authority, and say what came of it: `make validation`.

    python tools/validate.py [--quick] [--workers 2] [--day 2026-11-22] [--out out/validation]
                             [--page docs/validation.md]

Runs the tests that call `compared`, `apart` or `same` (tests/compared.py), reads what they noted, and writes a table:
authority, what is compared, their figure and ours, tolerance, result. A comparison that stands in a test and was not
made in this run is a row too, with the reason. Exit 1 if a test failed.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from compared import NOTES, authorities  # noqa: E402 the folder of tests is no package

LONG = ("on_100_000_pairs", "on_20_000_pairs", "in_many_cells")  # the same as others beside them, for longer
CALLS = ("compared", "apart", "same")
HELD, MISSED, NOT_MADE = "yes", "**no**", "not compared"
MADE = "<!-- Made by tools/validate.py: `make validation` writes it anew. -->"


@dataclass(frozen=True)
class Comparison:
    """One row: all that tests noted of one authority, one thing and one case."""

    authority: str
    what: str
    case: str
    file: str
    unit: str = ""
    count: int = 0
    theirs: tuple[float, float] | None = None  # least and largest
    ours: tuple[float, float] | None = None
    worst: float | None = None
    tolerance: float | None = None
    relative: float = 0.0
    result: str = NOT_MADE
    why: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.authority, self.what, self.case


# --- what tests say they compare ------------------------------------------------------------------------------------


def _written(call: ast.Call, name: str, file: Path) -> str:
    value = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
        raise SystemExit(f"{file}:{call.lineno}: write `{name}` out as a string, so that the report can find it")
    return value.value


def announced(file: Path) -> list[tuple[str, str]]:
    """(authority, what) of every comparison that a test file makes, in its order."""
    text = file.read_text(encoding="utf-8")
    if "from compared import" not in text:
        return []
    calls = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS
    ]
    calls.sort(key=lambda call: call.lineno)
    return list(dict.fromkeys((_written(call, "authority", file), _written(call, "what", file)) for call in calls))


def all_announced(tests: Path) -> dict[Path, list[tuple[str, str]]]:
    found = {file: announced(file) for file in sorted(tests.rglob("*.py")) if file.name not in ("test_compared.py",)}
    return {file: rows for file, rows in found.items() if rows}


# --- what a run has noted -------------------------------------------------------------------------------------------


def of_note(note: dict[str, Any]) -> Comparison:
    return Comparison(
        note["authority"], note["what"], note["case"], note["test"].partition("::")[0], note["unit"], note["count"],
        tuple(note["theirs"]) if note["theirs"] else None, tuple(note["ours"]) if note["ours"] else None,
        note["worst"], note["tolerance"], note["relative"], HELD if note["within"] else MISSED,
    )  # fmt: skip


def merged(one: Comparison, other: Comparison) -> Comparison:
    """Two notes of one comparison: all figures of both, and the worst of both.

    >>> a = Comparison("x", "y", "", "f.py", count=1, theirs=(1.0, 2.0), worst=0.1, tolerance=0.5, result=HELD)
    >>> merged(a, replace(a, theirs=(0.0, 1.0), worst=0.2)).theirs
    (0.0, 2.0)
    """

    def span(a: tuple[float, float] | None, b: tuple[float, float] | None) -> tuple[float, float] | None:
        return (min(a[0], b[0]), max(a[1], b[1])) if a and b else a or b

    worst = [value for value in (one.worst, other.worst) if value is not None]
    return replace(
        one,
        count=one.count + other.count,
        theirs=span(one.theirs, other.theirs),
        ours=span(one.ours, other.ours),
        worst=max(worst, default=None),
        tolerance=max(one.tolerance or 0.0, other.tolerance or 0.0),
        relative=max(one.relative, other.relative),
        result=MISSED if MISSED in (one.result, other.result) else HELD,
    )


def table_of(
    notes: Iterable[dict[str, Any]],
    said: dict[str, list[tuple[str, str]]],
    reasons: dict[str, str],
    otherwise: str = "not run",
) -> list[Comparison]:
    """The rows: every note, merged; and what stands in a test and was not compared, with why its file skipped."""
    rows: dict[tuple[str, str, str], Comparison] = {}
    for row in map(of_note, notes):
        rows[row.key] = merged(rows[row.key], row) if row.key in rows else row
    made = {(row.authority, row.what) for row in rows.values()}
    absent = [
        Comparison(authority, what, "", file, why=reasons.get(file, otherwise))
        for file, pairs in said.items()
        for authority, what in pairs
        if (authority, what) not in made
    ]
    order = {name: number for number, name in enumerate(authorities())}
    return sorted([*rows.values(), *absent], key=lambda row: (order[row.authority], row.file, row.what, row.case))


@dataclass(frozen=True)
class Outcome:
    """What pytest says beside the notes, by its JUnit file."""

    passed: int
    failed: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]  # (test, why)

    def reasons(self) -> dict[str, str]:
        """Why tests of a file were skipped, where they were."""
        found: dict[str, list[str]] = {}
        for test, why in self.skipped:
            found.setdefault(test.partition("::")[0], []).append(why)
        return {file: "; ".join(dict.fromkeys(whys)) for file, whys in found.items()}


def outcome(junit: str) -> Outcome:
    failed, skipped, passed = [], [], 0
    for case in ElementTree.fromstring(junit).iter("testcase"):
        test = case.get("classname", "").replace(".", "/") + ".py::" + case.get("name", "")
        if (skip := case.find("skipped")) is not None and skip.get("type") != "pytest.xfail":
            skipped.append((test, (skip.get("message") or "").strip()))
        elif case.find("failure") is not None or case.find("error") is not None:
            failed.append(test)
        else:
            passed += 1
    return Outcome(passed, tuple(failed), tuple(skipped))


# --- the report -----------------------------------------------------------------------------------------------------


def figure(value: float) -> str:
    """Six digits at most, plainly.

    >>> figure(38.8961), figure(0.0), figure(2e-4), figure(23.7), figure(1584.0)
    ('38.8961', '0', '0.0002', '23.7', '1,584')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def span_text(span: tuple[float, float] | None) -> str:
    if span is None:
        return ""
    low, high = (figure(value + 0.0) for value in span)  # no −0
    return low if low == high else f"{low} to {high}"


def tolerance_text(row: Comparison) -> str:
    if row.tolerance is None:
        return ""
    parts = [f"{figure(row.tolerance)} {row.unit}".strip()] if row.tolerance else []
    parts += [f"{figure(100.0 * row.relative)} %"] if row.relative else []
    return " + ".join(parts) or "equal"


def worst_text(row: Comparison) -> str:
    if row.worst is None:
        return ""
    if row.relative and not row.tolerance:
        return f"{100.0 * row.worst:.2g} %"
    return f"{row.worst:.2g} {row.unit}".strip() if row.worst else "0"


ROWS = """
Each row is what tests noted while they asserted it ([tests/compared.py](../tests/compared.py)): how many figures, their
least and largest, the tolerance, and the farthest that one of ours lies from theirs. Where a tolerance is a part (%),
so is that. *Equal* is equal to the last bit. A row that does not hold is a miss that is known: its page says why, and a
test would notice if it were mended. What was not compared here says why not.
""".strip()
HEAD = ("authority", "what is compared", "figures", "theirs", "ours", "tolerance", "farthest apart", "holds")


def cells(row: Comparison) -> tuple[str, ...]:
    what = f"{row.what}: {row.case}" if row.case else row.what
    unit = f" {row.unit}" if row.unit and row.theirs else ""
    held = f"{row.result}: {row.why}" if row.why else row.result
    theirs, ours = (span_text(span) + (unit if span else "") for span in (row.theirs, row.ours))
    count = f"{row.count:,}" if row.count else ""
    return row.authority, what, count, theirs, ours, tolerance_text(row), worst_text(row), held


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(rows: Sequence[Comparison], said: Outcome, day: date, version: str, versions: dict[str, str]) -> str:
    named = list(dict.fromkeys(row.authority for row in rows))
    sources = [(name, authorities()[name]["source"], versions.get(name, "")) for name in named]
    held, missed, absent = (sum(row.result == kind for row in rows) for kind in (HELD, MISSED, NOT_MADE))
    counted = (
        f"OpenLEO {version}, {day:%Y-%m-%d}, {len(named)} authorities: {held} comparisons hold, {missed} do not,\n"
        f"{absent} were not made in this run. `make validation` makes them again and writes this page."
    )
    blocks = [
        "# Validation",
        MADE,
        counted,
        ROWS,
        markdown(HEAD, map(cells, rows)),
        "## Authorities",
        markdown(("authority", "source", "version here"), sources),
    ]
    if said.skipped:
        blocks += [
            "## Skipped in this run",
            markdown(("test", "why"), [(f"`{test.removeprefix('tests/')}`", why) for test, why in said.skipped]),
        ]
    return "\n\n".join(blocks) + "\n"


def installed(names: Iterable[str]) -> dict[str, str]:
    """The version of each authority that is a package, where it is installed."""
    found = {}
    for name in names:
        if package := authorities()[name]["package"]:
            try:
                found[name] = f"{package} {metadata.version(package)}"
            except metadata.PackageNotFoundError:
                found[name] = f"{package} is not installed"
    return found


# --- the edge -------------------------------------------------------------------------------------------------------


def run_tests(files: Sequence[Path], workers: int, quick: bool, folder: Path) -> tuple[list[dict[str, Any]], Outcome]:
    junit = folder / "tests.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}"]
    command += [
        "--hypothesis-seed=1",
        "-n",
        str(workers),
        "--dist",
        "loadfile",
        *(["-m", "not slow"] if quick else []),
    ]
    command += ["-o", "tmp_path_retention_policy=failed"]
    command += ["-k", " and ".join(f"not {name}" for name in LONG)]
    command += [str(file.relative_to(ROOT)) for file in files]
    environment = {**os.environ, NOTES: str(folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
    if not junit.exists():
        raise SystemExit(f"pytest ended with {done.returncode} and said nothing of its tests; what it printed is above")
    notes = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return notes, outcome(junit.read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Every comparison with an outside authority, run and tabulated.")
    parser.add_argument("--quick", action="store_true", help="leave out the slow tests, and say so")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--day", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "validation")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "validation.md")
    asked = parser.parse_args(arguments)

    said = all_announced(ROOT / "tests")
    with tempfile.TemporaryDirectory() as folder:
        notes, result = run_tests(list(said), asked.workers, asked.quick, Path(folder))
    by_file = {str(file.relative_to(ROOT)): pairs for file, pairs in said.items()}
    otherwise = "slow, and --quick leaves it out" if asked.quick else "not run"
    rows = table_of(notes, by_file, result.reasons(), otherwise)
    version = metadata.version("openleo")
    versions = installed(dict.fromkeys(row.authority for row in rows))

    asked.out.mkdir(parents=True, exist_ok=True)
    document = {
        "openleo": version, "day": asked.day.isoformat(), "authorities": versions,
        "comparisons": [asdict(row) for row in rows], "failed": result.failed, "skipped": result.skipped,
    }  # fmt: skip
    (asked.out / "validation.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    asked.page.write_text(page(rows, result, asked.day, version, versions), encoding="utf-8")
    print(markdown(HEAD, map(cells, rows)))
    for test in result.failed:
        print(f"failed: {test}")
    print(
        f"{result.passed} tests passed, {len(result.failed)} failed, {len(result.skipped)} were skipped: {asked.page}"
    )
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
