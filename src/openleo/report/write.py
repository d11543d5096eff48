"""The files of a run, put into its output folder: all of them or none.

Takes Results; makes every file's bytes first (contents, map, html), then writes. A run that fails on the way leaves an
earlier run's files as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openleo.errors import InputError, Problem
from openleo.report import contents, rate_map
from openleo.report.html import render
from openleo.report.map import picture
from openleo.report.slots import SLOTS_ZARR, SlotsWriter
from openleo.report.staging import Staging, blaming, check_writable
from openleo.results import Results

__all__ = ["FILES", "check_writable", "write"]

# None: this run has no such file.
FILES: dict[str, Callable[[Results], bytes | None]] = {
    "summary.json": contents.summary_json,
    "territories.csv": contents.territories_csv,
    "cells.parquet": contents.cells_parquet,
    "effect.json": contents.effect_json,
    "map.png": picture,
    "rates.png": rate_map.picture,
    "rates-after.png": rate_map.picture_after,
}
REPORT_HTML = "report.html"


def write(
    results: Results, folder: Path, slots: SlotsWriter | None = None, page: Callable[[str], str] | None = None
) -> list[Path]:
    """Write the results to `folder` and say which files there are now. `page`: what report.html becomes of the report.

    Raises InputError where the folder cannot be written; an earlier run's files are then as they were.
    """
    in_the_way = [name for name in (*FILES, REPORT_HTML) if (folder / name).is_dir()]
    if in_the_way:
        rule = "is a folder where a file is to be written."
        raise InputError([Problem(str(folder / name), "", rule, "Move it away.") for name in in_the_way])
    made = {name: content for name, make in FILES.items() if (content := make(results)) is not None}
    report = render(results, made["map.png"], made)
    made[REPORT_HTML] = (page(report) if page else report).encode()
    with blaming(folder), Staging(folder) as staging:
        for name, content in made.items():
            (staging.path / name).write_bytes(content)
        if slots is not None:
            slots.path.rename(staging.path / SLOTS_ZARR)
        staging.commit(ours=(*FILES, REPORT_HTML, SLOTS_ZARR))
    names = [*made, *([SLOTS_ZARR] if slots is not None else [])]
    return [folder / name for name in sorted(names)]
