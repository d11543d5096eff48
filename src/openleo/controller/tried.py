"""Books tried on the network that is served, before anybody proposes them: the effect, and what becomes of each cell.

Takes the books in force and others in place of them; gives the effect as everybody may read it. Of cells no counts are
told but what the rules say of most of each, before and after: rules, network and cells are public by themselves.

Terminals are another matter. Who may try any outline may subtract one count from another, down to a single terminal and
its place; so they are counted for those alone who may read places, as they are, and the audit says that it was done.
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
from openleo.controller import audit, governing, last_known
from openleo.controller.database import reading, writing
from openleo.controller.jobs import Tell
from openleo.controller.problems import not_now
from openleo.controller.roles import Principal
from openleo.controller.runtime import Runtime
from openleo.effects import cell_effect
from openleo.governance.public_effect import in_public
from openleo.policy.rule_books import check_cost
from openleo.policy.terminal_kinds import UNKNOWN
from openleo.service.amounts import EffectRow, EffectTotal
from openleo.service.effect_cells import Change, State

DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)  # a code of a cell each
Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class RulesTried:
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


def effect(runtime: Runtime, asked: RulesTried, tell: Tell) -> dict[str, Any]:
    """The effect in its public form; `cells`, where they are asked for, stand beside it, and its sha256 is without."""
    found, at = _compared(runtime, asked, tell)
    return _told(runtime, asked, found, at)


def effect_on_terminals(runtime: Runtime, asked: RulesTried, reader: Principal, tell: Tell) -> dict[str, Any]:
    """As `effect`, with the terminals in service counted where they were last known; `counted` has them as they are.

    `reader` may read positions, and the audit has it before anything is read.
    """
    with writing(runtime.engine) as connection:
        audit.read_position(connection, reader, _about(asked), runtime.clock.now_s())
    if runtime.in_force is None:
        raise not_now("What is in force has not been read yet.", slug="ledger")
    with reading(runtime.engine) as connection:
        table = last_known.in_service(connection, runtime.clock.now_s(), runtime.in_force.meant, runtime.said)
    found, at = _compared(runtime, asked, tell, table)
    return _told(runtime, asked, found, at) | {"counted": counted_told(found)}


def _about(asked: RulesTried) -> str:
    """What the audit says that was read."""
    names = sorted({*(str(book["book"]) for book in asked.books), *asked.without})
    return f"all terminals in service, counted for a trial of {', '.join(names)}"


def _compared(
    runtime: Runtime, asked: RulesTried, tell: Tell, terminals: changes.Counted | None = None
) -> tuple[Compared, datetime]:
    """(what other books do, from when on)."""
    network = governing.network_of(runtime, asked.slots)
    with governing.looked_at(runtime) as state:
        held = changes.in_force(state.lasting, runtime.gate.reader.folder.artefacts)
    check_cost(asked.books, held.documents.values())
    then = Books(held.documents).with_(
        {**dict.fromkeys(asked.without), **{str(book["book"]): book for book in asked.books}}
    )
    at = governing.now(runtime)
    found = changes.compared(
        network, held.rules, then.rules, at, on_progress=tell, spilled=asked.beams, terminals=terminals
    )
    return found, at


def _told(runtime: Runtime, asked: RulesTried, found: Compared, at: datetime) -> dict[str, Any]:
    told = in_public(found.effect.as_json())
    return told | {"cells": cells_told(found, runtime.twin.cells, at)} if asked.cells else told


def counted_told(found: Compared) -> dict[str, Any]:
    """Terminals that lose and gain, by territory and class, as `openleo policy effect --terminals` counts them.

    `terminals`: that were counted; `not_counted`: in service, and nobody knows where. `elsewhere`: on borders, outside
    the area, or (`reached` false) where no network reaches them.
    """
    if found.fleet is None:
        raise ValueError("no terminals were counted")
    settled, effect = found.fleet.kinds.settled, found.effect
    nowhere = int((settled.place >= settled.nowhere).sum())
    return {
        "terminals": len(settled.place) - nowhere,
        "not_counted": nowhere,
        "territories": [{"territory": row.territory, **_moved(row)} for row in effect.rows if any(_counts(row))],
        "totals": [_moved(row) for row in effect.totals if any(_counts(row))],
        "elsewhere": [one.as_json() for one in effect.elsewhere if one.territory != UNKNOWN],
    }


def _counts(row: EffectRow | EffectTotal) -> tuple[int, int]:
    return row.lost.terminals or 0, row.gained.terminals or 0


def _moved(row: EffectRow | EffectTotal) -> dict[str, Any]:
    lost, gained = _counts(row)
    return {"class": row.class_, "lost": lost, "gained": gained}


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
