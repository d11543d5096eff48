"""What terminals said when they asked for leases, looked at for misuse; and the evidence that comes of it, for review.

    leases in force, refusals ─► reports, one a minute of each terminal ─► detectors ─► evidence ─► people
                                                                             └─ holds: not renewed until reviewed

A hold is suspicion, not a rule, so it is bounded three ways: only evidence that passed its bar holds; no more than
`holds_a_day` terminals are held within a day, reviewed or not, as single acts may end no more service than that
together (DESIGN §6); and a hold lapses after `hold_hours`, whoever upheld it: who is to stay without service is
suspended, which is an act on the ledger. A rule that is in force refuses by itself, held or not: so what lapses with a
hold is never a permission that somebody decided against.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sqlalchemy import Connection, Engine, select, update

from openleo import cells as h3cells
from openleo.controller.abroad import Abroad, Place
from openleo.controller.aside import give_way
from openleo.controller.database import reading, writing
from openleo.controller.lease_desk import LONGEST_WAIT_S
from openleo.controller.lease_records import HeldLease, time_ordered_id
from openleo.controller.strangers import Strangers
from openleo.controller.tables import accounts, evidence, refusals
from openleo.instants import parse_instant
from openleo.misuse.detector import Detector
from openleo.misuse.evidence import Evidence
from openleo.misuse.reports import UNKNOWN, Registers, Reports
from openleo.misuse.thresholds import Kind
from openleo.places.points import where_each
from openleo.policy.decide import Outcome
from openleo.policy.request import Request
from openleo.units import SECONDS_PER_DAY

EVERY_S = 60.0  # one report of a terminal in so long: a quarter of an hour is looked at together
REVIEWS_LATE_S = 120.0
MOST_REFUSALS = 20_000  # looked at in one go
MOST_STRANGERS = 100  # unregistered ids that wait to be reviewed: anybody can make them up
ANY_NUMBER = 2**31 - 1
OPEN, DISMISSED = "open", "dismissed"
REFUSED_THERE = (Outcome.FORBIDDEN, Outcome.NOT_PERMITTED)
GNSS = "gnss"
ALARM = "misuse"


class Alarms(Protocol):
    """alarms.Alarms."""

    def set(self, name: str, why: str | None) -> None: ...


@dataclass(frozen=True)
class Said:
    """One report. `circles`: where the network has it, the terminal's own circle among them; none: not known."""

    at_s: float
    asked: Request
    circles: Sequence[tuple[float, float, float]]
    permitted: int  # 1, 0, −1
    session: str = ""
    registered: bool = True


@dataclass(frozen=True)
class Bounds:
    """How far holds go without a person."""

    hold_s: float
    holds_a_day: int


class Telemetry:
    """Detectors over one controller's leases. `token`: None while it does not lead."""

    def __init__(
        self,
        engine: Engine,
        now_s: Callable[[], float],
        token: Callable[[], int | None],
        in_force: Callable[[int], Iterable[HeldLease]],
        bounds: Bounds,
        alarms: Alarms,
        resolution: int,
        *,
        strangers: Strangers | None = None,
        abroad: Abroad | None = None,
        cell_of: Callable[[str, float], int] = lambda _terminal, _now_s: 0,
        holder_terminals: int = 0,
    ):
        self._strangers, self._abroad, self._cell_of = strangers or Strangers(), abroad or Abroad(), cell_of
        self._holder_terminals = holder_terminals
        self._quotas: dict[str, int] = {}
        self._engine, self._now_s, self._token, self._in_force = engine, now_s, token, in_force
        self._bounds, self._alarms, self._resolution = bounds, alarms, resolution
        self._names = Registers.empty()
        self.detector = Detector(self._names)
        self._dismissed: frozenset[str] = frozenset()  # lately, and taken note of
        self._refusals: frozenset[str] = frozenset()  # as well
        self._unstored: list[Evidence] = []  # detectors say a thing once: what no commit took is tried again
        self._looked_s = self._reviewed_s = self._refused_s = now_s()

    def step(self, slot: int) -> list[Evidence]:
        """Once a slot, not in the event loop; gives what was stored. Raises Unavailable, Fenced."""
        token, now_s = self._token(), self._now_s()
        if token is None:
            return []
        self._take_reviews(now_s)
        self._lapse(token, now_s)
        if now_s - self._looked_s >= EVERY_S:
            self._look(slot, token, now_s)
        elif not self._unstored:
            return []
        kept = self._keep(self._unstored, token, now_s)
        self._unstored = []
        self._tell_if_full(now_s)
        return kept

    def _look(self, slot: int, token: int, now_s: float) -> None:
        """What was said since the last time. Whatever may fail is read before anything is taken note of."""
        self._quotas = self._stated_quotas()
        refused = self._refused(now_s)
        said = [*map(_of_lease, self._in_force(slot)), *refused, *map(_stranger, self._strangers.take())]
        self._looked_s = now_s
        give_way(len(said))
        reports = self.reports(said)
        self._unstored += self.detector.take(reports)
        self._abroad.note(self._engine, token, self._places(said, reports))

    def _stated_quotas(self) -> dict[str, int]:
        with reading(self._engine) as connection:
            stated = select(accounts.c.id, accounts.c.quota).where(accounts.c.quota.is_not(None))
            return {row.id: row.quota for row in connection.execute(stated)}

    # --- reports ------------------------------------------------------------------------------------------------

    def _refused(self, now_s: float) -> list[Said]:
        """Since the last look; a refusal is committed a little after the instant that it bears."""
        since_s = self._refused_s - LONGEST_WAIT_S
        query = select(refusals.c.id, refusals.c.at, refusals.c.body).where(
            refusals.c.at > since_s, refusals.c.at <= now_s
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(refusals.c.at.desc()).limit(MOST_REFUSALS)).all()
        before, self._refusals, self._refused_s = self._refusals, frozenset(id_ for id_, _, _ in rows), now_s
        newest: dict[str, Said] = {}
        for _, at_s, text in (row for row in rows if row[0] not in before):
            body = json.loads(text)
            asked = _asked(body["request"])
            there = body["answer"].get("decision") in REFUSED_THERE
            session = body["signed"].get("session") or ""
            newest.setdefault(
                asked.terminal or "", Said(at_s, asked, body["circles"], 0 if there else UNKNOWN, session)
            )
        return list(newest.values())

    def reports(self, said: Sequence[Said]) -> Reports:
        """As detectors take them. The network's own cell is known where it measured another place than was said."""
        names, asked, now_s = self._names, [one.asked for one in said], self._now_s()

        def numbers(values: Iterable[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
            give_way(len(said))
            return np.array([np.nan if value is None else value for value in values], np.float64)

        latitude, longitude, radius_m = (
            numbers(getattr(one, name) for one in asked) for name in ("latitude_deg", "longitude_deg", "uncertainty_m")
        )
        return Reports(
            at_s=np.array([one.at_s for one in said], np.float64),
            terminal=_coded(names.terminals.number(one.terminal) for one in asked),
            account=_coded(names.accounts.number(one.account) for one in asked),
            class_=_coded(names.classes.number(one.class_) for one in asked),
            home=_coded(names.territories.number(one.home_territory) for one in asked),
            registered=_coded(one.registered for one in said),
            latitude_deg=latitude,
            longitude_deg=longitude,
            uncertainty_m=radius_m,
            by_gnss=_coded(UNKNOWN if one.source is None else one.source == GNSS for one in asked),
            speed_kmh=numbers(one.speed_kmh for one in asked),
            session=np.array([_number(one.session) for one in said], np.uint64),
            cell=np.array([self._cell(one, now_s) for one in said], np.uint64),
            permitted=_coded(one.permitted for one in said),
            territory=self._territories(latitude, longitude, radius_m),
            quota=_coded(self._quota(one.account) for one in asked),
        )

    def _cell(self, said: Said, now_s: float) -> int:
        """The cell whose beam gateways heard it in; else that of where they placed it otherwise; 0: neither."""
        asked = said.asked
        if heard := self._cell_of(asked.terminal or "", now_s):
            return heard
        own = (asked.latitude_deg, asked.longitude_deg)
        measured = [one for one in said.circles if (one[0], one[1]) != own]
        return int(h3cells.at(measured[0][0], measured[0][1], self._resolution)) if measured else 0

    def _quota(self, account: str | None) -> int:
        """Of an account whose registry states none: as set, else any number."""
        return self._quotas.get(account or "", self._holder_terminals or ANY_NUMBER)

    def _territories(self, latitude: Any, longitude: Any, radius_m: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
        """The territory that holds a whole circle, its waters counted with it."""
        if not len(latitude):
            return np.empty(0, np.int32)
        found = where_each(latitude, longitude, np.nan_to_num(radius_m, nan=np.inf))
        lands = [{label.partition(".")[0] for label in where.labels} for where in found.wheres]
        numbers = [self._names.territories.number(next(iter(one)) if len(one) == 1 else None) for one in lands]
        return np.array([*numbers, UNKNOWN], np.int32)[found.number]

    def _places(self, said: Sequence[Said], reports: Reports) -> list[Place]:
        """Of each terminal that is in one place only, as far as anybody knows: whether that is at home."""
        known = (reports.registered == 1) & (reports.territory >= 0) & (reports.home >= 0)
        return [
            Place(one.asked.terminal, one.asked.home_territory, bool(at_home), one.at_s)
            for one, sure, at_home in zip(said, known, reports.territory == reports.home, strict=True)
            if sure and len(one.circles) == 1 and one.asked.terminal and one.asked.home_territory
        ]

    # --- evidence -----------------------------------------------------------------------------------------------

    def _keep(self, found: Sequence[Evidence], token: int, now_s: float) -> list[Evidence]:
        """Store what is new: after a restart detectors find again what still waits to be reviewed."""
        if not found:
            return []
        kept = []
        with writing(self._engine, token) as connection:
            told = _waiting(connection)
            held = _held_since(connection, now_s - SECONDS_PER_DAY)
            for one in found:
                # An id that nobody knows has no lease that could be held, and takes nobody's place among those held.
                held_back = one.holds_renewal and one.kind != Kind.UNREGISTERED
                holds = held_back and (one.terminal in held or len(held) < self._bounds.holds_a_day)
                about = (one.terminal, str(one.kind))
                if about in told and (told[about] or not held_back):
                    continue
                if one.kind == Kind.UNREGISTERED and sum(kind == one.kind for _, kind in told) >= MOST_STRANGERS:
                    continue
                told[about] = told.get(about, False) or holds
                connection.execute(evidence.insert().values(_row(one, holds, held_back, now_s)))
                kept.append(one)
                held |= {one.terminal} if holds else set()
        return kept

    def _tell_if_full(self, now_s: float) -> None:
        with reading(self._engine) as connection:
            held = len(_held_since(connection, now_s - SECONDS_PER_DAY))
        why = (
            f"{held} terminals were held within a day: more are not, unless evidence is dismissed, or that day is over."
        )
        self._alarms.set(ALARM, why if held >= self._bounds.holds_a_day else None)

    def _lapse(self, token: int, now_s: float) -> None:
        """Holds last so long, reviewed or not. What they were about stays as it is."""
        due = evidence.c.holds_renewal & (evidence.c.at <= now_s - self._bounds.hold_s)
        with reading(self._engine) as connection:
            if connection.execute(select(evidence.c.id).where(due).limit(1)).first() is None:
                return
        with writing(self._engine, token) as connection:
            connection.execute(update(evidence).where(due).values(holds_renewal=False))

    def _take_reviews(self, now_s: float) -> None:
        """Of what was dismissed detectors begin anew. A review may be committed a little after its own instant."""
        query = select(evidence.c.id, evidence.c.terminal, evidence.c.kind).where(
            evidence.c.state == DISMISSED, evidence.c.reviewed_at > self._reviewed_s - REVIEWS_LATE_S
        )
        with reading(self._engine) as connection:
            dismissed = {id_: (terminal, kind) for id_, terminal, kind in connection.execute(query)}
        for id_ in dismissed.keys() - self._dismissed:
            terminal, kind = dismissed[id_]
            self.detector.dismiss(terminal, Kind(kind))
        self._reviewed_s, self._dismissed = now_s, frozenset(dismissed)


def _of_lease(held: HeldLease) -> Said:
    at_s = held.valid_until_s if held.asked.at is None else held.asked.at.timestamp()
    return Said(at_s, held.asked, held.circles, 1, held.session)


def _stranger(heard: tuple[str, float]) -> Said:
    terminal, at_s = heard
    return Said(at_s, Request(terminal=terminal), (), UNKNOWN, registered=False)


def _number(session: str) -> int:
    """A session as detectors compare it: 0 for none."""
    return int.from_bytes(hashlib.sha256(session.encode()).digest()[:8], "big") | 1 if session else 0


def _asked(request: dict[str, Any]) -> Request:
    """What detectors read of a recorded request."""
    position = request.get("position") or {}
    return Request(
        at=None if request.get("at") is None else parse_instant(request["at"]),
        terminal=request.get("terminal"), account=request.get("account"), class_=request.get("class"),
        latitude_deg=position.get("lat_deg"), longitude_deg=position.get("lon_deg"),
        uncertainty_m=position.get("uncertainty_m"), source=position.get("source"),
        speed_kmh=request.get("speed_kmh"), home_territory=request.get("home_territory"),
    )  # fmt: skip


def _coded(values: Iterable[int]) -> np.ndarray[Any, np.dtype[np.int32]]:
    found = np.array([int(value) for value in values], np.int32)
    give_way(len(found))
    return found


def _waiting(connection: Connection) -> dict[tuple[str, str], bool]:
    """(terminal, kind) of evidence that nobody has reviewed, and whether some of it holds."""
    found: dict[tuple[str, str], bool] = {}
    query = select(evidence.c.terminal, evidence.c.kind, evidence.c.holds_renewal).where(evidence.c.state == OPEN)
    for terminal, kind, holds in connection.execute(query):
        found[terminal, kind] = found.get((terminal, kind), False) or holds
    return found


def _held_since(connection: Connection, since_s: float) -> set[str]:
    """Terminals held since, and still: upheld or not, it is as much service that is off. A dismissal makes room."""
    query = select(evidence.c.terminal).where(evidence.c.at > since_s, evidence.c.holds_renewal)
    return set(connection.execute(query).scalars())


def _row(one: Evidence, holds: bool, held_back: bool, now_s: float) -> dict[str, Any]:
    said = one.as_json()
    body = {name: said[name] for name in ("rule", "inputs")}
    if held_back and not holds:
        body["not_held_because"] = "as many terminals were held today as may be without a person"
    return {
        "id": time_ordered_id(now_s), "at": now_s, "terminal": one.terminal, "kind": str(one.kind),
        "score": one.score, "holds_renewal": holds, "body": json.dumps(body), "state": OPEN,
    }  # fmt: skip
