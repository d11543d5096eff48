"""Who may decide: parties, their officers and keys, the quorums, and the settings of governance.

A Roster is read whole (roster_file.py) and then frozen. Its document is JSON with integers alone (shares are parts per
million), in one order; the sha256 of its RFC 8785 bytes names it, in moves and in what officers sign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import rfc8785

from openleo.governance.keys import PublicKey
from openleo.governance.quorum import Leaf, Quorum, satisfied
from openleo.places.territories import with_territorial_sea

SCHEMA = 1
ANY = "*"  # any territory, any kind of change
Kind = Literal["rules", "network", "roster", "account", "class", "group", "log_key"]  # of changes a quorum approves
KINDS: tuple[Kind, ...] = get_args(Kind)
Requests = Literal["named", "signed"]  # whether the requester is a word, or proved by an officer's signature
MILLION = 1_000_000
LOSS_DAYS = 30  # a default: changes of a month are one matter
LEASE_SLOTS_MAX = 4  # a default: so long is served what a dead controller served (DESIGN §5)
MOST_LEASE_SLOTS = 20  # DESIGN §5: longer ones nobody may give
# A slot's terminals are settled in the slot before, when some renewed last in the one before that: their leases have to
# reach from there into it. With two, whoever renews late in each slot would be served in every other one.
LEAST_LEASE_SLOTS = 3


@dataclass(frozen=True)
class Party:
    """An institution; public. The id stands in quorums."""

    id: str
    name: str = ""


@dataclass(frozen=True)
class Officer:
    """A person whose keys can approve. The id is public, and neutral: who it is stands elsewhere."""

    id: str
    party: str
    roles: tuple[str, ...]  # sorted
    keys: tuple[PublicKey, ...]  # sorted by line


@dataclass(frozen=True)
class Loss:
    """What an effect takes from one of the territories that it touches, as far as quorums look."""

    territory: str
    people: int  # who could be served there before
    people_lost: int
    emergency_terminals_lost: int | None  # None: not counted, and there may be some
    terminals_lost: int | None = None  # None: no table of terminals was given


@dataclass(frozen=True)
class Above:
    """A bound that a territory's loss has to pass; one of the two is given."""

    people_share_ppm: int | None = None
    emergency_terminals: int | None = None

    def passed_by(self, loss: Loss) -> bool:
        """Whether a loss is above the bound; what was not counted is.

        Where terminals are lost and nobody counted people, no share of them can be told: it is above every bound.
        """
        if self.people_share_ppm is not None:
            if not loss.people and loss.terminals_lost:
                return True
            return loss.people_lost * MILLION > self.people_share_ppm * loss.people
        assert self.emergency_terminals is not None
        return loss.emergency_terminals_lost is None or loss.emergency_terminals_lost > self.emergency_terminals

    @property
    def document(self) -> dict[str, int]:
        both = {"people_share_ppm": self.people_share_ppm, "emergency_terminals": self.emergency_terminals}
        return {key: value for key, value in both.items() if value is not None}


@dataclass(frozen=True)
class QuorumLine:
    """A quorum, and the changes that need it: of a kind, that touch a territory, that take more than a bound."""

    territory: str  # an id, or ANY
    kind: str  # one of KINDS, or ANY
    above: Above | None
    quorum: Quorum

    @property
    def document(self) -> dict[str, Any]:
        above = self.above.document if self.above else None
        return {"territory": self.territory, "kind": self.kind, "above": above, "quorum": str(self.quorum)}

    def __str__(self) -> str:
        where = "everywhere" if self.territory == ANY else self.territory
        what = "any change" if self.kind == ANY else self.kind
        bound = "".join(f", {key} above {value}" for key, value in (self.above.document if self.above else {}).items())
        return f"{self.quorum} ({what}, {where}{bound})"


@dataclass(frozen=True)
class SingleActs:
    """Up to here acts are logged without a quorum: what they take within `hours`, summed over all actors."""

    terminals: int = 20
    share_ppm: int = 10_000  # of a territory's terminals
    hours: int = 24


@dataclass(frozen=True)
class BreakGlass:
    """How long it may last, and by when it has to be reviewed."""

    max_hours: int = 24
    review_days: int = 14


@dataclass(frozen=True)
class Settings:
    """The settings of governance; they are part of the roster, so changing one needs the quorum."""

    single_acts: SingleActs = SingleActs()
    break_glass: BreakGlass = BreakGlass()
    tolerance_ppm: int = 10_000  # how much more than was signed an effect may take when it is computed again
    notice_hours: Mapping[str, int] = field(default_factory=dict)  # by territory, or ANY: between effect and activation
    storage_outage_hours: int = 24
    lease_slots_max: int = LEASE_SLOTS_MAX  # no lease holds for more slots, whatever its controller has set
    recovery_notice_days: int = 7
    loss_days: int = LOSS_DAYS  # losses of the changes of so long together are compared with the bounds of quorums
    requests: Requests = "named"

    def notice_hours_of(self, territories: Iterable[str]) -> int:
        """The longest notice that a change of these territories has to give; a land's counts for its waters too."""
        touched = frozenset(territories)
        return max((hours for place, hours in self.notice_hours.items() if _touches(place, touched)), default=0)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "single_acts": vars(self.single_acts).copy(),
            "break_glass": vars(self.break_glass).copy(),
            "tolerance_ppm": self.tolerance_ppm,
            "notice_hours": dict(self.notice_hours),
            "storage_outage_hours": self.storage_outage_hours,
            "recovery_notice_days": self.recovery_notice_days,
            # Only where they are not the default: rosters from before there were these keys have their sha256 still.
            **({} if self.lease_slots_max == LEASE_SLOTS_MAX else {"lease_slots_max": self.lease_slots_max}),
            **({} if self.loss_days == LOSS_DAYS else {"loss_days": self.loss_days}),
            **({} if self.requests == "named" else {"requests": self.requests}),
        }


@dataclass(frozen=True)
class Recovery:
    """The keys that can set a new roster, after public notice, when the officers no longer can."""

    threshold: int  # how many of the keys
    keys: tuple[PublicKey, ...]  # sorted by line; none of an officer


@dataclass(frozen=True)
class Roster:
    """Who may decide. Lists are in the order of the document."""

    parties: tuple[Party, ...]
    officers: tuple[Officer, ...]
    lines: tuple[QuorumLine, ...]
    settings: Settings
    witnesses: str  # a tlog-policy, to the letter; empty: no witness
    recovery: Recovery

    def officer(self, id_: str) -> Officer | None:
        return next((officer for officer in self.officers if officer.id == id_), None)

    def holder(self, key: PublicKey) -> Officer | None:
        """The officer whose key this is; a key of recovery is no officer's."""
        return next((officer for officer in self.officers if key in officer.keys), None)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The roster as JSON, which reads back to the same roster."""
        return {
            "schema": SCHEMA,
            "party": [{"id": party.id, "name": party.name} for party in self.parties],
            "officer": [
                {
                    "id": officer.id,
                    "party": officer.party,
                    "roles": list(officer.roles),
                    "keys": [key.line for key in officer.keys],
                }
                for officer in self.officers
            ],
            "quorum": [line.document for line in self.lines],
            "settings": self.settings.document,
            "witnesses": self.witnesses,
            "recovery": {"threshold": self.recovery.threshold, "keys": [key.line for key in self.recovery.keys]},
        }

    @cached_property
    def canonical(self) -> bytes:
        """The RFC 8785 bytes of the document."""
        return rfc8785.dumps(self.document)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.canonical).hexdigest()


def lines_for(roster: Roster, kind: str, losses: Iterable[Loss], named: Iterable[str] = ()) -> tuple[QuorumLine, ...]:
    """The lines that a change has to satisfy, all of them; never none, since every kind has a line without bounds.

    `losses`: every territory that the effect touches, also those that only gain; `named`: those that the change names
    besides. A line of a land speaks for its 12-nautical-mile waters as well.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of change that a quorum approves: {', '.join(KINDS)}")
    losses = tuple(losses)
    touched = frozenset(loss.territory for loss in losses) | frozenset(named)
    return tuple(
        line
        for line in roster.lines
        if line.kind in (kind, ANY)
        and _touches(line.territory, touched)
        and (
            line.above is None
            or any(line.above.passed_by(loss) for loss in losses if _touches(line.territory, {loss.territory}))
        )
    )


def lines_touched(old: Roster, new: Roster) -> tuple[QuorumLine, ...]:
    """What a new roster has to satisfy besides the lines for its kind: nobody's say is taken away behind their back.

    Every line that goes or is written otherwise, every line of a territory whose notice gets shorter, every line with a
    bound where losses are summed over fewer days, and one officer of each party whose officers, roles or keys change.
    """
    shorter = {
        place for place, hours in old.settings.notice_hours.items() if new.settings.notice_hours.get(place, 0) < hours
    }
    sliced = new.settings.loss_days < old.settings.loss_days
    lines = [
        line for line in old.lines if line not in new.lines or line.territory in shorter or (line.above and sliced)
    ]
    before, after = ({one.id: one for one in roster.officers} for roster in (old, new))
    known = {party.id for party in old.parties if any(one.party == party.id for one in old.officers)}
    changed = {one.party for one in (*before.values(), *after.values()) if before.get(one.id) != after.get(one.id)}
    own = [QuorumLine(ANY, "roster", None, Leaf(1, party)) for party in sorted(changed & known)]
    return (*lines, *own)


def all_satisfied(lines: Iterable[QuorumLine], voters: Iterable[Officer]) -> bool:
    """Whether the voters satisfy every line, each line for itself; without a line, nothing is approved."""
    lines, voters = tuple(lines), tuple(voters)
    return bool(lines) and all(satisfied(line.quorum, voters) for line in lines)


def _touches(place: str, touched: Iterable[str]) -> bool:
    return place == ANY or not with_territorial_sea([place]).isdisjoint(touched)
