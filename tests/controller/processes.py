"""Controllers as they run: processes of `openleo serve` on one data folder, terminals that ask them, and a reader.

A slot lasts two seconds here, so that what takes slots takes seconds. Everything is on loopback.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Engine, insert

from openleo.controller import tokens
from openleo.controller.database import writing
from openleo.controller.roles import Role
from openleo.controller.tables import accounts, terminals

SLOT_S = 2.0
SCENARIO = f"""
name = "running"
start = 2026-11-20T00:00:00Z
duration = "10min"
slot = "{SLOT_S:g}s"

[constellation]
catalogue = "starlink-gen1"

[ground]
area = ["TWN"]
resolution = 4
gateways = "starlink-2026"
"""
START_S = 90.0  # kernels may have to compile
STOP_S = 20.0
AT = (23.97, 120.98)  # degrees; inland, so that a kilometre around it is of one territory


def wait_for(what: Any, within_s: float, every_s: float = 0.1) -> Any:
    """What a call gives once it is something. Fails where it is nothing for so long."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(every_s)
    raise AssertionError(f"{getattr(what, '__name__', what)} came to nothing in {within_s:g} s")


@dataclass
class Controller:
    """A process. `log`: what it wrote to stderr."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    @classmethod
    def started(cls, scenario: Path, data: Path, name: str, *words: str, **environment: str) -> Controller:
        """Started, and listening; `environment`: settings, and what a test adds."""
        log = data.parent / f"{name}.log"
        command = [sys.executable, "-m", "openleo", "serve", str(scenario), "--data", str(data), "--port", "0", *words]
        with log.open("w") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | environment
            )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        said = ""

        def listening() -> str:
            nonlocal said
            said += process.stdout.read() or ""  # type: ignore[union-attr]
            assert process.poll() is None, f"it ended with {process.returncode}: {log.read_text()}"
            return next((line for line in said.splitlines() if line.startswith("http")), "")

        try:
            return cls(process, wait_for(listening, START_S), log)
        except BaseException:
            process.kill()
            process.wait()
            raise

    def ready(self) -> dict[str, Any]:
        """What /readyz says; {} while nobody answers."""
        with contextlib.suppress(httpx.TransportError):
            return dict(httpx.get(f"{self.url}/readyz", timeout=5.0).json())
        return {}

    @property
    def leads(self) -> bool:
        return self.ready().get("role") == "leading"

    def until_ready(self, within_s: float = START_S) -> Controller:
        wait_for(lambda: self.ready().get("ready"), within_s)
        return self

    def kill(self) -> None:
        """As a power cut ends it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """As systemd ends it; gives its exit."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextlib.contextmanager
def running(
    scenario: Path, data: Path, *names: str, words: tuple[str, ...] = (), **env: str
) -> Iterator[list[Controller]]:
    """Controllers by their names, one after the other: the first one leads. All are ended."""
    made: list[Controller] = []
    try:
        for name in names:
            made.append(Controller.started(scenario, data, name, *words, **env))
            wait_for(lambda: made[0].leads, START_S)
        yield made
    finally:
        for one in made:
            if one.process.poll() is None:
                one.process.kill()
                one.process.wait()


@dataclass
class Device:
    """A terminal with its key."""

    id: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    at: tuple[float, float] = AT

    @property
    def public_key(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def request(self, at: datetime | None = None, **more: Any) -> dict[str, Any]:
        """A request for a lease, signed now."""
        latitude, longitude = self.at
        said = {
            "terminal": self.id,
            "position": {
                "lat_deg": latitude, "lon_deg": longitude, "uncertainty_m": 20.0, "age_s": 1.0, "source": "gnss",
            },
            "speed_kmh": 0.0,
            "altitude_m": 100.0,
            "nonce": secrets.token_urlsafe(16),
            "at": (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        } | more  # fmt: skip
        signature = self.key.sign(b"openleo-lease@v1\n" + rfc8785.dumps(said))
        return said | {"signature": base64.b64encode(signature).decode()}

    def ask(self, client: httpx.Client, url: str, **more: Any) -> httpx.Response | None:
        """The answer to a request; None where nobody answers."""
        with contextlib.suppress(httpx.TransportError):
            return client.post(f"{url}/v1/leases", json=self.request(**more))
        return None


def enrolled(engine: Engine, count: int, account: str = "a-1", now_s: float = 0.0) -> list[Device]:
    """Active terminals of one account, straight into the registry's tables: the ledger counts none of them."""
    devices = [Device(f"{account}-t{number}") for number in range(count)]
    rows = [
        {
            "id": one.id, "account": account, "class": "fixed", "home_territory": "TWN", "groups": "[]",
            "public_key": one.public_key, "state": "active", "enrolled_at": now_s,
        }
        for one in devices
    ]  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(accounts).values(id=account, created_at=now_s))
        connection.execute(insert(terminals), rows)
    return devices


def token(engine: Engine, *roles: Role) -> dict[str, str]:
    """The header of a programme of the operator's that has these roles."""
    with writing(engine) as connection:
        _, secret = tokens.make(
            connection, name="tests", party="operator", owner="tests", roles=set(roles), now_s=time.time()
        )
    return {"Authorization": f"Bearer {secret}"}
