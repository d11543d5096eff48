"""Who is told what, and when: notices, subscribers, and the deliveries that are due.

    entries ─► noticing ─► notices due ─► post (webhook, e-mail), feed (Atom)

What subscribers are told follows from the ledger alone. What was told stands in an outbox, and may be lost: then it is
told again, under the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from openleo.governance.entries import instant
from openleo.governance.roster import ANY
from openleo.places.territories import with_territorial_sea

RETRY = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 5 * 60, 10 * 60, 24 * 60))


class Kind(StrEnum):
    """What a notice tells of."""

    PROPOSED = "change.proposed"  # with its effect: before it nobody can say whom it touches
    APPROVED = "change.approved"  # the quorum is met
    ACTIVATED = "change.activated"
    OBJECTION = "change.objection"
    REJECTED = "change.rejected"
    WITHDRAWN = "approval.withdrawn"
    EXPIRED = "change.expired"
    VOID = "change.void"
    ENDS = "service.ends"
    GLASS_USED = "break_glass.used"
    GLASS_REVIEWED = "break_glass.reviewed"
    GLASS_OVERDUE = "break_glass.review_overdue"


@dataclass(frozen=True)
class Notice:
    """One thing that subscribers are told. All of it is public."""

    id: str
    at: datetime  # when it happened
    kind: Kind
    ledger: str  # its origin
    entry: int  # the entry that it follows from
    subject: str  # the change, or the use of break-glass
    territories: tuple[str, ...]  # none: nobody can say whom it touches, and everybody is told
    title: str
    text: str

    @property
    def document(self) -> dict[str, Any]:
        """As webhooks carry it: type, timestamp and data."""
        return {
            "type": str(self.kind),
            "timestamp": instant(self.at),
            "data": {
                "notice": self.id,
                "ledger": self.ledger,
                "entry": self.entry,
                "subject": self.subject,
                "territories": list(self.territories),
                "title": self.title,
                "text": self.text,
            },
        }


def concerns(territories: Iterable[str], notice: Notice) -> bool:
    """Whether a notice touches one of some territories; the 12-nautical-mile waters of a land are the land's."""
    places = frozenset(territories)
    return not notice.territories or ANY in places or not with_territorial_sea(places).isdisjoint(notice.territories)


# --- deliveries -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Webhook:
    """Secrets stand elsewhere (subscribers.Secrets): what is printed of a subscriber gives none away.

    `private`: it may be a machine of a private network.
    """

    url: str
    private: bool = False


@dataclass(frozen=True)
class Email:
    address: str


@dataclass(frozen=True)
class Subscriber:
    """A party, or an office of it, that is told of some territories from an instant on."""

    id: str
    party: str
    territories: tuple[str, ...]  # ids, or ANY
    since: datetime
    by: Webhook | Email | None  # None: by the feeds alone

    def asks_for(self, notice: Notice) -> bool:
        return notice.at >= self.since and concerns(self.territories, notice)


@dataclass(frozen=True)
class Tried:
    """What became of a delivery so far."""

    attempts: int
    at: datetime  # the last one
    done: bool
    not_before: datetime | None = None  # the receiver asked for this much time


@dataclass(frozen=True)
class Delivery:
    """A notice on its way to a subscriber."""

    notice: Notice
    subscriber: Subscriber
    attempts: int  # in vain, until now


Told = Mapping[tuple[str, str], Tried]  # by (subscriber, notice)


def due(found: Iterable[Notice], subscribers: Iterable[Subscriber], tried: Told, now: datetime) -> tuple[Delivery, ...]:
    """The deliveries to try now, in the order in which things happened. None is ever given up."""
    return tuple(one for one, again in _undone(found, subscribers, tried) if again is None or again <= now)


def waiting(found: Iterable[Notice], subscribers: Iterable[Subscriber], tried: Told, now: datetime) -> int:
    """How many deliveries are to be tried later than now: they failed before, or their receiver asked for time."""
    return sum(again is not None and again > now for _, again in _undone(found, subscribers, tried))


def next_try(tried: Tried) -> datetime:
    """When a delivery that failed is tried again: soon at first, at last once a day; and not before it was asked to."""
    again = tried.at + RETRY[min(tried.attempts, len(RETRY)) - 1]
    return again if tried.not_before is None else max(again, tried.not_before)


def _undone(
    found: Iterable[Notice], subscribers: Iterable[Subscriber], tried: Told
) -> Iterator[tuple[Delivery, datetime | None]]:
    """Every delivery that was not made, and when it may be; None: at once. Who asked for time gets nothing before."""
    asked: dict[str, datetime] = {}
    for (who, _), row in tried.items():
        if row.not_before is not None and not row.done:
            asked[who] = max(row.not_before, asked.get(who, row.not_before))
    for notice, subscriber in _asked(found, subscribers):
        before = tried.get((subscriber.id, notice.id))
        if before is None:
            yield Delivery(notice, subscriber, 0), asked.get(subscriber.id)
        elif not before.done:
            again = next_try(before)
            yield Delivery(notice, subscriber, before.attempts), max(again, asked.get(subscriber.id, again))


def _asked(found: Iterable[Notice], subscribers: Iterable[Subscriber]) -> list[tuple[Notice, Subscriber]]:
    people = sorted((one for one in subscribers if one.by is not None), key=lambda one: one.id)
    return [(notice, one) for notice in found for one in people if one.asks_for(notice)]
