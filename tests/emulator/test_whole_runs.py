"""The verb as a process of its own: killed in the midst, and beside another run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from devices import needs, needs_devices
from scenes import scenario_text

from openleo.emulator import rendezvous
from openleo.emulator.rendezvous import Running

pytestmark = pytest.mark.slow
GONE_S = 15.0
UP_S = 60.0  # to plan and to start, on a machine that does other things as well
RULE = """schema = 1
book = "operator"

[[rule]]
id = "p-{land}"
effect = "permit"
territory = {{in = "{land}", include = []}}
authority = "a regulator"
reason = "a reason"
"""
FETCHED_BYTES = 1_000_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a scenario of short slots, its rules for two lands, and a file to fetch."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    text = scenario_text('\n[policy]\nrules = "PHL.toml"\n', slot="3s", duration="5min")
    (tmp_path / "s.toml").write_text(text)
    for land in ("PHL", "TWN"):
        (tmp_path / f"{land}.toml").write_text(RULE.format(land=land))
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_bytes(bytes(FETCHED_BYTES))
    return tmp_path


def begun(*words: object) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "openleo", "emulate", *map(str, words)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def up(*processes: subprocess.Popen[str]) -> list[tuple[Running, set[str]]]:
    """The run of each and its namespaces, once packets move in it."""
    found: dict[int, tuple[Running, set[str]]] = {}
    until = time.monotonic() + UP_S
    while time.monotonic() < until and len(found) < len(processes):
        for run in rendezvous.running():
            if run.pid not in found:
                found[run.pid] = run, {str(Path(path).readlink()) for path in run.namespaces.values()}
        if any(one.poll() is not None for one in processes if one.pid not in found):
            break
        time.sleep(0.05)
    if len(found) < len(processes):
        for one in processes:
            one.kill()
        pytest.fail(f"not all began: {[one.communicate()[0] for one in processes]}")
    return [found[one.pid] for one in processes]


# --- kill -9 --------------------------------------------------------------------------------------------------------


def links(pattern: str) -> Iterator[tuple[int, str]]:
    """(process, what a link of its leads to) of everybody that can be seen."""
    for path in Path("/proc").glob(f"[0-9]*/{pattern}"):
        try:
            yield int(path.parts[2]), str(path.readlink())
        except OSError:  # ended meanwhile
            continue


def holders(namespaces: set[str]) -> set[int]:
    """Who is in one of some namespaces, or holds one open: without any, the kernel has let it go with its devices."""
    seen = [*links("task/[0-9]*/ns/net"), *links("fd/[0-9]*")]
    return {pid for pid, target in seen if target in namespaces}


def mounted(namespaces: set[str]) -> bool:
    return any(one in Path("/proc/self/mountinfo").read_text() for one in namespaces)


def descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parts[2]))
    found, new = set(), [pid]
    while new:
        new = [child for one in new for child in children.get(one, [])]
        found |= set(new)
    return found


@needs_devices
def test_kill_9_of_a_run_leaves_no_namespace_no_device_and_no_process(folder: Path) -> None:
    """Server, engine, command and what the command's shell has started: all of it goes with the one that was killed."""
    process = begun(folder / "s.toml", "--between", "Manila", "Tokyo", "--out", folder / "out",
                    "--serve", "Tokyo:sh -c 'sleep 98121 & sleep 98122'", "--", "sh", "-c", "sleep 98123 & sleep 98124",
                    )  # fmt: skip
    ((_, namespaces),) = up(process)
    assert len(namespaces) == 2
    started = {pid: rendezvous.started(pid) for pid in descendants(process.pid)}
    until = time.monotonic() + UP_S
    while len(started) < 3 + 2 * 4 and time.monotonic() < until:  # shells and sleeps, and those who attend to them
        time.sleep(0.1)
        started = {pid: rendezvous.started(pid) for pid in descendants(process.pid)}
    assert holders(namespaces) >= {process.pid}
    said = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in started]
    assert sum(b"sleep\x009812" in one for one in said) == 4
    assert any(b"engine_process" in one for one in said)

    process.send_signal(signal.SIGKILL)
    process.communicate()
    until = time.monotonic() + GONE_S
    while time.monotonic() < until:
        left = {pid for pid, at in started.items() if rendezvous.started(pid) == at}
        if not left and not holders(namespaces):
            break
        time.sleep(0.1)
    assert left == set()
    assert holders(namespaces) == set()
    assert not mounted(namespaces)
    assert "leo0" not in Path("/proc/net/dev").read_text()
    assert list(rendezvous.running()) == []
    with rendezvous.scratch():  # as the next run does
        pass
    assert not list(rendezvous.folder().iterdir())


# --- side by side ---------------------------------------------------------------------------------------------------

EXPERIMENT = """name = "{name}"
scenario = "s.toml"
duration = "12s"

[[terminal]]
place = "{place}"
anchor = "Tokyo"

[[rules]]
file = "{first}.toml"

[[rules]]
at = "6s"
file = "{then}.toml"

[[serve]]
pop = "Tokyo"
command = ["{python}", "-m", "http.server", "--directory", "{served}", "8080"]

[[command]]
at = "1s"
where = "{place}"
command = {command}
"""


@needs_devices
@needs("ping", "curl")
def test_two_runs_side_by_side_do_not_touch_each_other(folder: Path) -> None:
    """The same addresses and the same PoP: one is served, and fetches a file; one is not for two slots."""
    ping = '["ping", "-4", "-n", "-c", "15", "-i", "0.2", "-W", "1", "tokyo"]'
    curl = '["curl", "-sS", "--retry", "9", "--retry-connrefused", "-o", "/dev/null", "http://tokyo:8080/file"]'
    for name, place, first, then, command in (
        ("served", "Manila", "PHL", "PHL", curl), ("denied", "Taipei", "PHL", "TWN", ping),
    ):  # fmt: skip
        text = EXPERIMENT.format(name=name, place=place, first=first, then=then, command=command,
                                 python=sys.executable, served=folder / "served")  # fmt: skip
        (folder / f"{name}.toml").write_text(text)
    both = {name: begun("experiment", folder / f"{name}.toml", "--out", folder / name) for name in ("served", "denied")}
    (one, of_one), (other, of_other) = up(*both.values())
    assert not of_one & of_other
    assert (set(one.namespaces), set(other.namespaces)) == (
        {"manila", "tokyo", "pop-tokyo"},
        {"taipei", "tokyo", "pop-tokyo"},
    )
    said = {name: process.communicate(timeout=90)[0] for name, process in both.items()}
    served, denied = (json.loads((folder / name / "summary.json").read_text()) for name in ("served", "denied"))

    assert served["terminals"][0]["served"] == 1.0, said["served"]
    assert served["commands"][0]["exit_code"] == 0, said["served"]
    assert served["drops"]["not_served"] == 0
    assert served["bytes"] > FETCHED_BYTES

    assert denied["terminals"][0]["served"] == 0.5, said["denied"]
    assert "15 packets transmitted, 0 received" in said["denied"]
    assert denied["drops"]["not_served"] >= 15
    assert denied["terminals"][0]["rtt"]["came_unplanned"] == 0
    assert denied["bytes"] < FETCHED_BYTES / 10  # nothing of the other's is counted here
    assert denied["packets"] > 0  # once it is permitted, its echoes come back
    assert denied["terminals"][0]["steps"][3]["measured_ms_p50"] is not None
