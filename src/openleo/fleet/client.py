"""Simulated terminals that keep their leases: they ask controllers over HTTP, signed, and renew before a lease lapses.

Takes terminals (an id, a key, where they are at an instant) and the addresses of controllers; gives Kept: what was
answered and how quickly, and for how long anybody was without a lease. It is written from the protocol's description
alone, and shares no code with the controller.
"""

from __future__ import annotations

import asyncio
import base64
import heapq
import json
import ssl
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import aiohttp
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOMAIN = b"openleo-lease@v1\n"
NONCE_BYTES = 16
ANSWER_WITHIN_S = 15.0
AT_ONCE = 256  # requests that wait for an answer
UNUSED_S = 3.0  # a connection is not used again after so long without a request: servers end theirs, uvicorn after 5 s
BACK_OFF_S, LONGEST_BACK_OFF_S = 0.5, 8.0
REFUSED_AGAIN_S = 60.0  # a terminal that is refused asks again by then: it may have moved, or an order been lifted
FAULT_AGAIN_S = 15.0
LOOK_S = 0.02  # how exactly a terminal's time is met


@dataclass(frozen=True)
class Device:
    """A terminal: `report` gives what it says at an instant, by the request's keys: position, speed_kmh, altitude_m."""

    id: str
    key: Ed25519PrivateKey
    report: Callable[[float], dict[str, Any]]


@dataclass
class _State:
    """Of one terminal: until when its lease holds, how often in a row it was not heard, and why it was refused last."""

    valid_until_s: float | None = None
    unheard: int = 0
    refused: str = ""


@dataclass(frozen=True)
class Standing:
    """Terminals at an instant: each is in one of these."""

    held: int
    refused: Counter[str]  # by the reason of the last answer
    lapsed: int  # a lease ran out, and nobody answered since
    unasked: int  # nobody answered yet


@dataclass
class Kept:
    """What a run gave. `latency_s`: of answers 201 and 403, in the order they came; `lapsed_s`: without a lease."""

    answers: Counter[str] = field(default_factory=Counter)  # by status, or by what went wrong on the way
    latency_s: array[float] = field(default_factory=lambda: array("d"))
    answered_at_s: array[float] = field(default_factory=lambda: array("d"))
    lapses: int = 0
    lapsed_s: float = 0.0
    whys: Counter[str] = field(default_factory=Counter)  # of refusals and faults
    faults: Counter[str] = field(default_factory=Counter)  # of `whys`, and of no answer at all: what decided nothing


class Fleet:
    """Keeps the leases of terminals for as long as it runs.

    `now_s`: UTC, as terminals know it; every nonce and every delay is of `random`.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        controllers: Sequence[str],
        now_s: Callable[[], float],
        random: Random,
        *,
        tls: ssl.SSLContext | None = None,
        at_once: int = AT_ONCE,
        refused_again_s: float = REFUSED_AGAIN_S,
    ):
        self._devices, self._controllers = devices, [address.rstrip("/") for address in controllers]
        self._now_s, self._random, self._tls = now_s, random, tls
        self._states = [_State() for _ in devices]
        self._due: list[tuple[float, int]] = []
        self._first = 0  # the controller that answered last
        self._room = asyncio.Semaphore(at_once)
        self._at_once, self._refused_again_s = at_once, refused_again_s
        self.kept = Kept()

    async def run(self, seconds: float, begin_over_s: float = 15.0) -> Kept:
        """Ask for leases and renew them. The first requests are spread over `begin_over_s`."""
        started_s = self._now_s()
        self._due = [(started_s + self._random.random() * begin_over_s, number) for number in range(len(self._devices))]
        heapq.heapify(self._due)
        tls = self._tls if self._tls is not None else True
        connector = aiohttp.TCPConnector(limit=self._at_once, ssl=tls, keepalive_timeout=UNUSED_S)
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        asking: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            try:
                while (now_s := self._now_s()) < started_s + seconds:
                    while self._due and self._due[0][0] <= now_s:
                        _, number = heapq.heappop(self._due)
                        await self._room.acquire()
                        task = asyncio.create_task(self._renew(session, number))
                        asking.add(task)
                        task.add_done_callback(asking.discard)
                    await asyncio.sleep(LOOK_S)
                await asyncio.gather(*asking)
            finally:  # who ends it early does not count what it breaks off as faults of the controller
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)
        return self.kept

    def standing(self, now_s: float) -> Standing:
        """How the terminals stand. One that was refused counts so, even while a lease in its hand has not lapsed."""
        refused = Counter(state.refused for state in self._states if state.refused)
        others = [state for state in self._states if not state.refused]
        unasked = sum(state.valid_until_s is None for state in others)
        held = sum(state.valid_until_s is not None and state.valid_until_s > now_s for state in others)
        return Standing(held, refused, len(others) - unasked - held, unasked)

    async def _renew(self, session: aiohttp.ClientSession, number: int) -> None:
        try:
            due_s = await self._ask(session, number)
        finally:
            self._room.release()
        heapq.heappush(self._due, (due_s, number))

    async def _ask(self, session: aiohttp.ClientSession, number: int) -> float:
        """Ask one controller after the other until one decides; gives when the terminal asks next."""
        state, wait_s = self._states[number], 0.0
        for turn in range(len(self._controllers)):
            at = (self._first + turn) % len(self._controllers)
            begun_s = self._now_s()
            try:
                # Signed anew each time: a controller that did not answer may have noted the nonce.
                body = self._body(self._devices[number], begun_s)
                async with session.post(f"{self._controllers[at]}/v1/leases", data=body) as answer:
                    said = await answer.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                self.kept.answers[type(error).__name__] += 1
                self.kept.faults[type(error).__name__] += 1
                continue
            self.kept.answers[str(answer.status)] += 1
            if answer.status in (201, 403):
                self._first, state.unheard = at, 0
                self.kept.latency_s.append(self._now_s() - begun_s)
                self.kept.answered_at_s.append(self._now_s())
                return self._given(state, said) if answer.status == 201 else self._refused(state, said)
            self.kept.whys[_slug(said)] += 1
            self.kept.faults[_slug(said)] += 1
            if answer.status not in (429, 503):
                return self._now_s() + FAULT_AGAIN_S
            wait_s = max(wait_s, _seconds(answer.headers.get("Retry-After")))
        state.unheard += 1
        back_off_s = min(BACK_OFF_S * 2.0 ** min(state.unheard - 1, 10), LONGEST_BACK_OFF_S)
        # Whoever was told when to come back comes then, but not all at once.
        return self._now_s() + max(wait_s, back_off_s) * (1.0 + 0.5 * self._random.random())

    def _body(self, device: Device, at_s: float) -> bytes:
        said = device.report(at_s) | {
            "terminal": device.id,
            "at": datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "nonce": base64.urlsafe_b64encode(self._random.randbytes(NONCE_BYTES)).decode().rstrip("="),
        }
        signature = base64.b64encode(device.key.sign(DOMAIN + rfc8785.dumps(said))).decode()
        return json.dumps(said | {"signature": signature}, separators=(",", ":")).encode()

    def _given(self, state: _State, said: bytes) -> float:
        lease, now_s = json.loads(said), self._now_s()
        if state.valid_until_s is not None and now_s > state.valid_until_s:
            self.kept.lapses += 1
            self.kept.lapsed_s += now_s - state.valid_until_s
        state.valid_until_s, state.refused = _instant_s(lease["valid_until"]), ""
        return max(_instant_s(lease["renew_after"]), now_s + LOOK_S)

    def _refused(self, state: _State, said: bytes) -> float:
        refusal, now_s = json.loads(said), self._now_s()
        self.kept.whys[refusal["why"]] += 1
        state.refused = _reason(refusal)
        again, latest_s = refusal["refusal"]["retry_not_before"], now_s + self._refused_again_s
        # Under the rules of now nothing lets it through before that instant: another change may, years before an order
        # ends, and nobody tells terminals of it.
        return latest_s if again is None else min(max(_instant_s(again), now_s + LOOK_S), latest_s)


def standing(
    latitude_deg: float, longitude_deg: float, uncertainty_m: float = 30.0
) -> Callable[[float], dict[str, Any]]:
    """What a dish on a roof says."""
    position = {"lat_deg": latitude_deg, "lon_deg": longitude_deg, "uncertainty_m": uncertainty_m, "age_s": 0.0}
    said = {"position": position | {"source": "gnss"}, "speed_kmh": 0.0, "altitude_m": 20.0}
    return lambda _at_s: said


def _reason(refusal: dict[str, Any]) -> str:
    """In a word: what the network lacks, or what rules decided, and by which of them."""
    if refusal["why"] != "not_permitted" or "decision" not in refusal:
        return str(refusal["why"])
    rules = [one["rule"] for one in refusal.get("because", ())]
    said = str(refusal["decision"]).lower()
    if said == "permitted":  # by the rules of now, and not by the plan of this slot yet
        said = str(refusal["why"])
    return said + (f" by {rules[0]}" if rules else "")


def _slug(said: bytes) -> str:
    try:
        return str(json.loads(said)["type"]).rpartition(":")[2]
    except (ValueError, KeyError, TypeError):
        return "no problem document"


def _seconds(text: str | None) -> float:
    """Of Retry-After, where it says seconds."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else 0.0


def _instant_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
