"""`openleo emulate`: what is wrong is said before anything starts; one real run, where the machine can."""

from __future__ import annotations

import csv
import inspect
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from command_line import Run
from openleo.cli import emulate_run
from openleo.emulator import namespaces
from openleo.emulator.experiment import CLASS

EXAMPLES = Path(__file__).parents[2] / "examples"
TAIWAN = EXAMPLES / "taiwan.toml"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can emulate: what is asked is refused for what it is, before the kernel is asked for anything."""
    monkeypatch.setattr(namespaces, "available", lambda: namespaces.Finding(True, "root", "as if"))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing may start")

    monkeypatch.setattr(namespaces, "endpoints", never)


def refused(run: Run, *words: object) -> str:
    done = run("emulate", *words)
    assert done.code == 2
    return str(done.err)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--between", "Manila", "pop:Tokio", "--", "true"), '--between: there is no PoP "Tokio". Did you mean Tokyo?'),
        (("--between", "Manilla", "Osaka", "--", "true"), '--between: there is no place "Manilla". Did you mean '),
        (("--between", "Osaka", "osaka", "--", "true"), '--between: joins "Osaka" to itself. Name two places.'),
        (("--between", "Manila", "Tokyo", "--", "pingg"), 'COMMAND: there is no command "pingg" on this machine.'),
        (("--between", "Manila", "Tokyo", "--for", "25h", "--", "true"), "--for: asks for 90000 s, and 86400 s"),
        (("--between", "Manila", "Tokyo", "--from", "2027-01-01T00:00:00Z", "--", "true"), "--from: 2027-01-01"),
        (("--between", "Manila", "Tokyo", "--serve", "Tokio:true", "--", "true"), '--serve: there is no PoP "Tokio"'),
        (("--between", "Taipei", "Tokyo", "--for", "30s", "--", "true"), "not_permitted in 2, as no rule permits it."),
        (("--between", "Manila", "Tokyo", "--rules", "no.toml", "--", "true"), "no.toml: there is no such file."),
        (("--between", "Manila", "Tokyo", "--class", "fixd", "--for", "15s", "--", "true"), 'there is no class "fixd"'),
        (("--between", "Manila", "Tokyo", "--outage-loss", "0.5", "--", "true"), "--outage-loss: is 0.5, of no"),
        (("--between", "Manila", "Tokyo", "--rate-up", "0", "--", "true"), "--rate-up: is 0; it must be more than 0."),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_with_a_way_out(run: Run, words: tuple[str, ...], said: str) -> None:
    assert said in refused(run, TAIWAN, *words)


@pytest.mark.usefixtures("machine")
def test_all_that_is_wrong_with_options_is_told_at_once(run: Run) -> None:
    words = ("--between", "Manila", "Tokyo", "--via", "isl", "--nat", "--vnet", "--serve", "x", "--from", "then")
    told = refused(run, TAIWAN, *words)
    assert '--serve: "x" is not POP:CMD.' in told
    assert "--from: 'then' is not an instant." in told
    assert "--vnet: and --nat do not go together" in told
    assert "Write --between Manila terminal:Tokyo." in told


@pytest.mark.usefixtures("machine")
def test_an_experiments_faults_are_told_with_their_places(run: Run, tmp_path: Path) -> None:
    text = (EXAMPLES / "emulate-taiwan.toml").read_text()
    text = text.replace('scenario = "taiwan.toml"', f'scenario = "{TAIWAN}"').replace('"rules/', f'"{EXAMPLES}/rules/')
    text = text.replace('"Manila"', '"Manilla"').replace('pop = "Tokyo"', 'pop = "Tokio"')
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("iperf3 -s", "no-such-server"))
    told = refused(run, "experiment", file)
    assert f'{file}: terminal[1].place: there is no place "Manilla". Did you mean ' in told
    assert f'{file}: serve[0].pop: there is no PoP "Tokio" in this scenario. Did you mean Tokyo?' in told
    assert f'{file}: serve[0].command: there is no command "no-such-server" on this machine.' in told


def test_a_machine_without_tun_is_told_with_a_way_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = namespaces.Finding(False, "", "There is no /dev/net/tun.", "Try: modprobe tun")
    monkeypatch.setattr(namespaces, "available", lambda: found)
    told = refused(run, TAIWAN, "--between", "Manila", "Tokyo", "--", "true")
    assert "There is no /dev/net/tun. Try: modprobe tun" in told


def test_the_doctor_tells_of_it_and_does_not_mind(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = namespaces.Finding(False, "", "There is no /dev/net/tun.", "Try: modprobe tun")
    monkeypatch.setattr(namespaces, "available", lambda: found)
    done = run("doctor")
    assert done.code == 0
    assert (
        "ok   emulator           not here, and only `openleo emulate` needs it: There is no /dev/net/tun." in done.out
    )


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("t.csv", "--", "pingg"), 'COMMAND: there is no command "pingg" on this machine.'),
        (("t.csv", "--step", "0s", "--", "true"), "--step: is 0s; it must be more than nothing."),
        (("t.csv", "--step", "1ms", "--", "true"), "--step: is 1ms; the engine is told of each step beforehand"),
        (("t.csv", "--up", "t.csv", "--", "true"), "--up: is for Mahimahi's traces"),
        (("no.csv", "--", "true"), "no.csv"),
        (("mahimahi", "--", "true"), 'line 1: holds "no"'),
    ],
)
def test_a_trace_that_cannot_be_replayed_is_refused(run: Run, words: tuple[str, ...], said: str) -> None:
    Path("t.csv").write_text("t_s,rtt_ms\n0,30\n1,31\n")
    Path("mahimahi").write_text("no\n")
    assert said in refused(run, "replay", *words)


def test_a_shell_needs_something_to_enter(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert "no emulation of yours is running" in refused(run, "shell", "Taipei")


def test_the_first_word_may_be_a_scenario_or_a_verb(run: Run) -> None:
    assert "openleo emulate SCENARIO" in run("emulate", "--help").out
    assert "--between" in run("emulate", "run", "--help").out
    assert "Missing option '--between'" in run("emulate", TAIWAN).err


def test_a_terminal_is_of_the_same_class_by_the_command_line_and_by_a_file() -> None:
    assert inspect.signature(emulate_run.run).parameters["class_"].default == CLASS


def emulated(*words: object) -> subprocess.CompletedProcess[str]:
    """`openleo emulate WORDS…` as a process of its own, whose output a command can have."""
    found = namespaces.available()
    if not found.ok:
        pytest.skip(f"no emulation on this machine: {found}")
    argv = [sys.executable, "-m", "openleo", "emulate", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)


@pytest.mark.slow
def test_a_ping_goes_through_the_planned_network(tmp_path: Path) -> None:
    """The first line of the issue, with its exit code, its names and its files."""
    if shutil.which("ping") is None:
        pytest.skip("no ping on this machine (Debian: iputils-ping)")
    out = tmp_path / "out"
    done = emulated(TAIWAN, "--between", "Manila", "Tokyo", "--for", "20s", "--out", out, "--json", "--parquet", "--",
                    "ping", "-4", "-c", "5", "-i", "0.2", "Tokyo")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "5 received" in done.stderr  # with --json what the command prints goes there
    found_json = json.loads(done.stdout)
    assert found_json == json.loads((out / "summary.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == [
        "emulation.png",
        "seconds.csv",
        "seconds.parquet",
        "summary.json",
    ]
    (one,) = found_json["terminals"]
    assert (one["terminal"], one["anchor"], one["served"]) == ("Manila", "Tokyo", 1.0)
    assert one["rtt"]["echoes"] >= 5
    assert (
        abs(one["rtt"]["error_ms_p50"]) < 5.0
    )  # a machine that does other things as well; the engine's tests hold 1 ms
    assert found_json["commands"][0]["exit_code"] == 0
    rows = list(csv.DictReader((out / "seconds.csv").read_text(encoding="utf-8").splitlines()))
    table = pq.read_table(out / "seconds.parquet")
    assert table.column_names == list(rows[0])
    assert (table["served"].to_pylist()[0], rows[0]["served"]) == (True, "true")
    assert len(rows) == table.num_rows


@pytest.mark.slow
def test_the_commands_exit_code_is_ours(tmp_path: Path) -> None:
    words = (TAIWAN, "--between", "Manila", "Tokyo", "--for", "15s", "--out", tmp_path / "out", "--")
    done = emulated(*words, "sh", "-c", "echo told; exit 7")
    assert (done.returncode, done.stdout) == (7, "told\n")


@pytest.mark.slow
def test_a_capture_that_could_not_be_written_is_told_and_fails(tmp_path: Path) -> None:
    words = (TAIWAN, "--between", "Manila", "Tokyo", "--for", "15s", "--out", tmp_path / "out", "--pcap", "/dev/full")
    done = emulated(*words, "--", "true")
    assert done.returncode == 1
    assert "The capture lacks packets: No space left on device." in done.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["capture_failed"] == "No space left on device"
