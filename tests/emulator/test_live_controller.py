"""What is asked of a controller over HTTP: at the start all that is wrong is told, during a run nothing raises."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from openleo.cells import centres_deg
from openleo.controller import plan_arrow
from openleo.controller.slot_plan import SlotPlan
from openleo.emulator.live_controller import Controller
from openleo.emulator.live_follower import following
from openleo.errors import InputError
from self_signed import self_signed

CELLS = np.array([0x842A107FFFFFFFF], np.uint64)
NUMBER, SLOT_S = 119_666_665, 15.0
BEGINS = "2026-11-18T11:06:27Z"


def plan() -> SlotPlan:
    one = {name: np.zeros(1, np.int16) for name in ("gateway", "pop", "seen")}
    amounts = {name: np.full(1, 20.0, np.float32) for name in ("rtt_ms", "down_mbps", "up_mbps")}
    return SlotPlan(
        number=NUMBER, begins_s=NUMBER * SLOT_S + 12.0, slot_s=SLOT_S, cells=CELLS, satellite=np.zeros(1, np.int32),
        classes=("fixed", "vehicle"), yes=np.ones((1, 1), np.uint64), no=np.zeros((1, 1), np.uint64),
        reason=np.zeros((1, 2), np.uint8), rule_set="r", network="n", ledger_size=1, ledger_root="x", **one, **amounts,
    )  # fmt: skip


@dataclass
class Said:
    """What a server answers: (status, body) by path, or anything of the same."""

    routes: dict[str, tuple[int, Any]] = field(default_factory=dict)
    date: Callable[[], str] = field(default=lambda: formatdate(usegmt=True))
    asked: list[tuple[str, str]] = field(default_factory=list)  # (path, authorization)

    @classmethod
    def whole(cls) -> Said:
        slot = {"number": str(NUMBER), "begins_at": BEGINS, "slot_s": SLOT_S, "plan": "p", "network": "n",
                "applied_at": None}  # fmt: skip
        return cls(
            {
                "/v1/slots": (200, {"items": [slot]}),
                f"/v1/slots/{NUMBER}": (200, slot),
                f"/v1/slots/{NUMBER}/cells.arrow": (200, plan_arrow.of_plan(plan())),
                "/v1/cells.arrow": (200, plan_arrow.of_cells(CELLS)),
                "/v1/places": (200, {"classes": [{"decision": {"because": [{"rule": "a"}, {"rule": "b"}]}}]}),
                "/v1/leases": (201, {"lease": "1"}),
            }
        )


class Server(ThreadingHTTPServer):
    """Which says nothing of a client that hangs up on its certificate."""

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def server(said: Said, certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            said.asked.append((path, self.headers.get("Authorization", "")))
            status, body = said.routes.get(path, (404, {}))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response_only(status)
            self.send_header("Date", said.date())
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    made = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        made.socket = context.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"{'http' if certificate is None else 'https'}://localhost:{made.server_port}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


def refusal(said: Said, class_: str = "fixed", at: tuple[float, float] | None = None) -> str:
    """What is told of a start that cannot be."""
    latitude, longitude = at or _middle()
    with (
        server(said) as url,
        Controller(url, "secret") as controller,
        pytest.raises(InputError) as told,
    ):
        following(controller, latitude, longitude, class_, None)
    return str(told.value)


def _middle() -> tuple[float, float]:
    latitude, longitude = centres_deg(CELLS)
    return float(latitude[0]), float(longitude[0])


def test_all_that_is_asked_is_read() -> None:
    said = Said.whole()
    with server(said) as url, Controller(f"{url}/", "secret") as controller:
        follower = following(controller, *_middle(), "fixed", None)
        assert follower.table("user", "internet").step_s == SLOT_S
        slot = controller.slot(NUMBER, 1.0)
        assert slot is not None
        assert (slot.number, slot.applied, slot.plan) == (NUMBER, False, "p")
        found = controller.plan(NUMBER, 1.0)
        assert found is not None
        assert found.sha256 == plan().sha256
        assert controller.cells_now(1.0) == ["842a107ffffffff"]
        assert controller.rules_at(*_middle(), "fixed", NUMBER, 1.0) == "a b"
        assert controller.lease({}, 1.0) == (201, {"lease": "1"})
    assert {shown for _, shown in said.asked} == {"Bearer secret"}
    begins_ns = follower.begins_ns(time.monotonic_ns())
    utc_s = (begins_ns + time.time_ns() - time.monotonic_ns()) / 1e9
    assert abs((utc_s - 12.0) / SLOT_S - round((utc_s - 12.0) / SLOT_S)) < 1e-3, "slots begin at :12, :27, …"


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        ({"/v1/slots": (401, {})}, "answers 401: this token may not read slots. Give one with --token;"),
        ({"/v1/slots": (200, {"items": []})}, "has planned no slot yet. Wait until "),
        ({"/v1/slots": (200, b"<html>")}, "no controller answers: what answers tells of no slots. Is `openleo serve`"),
        ({"/v1/slots": (404, {})}, "no controller answers: /v1/slots answers 404."),
        ({"/v1/cells.arrow": (200, b"x")}, "no controller answers: what answers sends no cells."),
        ({f"/v1/slots/{NUMBER}/cells.arrow": (200, plan_arrow.of_cells(CELLS))}, "what was sent is no plan of a slot"),
    ],
)
def test_what_is_no_controller_is_told_at_the_start(routes: dict[str, Any], told: str) -> None:
    said = Said.whole()
    said.routes |= routes
    assert told in refusal(said)


def test_a_place_a_class_and_a_clock_that_do_not_fit_are_told() -> None:
    assert "--at: 0, 0 is not within the area that this controller serves." in refusal(Said.whole(), at=(0.0, 0.0))
    assert '--class: there is no class "fixd" under the rules in force. Did you mean fixed?' in refusal(
        Said.whole(), "fixd"
    )
    said = Said.whole()
    said.date = lambda: formatdate(time.time() + 60.0, usegmt=True)
    assert "s ahead of this machine's. Slots begin by the clock: set both, as by NTP." in refusal(said)


def test_an_address_a_certificate_and_a_port_that_are_none_are_told(tmp_path: Path) -> None:
    for url, ca, told in (
        ("127.0.0.1:8600", None, "URL: 127.0.0.1:8600: is no address. Write for example http://127.0.0.1:8600."),
        ("http://a\x00b", None, "is no address"),
        ("https://127.0.0.1:1", tmp_path / "none.pem", "is no certificate that can be read"),
    ):
        with pytest.raises(InputError) as error:
            Controller(url, None, ca)
        assert told in str(error.value)
    with Controller("http://127.0.0.1:1") as nobody, pytest.raises(InputError, match="no controller answers"):
        nobody.newest()


def test_over_tls_a_certificate_that_nobody_vouches_for_is_told(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with server(Said.whole(), certificate) as url:
        with Controller(url) as controller, pytest.raises(InputError) as told:
            controller.newest()
        assert "Name the authority that signed its certificate: --ca F.pem." in str(told.value)
        with Controller(url, ca=certificate[0]) as controller:
            assert controller.newest().number == NUMBER


def test_during_a_run_what_does_not_come_is_none() -> None:
    said = Said()
    with server(said) as url, Controller(url) as controller:
        said.routes |= {"/v1/slots/1": (200, {"number": "x"}), "/v1/cells.arrow": (200, b""), "/v1/leases": (502, b"")}
        assert controller.slot(1, 1.0) is None
        assert controller.slot(2, 1.0) is None
        assert controller.plan(2, 1.0) is None
        assert controller.cells_now(1.0) is None
        assert controller.rules_at(0.0, 0.0, "fixed", 1, 1.0) == ""
        assert controller.lease({}, 1.0) is None
    with Controller(url) as gone:
        assert gone.plan(2, 0.2) is None
        assert gone.lease({}, 0.2) is None
    assert {shown for _, shown in said.asked} == {""}
    assert issubclass(pa.ArrowInvalid, ValueError), "what reads an answer may raise it"
