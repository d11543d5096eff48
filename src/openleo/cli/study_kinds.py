"""`openleo study` of a file that says `kind`: a question of its own, answered once, in three files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from openleo.cli.common import note, print_json, progress, tell_if_cold

if TYPE_CHECKING:
    from openleo.study.executors import Pool

WITHDRAWAL, FALLBACK = "withdrawal", "fallback"
KINDS = (WITHDRAWAL, FALLBACK)
OF_MANY_RUNS = "is for studies that compute one scenario many times; this one asks a question of its own."


@dataclass(frozen=True)
class Question:
    """How a kind of study is read, run, told and written. contents: of each file that it leaves behind."""

    read: Callable[[dict[str, Any], Path], Any]
    run: Callable[..., Any]
    text: Callable[[Any], str]
    contents: Callable[[Any], Mapping[str, bytes]]
    ours: tuple[str, ...]  # all that it may leave behind: what an earlier run left goes


def kind_of(raw: dict[str, Any], path: Path) -> str | None:
    """What a study's tables ask; None: of one scenario, many times. Raises InputError for a kind that is none."""
    from openleo.errors import InputError, Problem, join_or, near_names

    meant = FALLBACK if "link" in raw else WITHDRAWAL if "withdraw" in raw or "together" in raw else None
    kind = raw.get("kind", meant)
    if kind is None or kind in KINDS:
        return kind
    named = join_or([f'"{one}"' for one in KINDS])
    way_out = near_names(str(kind), KINDS) or f"Write kind = {named}, or leave kind out where there are factors."
    raise InputError(Problem(str(path), "kind", f"is {kind!r}, and there is no such kind of study.", way_out))


def answer(
    how: Question, raw: dict[str, Any], path: Path, out: Path | None,
    pool: Callable[[], AbstractContextManager[Pool]], others: Mapping[str, object], as_json: bool,
) -> None:  # fmt: skip
    """Read, run, write and show it. `others`: options that mean nothing here, by name. Raises InputError."""
    from openleo.errors import InputError, Problem, Together, given
    from openleo.report.staging import check_writable

    problems = Together()
    problems.found += [
        Problem(f"--{name}", "", OF_MANY_RUNS, "Leave it out.") for name, value in others.items() if value
    ]
    read = problems.read(lambda: how.read(raw, path))
    problems.done()
    study = given(read)
    folder = out or Path("out") / study.name
    check_writable(folder)
    tell_if_cold()
    with pool() as made, progress() as tell:
        if made.workers == 0:
            raise InputError(Problem("--cluster", "", "the cluster has no worker.", "Start one, and try again."))
        found = how.run(study, made.executor, threads=1, on_done=tell)
    names = _write(how.contents(found), how.ours, folder)
    if as_json:
        print_json(found.as_json())
        return
    typer.echo(how.text(found), nl=False)
    note(f"Written to {folder}: {', '.join(names)}")


def _write(contents: Mapping[str, bytes], ours: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """All files, or none; their names."""
    from openleo.report.staging import Staging, blaming

    with blaming(folder), Staging(folder) as staging:
        for name, content in contents.items():
            (staging.path / name).write_bytes(content)
        staging.commit(ours)
    return tuple(contents)
