"""Where terminals ask for leases: who asks is known, what is asked is new, and what is decided is on the disk.

    body ─► its form ─► who signed it ─► of now, not said before ─► decided ─► signed ─► written ─► answered

The desk holds in memory what every request needs, and nothing that the tables do not have too: another controller
that takes the lead loads it from there, and goes on. One thread, the server's event loop, asks it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Engine

from openleo.controller import leases as deciding
from openleo.controller.abroad import Abroad
from openleo.controller.database import Fenced, Unavailable
from openleo.controller.device_certificates import Presented
from openleo.controller.device_identity import RELEASE, Unsigned, message, signature, signed_by
from openleo.controller.held import Reported, reported
from openleo.controller.lease_inputs import Clock, Locate, Now, as_reported
from openleo.controller.lease_known import Known
from openleo.controller.lease_place import Placed, Places
from openleo.controller.lease_records import HeldLease, InHand, Nonces, load_held, load_nonces, record, time_ordered_id
from openleo.controller.lease_request import WITHIN_S, Asking, Malformed, read
from openleo.controller.lease_seal import Seal
from openleo.controller.lease_writer import LINGER_S, Audited, Busy, Entry, Failure, Writer
from openleo.controller.leases import Doubt, Lease, LeasingTerminal, Refused, Terms
from openleo.controller.metrics import Metrics
from openleo.controller.ranged import Whereabouts
from openleo.controller.roles import ANONYMOUS, Principal
from openleo.controller.strangers import Strangers
from openleo.policy.request import Request

LONGEST_WAIT_S = 10.0  # for a commit
RETRY_AFTER_S = 2.0
NOTED_EVERY_S = 1.0  # of releases that are refused
NO_LEASE = "No lease of that id is in force."
TAKING_OVER = "The lead was just taken; leases in force are being read."


class NotHeard(Exception):
    """A request that was not decided, and changed nothing: `status` and `slug` as the answer has them."""

    def __init__(self, status: int, slug: str, detail: str, retry_after_s: float | None = None):
        super().__init__(detail)
        self.status, self.slug, self.detail, self.retry_after_s = status, slug, detail, retry_after_s


def not_now(slug: str, detail: str) -> NotHeard:
    """What is missing may come back."""
    return NotHeard(503, slug, detail, RETRY_AFTER_S)


@dataclass(frozen=True)
class Answer:
    """What was decided, as it is answered; it is on the disk."""

    given: bool
    id: str
    body: dict[str, Any]


@dataclass
class _Waiting:
    """One request until its commit. `held`: what becomes of the terminal's lease then; None: nothing."""

    done: asyncio.Future[None]
    terminal: str
    held: HeldLease | None = None
    ends: bool = False


class LeaseDesk:
    """Leases in force, and who may ask for more.

    `now`: None while nothing decides; `token`: under which this controller leads, None: it does not; `locate`: where a
    terminal is, by its own word and the network's measurements (ranged); `seal`: signs what is given; `wait_s`: for how
    long a terminal has asked enough.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        resolution: int,
        terms: Terms,
        now: Callable[[float], Now | None],
        token: Callable[[], int | None],
        *,
        seal: Seal,
        locate: Locate = as_reported,
        linger_s: float = LINGER_S,
        new_id: Callable[[float], str] | None = None,
        metrics: Metrics | None = None,
    ):
        self.wait_s: Callable[[str], int] = lambda _terminal: 0  # how often one may ask: rate_limits.Limits.terminal
        self._engine, self._clock, self.terms, self._now, self._token = engine, clock, terms, now, token
        self._seal, self._locate, self._new_id = seal, locate, new_id or time_ordered_id
        self.known, self._places, self._nonces = Known(engine), Places(resolution), Nonces()
        self.strangers, self.abroad = Strangers(), Abroad()
        self._held = InHand()
        self._expected: deque[tuple[float, _Waiting]] = deque()  # by when each has to be written
        self._loop: asyncio.AbstractEventLoop | None = None
        self._noted_s = 0.0
        self._led: int | None = None  # the token that the tables were loaded under
        self.writer = Writer(engine, token, clock.now_s, self._told, linger_s=linger_s, metrics=metrics)
        self._metrics = self.writer.metrics

    # --- its life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """From within the event loop that will ask."""
        self._loop = asyncio.get_running_loop()
        self.writer.start()

    def stop(self) -> None:
        """What waits is written."""
        self.writer.stop()

    def step(self, slot: int) -> None:
        """Once a slot, and when the lead was taken: load what another one left, or what changed. Raises Unavailable.

        In any thread but the event loop's.
        """
        token = self._token()
        if token is None:
            return
        if token != self._led:
            self.known.load()
            self.abroad.load(self._engine, token)
            held = InHand(load_held(self._engine, slot).values())
            nonces = load_nonces(self._engine, self._clock.now_s())
            self._in_loop(lambda: self._take_over(token, held, nonces))
        else:
            self.known.refresh()
            self._in_loop(lambda: self._forget(slot))

    def taking_over(self) -> bool:
        """Whether this controller leads and has not read yet what the one before gave: it gives nothing until then."""
        token = self._token()
        return token is not None and token != self._led

    def _in_loop(self, work: Callable[[], None]) -> None:
        """What the event loop reads, it alone changes."""
        if self._loop is None or self._loop.is_closed():
            work()
        else:
            self._loop.call_soon_threadsafe(work)

    def _take_over(self, token: int, held: InHand, nonces: Nonces) -> None:
        """Once: a step that came before this was done read the tables too, and they have gone on since."""
        if token != self._led:
            self._held, self._nonces, self._led = held, nonces, token

    def _forget(self, slot: int) -> None:
        """What is over."""
        for held in self._held:
            if held.until_slot <= slot:
                self._held.drop(held.terminal)
        self._nonces.forget(self._clock.now_s())

    def in_force(self, slot: int) -> list[HeldLease]:
        """The leases that hold in a slot, by terminal: for the plan to enforce. In any thread."""
        return sorted((one for one in self._held if one.slot <= slot < one.until_slot), key=lambda one: one.terminal)

    def said(self, terminal: str, lease: str) -> Reported | None:
        """What a lease was decided on that is a terminal's newest here; None of all others. In any thread."""
        held = self._held.of(terminal)
        return held.said if held is not None and held.id == lease else None

    # --- requests ---------------------------------------------------------------------------------------------------

    async def ask(self, body: bytes, shown: Presented | None = None) -> Answer:
        """A lease, or why there is none. `shown`: the certificate that TLS saw. Raises Malformed, NotHeard."""
        begun_s, outcome = time.perf_counter(), "failed"
        try:
            answer = await self._asked(body, shown)
            outcome = "given" if answer.given else "refused"
        except Malformed:
            outcome = "malformed"
            raise
        except NotHeard as error:
            outcome = error.slug
            raise
        finally:
            self._metrics.count("lease_requests_total", outcome=outcome)
            self._metrics.took("lease_seconds", time.perf_counter() - begun_s)
        return answer

    async def _asked(self, body: bytes, shown: Presented | None) -> Answer:
        asking = read(body)
        timeline = self._clock.timeline
        now_s = _as_written(timeline.last_s)
        now = self._deciding(now_s)
        terminal = self.abroad.counted(self._who(asking, now, now_s, shown), now_s)
        if timeline.jump is not None and not self._renews(terminal.id, now_s):
            raise not_now("clock", "The clock has jumped: no new lease is given until that is confirmed.")
        said = deciding.circles(asking.form)
        by_itself = deciding.request(asking.form, terminal, Placed(said, None, ()), now_s)
        found_at = self._locate(by_itself, said, now_s)
        placed = self._places.at(found_at.circles, now.in_force.rules.regions)
        asked = by_itself
        if found_at.age_s is not None or placed.circles != said:
            asked = deciding.request(asking.form, terminal, placed, now_s, found_at.age_s)
        try:
            found = deciding.decide(asked, terminal, placed, now.in_force, now.offers, self.terms, now_s)
        except Doubt as error:
            raise not_now("no-plan", f"Nothing is given now: {error}.") from None
        return await self._written(asking, terminal, asked, found_at, found, now, now_s)

    def _deciding(self, now_s: float) -> Now:
        """Raises NotHeard."""
        token = self._token()
        if token is None:
            raise not_now("not-leading", "Another controller leads; nothing was done.")
        if token != self._led:
            raise not_now("not-ready", TAKING_OVER)
        if (now := self._now(now_s)) is None:
            raise not_now("no-plan", "No plan is in force, so nothing is given.")
        return now

    def _who(self, asking: Asking, now: Now, now_s: float, shown: Presented | None) -> LeasingTerminal:
        """The terminal that signed a request, of now, that was not made before. Raises NotHeard."""
        terminal = self.known.terminal(asking.form.terminal, now.in_force.meant)
        if terminal is None:
            self.strangers.note(asking.form.terminal, now_s)
        # One answer for both: nobody learns which terminals there are.
        if terminal is None or not asking.signed_by(terminal.public_key):
            raise NotHeard(401, "not-signed", "No terminal that is enrolled signed this.")
        _check_shown(shown, terminal)
        self._once(terminal.id, asking.form.nonce, asking.at_s, now_s)
        return terminal

    def _once(self, terminal: str, nonce: str, at_s: float, now_s: float) -> None:
        """That a signed request is of now, not made before, and not one too many. Raises NotHeard."""
        if abs(at_s - now_s) > WITHIN_S:
            late_s = now_s - at_s
            raise NotHeard(401, "not-of-now", f"It was signed {abs(late_s):.0f} s {'ago' if late_s > 0 else 'ahead'}.")
        if self._nonces.said(terminal, nonce, now_s):  # not counted: anybody who overheard it can say it again
            raise NotHeard(409, "said-before", "This nonce was used before.")
        if wait_s := self.wait_s(terminal):
            raise NotHeard(429, "too-many", f"Ask again in {wait_s} s.", wait_s)
        self._nonces.take(terminal, nonce, at_s + WITHIN_S, now_s)

    def _renews(self, terminal: str, now_s: float) -> bool:
        held = self._held.of(terminal)
        return held is not None and now_s < held.valid_until_s

    async def _written(
        self, asking: Asking, terminal: LeasingTerminal, asked: Request, there: Whereabouts, found: Lease | Refused,
        now: Now, now_s: float,
    ) -> Answer:  # fmt: skip
        """Once it is on the disk."""
        id_ = self._new_id(now_s)
        answer = self._seal.sealed(found.as_json(id_)) if isinstance(found, Lease) else found.as_json()
        made = record(asking, terminal, asked, there, self.terms, now.offers, answer)
        nonce = {"terminal": terminal.id, "nonce": asking.form.nonce, "until": asking.nonce_until_s}
        row: dict[str, Any] = {"id": id_, "terminal": terminal.id, "rule_set": found.rule_set}
        row |= {"ledger_size": found.ledger_size, "body": to_json(made).decode()}
        waiting = _Waiting(asyncio.get_running_loop().create_future(), terminal.id)
        if isinstance(found, Lease):
            row |= {"slot": found.slot, "until_slot": found.until_slot, "plan": found.plan}
            waiting.held = HeldLease(
                id_, terminal.id, found.slot, found.until_slot, found.valid_until_s, found.cells, asked,
                there.circles, reported(made), asking.form.session or "",
            )  # fmt: skip
            await self._commit(Entry(nonce, waiting, lease=row), waiting)
        else:
            waiting.ends = self._ends(found, asked, now)
            ended = (terminal.id, now.offers.number + 1) if waiting.ends else None
            await self._commit(Entry(nonce, waiting, refusal=row | {"at": now_s}, released=ended), waiting)
        return Answer(isinstance(found, Lease), id_, answer)

    def _ends(self, found: Refused, asked: Request, now: Now) -> bool:
        """Whether a refusal ends the lease in hand, which the plan of the next slot would go by."""
        held = self._held.of(found.terminal)
        if held is None:
            return False
        rules = now.in_force.rules
        where = self._places.at(held.circles, rules.regions).where
        return deciding.moved_out(found, asked, held.asked, where, rules, self.terms.stale_after_s)

    async def release(
        self, id_: str, at_s: float, at: str, nonce: str, signed: str, shown: Presented | None = None
    ) -> None:
        """End a lease, and all others of its terminal, by the terminal's own word. Raises NotHeard."""
        now_s = _as_written(self._clock.now_s())
        now, held = self._deciding(now_s), self._held.lease(id_)
        terminal = None if held is None else self.known.terminal(held.terminal, now.in_force.meant)
        if held is None or terminal is None:
            raise NotHeard(404, "not-found", NO_LEASE)
        try:
            _check_released(terminal, {"lease": id_, "terminal": terminal.id, "nonce": nonce, "at": at}, signed)
            _check_shown(shown, terminal)
            self._once(terminal.id, nonce, at_s, now_s)
        except NotHeard as error:
            self._note_refused(held, error, now_s)
            raise
        waiting = _Waiting(asyncio.get_running_loop().create_future(), terminal.id, ends=True)
        used = {"terminal": terminal.id, "nonce": nonce, "until": at_s + WITHIN_S}
        audited = Audited(_as_principal(terminal.id), "released", _about(held))
        await self._commit(Entry(used, waiting, released=(terminal.id, now.offers.number), audited=audited), waiting)

    def _note_refused(self, held: HeldLease, error: NotHeard, now_s: float) -> None:
        """A row, one a second at most: whoever knows a lease's id can say anything, as often as they like."""
        if abs(now_s - self._noted_s) < NOTED_EVERY_S:
            return
        self._noted_s = now_s
        why = {"status": error.status, "type": error.slug}
        with suppress(Busy):
            self.writer.add(Entry(None, None, audited=Audited(ANONYMOUS, "refused", _about(held), why)))

    async def _commit(self, entry: Entry, waiting: _Waiting) -> None:
        """Raises NotHeard."""
        try:
            self.writer.add(entry)
            self._expect(waiting)
            await waiting.done
        except Busy as error:
            raise not_now("busy", f"{error}.") from None
        except TimeoutError:
            raise not_now("no-database", "The database does not answer.") from None
        except Unavailable:
            raise not_now("no-database", "The database cannot be used now; nothing was given.") from None
        except Fenced:
            raise not_now("not-leading", "Another controller leads; nothing was given.") from None

    def _expect(self, waiting: _Waiting) -> None:
        """One timer for all: one each would cost a thirtieth of what a lease does."""
        loop = asyncio.get_running_loop()
        self._expected.append((loop.time() + LONGEST_WAIT_S, waiting))
        if len(self._expected) == 1:
            loop.call_later(LONGEST_WAIT_S, self._give_up)

    def _give_up(self) -> None:
        """Whoever waited for too long is told; a timer for those who came after them."""
        loop = asyncio.get_running_loop()
        while self._expected and self._expected[0][0] <= loop.time():
            _, waiting = self._expected.popleft()
            if not waiting.done.done():
                waiting.done.set_exception(TimeoutError())
        if self._expected:
            loop.call_at(self._expected[0][0], self._give_up)

    def _told(self, batch: Sequence[Entry], failure: Failure | None) -> None:
        """In the writer's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, batch, failure)

    def _settle(self, batch: Sequence[Entry], failure: Failure | None) -> None:
        """In the event loop: what is on the disk is in force, whether its terminal still waits to hear it or not."""
        for entry in batch:
            waiting: _Waiting | None = entry.about
            if waiting is None:
                continue
            if failure is None and waiting.held is not None:
                self._held.put(waiting.held)
            if failure is None and waiting.ends:
                self._held.drop(waiting.terminal)
            if waiting.done.done():
                continue
            if failure is None:
                waiting.done.set_result(None)
            else:
                waiting.done.set_exception(failure)

    def __iter__(self) -> Iterator[HeldLease]:
        return iter(self._held)


def _as_written(at_s: float) -> float:
    """An instant as records have it: what is decided again later is decided as of the same."""
    return round(at_s, 3)


def _check_released(terminal: LeasingTerminal, said: dict[str, Any], signed: str) -> None:
    """Raises NotHeard."""
    try:
        good = signed_by(terminal.public_key, signature(signed), message(RELEASE, said))
    except Unsigned:
        good = False
    if not good:
        raise NotHeard(404, "not-found", NO_LEASE)


def _as_principal(terminal: str) -> Principal:
    return Principal(f"terminal:{terminal}", "", frozenset(), None, "anonymous")


def _about(held: HeldLease) -> str:
    return f"lease {held.id} of terminal {held.terminal}"


def _check_shown(shown: Presented | None, terminal: LeasingTerminal) -> None:
    """A connection is of one terminal: what another one signed was carried here by somebody else. Raises NotHeard."""
    if shown is not None and not shown.is_of(terminal.id, terminal.public_key):
        raise NotHeard(401, "other-certificate", "The connection's certificate is not of the terminal that signed.")
