"""The command line, run in this process, for tests that compare what it writes with others."""

from __future__ import annotations

import csv
import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from openleo.cli import main


def openleo(*arguments: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `openleo ARGUMENTS…`."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["openleo", *map(str, arguments)]
    code: Any = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as left:
        code = left.code
    finally:
        sys.argv = before
    return int(code or 0), out.getvalue(), err.getvalue()


def rtt(scenario: Path, at: str, *options: object) -> list[dict[str, str]]:
    """The rows that `openleo rtt` writes beside a scenario."""
    out = scenario.parent / "rtt.csv"
    code, said, err = openleo("rtt", scenario, f"--at={at}", "--out", out, *options)
    assert (code, said) == (0, ""), err
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def of_directory(directory: Path) -> Path:
    """A scenario of three lines beside a Hypatia directory."""
    path = directory.parent / f"{directory.name}.toml"
    path.write_text(f'conventions = "hypatia"\n[constellation]\nhypatia = "{directory.name}"\n')
    return path
