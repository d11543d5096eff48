"""`openleo emulate live` beside a real `openleo serve`: what a change of rules, or an act on a terminal, does.

Slots last three seconds. What went through is read from ping, which tells when each answer came.
"""

from __future__ import annotations

import json
import math
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from devices import TRIES, needs, needs_devices

from controller import processes
from controller.faulty_place import Place, placed
from controller.governed import book, rule
from controller.processes import SLOT_S, Controller, running, seconds, wait_for
from openleo.controller.roles import Role
from openleo.controller.tables import slots
from openleo.ledger.faults import LedgerError

pytestmark = [pytest.mark.slow, needs_devices, needs("ping")]

TAIWAN = {"in": "TWN", "include": ["kinmen", "matsu"]}
ORDER = book("regulator:TWN", rule("ordered", "suspend", "TWN", territory=TAIWAN, until="2090-01-01T00:00:00Z"))
AT = f"{processes.AT[0]},{processes.AT[1]}"
TERMINAL = "kit-00001"
ANSWER = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from .* time=([\d.]+) ms")
FOLLOWED_S = 1.0  # within a slot: what came too late for its plan is followed by then
REASON = "the tests of the emulator"


@dataclass
class World:
    place: Place
    controller: Controller
    folder: Path
    at: str  # of the enrolled terminal

    @property
    def token(self) -> Path:
        return self.folder / "token"

    def activated(self, moves: Any) -> float:
        """An approved change, as soon as the controller is not writing; when it was active."""

        def change() -> bool:
            self.place.governed.now = datetime.now(UTC)
            try:
                moves()
            except LedgerError as error:
                if "another process writes" not in str(error):
                    raise
                return False
            return True

        wait_for(change, 10.0)
        return time.time()

    def set_state(self, state: str) -> float:
        """Of the enrolled terminal; when it was."""
        with httpx.Client(base_url=self.controller.url, headers=self.headers, timeout=10.0) as client:
            seen = client.get(f"/v1/terminals/{TERMINAL}").headers["ETag"]
            said = {"state": state, "reason": REASON}
            answer = client.post(f"/v1/terminals/{TERMINAL}/state", json=said, headers={"If-Match": seen})
            assert answer.status_code == 200, answer.text
        return time.time()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.read_text()}"}


def openleo(*words: object) -> list[str]:
    return [sys.executable, "-m", "openleo", *map(str, words)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A controller that leads, with one terminal that was enrolled as an operator does it."""
    folder = tmp_path_factory.mktemp("live")
    place = placed(folder)
    table, keys = folder / "fleet.csv", folder / "keys.csv"
    drawn = openleo("fleet", "simulate", "--terminals", 200, "--in", "TWN", "--enrol-table", table, "--keys", keys)
    enrol = openleo("controller", "terminals", "enrol", table, "--data", place.data, "--make-accounts", "--active")
    for words in (drawn, enrol):
        subprocess.run(words, check=True, capture_output=True, text=True)
    made = processes.token(place.engine, Role.VIEWER, Role.KEY_ADMIN, Role.REQUESTER)
    (folder / "token").write_text(made["Authorization"].removeprefix("Bearer "))
    at = ",".join(keys.read_text().splitlines()[1].split(",")[-2:])
    with running(place.scenario, place.data, "one") as (one,):
        one.until_ready()
        yield World(place, one, folder, at)
    place.engine.dispose()


@dataclass
class Emulated:
    """A run of the verb that pings until it is interrupted."""

    process: subprocess.Popen[str]
    out: Path
    log: Path

    @classmethod
    def begun(cls, world: World, name: str, *words: str) -> Emulated:
        out, log = world.folder / name, world.folder / f"{name}.log"
        verb = openleo("emulate", "live", world.controller.url, "--token", world.token, "--out", out, *words)
        with log.open("w") as file:
            process = subprocess.Popen(
                [*verb, "--", "ping", "-4", "-D", "-i", "0.1", "internet"], stdout=file, stderr=file, text=True
            )
        made = cls(process, out, log)
        try:
            wait_for(lambda: process.poll() is not None or made.answers(), 60.0)
            assert process.poll() is None, log.read_text()
        except BaseException:
            process.kill()
            process.wait()
            raise
        return made

    def answers(self) -> list[float]:
        """When each came, in seconds since the Unix epoch."""
        found = (ANSWER.match(line) for line in self.log.read_text().splitlines())
        return [float(one[1]) for one in found if one]

    def during(self, from_s: float, until_s: float) -> int:
        return sum(from_s <= at_s < until_s for at_s in self.answers())

    def end(self) -> dict[str, Any]:
        """Interrupted as by Ctrl-C; its summary."""
        try:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30.0)
        finally:
            self.process.kill()
            self.process.wait()
        found: dict[str, Any] = json.loads((self.out / "summary.json").read_text())
        return found


def next_slot(after_s: float | None = None) -> float:
    """When the first slot begins after an instant, or now."""
    return math.floor((time.time() if after_s is None else after_s) / SLOT_S + 1) * SLOT_S


def wait_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.time()))


@dataclass
class Seen:
    """A run in which service was taken away, and given back some slots later. steps: by when each began."""

    run: Emulated
    taken_s: float
    given_s: float
    summary: dict[str, Any]

    @classmethod
    def of(cls, world: World, words: tuple[str, ...], take: Callable[[], float], give: Callable[[], float],
           *, plans: bool = True) -> Seen:  # fmt: skip
        """plans: once more where the controller had no plan of a slot, on a machine that does much else."""
        for turn in range(TRIES):
            run = Emulated.begun(world, f"run-{take.__name__}-{turn}", *words)
            wait_until(next_slot() + 0.05)
            taken_s = take()
            wait_until(next_slot(taken_s) + 3 * SLOT_S + 0.05)
            given_s = give()
            wait_until(next_slot(given_s) + 3 * SLOT_S)
            found = cls(run, taken_s, given_s, run.end())
            if not plans or "no_plan" not in found.why:
                break
        return found

    @property
    def steps(self) -> dict[float, dict[str, Any]]:
        return {seconds(one["start"]): one for one in self.summary["terminals"][0]["steps"]}

    @property
    def dark(self) -> list[float]:
        return [at_s for at_s, one in self.steps.items() if not one["served"]]

    @property
    def why(self) -> dict[str, set[str]]:
        """The rules that were named, by why slots were dark."""
        found: dict[str, set[str]] = {}
        for at_s in self.dark:
            found.setdefault(self.steps[at_s]["why"], set()).update(self.steps[at_s]["because"])
        return found

    def check_dark_within_a_slot(self, *, at_once: bool) -> None:
        """From the first slot that began afterwards, until it was given back, nothing came.

        `at_once`: it was known when the plan of that slot was stored, so that not one packet passes in it.
        """
        dark = self.dark
        assert dark[0] == next_slot(self.taken_s)
        assert dark == [dark[0] + n * SLOT_S for n in range(len(dark))]
        lit_s = dark[-1] + SLOT_S
        assert self.run.during(dark[0] + (0.0 if at_once else FOLLOWED_S), lit_s) == 0
        assert all(self.steps[at_s]["came_unplanned"] == 0 for at_s in dark[0 if at_once else 1 :])
        assert lit_s <= next_slot(self.given_s) + SLOT_S
        assert self.run.during(lit_s, lit_s + 2 * SLOT_S) > 10


def test_a_territory_that_a_change_suspends_is_dark_from_that_slot_on_and_comes_back(world: World) -> None:
    def order() -> float:
        return world.activated(lambda: world.place.governed.rules(ORDER))

    def lift() -> float:
        return world.activated(lambda: world.place.governed.change("rules", {"book:regulator:TWN": None}))

    found = Seen.of(world, ("--at", AT), order, lift)
    found.check_dark_within_a_slot(at_once=next_slot(found.taken_s) - found.taken_s > 0.5 * SLOT_S)
    assert found.why == {"not_permitted": {"ordered"}}
    # It was the controller's own plans, of the slots that it applied.
    applied = {str(row["number"]): (row["plan"], row["rule_set"]) for row in world.place.rows(slots)}
    for one in found.summary["plans"][: len(found.steps)]:
        assert applied[one["slot"]] == (one["plan"], one["rule_set"])


def test_a_terminal_that_is_suspended_is_dark_within_a_slot_and_comes_back(world: World) -> None:
    def suspend() -> float:
        return world.set_state("suspended")

    words = ("--at", world.at, "--terminal", str(world.folder / "keys.csv"), "--id", TERMINAL)
    found = Seen.of(world, words, suspend, lambda: world.set_state("active"))
    found.check_dark_within_a_slot(at_once=False)
    assert found.why == {"not_permitted": {"registry/terminal-suspended"}}


def test_a_controller_that_goes_away_leaves_the_dark_until_it_is_back(world: World) -> None:
    def freeze() -> float:
        wait_until(next_slot() + 0.1)
        world.controller.freeze()
        return time.time()

    def thaw() -> float:
        world.controller.thaw()
        return time.time()

    found = Seen.of(world, ("--at", AT), freeze, thaw, plans=False)
    found.check_dark_within_a_slot(at_once=True)
    assert found.why == {"no_plan": set()}
