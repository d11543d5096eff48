"""What is known before a run: places, PoPs, the time there is, and PoPs that nobody is anchored at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from openleo.emulator.experiment import Command, Experiment, RulesAt, Server, Terminal
from openleo.emulator.preparing import MOST_STEPS, joined, pop_named, prepare, town
from openleo.emulator.running import hosts_text
from openleo.errors import InputError
from openleo.scenario import Scenario

EXAMPLES = Path(__file__).parents[2] / "examples"
TAIWAN = EXAMPLES / "taiwan.toml"
ACTIVATED = EXAMPLES / "rules" / "taiwan-activated.toml"
NOT_ACTIVATED = EXAMPLES / "rules" / "taiwan-not-activated.toml"
PLAIN = Experiment("test", TAIWAN, (Terminal("Manila", "Manila", anchor="Tokyo"),), ("Tokyo",), duration_s=30.0)


def place(key: str) -> tuple[str, str]:
    return "test.toml", key


@pytest.fixture(scope="module")
def network():
    return Scenario.load(TAIWAN, own_rules=False).case.network


def test_towns_and_pops_by_what_people_call_them(network) -> None:
    assert (pop_named("tokyo", network), pop_named("sao paulo", network)) == ("Tokyo", "São Paulo")
    assert pop_named("pop:Frankfurt am Main", network) == "Frankfurt am Main"
    assert pop_named("Tokyo, JPN", network) == "Tokyo"  # the town that the PoP stands in
    assert pop_named("Osaka", network) is None
    found = town("25.03,121.56", network)
    assert found is not None
    assert (found.latitude_deg, found.longitude_deg) == (25.03, 121.56)
    assert town("Atlantide", network) is None


def test_between_a_place_and_a_pop_or_two_places(network) -> None:
    terminals, pops, notes = joined(("Manila", "Tokyo"), network, "--between")
    assert (terminals, pops) == ((Terminal("Manila", "Manila", "fixed", "Tokyo"),), ("Tokyo",))
    assert "write terminal:Tokyo for a terminal there" in notes[0]
    terminals, pops, notes = joined(("Manila", "terminal:Tokyo"), network, "--between", "portable")
    assert terminals == (Terminal("Manila", "Manila", "portable"), Terminal("Tokyo", "Tokyo", "portable"))
    assert (pops, notes) == ((), ())


def test_a_run_has_its_table_its_names_and_its_commands() -> None:
    asked = replace(
        PLAIN, servers=(Server("Singapore", ("true",)),), commands=(Command(1.0, "manila", ("true",)),), duration_s=20.0
    )
    found = prepare(asked, place)
    table = found.table
    assert (table.terminals, table.anchors, found.runs_s, table.steps) == (("Manila",), ("Tokyo", "Singapore"), 20.0, 2)
    assert table.served.all()
    fibre_ms = table.backbone_ns[0, 1] / 1e6
    assert 35.0 < fibre_ms < 45.0  # 5,300 km, times 1.5, at two thirds of light
    assert (table.backbone_ns == table.backbone_ns.T).all()
    assert found.host_names == (["manila"], ["tokyo", "singapore"])
    assert [(one.kind, one.host) for one in (*found.commands, *found.servers)] == [
        ("terminal", "manila"), ("pop", "singapore"),
    ]  # fmt: skip


def test_rules_flip_with_the_first_step_that_begins_then_or_later() -> None:
    rules = (RulesAt(20.0, (ACTIVATED,)), RulesAt(45.0, (NOT_ACTIVATED,)))
    taipei = (Terminal("Taipei", "Taipei", anchor="Tokyo"),)
    asked = replace(PLAIN, terminals=taipei, duration_s=75.0, rules=rules)
    found = prepare(asked, place)
    assert found.table.served[:, 0].tolist() == [False, False, True, False, False]
    assert found.table.why[0, 0] == "not_permitted"
    assert "Taipei is served in 1 of 5 slots" in found.notes[0]
    with pytest.raises(InputError, match="is never served"):
        prepare(replace(asked, rules=()), place)


def test_a_run_may_begin_within_a_slot() -> None:
    """It is the run that began with the slot, later: the same round trips at the same instants of the scenario."""
    whole = prepare(replace(PLAIN, duration_s=45.0), place).table
    start = whole.start + timedelta(seconds=7)
    found = prepare(replace(PLAIN, start=start, duration_s=30.0), place)
    table = found.table
    assert (table.begins, table.into_s, table.steps, found.runs_s) == (start, 7.0, 3, 30.0)
    assert table.duration_s == 38.0
    at = np.linspace(0.0, 37.9, 50)
    np.testing.assert_array_equal(table.rtt_ms(0, at), whole.rtt_ms(0, at + 7.0))
    exactly = prepare(replace(PLAIN, start=start, duration_s=8.0), place)
    assert (exactly.table.steps, exactly.runs_s) == (1, 8.0)
    assert prepare(replace(PLAIN, start=start, duration_s=None), place).runs_s == 3593.0


def test_rules_of_a_run_that_begins_within_a_slot_hold_from_its_first_instant() -> None:
    rules = (RulesAt(0.0, (ACTIVATED,)), RulesAt(8.0, (NOT_ACTIVATED,)), RulesAt(9.0, (ACTIVATED,)))
    taipei = (Terminal("Taipei", "Taipei", anchor="Tokyo"),)
    start = prepare(PLAIN, place).table.start + timedelta(seconds=7)
    asked = replace(PLAIN, terminals=taipei, start=start, duration_s=38.0, rules=rules)
    assert prepare(asked, place).table.served[:, 0].tolist() == [True, False, True]  # slots begin after 8 s and 23 s


def test_a_run_without_an_end_has_an_hour() -> None:
    found = prepare(replace(PLAIN, duration_s=None, commands=(Command(0.0, "Manila", ("true",)),)), place)
    assert found.table.steps == MOST_STEPS
    assert found.runs_s == 3600.0


def test_two_terminals_over_satellites_alone_are_a_pair() -> None:
    both = (Terminal("Manila", "Manila"), Terminal("Osaka", "Osaka"))
    table = prepare(replace(PLAIN, terminals=both, pops=(), via="isl"), place).table
    assert table.pairs == ((0, 1),)
    assert (table.direct_ns > 0).all()
    assert len(table.anchors) == 2
    assert np.isinf(table.rate_mbps).all()


def test_all_that_is_wrong_is_told_together_with_its_place() -> None:
    asked = replace(
        PLAIN, terminals=(Terminal("x", "Atlantide", anchor="Tokio"),), pops=("Singapur",), duration_s=1e6,
        commands=(Command(0.0, "x", ("pingg",)),),
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        prepare(asked, place)
    said = str(caught.value)
    assert 'test.toml: terminal[0].place: there is no place "Atlantide".' in said
    assert 'test.toml: terminal[0].anchor: there is no PoP "Tokio" in this scenario. Did you mean Tokyo?' in said
    assert 'test.toml: pops[0]: there is no PoP "Singapur" in this scenario. Did you mean Singapore?' in said
    assert "test.toml: duration: asks for 1e+06 s, and 86400 s are left of the scenario" in said
    assert 'test.toml: command[0].command: there is no command "pingg" on this machine.' in said


def test_a_command_that_would_begin_when_the_run_is_over_is_refused() -> None:
    late = replace(PLAIN, commands=(Command(1.0, "manila", ("true",)), Command(30.0, "manila", ("true",))))
    with pytest.raises(
        InputError, match=r"test\.toml: command\[1\]\.at: is after 30 s, and the run is over after 30 s"
    ):
        prepare(late, place)


def test_behind_a_nat_names_lead_to_the_addresses_that_it_translates() -> None:
    found = prepare(replace(PLAIN, nat=True), place)
    assert "fd6f" not in hosts_text(found)
    assert "fd6f" in hosts_text(prepare(PLAIN, place))


@pytest.mark.parametrize(("within", "said"), [("none/f.pcap", "is not there"), ("", "cannot be written")])
def test_packets_that_cannot_be_kept_are_said_before_the_run(tmp_path: Path, within: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"test\.toml: pcap: .*{said}"):
        prepare(replace(PLAIN, pcap=tmp_path / within), place)
