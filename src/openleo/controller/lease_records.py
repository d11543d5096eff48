"""Leases as they are kept: in memory while they hold, in the tables for good; and the nonces that were said.

A record holds the signed request, what the registry said, the instant and the answer, so that a past decision can be
made again; and a controller that takes the lead reads from it what holds.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select

from openleo.controller.database import reading
from openleo.controller.held import Reported, read_record
from openleo.controller.lease_place import Circle
from openleo.controller.lease_request import Asking
from openleo.controller.leases import LeasingTerminal, Plan, Terms
from openleo.controller.ranged import Whereabouts
from openleo.controller.tables import leases, nonces
from openleo.instants import instant_text, parse_instant
from openleo.policy.request import Request

SWEPT_EVERY_S = 5.0
LOG = logging.getLogger("openleo.controller")


@dataclass(frozen=True)
class HeldLease:
    """A lease that holds from `slot` to before `until_slot`, and what its terminal last said of itself."""

    id: str
    terminal: str
    slot: int
    until_slot: int
    valid_until_s: float
    cells: tuple[int, ...]
    asked: Request
    circles: tuple[Circle, ...]
    said: Reported | None = None  # the same as the plan reads it, slot after slot; None: read its record
    session: str = ""  # of the device, by its own word


@dataclass(frozen=True)
class Recorded:
    """A record, read back. `asked`: what the rules were asked; `terminal`: as the registry and the ledger had it."""

    asked: Request
    terminal: LeasingTerminal
    circles: tuple[Circle, ...]
    terms: Terms
    at_s: float
    answer: dict[str, Any]
    signed: dict[str, Any]
    signature: str
    slot: tuple[int, float, float]  # number, begins_s, slot_s of the plan


def record(
    asking: Asking, terminal: LeasingTerminal, asked: Request, there: Whereabouts, terms: Terms, plan: Plan,
    answer: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """All that a decision was made of but the rules and the plan, which it names by their hashes; and what came out.

    `request` is what `openleo policy decide --request` takes.
    """
    return {
        "signed": asking.said,
        "signature": asking.form.signature,
        "request": as_json(asked),
        "registered": {
            "state": terminal.state,
            "bought": [terminal.down_mbps, terminal.up_mbps, terminal.subscribed_from_s, terminal.subscribed_until_s],
            "account_suspended": terminal.account_suspended,
            "held": terminal.held,
            "public_key": terminal.public_key.hex(),
            "version": terminal.version,
        },
        "circles": [list(one) for one in there.circles],
        "by": there.by,
        "cells": answer.get("cells", []),
        "terms": [terms.lease_slots, terms.stale_after_s, terms.beam_km],
        "slot": [plan.number, plan.begins_s, plan.slot_s],
        "answer": answer,
    }


def as_json(asked: Request) -> dict[str, Any]:
    """A request in the form of request files; null: not known."""
    placed = asked.latitude_deg is not None
    return {
        "at": None if asked.at is None else instant_text(asked.at),
        "terminal": asked.terminal,
        "account": asked.account,
        "class": asked.class_,
        "subscription": asked.subscription,
        "groups": None if asked.groups is None else sorted(asked.groups),
        "position": {
            "lat_deg": asked.latitude_deg,
            "lon_deg": asked.longitude_deg,
            "uncertainty_m": asked.uncertainty_m,
            "age_s": asked.age_s,
            "source": asked.source,
        } if placed else None,
        "speed_kmh": asked.speed_kmh,
        "altitude_m": asked.altitude_m,
        "days_abroad": asked.days_abroad,
        "home_territory": asked.home_territory,
    }  # fmt: skip


def time_ordered_id(now_s: float) -> str:
    """32 hexadecimal digits, of which the first 12 are milliseconds: rows of one time lie beside each other."""
    return f"{int(now_s * 1000) & (1 << 48) - 1:012x}{secrets.token_hex(10)}"


def _request(said: Mapping[str, Any]) -> Request:
    """Read back as it was written: names and classes that nobody knows any more are as they were then."""
    position = said["position"] or {}
    return Request(
        at=parse_instant(said["at"]),
        terminal=said["terminal"],
        account=said["account"],
        class_=said["class"],
        subscription=said["subscription"],
        groups=None if said["groups"] is None else frozenset(said["groups"]),
        latitude_deg=position.get("lat_deg"),
        longitude_deg=position.get("lon_deg"),
        uncertainty_m=position.get("uncertainty_m"),
        age_s=position.get("age_s"),
        source=position.get("source"),
        speed_kmh=said["speed_kmh"],
        altitude_m=said["altitude_m"],
        days_abroad=said["days_abroad"],
        home_territory=said["home_territory"],
    )


def recorded(body: str) -> Recorded:
    """Of a row of leases or refusals."""
    said = json.loads(body)
    asked, who = _request(said["request"]), said["registered"]
    assert asked.at is not None
    bought = who["bought"]
    terminal = LeasingTerminal(
        id=asked.terminal or "",
        account=asked.account or "",
        class_=asked.class_ or "",
        home=asked.home_territory or "",
        groups=asked.groups or frozenset(),
        public_key=bytes.fromhex(who["public_key"]),
        state=who["state"],
        subscription=asked.subscription,
        down_mbps=bought[0],
        up_mbps=bought[1],
        subscribed_from_s=bought[2],
        subscribed_until_s=bought[3],
        account_suspended=who["account_suspended"],
        held=who["held"],
        days_abroad=asked.days_abroad,
        version=who["version"],
    )
    circles = tuple(map(_circle, said["circles"]))
    at_s = asked.at.timestamp()
    return Recorded(
        asked, terminal, circles, Terms(*said["terms"]), at_s, said["answer"], said["signed"], said["signature"],
        tuple(said["slot"]),
    )  # fmt: skip


def _circle(numbers: list[float]) -> Circle:
    latitude_deg, longitude_deg, radius_m = numbers
    return latitude_deg, longitude_deg, radius_m


def load_held(engine: Engine, slot: int) -> dict[str, HeldLease]:
    """The newest lease of every terminal that has one which holds in a slot or later. Raises Unavailable.

    The newest is that of the latest slot, as plans have it (held.held): ids go by a clock that people set back.
    """
    newest = func.row_number().over(partition_by=leases.c.terminal, order_by=(leases.c.slot.desc(), leases.c.id.desc()))
    last = select(leases.c.id, newest.label("nth")).where(leases.c.until_slot > slot).subquery()
    columns = (leases.c.id, leases.c.slot, leases.c.until_slot, leases.c.body)
    stated = select(*columns).join(last, leases.c.id == last.c.id).where(last.c.nth == 1)
    with reading(engine) as connection:
        found = [_held(row.id, row.slot, row.until_slot, row.body) for row in connection.execute(stated)]
    return {held.terminal: held for held in found if held is not None}


def _held(id_: str, slot: int, until_slot: int, body: str) -> HeldLease | None:
    """None of a record that cannot be read: its terminal is not served (held.read_record), and all others are."""
    try:
        return _read(id_, slot, until_slot, body)
    except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
        LOG.error("the record of lease %s cannot be read: %s", id_, type(error).__name__)  # noqa: TRY400 - a position
        return None


def _read(id_: str, slot: int, until_slot: int, body: str) -> HeldLease:
    found = recorded(body)
    until_s = parse_instant(found.answer["valid_until"]).timestamp()
    cells = tuple(int(cell, 16) for cell in found.answer["cells"])
    said, session = read_record(body), found.signed.get("session") or ""
    return HeldLease(
        id_, found.terminal.id, slot, until_slot, until_s, cells, found.asked, found.circles, said, session
    )


class InHand:
    """The newest lease of each terminal, found by the terminal or by the lease."""

    def __init__(self, held: Iterable[HeldLease] = ()):
        self._of: dict[str, HeldLease] = {}
        self._terminal: dict[str, str] = {}  # by its lease
        for one in held:
            self.put(one)

    def __iter__(self) -> Iterator[HeldLease]:
        """As they are now. In any thread."""
        return iter(list(self._of.values()))

    def of(self, terminal: str) -> HeldLease | None:
        return self._of.get(terminal)

    def lease(self, id_: str) -> HeldLease | None:
        return self._of.get(self._terminal.get(id_, ""))

    def put(self, held: HeldLease) -> None:
        """In the place of the one before."""
        self.drop(held.terminal)
        self._of[held.terminal] = held
        self._terminal[held.id] = held.terminal

    def drop(self, terminal: str) -> None:
        """Whether there is one or not."""
        if (gone := self._of.pop(terminal, None)) is not None:
            del self._terminal[gone.id]


class Nonces:
    """What terminals said, for as long as they could say it again."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[str, str], float] = {}
        self._ending: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)  # by when they can be forgotten

    def __len__(self) -> int:
        return len(self._until_s)

    def said(self, terminal: str, nonce: str, now_s: float) -> bool:
        """Whether it was said before, and still could be."""
        before_s = self._until_s.get((terminal, nonce))
        return before_s is not None and before_s >= now_s

    def take(self, terminal: str, nonce: str, until_s: float, now_s: float) -> bool:
        """Note a nonce; False where it was said before, and still could be."""
        if self.said(terminal, nonce, now_s):
            return False
        said = (terminal, nonce)
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
