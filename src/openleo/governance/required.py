"""What a change has to satisfy, by what its effect says: the quorum lines, the network, the terminals counted.

Asked when the effect is frozen, and the latter two once more at activation.
"""

from __future__ import annotations

from openleo.governance.enrolled import understated
from openleo.governance.entries import EffectFrozen
from openleo.governance.moves import LOG_KEY, NETWORK, RECOVERY, ROSTER
from openleo.governance.roster import ANY, Loss, QuorumLine, lines_for, lines_touched
from openleo.governance.roster_file import roster_of
from openleo.governance.state import Change, Refused, State, recovery_lines

COUNTED = ("rules", ROSTER, RECOVERY, LOG_KEY)  # kinds whose effect names every territory that it touches, or has none


def lines_of(state: State, change: Change, effect: EffectFrozen) -> tuple[QuorumLine, ...]:
    """The quorum lines that a change needs, all of them."""
    if change.proposed.kind == RECOVERY:
        return recovery_lines(state.people)
    people, kind = state.people, change.proposed.kind
    if kind not in COUNTED and not (effect.touched or effect.named):  # nobody knows whom it touches: it may be anybody
        return tuple(line for line in people.lines if line.kind in (kind, ANY))
    losses = [
        Loss(one.territory, one.people, one.people_lost, one.emergency_terminals_lost, one.terminals_lost)
        for one in effect.touched
    ]
    lines = lines_for(people, kind, losses, effect.named)
    if kind == ROSTER:
        lines += lines_touched(people, roster_of(change.proposed.documents[str(change.proposed.moves[0].new)]))
    return tuple(dict.fromkeys(lines))


def check_network(state: State, change: Change, effect: EffectFrozen) -> None:
    """Rules are judged on the network that was approved, once there is one: its area and its gateways."""
    approved = state.value(NETWORK)
    if change.proposed.kind == "rules" and approved not in (None, effect.network):
        raise Refused(f"its effect is of the network {effect.network}, and approved is {approved}")


def check_counted(state: State, change: Change, effect: EffectFrozen, tolerance_ppm: int) -> None:
    """Terminals of accounts to be suspended are in the effect, as many as are enrolled where. Raises Refused."""
    if why := understated(state, change.proposed.moves, effect, tolerance_ppm):
        raise Refused(why)
