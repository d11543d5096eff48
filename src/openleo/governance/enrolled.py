"""Terminals as the ledger enrolled them: what an effect on accounts may not understate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from openleo.governance.entries import EffectFrozen
from openleo.governance.losses import EMERGENCY, PPM, public, shown
from openleo.governance.moves import SUSPENDED, Move
from openleo.governance.state import State

Counts = Counter[tuple[str, str]]  # terminals by (territory, class)


def enrolled(state: State, moves: Iterable[Move]) -> Counts:
    """The terminals of the accounts that are moved."""
    accounts = {move.target.partition(":")[2] for move in moves if move.kind == "account"}
    if not accounts:
        return Counter()
    return Counter((one.territory, one.class_) for one in state.terminals.values() if one.account in accounts)


def understated(state: State, moves: Iterable[Move], effect: EffectFrozen, tolerance_ppm: int = 0) -> str:
    """Where an effect says fewer terminals than are enrolled to accounts that are suspended; "" where nowhere.

    Both sides as the ledger shows counts: what is said of 9 is of any number below 10.
    """
    found = enrolled(state, [move for move in moves if move.new == SUSPENDED])
    said = {one.territory: one for one in effect.touched}
    for territory in sorted({territory for territory, _ in found}):
        one = said.get(territory)
        everyone = sum(number for (place, _), number in found.items() if place == territory)
        for what, number, told in (
            ("terminals", everyone, 0 if one is None else one.terminals_lost or 0),
            ("emergency terminals", found[territory, EMERGENCY], 0 if one is None else one.emergency_terminals_lost),
        ):
            if told is not None and public(number) * PPM > told * (PPM + tolerance_ppm):
                return (
                    f"{shown(number)} {what} of {territory} are enrolled to its accounts; its effect says {shown(told)}"
                )
    return ""
