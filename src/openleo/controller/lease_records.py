"""Leases as they are kept: in memory while they hold, in the tables for good; and the nonces that were said.

A record holds the signed request, what the registry said, the instant and the answer, so that a past decision can be
made again; and a controller that takes the lead reads from it what holds.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, and_, func, select

from openleo.controller import leases as deciding
from openleo.controller.database import reading
from openleo.controller.lease_place import Circle, Placed
from openleo.controller.lease_request import LeaseForm
from openleo.controller.leases import Terminal, Terms
from openleo.controller.tables import leases, nonces
from openleo.instants import parse_instant
from openleo.policy.request import Request

SWEPT_EVERY_S = 5.0


@dataclass(frozen=True)
class Held:
    """A lease that holds from `slot` to before `until_slot`, and what its terminal last said of itself."""

    id: str
    terminal: str
    slot: int
    until_slot: int
    valid_until_s: float
    cells: tuple[int, ...]
    asked: Request
    circles: tuple[Circle, ...]


@dataclass(frozen=True)
class Recorded:
    """A record, read back: `form` as it was signed, and `terminal` as the registry and the ledger had it."""

    form: LeaseForm
    terminal: Terminal
    circles: tuple[Circle, ...]
    terms: Terms
    at_s: float
    answer: dict[str, Any]
    signed: dict[str, Any]

    def asked(self, placed: Placed) -> Request:
        """What the rules were asked."""
        return deciding.request(self.form, self.terminal, placed, self.at_s)


def recorded(body: str) -> Recorded:
    """Of a row of leases or refusals."""
    said = json.loads(body)
    form = LeaseForm.model_validate({**said["signed"], "signature": said["signature"]})
    who = said["registered"]
    bought = who["bought"]
    terminal = Terminal(
        id=form.terminal,
        account=who["account"],
        class_=who["class"],
        home=who["home"],
        groups=frozenset(who["groups"]),
        public_key=b"",  # who signed was checked then; the key may be another by now
        state=who["state"],
        subscription=who["subscription"],
        down_mbps=bought[0],
        up_mbps=bought[1],
        subscribed_from_s=bought[2],
        subscribed_until_s=bought[3],
        account_suspended=who["account_suspended"],
        held=who["held"],
        days_abroad=who["days_abroad"],
        version=who["version"],
    )
    circles = tuple(map(_circle, said["circles"])) if "circles" in said else deciding.circles(form)
    terms = Terms(*said["terms"])
    return Recorded(form, terminal, circles, terms, said["at_s"], said["answer"], said["signed"])


def _circle(numbers: list[float]) -> Circle:
    latitude_deg, longitude_deg, radius_m = numbers
    return latitude_deg, longitude_deg, radius_m


def load_held(engine: Engine, slot: int) -> dict[str, Held]:
    """The newest lease of every terminal that has one which holds in a slot or later. Raises Unavailable."""
    last = (
        select(leases.c.terminal, func.max(leases.c.id).label("id"))
        .where(leases.c.until_slot > slot)
        .group_by(leases.c.terminal)
        .subquery()
    )
    columns = (leases.c.id, leases.c.terminal, leases.c.slot, leases.c.until_slot, leases.c.body)
    stated = select(*columns).join(last, and_(leases.c.id == last.c.id))
    with reading(engine) as connection:
        return {row.terminal: _held(row.id, row.slot, row.until_slot, row.body) for row in connection.execute(stated)}


def _held(id_: str, slot: int, until_slot: int, body: str) -> Held:
    found = recorded(body)
    until_s = parse_instant(found.answer["valid_until"]).timestamp()
    cells = tuple(int(cell, 16) for cell in found.answer["cells"])
    asked = found.asked(Placed(found.circles, None, cells))
    return Held(id_, found.terminal.id, slot, until_slot, until_s, cells, asked, found.circles)


class Nonces:
    """What terminals said, for as long as they could say it again."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[str, str], float] = {}
        self._ending: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)  # by when they can be forgotten

    def __len__(self) -> int:
        return len(self._until_s)

    def take(self, terminal: str, nonce: str, until_s: float, now_s: float) -> bool:
        """Note a nonce; False where it was said before, and still could be."""
        said = (terminal, nonce)
        if (before_s := self._until_s.get(said)) is not None and before_s >= now_s:
            return False
        self._until_s[said] = until_s
        self._ending[int(until_s // SWEPT_EVERY_S)].append(said)
        return True

    def forget(self, now_s: float) -> None:
        """Those whose time is over."""
        for number in [one for one in self._ending if (one + 1) * SWEPT_EVERY_S < now_s]:
            for said in self._ending.pop(number):
                if self._until_s.get(said, now_s) < now_s:
                    del self._until_s[said]


def load_nonces(engine: Engine, now_s: float) -> Nonces:
    """Those that could be said again. Raises Unavailable."""
    found = Nonces()
    with reading(engine) as connection:
        stated = select(nonces.c.terminal, nonces.c.nonce, nonces.c.until).where(nonces.c.until >= now_s)
        for row in connection.execute(stated):
            found.take(row.terminal, row.nonce, row.until, now_s)
    return found
