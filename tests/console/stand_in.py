"""A server that stands in for a controller: as large a network as the page must carry, and answers as wrong as asked.

The network is the issue's: 10,080 satellites in two shells, a link to the next satellite of the plane and of the plane
beside it, all 41,162 cells of resolution 3. Who serves them is drawn by chance, which no gzip makes small.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import h3
import numpy as np

from openleo.console import pages, scene
from openleo.console.borders import borders
from openleo.controller import plan_arrow, rounded
from openleo.controller.api.console import OURS
from openleo.controller.slot_plan import SlotPlan
from openleo.network.constellation import from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.topology import build

EPOCH = datetime(2026, 11, 20, tzinfo=UTC)
SLOT_MS = 15_000
CLASSES = ("fixed", "maritime", "aviation")
SHELLS = (("a", 550.0, 53.0, 1584), ("b", 540.0, 53.2, 8496))
JSON, ARROW = "application/json", plan_arrow.MEDIA_TYPE


@cache
def network() -> dict[str, Any]:
    """The scene of the large network, as /v1/network tells it."""
    shells = [
        Shell(name=name, altitude_km=up, inclination_deg=tilt, planes=72, per_plane=count // 72, phasing=1)
        for name, up, tilt, count in SHELLS
    ]
    constellation = from_shells("large", EPOCH, shells)
    return {
        "form": scene.FORM, "name": "large", "network": "0" * 64, "start_ms": scene.milliseconds(EPOCH),
        "slot_ms": SLOT_MS, "slot_phase_ms": 0, "resolution": 3, "classes": list(CLASSES), "user_elevation_deg": 25.0,
        "satellites": scene.satellites(constellation), "isl": scene.links(build(constellation, "+grid")),
        "gateways": [_station(n) for n in range(230)], "pops": [_station(7 * n) for n in range(30)],
        "borders": borders(), "attribution": list(scene.ATTRIBUTION),
    }  # fmt: skip


def _station(n: int) -> dict[str, Any]:
    return {"name": f"station {n}", "lat_deg": 23.0 * n % 110 - 55, "lon_deg": 47.0 * n % 360 - 180, "territory": "URY"}


def small(satellites: int = 22, slot_ms: int = 1_500) -> dict[str, Any]:
    """A scene with short slots, of some of the large one's satellites: those of a plane; none, and no ground either."""
    large = network()
    moved = {key: one[: satellites and 1] for key, one in large["satellites"].items() if isinstance(one, list)}
    moved |= {key: large["satellites"][key][:satellites] for key in ("name", "argument_rad")}
    links = [number for one in range(satellites - 1) for number in (one, one + 1)]
    ground = large if satellites else {"gateways": [], "pops": []}
    return large | {
        "slot_ms": slot_ms, "satellites": large["satellites"] | moved, "isl": links, "gateways": ground["gateways"],
        "pops": ground["pops"], "borders": {"type": "FeatureCollection", "features": large["borders"]["features"][:20]},
    }  # fmt: skip


@cache
def cells() -> np.ndarray:
    """All cells of resolution 3."""
    return np.array([int(one, 16) for zero in h3.get_res0_cells() for one in h3.cell_to_children(zero, 3)], np.uint64)


def plan(number: int, of: np.ndarray | None = None, satellites: int = 10_080, slot_ms: int = SLOT_MS) -> SlotPlan:
    """A slot's plan in which every served cell has numbers of its own."""
    where = cells() if of is None else of
    chance, count = np.random.default_rng(number), len(where)
    lat, lng = np.array([h3.cell_to_latlng(f"{one:x}") for one in where.tolist()]).T if count else np.empty((2, 0))
    lit = (np.abs(lat) < 57.0) & (satellites > 0)
    near = (np.round(lat / 12.0) * 15 + np.round(lng / 14.0)).astype(int) % 230
    rate = np.where(lit, np.minimum(chance.lognormal(5.0, 1.5, count), 20_000.0), np.nan).astype(np.float32)
    reason = np.where(lit[:, np.newaxis], (near[:, np.newaxis] + np.arange(3)) % 5 == 0, 2).astype(np.uint8)
    bits = np.uint64(1) << np.arange(3, dtype=np.uint64)
    return SlotPlan(
        number, number * slot_ms / 1000, slot_ms / 1000, where,
        satellite=np.where(lit, chance.integers(0, max(1, satellites), count), -1).astype(np.int32),
        gateway=np.where(lit, near, -1).astype(np.int16), pop=np.where(lit, near // 8, -1).astype(np.int16),
        rtt_ms=np.where(lit, chance.gamma(3.0, 10.0, count) + 15.0, np.nan).astype(np.float32),
        seen=(20 * np.cos(np.radians(lat)) + chance.integers(0, 8, count)).astype(np.int16), classes=CLASSES,
        yes=((reason == 0) @ bits)[:, np.newaxis], no=((reason == 1) @ bits)[:, np.newaxis], reason=reason,
        down_mbps=rate, up_mbps=(rate * chance.uniform(0.05, 0.3, count)).astype(np.float32),
        rule_set="a" * 64, network="0" * 64, ledger_size=9, ledger_root="c" * 64,
    )  # fmt: skip


@dataclass(frozen=True)
class Said:
    """An answer. `cut`: so many bytes of it come, and then the connection ends."""

    content: bytes
    kind: str = JSON
    status: int = 200
    cut: int | None = None


def problem(status: int, slug: str) -> Said:
    """A refusal as the controller words it."""
    told = {"type": f"urn:openleo:problem:{slug}", "title": slug, "status": status, "detail": f"It is {slug}."}
    return Said(json.dumps(told).encode(), "application/problem+json", status)


@dataclass
class StandIn:
    """`wrong`: what is answered instead, by the beginning of a path. `token`: who has it may ask; empty: anybody."""

    scene: dict[str, Any] = field(default_factory=network)
    cells: np.ndarray = field(default_factory=cells)
    wrong: dict[str, Callable[[], Said]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    token: str = ""
    url: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def number(self) -> int:
        """The slot that runs."""
        return int(time.time() * 1000) // self.scene["slot_ms"]

    def answer(self, path: str, token: str) -> Said:
        """What is said at a path."""
        name = path.partition("?")[0].lstrip("/")
        if name in pages.files() or name == "":
            found = pages.files()[name or pages.PAGE]
            return Said(found.content, found.media_type)
        if self.token and token != f"Bearer {self.token}":
            return problem(401, "not-known")
        for begins, said in self.wrong.items():
            if name.startswith(begins):
                return said()
        if name == "v1/network":
            return Said(json.dumps(self.scene).encode())
        if name == "v1/cells.arrow":
            return Said(plan_arrow.of_cells(self.cells), ARROW)
        if name == "v1/slots/current":
            return Said(json.dumps({"number": str(self.number)}).encode())
        if name.endswith("/cells.arrow"):
            return Said(self.arrow(int(name.split("/")[2])), ARROW)
        return problem(404, "not-found")

    def arrow(self, number: int) -> bytes:
        """A plan's bytes as the page asks for them."""
        made = plan(number, self.cells, len(self.scene["satellites"]["name"]), self.scene["slot_ms"])
        return rounded.of_arrow(plan_arrow.of_plan(made))


@contextmanager
def standing(made: StandIn) -> Iterator[StandIn]:
    """The stand-in, answering at its `url` until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            said = made.answer(self.path, self.headers.get("Authorization", ""))
            if self.path == "/v1/events" and said.status == 404:
                self.events()
                return
            content = gzip.compress(said.content, 1) if said.cut is None and len(said.content) > 1000 else said.content
            self.begin(said.status, said.kind)
            if content is not said.content:
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: said.cut])

        def begin(self, status: int, kind: str) -> None:
            self.send_response(status)
            for name, value in {**OURS, "Content-Type": kind}.items():
                self.send_header(name, value)

        def events(self) -> None:
            self.begin(200, "text/event-stream")
            self.end_headers()
            try:
                while not made.stopped.wait(0.5):
                    self.wfile.write(b": here\n\n")
            except OSError:
                pass  # who listened is gone

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stopped.set()
        server.shutdown()
        server.server_close()
