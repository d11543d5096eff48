"""Rules on gateways: which gateways may be used, and that the rest of the network goes on without them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from openleo.network.ground import gateways as joined
from openleo.network.ground import stations
from openleo.policy.decide import Outcome
from openleo.policy.rule_file import read_rules
from openleo.service import licences
from openleo.service.change import Side
from openleo.service.networks import Networks

AT = datetime(2026, 11, 20, tzinfo=UTC)
HERE = Path()


def rule(effect: str, territory: str, more: str = "") -> str:
    emergency = "" if effect == "permit" else 'emergency = "cut"\n'
    return (
        f'[[rule]]\nid = "{effect}-{territory.lower()}"\neffect = "{effect}"\nterritory = {{ in = "{territory}" }}\n'
        f'applies_to = "gateway"\nreason = "a test"\n{emergency}{more}\n'
    )


@pytest.fixture(scope="module")
def starlink() -> joined.Gateways:
    return joined.join(
        stations.read("starlink-2026", "gateways", HERE, "", "")[0],
        stations.read("starlink-2026", "pops", HERE, "", "")[0],
        1.5,
    )


@pytest.fixture
def withheld(starlink, tmp_path):
    def names(*rules: str) -> set[str]:
        path = tmp_path / "rules.toml"
        path.write_text('schema = 1\nbook = "operator"\n' + "\n".join(rules), encoding="utf-8")
        return {one.name for one in licences.withheld(starlink, read_rules([path]), AT)}

    return names


def of(starlink: joined.Gateways, *territories: str) -> set[str]:
    """By the column of the list, which nobody here derived from the polygons that decide."""
    return {one.name for one in starlink.stations if one.territory in territories}


def test_without_a_rule_on_gateways_all_are_used(starlink, withheld):
    serves_terminals = rule("permit", "BRA").replace('applies_to = "gateway"\n', "")
    assert withheld(serves_terminals) == set()
    assert licences.withheld(starlink, None, AT) == ()


def test_a_forbid_withholds_the_gateways_of_its_territory_alone_against_the_list_s_column(starlink, withheld):
    for id_ in ("BRA", "POL", "CHL"):
        assert withheld(rule("forbid", id_)) == of(starlink, id_) != set()


def test_a_permit_withholds_all_others(starlink, withheld):
    everyone = {one.name for one in starlink.stations}
    assert withheld(rule("permit", "BRA"), rule("permit", "CHL")) == everyone - of(starlink, "BRA", "CHL")


def test_a_forbid_outranks_a_permit(starlink, withheld):
    everyone = {one.name for one in starlink.stations}
    assert withheld(rule("permit", "BRA"), rule("forbid", "BRA")) == everyone


def test_a_permit_that_has_expired_permits_nothing_and_still_asks_for_one(starlink, withheld):
    everyone = {one.name for one in starlink.stations}
    assert withheld(rule("permit", "BRA", "until = 2026-11-01T00:00:00Z")) == everyone


def test_a_suspend_lapses(starlink, withheld):
    assert withheld(rule("suspend", "BRA", "until = 2026-12-01T00:00:00Z")) == of(starlink, "BRA")
    assert withheld(rule("suspend", "BRA", "until = 2026-11-20T00:00:00Z")) == set()


def test_the_decision_is_told(starlink, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('schema = 1\nbook = "operator"\n' + rule("forbid", "POL"), encoding="utf-8")
    (one,) = licences.withheld(starlink, read_rules([path]), AT)
    assert one.decision.outcome is Outcome.FORBIDDEN
    assert [because.rule for because in one.decision.because] == ["forbid-pol"]


def test_a_withheld_gateway_stays_withheld_when_a_pop_fails(starlink, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('schema = 1\nbook = "operator"\n' + rule("forbid", "POL"), encoding="utf-8")
    those = licences.withheld(starlink, read_rules([path]), AT)
    left = licences.without(starlink, those)
    none = np.empty(0, np.int32)
    assert left.pop[those[0].gateway] == -1
    assert np.isinf(left.fibre_km[those[0].gateway])
    again = left.without(none, np.array([starlink.pop[those[0].gateway]], dtype=np.int32))
    assert again.pop[those[0].gateway] == -1
    assert (again.pop >= 0).sum() == len(starlink) - 1
    assert licences.without(starlink, ()) is starlink


@pytest.mark.parametrize(
    ("was", "is_", "because"),
    [
        ([], [("permit", "BRA")], {"permit-bra"}),
        ([], [("permit", "BRA"), ("forbid", "POL")], {"permit-bra", "forbid-pol"}),  # the permit was not named
        ([("permit", "BRA"), ("permit", "CHL")], [("permit", "BRA")], {"permit-chl"}),
        ([("permit", "CHL")], [("permit", "BRA")], {"permit-chl", "permit-bra"}),
        ([("forbid", "POL")], [("forbid", "POL"), ("permit", "BRA")], {"permit-bra"}),
        ([("permit", "BRA")], [("permit", "BRA"), ("forbid", "POL")], set()),  # they were withheld before
        ([("permit", "BRA")], [("permit", "BRA"), ("forbid", "BRA")], {"forbid-bra"}),
        ([("permit", "BRA")], [("permit", "BRA", "until = 2026-11-01T00:00:00Z")], {"permit-bra"}),
        (
            [("permit", "BRA"), ("permit", "CHL")],
            [("permit", "BRA"), ("permit", "CHL", "until = 2026-11-01T00:00:00Z"), ("forbid", "BRA")],
            {"permit-chl", "forbid-bra"},
        ),
    ],
)
def test_each_gateway_has_its_own_reasons(starlink, tmp_path, was, is_, because):
    sets = []
    for number, rules in enumerate((was, is_)):
        path = tmp_path / f"rules-{number}.toml"
        path.write_text('schema = 1\nbook = "operator"\n' + "\n".join(rule(*one) for one in rules), encoding="utf-8")
        sets.append(read_rules([path]))
    networks = Networks(starlink, lambda _: pytest.fail("nothing is computed"))
    sides = [Side(one, AT) for one in sets]
    names = {rule.key: rule.id for one in sets for rule in one.rules}
    assert set(networks.because(*sides, names)) == because
    assert set(networks.because(*sides[::-1], names)) == because
