"""The file of an experiment: what it may say, and every fault of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from openleo.emulator.experiment import Command, Experiment, RulesAt, Server, Terminal, read
from openleo.errors import InputError

WHOLE = """
name = "half-time"
scenario = "taiwan.toml"
start = 2026-11-20T01:00:00Z
duration = "60s"
pops = ["Tokyo"]
outage = "0.08s"
outage_loss = 0.5
pcap = "all.pcap"

[rates]
down_mbps = 100
queue_ms = 50.0

[[terminal]]
place = "Taipei"
anchor = "Tokyo"

[[terminal]]
name = "boat"
place = "24.0, 123.0"
class = "maritime"

[[serve]]
pop = "Tokyo"
command = "iperf3 -s"

[[command]]
at = "5s"
where = "taipei"
command = ["ping", "-c", "10", "Tokyo"]

[[rules]]
file = "rules/activated.toml"

[[rules]]
at = "30s"
file = ["rules/a.toml", "rules/b.toml"]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "experiment.toml"
    file.write_text(text)
    return file


def faults(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(written(folder, text))
    return str(caught.value)


def test_a_file_becomes_the_value_it_says(tmp_path: Path) -> None:
    found = read(written(tmp_path, WHOLE))
    assert isinstance(found, Experiment)
    assert found.scenario == tmp_path / "taiwan.toml"
    assert found.terminals == (
        Terminal("Taipei", "Taipei", "fixed", "Tokyo"),
        Terminal("boat", "24.0, 123.0", "maritime", None),
    )
    assert found.servers == (Server("Tokyo", ("iperf3", "-s")),)
    assert found.commands == (Command(5.0, "taipei", ("ping", "-c", "10", "Tokyo")),)
    both = (tmp_path / "rules/a.toml", tmp_path / "rules/b.toml")
    assert found.rules == (RulesAt(0.0, (tmp_path / "rules/activated.toml",)), RulesAt(30.0, both))
    assert (found.duration_s, found.outage_s, found.queue_s, found.down_mbps) == (60.0, 0.08, 0.05, 100.0)
    assert not found.ends_with_commands
    assert found.outage_loss == 0.5
    assert found.mtu == 1_500


def test_rules_of_the_whole_run_need_no_table(tmp_path: Path) -> None:
    text = 'name = "a"\nscenario = "s.toml"\nrules = "r.toml"\nduration = "30s"\n[[terminal]]\nplace = "Taipei"\n'
    assert read(written(tmp_path, text)).rules == (RulesAt(0.0, (tmp_path / "r.toml",)),)


def test_without_a_duration_it_ends_with_its_commands(tmp_path: Path) -> None:
    text = 'name = "a"\nscenario = "s.toml"\n[[terminal]]\nplace = "Taipei"\n'
    assert "the run would have no end" in faults(tmp_path, text)
    found = read(written(tmp_path, text + '[[command]]\nwhere = "Taipei"\ncommand = "true"\n'))
    assert found.duration_s is None
    assert found.ends_with_commands


def test_all_faults_are_told_at_once_with_near_names(tmp_path: Path) -> None:
    text = (
        WHOLE.replace("duration =", "durations =")
        .replace('where = "taipei"', 'where = "taipeh"')
        .replace('class = "maritime"', 'clas = "maritime"')
        .replace('at = "30s"', 'at = "0s"')
        .replace("down_mbps = 100", "down_mbps = -1")
    )
    said = faults(tmp_path, text)
    assert 'there is no key "durations" here. Did you mean duration?' in said
    assert "Did you mean class?" in said
    assert "rates.down_mbps: is -1" in said
    said = faults(
        tmp_path,
        text.replace("durations =", "duration =")
        .replace("clas =", "class =")
        .replace("down_mbps = -1", "down_mbps = 1"),
    )
    assert 'command[0].where: there is no terminal and no named PoP "taipeh". Did you mean Taipei?' in said
    assert "rules[1].at: is 0 s, not after the 0 s before it." in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "boat"', 'name = "TAIPEI"', 'terminal[1].name: is "TAIPEI", as terminal[0] is called.'),
        ('at = "5s"', 'at = "90s"', "command[0].at: begins at 90 s, and the run ends after 60 s."),
        ('"60s"', '"0s"', "duration: is 0 s; it must be more than nothing."),
        ('"iperf3 -s"', '"iperf3 \\"-s"', "serve[0].command: No closing quotation"),
        ("pops =", "nat = true\nvnet = true\npops =", "vnet: and nat are both true"),
        ('"0.08s"', '"0s"', "outage_loss: is 0.5, of no outage. Say how long"),
        ("outage_loss = 0.5", "outage_loss = 1.5", "outage_loss: is 1.5"),
        ("pops =", 'via = "isls"\npops =', "via: is 'isls'; it must be pop or isl. Did you mean isl?"),
    ],
)
def test_each_fault_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in faults(tmp_path, WHOLE.replace(old, new))


def test_satellites_alone_join_two(tmp_path: Path) -> None:
    text = 'name = "a"\nscenario = "s.toml"\nduration = "1m"\nvia = "isl"\n[[terminal]]\nplace = "Taipei"\n'
    assert "there is one. Add another [[terminal]]." in faults(tmp_path, text)


def test_a_packet_is_as_long_as_ipv6_needs_at_least(tmp_path: Path) -> None:
    assert "mtu: is 1200" in faults(tmp_path, "mtu = 1200\n" + WHOLE)
    assert read(written(tmp_path, "mtu = 1400\n" + WHOLE)).mtu == 1_400
