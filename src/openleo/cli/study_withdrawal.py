"""`openleo study` of a file that says `kind = "withdrawal"`: what each territory depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from openleo.cli.common import note, print_json, progress, tell_if_cold

if TYPE_CHECKING:
    from openleo.study.executors import Pool

KIND = "withdrawal"
TABLE, PICTURE, DOCUMENT = "withdrawals.csv", "withdrawals.png", "dependence.json"
RESTORED, RESTORED_PICTURE = "restored.csv", "restored.png"  # where candidates say when they can stand
MOST_SHOWN = 12  # withdrawals of a territory, in the table on a terminal; the files have all
OF_MANY_RUNS = "is for studies that compute one scenario many times; this one asks what a territory depends on."


def asked_for(raw: dict[str, Any], path: Path) -> bool:
    """Whether a study's tables are of withdrawals. Raises InputError for a kind that is none."""
    from openleo.errors import InputError, Problem, near_names

    kind = raw.get("kind", KIND if "withdraw" in raw or "together" in raw else None)
    if kind is None or kind == KIND:
        return kind == KIND
    way_out = near_names(str(kind), (KIND,)) or f'Write kind = "{KIND}", or leave kind out where there are factors.'
    raise InputError(Problem(str(path), "kind", f"is {kind!r}, and there is no such kind of study.", way_out))


def answer(
    raw: dict[str, Any], path: Path, out: Path | None, pool: Callable[[], AbstractContextManager[Pool]],
    others: Mapping[str, object], as_json: bool,
) -> None:  # fmt: skip
    """Read, run, write and show it. `others`: options that mean nothing here, by name. Raises InputError."""
    from openleo.errors import InputError, Problem, Together, given
    from openleo.report.staging import check_writable
    from openleo.report.withdrawal_text import text
    from openleo.study.dependence import run
    from openleo.study.withdrawal_file import read_withdrawal

    problems = Together()
    problems.found += [
        Problem(f"--{name}", "", OF_MANY_RUNS, "Leave it out.") for name, value in others.items() if value
    ]
    read = problems.read(lambda: read_withdrawal(raw, path))
    problems.done()
    study = given(read)
    folder = out or Path("out") / study.name
    check_writable(folder)
    tell_if_cold()
    with pool() as made, progress() as tell:
        if made.workers == 0:
            raise InputError(Problem("--cluster", "", "the cluster has no worker.", "Start one, and try again."))
        found = run(study, made.executor, threads=1, on_done=tell)
    written = _write(found, folder)
    if as_json:
        print_json(found.as_json())
        return
    typer.echo(text(found, MOST_SHOWN), nl=False)
    note(f"Written to {folder}: {', '.join(written)}")


def _write(found: Any, folder: Path) -> tuple[str, ...]:
    """All files, or none; gives their names."""
    from openleo.report.contents import json_bytes
    from openleo.report.restore_plot import restored_picture
    from openleo.report.staging import Staging, blaming
    from openleo.report.withdrawal_plot import picture
    from openleo.report.withdrawal_text import csv_text, restored_csv

    with blaming(folder), Staging(folder) as staging:
        (staging.path / TABLE).write_text(csv_text(found), encoding="utf-8")
        (staging.path / PICTURE).write_bytes(picture(found))
        (staging.path / DOCUMENT).write_bytes(json_bytes(found.as_json()))
        timed = any(one.steps for one in found.sites)
        if timed:
            (staging.path / RESTORED).write_text(restored_csv(found), encoding="utf-8")
            (staging.path / RESTORED_PICTURE).write_bytes(restored_picture(found))
        staging.commit(ours=(TABLE, PICTURE, DOCUMENT, RESTORED, RESTORED_PICTURE))
    return (TABLE, PICTURE, DOCUMENT, *((RESTORED, RESTORED_PICTURE) if timed else ()))
