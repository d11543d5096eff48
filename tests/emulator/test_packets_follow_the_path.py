"""Real packets over hand-overs, against `openleo path` at each instant, by kernels' stamps; a download lives on.

Six terminals of the Taiwan example, all at the PoP in Tokyo, for five slots: up and down differ by half of what is not
light's time. The engine measures nothing of this: echoes are stamped in the terminals' namespaces, and curl's file is
compared with the one that was served.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from openleo.emulator import namespaces
from openleo.emulator.experiment import Command, Experiment, Server, Terminal
from openleo.emulator.preparing import Prepared, prepare
from openleo.emulator.running import Outcome, run
from openleo.emulator.table import BEGIN, DOWN, UP
from openleo.network import journeys
from openleo.network.journeys import Point
from openleo.scenario import Scenario

pytestmark = pytest.mark.slow
TAIWAN = Path(__file__).parents[2] / "examples" / "taiwan.toml"
PLACES = {
    "Manila": Point("Manila", 14.6042, 120.9822),
    "Naha": Point("Naha", 26.2125, 127.6811),
    "Seoul": Point("Seoul", 37.566, 126.9784),
    "Cebu": Point("Cebu", 10.3167, 123.8907),
    "Sapporo": Point("Sapporo", 43.0642, 141.3469),
    "Okinoerabu": Point("Okinoerabu", 27.37, 128.58),
}
SLOTS, SLOT_S, OUTAGE_S = 5, 15.0, 0.08
FILE_BYTES, BYTES_PER_S = 6_000_000, 100_000  # a download of a minute
AROUND_S = 1.0  # echoes so near to mid-slot are laid beside the path there
TRIES = 3  # of a run that says itself that the machine was too busy


@dataclass(frozen=True)
class Ran:
    prepared: Prepared
    outcome: Outcome
    served: str
    fetched: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    found = namespaces.available()
    if not found.ok:
        pytest.skip(f"no emulation on this machine: {found}")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    folder = tmp_path_factory.mktemp("download")
    content = random.Random(9).randbytes(FILE_BYTES)
    (folder / "served").mkdir()
    (folder / "served" / "file").write_bytes(content)
    fetched = folder / "fetched"
    experiment = Experiment(
        "follow",
        TAIWAN,
        tuple(Terminal(name, f"{at.latitude_deg},{at.longitude_deg}", anchor="Tokyo") for name, at in PLACES.items()),
        ("Tokyo",),
        servers=(
            Server("Tokyo", (sys.executable, "-m", "http.server", "--directory", str(folder / "served"), "8080")),
        ),
        commands=(
            Command(
                2.0, "Manila",
                ("curl", "-sS", "--limit-rate", str(BYTES_PER_S), "-o", str(fetched), "http://tokyo:8080/file"),
            ),
        ),
        outage_s=OUTAGE_S,
        duration_s=SLOTS * SLOT_S,
        ends_with_commands=False,
    )  # fmt: skip
    prepared = prepare(experiment, lambda key: ("test", key))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        for _ in range(TRIES):
            outcome = run(prepared, lambda _: None, foreground=False)
            if not (outcome.stats.invalid or outcome.unfed):
                break
    return Ran(prepared, outcome, hashlib.sha256(content).hexdigest(), fetched)


def test_echoes_are_where_the_path_says_in_every_slot_and_over_hand_overs(ran: Ran) -> None:
    case = Scenario.load(TAIWAN).case
    tokyo = [pop.name for pop in case.network.gateways.pops].index("Tokyo")
    table, probes = ran.prepared.table, ran.outcome.probes
    assert table.hand_over.sum() >= 3
    assert (table.delay_ns[..., UP, BEGIN] > table.delay_ns[..., DOWN, BEGIN] + 5_000_000)[table.served].all()
    assert ran.outcome.stats.invalid == ""
    for terminal, place in enumerate(PLACES.values()):
        for slot in np.flatnonzero(table.served[:, terminal]).tolist():
            middle_s = (slot + 0.5) * SLOT_S
            near = (probes.terminal == terminal) & (np.abs(probes.sent_s - middle_s) <= AROUND_S)
            measured_ms = float(np.nanmedian(probes.rtt_ms[near]))
            path = journeys.to_pop(case.network, case.grid, place, tokyo, table.start + timedelta(seconds=middle_s))
            assert path.rtt_ms is not None
            assert abs(measured_ms - path.rtt_ms) <= 1.0, (place.name, slot, measured_ms, path.rtt_ms)


def test_echoes_follow_the_line_within_slots(ran: Ran) -> None:
    table, probes = ran.prepared.table, ran.outcome.probes
    for terminal in range(len(PLACES)):
        mine = probes.terminal == terminal
        error_ms = probes.rtt_ms[mine] - table.rtt_ms(terminal, probes.sent_s[mine])
        assert abs(float(np.nanmedian(error_ms))) <= 1.0


def test_a_download_lives_through_hand_overs_and_their_outages(ran: Ran) -> None:
    table, (curl,) = ran.prepared.table, ran.outcome.commands
    during = SLOT_S * np.flatnonzero(table.hand_over[:, 0])
    assert ((during > curl.from_s) & (during < curl.until_s)).any()
    assert (curl.exit_code, curl.stopped) == (0, False)
    assert hashlib.sha256(ran.fetched.read_bytes()).hexdigest() == ran.served
    assert ran.outcome.stats.dropped("outage") > 0
