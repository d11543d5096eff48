"""What a change has to satisfy, by what its effect says: the quorum lines, the network, the terminals counted.

Asked when the effect is frozen, and the latter two once more at activation.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from openleo.governance.enrolled import understated
from openleo.governance.entries import EffectFrozen, Touched
from openleo.governance.moves import LOG_KEY, NETWORK, RECOVERY, ROSTER
from openleo.governance.roster import ANY, Loss, QuorumLine, lines_for, lines_touched
from openleo.governance.roster_file import roster_of
from openleo.governance.state import Change, Refused, State, recovery_lines

COUNTED = ("rules", ROSTER, RECOVERY, LOG_KEY)  # kinds whose effect names every territory that it touches, or has none


def lines_of(state: State, change: Change, effect: EffectFrozen, at: datetime) -> tuple[QuorumLine, ...]:
    """The quorum lines that a change needs at an instant, all of them."""
    if change.proposed.kind == RECOVERY:
        return recovery_lines(state.people)
    people, kind = state.people, change.proposed.kind
    if kind not in COUNTED and not (effect.touched or effect.named):  # nobody knows whom it touches: it may be anybody
        return tuple(line for line in people.lines if line.kind in (kind, ANY))
    lines = lines_for(people, kind, _summed(state, effect, at), effect.named)
    if kind == ROSTER:
        lines += lines_touched(people, roster_of(change.proposed.documents[str(change.proposed.moves[0].new)]))
    return tuple(dict.fromkeys(lines))


def takes(one: Touched) -> bool:
    """Whether a change takes from a territory what quorums look at."""
    return bool(one.people_lost) or one.emergency_terminals_lost != 0


def _summed(state: State, effect: EffectFrozen, at: datetime) -> list[Loss]:
    """The losses of a change together with what others took that were activated in the days before.

    Else a large loss is cut into slices, each below the bound. Whoever approved those, they count; what a change gives
    back does not. A change that takes nothing of a territory itself is not above a bound for what others took.
    """
    since = at - timedelta(days=state.people.settings.loss_days)
    before: dict[str, list[Touched]] = {}
    for taken_at, one in reversed(state.taken):
        if taken_at <= since:
            break
        before.setdefault(one.territory, []).append(one)
    return [_sum(one, before.get(one.territory, [])) for one in effect.touched]


def _sum(own: Touched, before: list[Touched]) -> Loss:
    people, lost, emergency = own.people, own.people_lost, own.emergency_terminals_lost
    if lost:
        people = max(people, *(one.people for one in before), 0)
        lost += sum(one.people_lost for one in before)
    if emergency:
        known = [one.emergency_terminals_lost for one in before]
        counted = [number for number in known if number is not None]
        emergency = emergency + sum(counted) if len(counted) == len(known) else None
    return Loss(own.territory, people, lost, emergency, own.terminals_lost)


def check_network(state: State, change: Change, effect: EffectFrozen) -> None:
    """Rules are judged on the network that was approved, once there is one: its area and its gateways."""
    approved = state.value(NETWORK)
    if change.proposed.kind == "rules" and approved not in (None, effect.network):
        raise Refused(f"its effect is of the network {effect.network}, and approved is {approved}")


def check_counted(state: State, change: Change, effect: EffectFrozen, tolerance_ppm: int) -> None:
    """Terminals of accounts to be suspended are in the effect, as many as are enrolled where. Raises Refused."""
    if why := understated(state, change.proposed.moves, effect, tolerance_ppm):
        raise Refused(why)
