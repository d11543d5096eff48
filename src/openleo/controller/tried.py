"""Books tried on the network that is served, before anybody proposes them: the effect, and what becomes of each cell.

Takes the books in force and others in place of them; gives the effect as everybody may read it. Of cells no counts are
told but what the rules say of most of each, before and after: rules, network and cells are public by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo import changes
from openleo.cells import Cells
from openleo.changes import BOOK, Books, Compared
from openleo.controller import governing
from openleo.controller.jobs import Tell
from openleo.controller.runtime import Runtime
from openleo.effects import cell_effect
from openleo.governance.public_effect import in_public
from openleo.policy.rule_books import check_cost
from openleo.service.effect_cells import Change, State

DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)  # a code of a cell each
Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Asked:
    """`books` in place of those of their names, `without` the names of those that go; what is told beside people."""

    books: Sequence[Mapping[str, Any]]
    without: Sequence[str]
    slots: int
    beams: bool = False
    cells: bool = False


def books_in_force(lasting: Mapping[str, str | None]) -> list[dict[str, str]]:
    """By name: each with the sha256 by which the ledger's artefacts have its document."""
    found = {target.removeprefix(BOOK): sha256 for target, sha256 in lasting.items() if target.startswith(BOOK)}
    return [{"book": name, "sha256": sha256} for name, sha256 in sorted(found.items()) if sha256 is not None]


def effect(runtime: Runtime, asked: Asked, tell: Tell) -> dict[str, Any]:
    """The effect in its public form; `cells`, where they are asked for, stand beside it, and its sha256 is without."""
    network = governing.network_of(runtime, asked.slots)
    with governing.looked_at(runtime) as state:
        held = changes.in_force(state.lasting, runtime.gate.reader.folder.artefacts)
    check_cost(asked.books, held.documents.values())
    then = Books(held.documents).with_(
        {**dict.fromkeys(asked.without), **{str(book["book"]): book for book in asked.books}}
    )
    at = governing.now(runtime)
    found = changes.compared(network, held.rules, then.rules, at, on_progress=tell, spilled=asked.beams)
    told = in_public(found.effect.as_json())
    return told | {"cells": cells_told(found, runtime.twin.cells, at)} if asked.cells else told


def cells_told(found: Compared, cells: Cells, at: datetime) -> dict[str, Any]:
    """What becomes of each cell, by classes of which the effect tells something: a digit a cell, ordered as `cells`.

    `before` and `after` hold State, `change` holds Change, as hexadecimal digits; `states` and `changes` name them.
    """
    rows = {row.class_ for row in found.effect.rows}
    classes = [one for one in found.classes if one in rows]
    of_parts = found.prepared.reached.parts.cells
    shown = {one: cell_effect(found.prepared, one, at) for one in classes}
    return {
        "states": [one.name.lower() for one in State],
        "changes": [one.name.lower() for one in Change],
        "classes": {
            name: {
                "before": _digits(one.before, of_parts, cells, State.OUT_OF_REACH),
                "after": _digits(one.after, of_parts, cells, State.OUT_OF_REACH),
                "change": _digits(one.change, of_parts, cells, Change.UNREACHED),
            }
            for name, one in shown.items()
        },
    }


def _digits(codes: Codes, of: Cells, cells: Cells, otherwise: int) -> str:
    """Codes of the cells `of`, sorted as cells are, as digits of `cells`; one of these alone has the code otherwise."""
    place = np.searchsorted(of, cells).clip(max=len(of) - 1)
    return DIGITS[np.where(of[place] == cells, codes[place], otherwise)].tobytes().decode()
