"""A running controller over HTTP, as the emulator asks it: its slots, their plans, one place, a lease.

At the start what cannot be asked is told with a way out (InputError); from then on it is None, for a run outlives a
controller that goes away. A request is given up when the time for it is over.
"""

from __future__ import annotations

import email.utils
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx
import pyarrow as pa

from openleo.emulator.live import Plan
from openleo.errors import InputError, Problem
from openleo.instants import parse_instant

T = TypeVar("T")

AT_START_S = 10.0  # to answer, before a run
APART_S = 3.0  # that the clocks may be; HTTP tells whole seconds, and not of this very one
TOKEN_WAY_OUT = "Give one with --token; `openleo controller token create` makes it, and the role viewer is enough."  # noqa: S105


@dataclass(frozen=True)
class SlotSaid:
    """A slot as it is stored. applied: whether its plan is in force."""

    number: int
    begins_s: float
    slot_s: float
    plan: str
    network: str
    applied: bool


class Controller:
    """`url` as people write it, for what they are told. Raises InputError where it cannot be one."""

    def __init__(self, url: str, token: str | None = None, ca: Path | None = None) -> None:
        self.url = url.rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise InputError(Problem("URL", url, "is no address.", "Write for example http://127.0.0.1:8600."))
        try:
            tls: ssl.SSLContext | bool = True if ca is None else ssl.create_default_context(cafile=str(ca))
        except (OSError, ssl.SSLError) as error:
            raise InputError(Problem("--ca", str(ca), f"is no certificate that can be read: {error}.")) from None
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._shows_token = token is not None
        try:
            self._client = httpx.Client(base_url=self.url, headers=headers, verify=tls, timeout=AT_START_S)
        except httpx.InvalidURL as error:
            raise InputError(Problem("URL", url, f"is no address: {error}.")) from None

    def __enter__(self) -> Controller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    # --- at the start: what is wrong is told ------------------------------------------------------------------------

    def newest(self) -> SlotSaid:
        """The slot that was planned last. Raises InputError."""
        try:
            found = self._asked("/v1/slots", {"limit": "1"}).json()["items"]
            if found:
                return _slot(found[0])
        except (ValueError, LookupError, TypeError):
            raise InputError(self._no_controller("what answers tells of no slots")) from None
        rule = "has planned no slot yet."
        raise InputError(Problem("URL", self.url, rule, f"Wait until {self.url}/readyz says that it is ready."))

    def cells(self) -> list[str]:
        """The network's cells, in the order of plans. Raises InputError."""
        try:
            return _cells(self._asked("/v1/cells.arrow", {}).content)
        except (ValueError, LookupError):
            raise InputError(self._no_controller("what answers sends no cells")) from None

    def first_plan(self, number: int) -> Plan:
        """Raises InputError."""
        try:
            return Plan.of(self._asked(f"/v1/slots/{number}/cells.arrow", {}).content)
        except ValueError as error:
            raise InputError(self._no_controller(str(error))) from None

    def _asked(self, path: str, params: Mapping[str, str]) -> httpx.Response:
        """Raises InputError for whatever is no answer of a controller's."""
        try:
            answer = self._client.get(path, params=params)
        except httpx.TransportError as error:
            tls = "certificate" in str(error).lower() and self.url.startswith("https://")
            way_out = "Name the authority that signed its certificate: --ca F.pem." if tls else ""
            raise InputError(self._no_controller(str(error) or type(error).__name__, way_out)) from None
        if answer.status_code in (401, 403):
            shown = "this token may not read slots" if self._shows_token else "it asks for a token"
            raise InputError(Problem("URL", self.url, f"answers {answer.status_code}: {shown}.", TOKEN_WAY_OUT))
        if answer.status_code != httpx.codes.OK:
            raise InputError(self._no_controller(f"{path} answers {answer.status_code}"))
        self._check_clock(answer)
        return answer

    def _no_controller(self, why: str, way_out: str = "") -> Problem:
        return Problem("URL", self.url, f"no controller answers: {why}.", way_out or "Is `openleo serve` running?")

    def _check_clock(self, answer: httpx.Response) -> None:
        """That the slots are counted alike here and there. Raises InputError."""
        said = answer.headers.get("Date")
        if said is None:
            return
        apart_s = email.utils.parsedate_to_datetime(said).timestamp() - time.time()
        if abs(apart_s) > APART_S:
            rule = f"its clock is {abs(apart_s):.0f} s {'ahead of' if apart_s > 0 else 'behind'} this machine's."
            raise InputError(Problem("URL", self.url, rule, "Slots begin by the clock: set both, as by NTP."))

    # --- during the run: what does not come is None -----------------------------------------------------------------

    def slot(self, number: int, within_s: float) -> SlotSaid | None:
        return self._within(within_s, f"/v1/slots/{number}", {}, lambda answer: _slot(answer.json()))

    def plan(self, number: int, within_s: float) -> Plan | None:
        """Of a slot, once it is stored."""
        return self._within(within_s, f"/v1/slots/{number}/cells.arrow", {}, lambda answer: Plan.of(answer.content))

    def cells_now(self, within_s: float) -> list[str] | None:
        return self._within(within_s, "/v1/cells.arrow", {}, lambda answer: _cells(answer.content))

    def rules_at(self, latitude_deg: float, longitude_deg: float, class_: str, slot: int, within_s: float) -> str:
        """The rules that decide of a place in a slot, separated by spaces; "" where that is not told."""
        asked = {"lat": str(latitude_deg), "lon": str(longitude_deg), "class": class_, "slot": str(slot)}
        return self._within(within_s, "/v1/places", asked, _rules) or ""

    def lease(self, body: dict[str, Any], within_s: float) -> tuple[int, dict[str, Any]] | None:
        """(status, what was said) of a request for a lease."""
        try:
            answer = self._client.post("/v1/leases", json=body, timeout=max(within_s, 0.01))
            return answer.status_code, answer.json()
        except (httpx.TransportError, ValueError):
            return None

    def _within(
        self, within_s: float, path: str, params: Mapping[str, str], read: Callable[[httpx.Response], T]
    ) -> T | None:
        """What an answer says; None where it is none, or is not what such a controller says."""
        try:
            answer = self._client.get(path, params=params, timeout=max(within_s, 0.01))
            return read(answer) if answer.status_code == httpx.codes.OK else None
        except (httpx.TransportError, ValueError, LookupError, TypeError):
            return None


def _slot(said: dict[str, Any]) -> SlotSaid:
    return SlotSaid(
        number=int(said["number"]),
        begins_s=parse_instant(said["begins_at"]).timestamp(),
        slot_s=float(said["slot_s"]),
        plan=said["plan"],
        network=said["network"],
        applied=said["applied_at"] is not None,
    )


def _rules(answer: httpx.Response) -> str:
    decision = answer.json()["classes"][0]["decision"]
    return "" if decision is None else " ".join(one["rule"] for one in decision["because"])


def _cells(content: bytes) -> list[str]:
    found: list[str] = pa.ipc.open_stream(content).read_all()["cell"].to_pylist()
    return found
