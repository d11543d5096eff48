"""Controllers as they run: processes of `openleo serve` on one data folder, terminals that ask them, and a reader.

A slot lasts three seconds here, so that what takes slots takes seconds. Everything is on loopback.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
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

SLOT_S = 3.0
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
        log, told = data.parent / f"{name}.log", data.parent / f"{name}.out"
        command = [sys.executable, "-m", "openleo", "serve", str(scenario), "--data", str(data), "--port", "0", *words]
        with log.open("w") as errors, told.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=errors, text=True, env=os.environ | environment)

        def listening() -> str:
            assert process.poll() is None, f"it ended with {process.returncode}: {log.read_text()}"
            lines = told.read_text().splitlines(keepends=True)
            return next((line.strip() for line in lines if line.startswith("http") and line.endswith("\n")), "")

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

    @property
    def memory_mb(self) -> float:
        return self._status("VmRSS") / 1024.0

    @property
    def threads(self) -> int:
        return self._status("Threads")

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith(name)).split()[1])

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


class Asking(threading.Thread):
    """Terminals that keep their leases, as they have to: each asks when its lease says so, of whoever leads."""

    def __init__(self, devices: Sequence[Device], *urls: str, patience_s: float = 3.0):
        super().__init__()
        self.devices, self.urls, self.patience_s = devices, list(urls), patience_s
        self.given: list[tuple[float, dict[str, Any]]] = []  # monotonic, and the answer
        self.answers: Counter[int] = Counter()  # by their status; 0: none
        self.slowest_s = 0.0
        self._due = dict.fromkeys((one.id for one in devices), 0.0)
        self._ending = threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=self.patience_s) as client:
            while not self._ending.is_set():
                for device in self.devices:
                    if self._due[device.id] <= time.monotonic() and not self._ending.is_set():
                        self._ask(device, client)
                time.sleep(0.05)

    def _ask(self, device: Device, client: httpx.Client) -> None:
        self._due[device.id] = time.monotonic() + 0.3
        for url in list(self.urls):
            begun = time.monotonic()
            answer = device.ask(client, url)
            self.answers[0 if answer is None else answer.status_code] += 1
            if answer is not None:
                self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
            if answer is not None and answer.status_code == 201:
                lease = answer.json()
                self.given.append((time.monotonic(), lease))
                self._due[device.id] = time.monotonic() + seconds(lease["renew_after"]) - seconds(lease["valid_from"])
                self.urls.sort(key=lambda one: one != url)
                return

    def since(self, monotonic_s: float) -> list[dict[str, Any]]:
        """Leases that were given since."""
        return [lease for at_s, lease in list(self.given) if at_s > monotonic_s]

    def all_have(self) -> bool:
        return {lease["terminal"] for _, lease in list(self.given)} == {one.id for one in self.devices}

    def __enter__(self) -> Asking:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.join()


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# A wall clock that a test sets: `ahead` seconds stand in a file. It is libfaketime's work, which is not used: under it
# clock_nanosleep of an instant, CPython's time.sleep since 3.11, is refused (EINVAL) where only UTC is to be wrong.
WALL_CLOCK = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile const long long *ahead;
__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("AHEAD_FILE"), O_RDONLY);
    void *at = file < 0 ? MAP_FAILED : mmap(0, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    if (at == MAP_FAILED) abort();
    ahead = at;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *ahead;
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    now->tv_sec = found.tv_sec, now->tv_usec = found.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *into) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (into) *into = found.tv_sec;
    return found.tv_sec;
}
"""
COMPILER = shutil.which("cc")


@dataclass
class WallClock:
    """Of processes that are started with its environment."""

    folder: Path

    def __post_init__(self) -> None:
        self.set_s(0)
        source = self.folder / "wall_clock.c"
        source.write_text(WALL_CLOCK)
        assert COMPILER is not None
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", self._library, source], check=True)

    @property
    def _library(self) -> Path:
        return self.folder / "wall_clock.so"

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "AHEAD_FILE": str(self.folder / "ahead")}

    def set_s(self, ahead_s: int) -> None:
        path = self.folder / "ahead"
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(ahead_s.to_bytes(8, sys.byteorder, signed=True))


def enrolled(engine: Engine, count: int, account: str = "a-1", now_s: float = 0.0) -> list[Device]:
    """Active terminals of one account, straight into the registry's tables: the ledger counts none of them."""
    devices = [Device(f"{account}-t{number}") for number in range(count)]
    rows = [
        {
            "id": one.id, "account": account, "class": "fixed", "home_territory": "TWN", "groups": "[]",
            "public_key": one.public_key, "commitment": one.id, "state": "active", "enrolled_at": now_s,
        }
        for one in devices
    ]  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(accounts).values(id=account, commitment=account, created_at=now_s))
        connection.execute(insert(terminals), rows)
    return devices


def token(engine: Engine, *roles: Role) -> dict[str, str]:
    """The header of a programme of the operator's that has these roles."""
    with writing(engine) as connection:
        _, secret = tokens.make(
            connection, name="tests", party="operator", owner="tests", roles=set(roles), now_s=time.time()
        )
    return {"Authorization": f"Bearer {secret}"}
