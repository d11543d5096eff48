"""The files of an effect: numbers, words and pictures, put into a folder all together or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import openleo
from openleo.errors import InputError, Problem, counted
from openleo.instants import instant_text
from openleo.report import effect_text
from openleo.report.contents import json_bytes
from openleo.report.effect_map import Drawn, change_picture, sides_picture
from openleo.report.staging import Staging, blaming
from openleo.results import Case
from openleo.service.effect import Effect
from openleo.service.effect_cells import CellEffect
from openleo.service.reached import Reached

TERMINALS = "terminals.parquet"
FILES = ("effect.json", "effect.txt", "report.md", "map.png", "before-and-after.png", TERMINALS)


def write(
    effect: Effect, cells: CellEffect, reached: Reached, case: Case, names: tuple[str, str], folder: Path,
    terminals: pa.Table | None = None,
) -> list[Path]:  # fmt: skip
    """Write all files to `folder`, and say which. Raises InputError where it cannot be written.

    `terminals`: those that lose or gain, one a row.
    """
    in_the_way = [name for name in FILES if (folder / name).is_dir()]
    if in_the_way:
        rule = "is a folder where a file is to be written."
        raise InputError([Problem(str(folder / name), "", rule, "Move it away.") for name in in_the_way])
    said = _drawn(effect, cells, case, names)
    text = effect_text.text(effect, names)
    contents = {
        "effect.json": json_bytes(effect.as_json()),
        "effect.txt": text.encode(),
        "report.md": effect_text.markdown(effect, names, case.name, ("map.png", "before-and-after.png")).encode(),
        "map.png": change_picture(reached.parts.cells, cells, said),
        "before-and-after.png": sides_picture(reached.parts.cells, cells, said),
    }
    with blaming(folder), Staging(folder) as staging:
        for name, content in contents.items():
            (staging.path / name).write_bytes(content)
        if terminals is not None:
            pq.write_table(terminals, staging.path / TERMINALS, compression="zstd")
        staging.commit(ours=FILES)
    return [folder / name for name in FILES if name != TERMINALS or terminals is not None]


def _drawn(effect: Effect, cells: CellEffect, case: Case, names: tuple[str, str]) -> Drawn:
    when = "" if effect.at is None else f" at {instant_text(effect.at)}"
    borders = case.inputs["territories"].source
    return Drawn(
        title=f"What new rules would change: {case.name}",
        subtitle=f"{names[0]} to {names[1]}{when} · {cells.class_} terminals · {case.network.constellation.name} · "
        f"{counted(effect.slots, 'slot', form=',')} of {case.grid.slot_s:g} s",
        names=names,
        foot=f"Borders: {borders}. Contested areas stand for themselves; no side is taken. A cell shows what happens "
        f"to most of its people × time (area × time where nobody lives); the figures beside it count every part of a "
        f"cell by the exact borders. H3 resolution {case.resolution}; plate carrée. Effect {effect.sha256[:16]}. "
        f"OpenLEO {openleo.__version__}.",
    )
