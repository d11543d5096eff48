"""The command line, run in this process, for tests that compare what it writes with others."""

from __future__ import annotations

import csv
import functools
import io
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from openleo.cli import main

# Typer makes all verbs anew for every command line, which takes longer than many of them: here once.
typer.main.get_command = functools.cache(typer.main.get_command)


def openleo(*arguments: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `openleo ARGUMENTS…`."""
    out, err = io.StringIO(), io.StringIO()
    return _called(arguments, out, err), out.getvalue(), err.getvalue()


def shown(*arguments: object) -> tuple[int, str]:
    """(exit code, what a terminal shows: stdout and stderr as they come) of `openleo ARGUMENTS…`."""
    terminal = io.StringIO()
    return _called(arguments, terminal, terminal), terminal.getvalue()


def _called(arguments: Sequence[object], out: io.StringIO, err: io.StringIO) -> int:
    before, sys.argv = sys.argv, ["openleo", *map(str, arguments)]
    code: Any = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as left:
        code = left.code
    finally:
        sys.argv = before
    return int(code or 0)


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer on stdout; NaN and Infinity are no JSON."""

        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


Run = Callable[..., Done]


def run_openleo(*arguments: object) -> Done:
    return Done(*openleo(*arguments))


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
