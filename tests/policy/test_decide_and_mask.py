"""Decisions with their reasons, one by one and as a mask over parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.places import point
from openleo.places.expressions import Difference, Intersection, Labels, Region, Union, polygon_sha256
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.conditions import AtMost, Selector
from openleo.policy.decide import Outcome
from openleo.policy.decide import decide as decide_request
from openleo.policy.request import Request
from openleo.policy.rules import CLASSES, Rule, union
from openleo.policy.when import Window

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ZONE = shapely.box(0.0, 0.0, 1.0, 1.0)


def rule(id_, effect="permit", *, on=("TON",), region=None, classes=None, emergency=None, book="operator"):
    return Rule(
        id=id_,
        book=book,
        effect=effect,
        territory=Labels(frozenset(on)) if region is None else Region("zone.geojson", polygon_sha256(region), region),
        selector=Selector(classes=None if classes is None else frozenset(classes)),
        emergency=emergency or (None if effect == "permit" else "cut"),
        authority=book,
        reason=f"why {id_}",
    )


def decide(rules, territory, class_, within=()):
    """The decision for a class, at a place within some of the rules' regions."""
    regions = [region for region, inside in zip(rules.regions, within, strict=True) if inside] if within else []
    return decide_request(rules, Request(class_=class_), point.at(territory, regions))


def ids(decision):
    return [because.rule for because in decision.because]


def test_no_rule_no_service():
    decision = decide(union([]), "TON", "fixed")
    assert (decision.outcome, decision.because, decision.permitted) == (Outcome.NOT_PERMITTED, (), False)
    assert decide(union([rule("p", on=["FJI"])]), "TON", "fixed").outcome is Outcome.NOT_PERMITTED


def test_a_permit_permits_with_its_reason():
    decision = decide(union([rule("p")]), "TON", "fixed")
    assert decision.permitted
    (because,) = decision.because
    assert (because.rule, because.authority, because.reason) == ("p", "operator", "why p")


def test_a_forbid_outranks_every_permit_and_is_the_reason():
    decision = decide(union([rule("p1"), rule("f", "forbid"), rule("p2")]), "TON", "fixed")
    assert decision.outcome is Outcome.FORBIDDEN
    assert ids(decision) == ["f"]


def test_every_rule_that_decides_is_named():
    assert ids(decide(union([rule("b"), rule("a")]), "TON", "fixed")) == ["a", "b"]
    assert ids(decide(union([rule("g", "forbid"), rule("f", "forbid"), rule("p")]), "TON", "fixed")) == ["f", "g"]


def test_a_rule_on_classes_speaks_to_them_alone():
    rules = union([rule("p"), rule("f", "forbid", classes=["maritime", "aviation"])])
    assert {name for name in CLASSES if not decide(rules, "TON", name).permitted} == {"maritime", "aviation"}


def test_a_forbid_that_keeps_emergency_leaves_it_alone_and_one_that_cuts_does_not():
    keeps = union([rule("p"), rule("f", "forbid", emergency="keep")])
    assert decide(keeps, "TON", "emergency").permitted
    assert ids(decide(keeps, "TON", "emergency")) == ["p"]
    assert not decide(keeps, "TON", "government").permitted
    cuts = union([rule("p"), rule("f", "forbid", emergency="cut")])
    assert decide(cuts, "TON", "emergency").outcome is Outcome.FORBIDDEN


def test_keeping_emergency_permits_nobody_by_itself():
    alone = union([rule("f", "forbid", emergency="keep")])
    assert decide(alone, "TON", "emergency").outcome is Outcome.NOT_PERMITTED


def test_the_sea_is_not_the_land():
    rules = union([rule("p", on=["TON"])])
    assert not decide(rules, "TON.sea12", "fixed").permitted


def test_a_region_is_asked_for_by_its_place_among_the_regions():
    other = shapely.box(5.0, 5.0, 6.0, 6.0)
    rules = union([rule("west", region=ZONE), rule("p", on=["FJI"]), rule("east", "forbid", region=other)])
    assert len(rules.regions) == 2
    assert ids(decide(rules, "TON", "fixed", [True, False])) == ["west"]
    assert ids(decide(rules, "TON", "fixed", [True, True])) == ["east"]
    assert decide(rules, "FJI", "fixed", [False, False]).permitted
    assert not decide(rules, "TON", "fixed", [False, False]).permitted


def test_reasons_of_two_books_with_one_id_come_in_one_order():
    first, second = rule("r1", book="operator"), rule("r1", book="regulator:TON")
    assert decide(union([first, second]), "TON", "fixed") == decide(union([second, first]), "TON", "fixed")


# --- the hash -----------------------------------------------------------------------------------------------------

BASE = rule("p", classes=["fixed", "maritime"])


@pytest.mark.parametrize(
    "changed",
    [
        rule("q", classes=["fixed", "maritime"]),
        rule("p", "forbid", classes=["fixed", "maritime"]),
        rule("p", classes=["fixed"]),
        rule("p"),
        rule("p", on=["FJI"], classes=["fixed", "maritime"]),
        rule("p", region=ZONE, classes=["fixed", "maritime"]),
        rule("p", book="regulator:TON", classes=["fixed", "maritime"]),
    ],
)
def test_the_hash_changes_with_whatever_changes_a_decision(changed):
    assert union([BASE]).sha256 != union([changed]).sha256


def test_the_hash_knows_no_order_and_no_files():
    a, b = rule("a"), rule("b", region=ZONE)
    assert union([a, b]).sha256 == union([b, a], sources=["elsewhere.toml"]).sha256


def test_one_polygon_has_one_hash_wherever_its_ring_starts():
    turned = shapely.Polygon([(1, 1), (0, 1), (0, 0), (1, 0)])
    assert union([rule("a", region=ZONE)]).sha256 == union([rule("a", region=turned)]).sha256


# --- the mask -----------------------------------------------------------------------------------------------------


def parts(territory, within):
    count = len(territory)
    return Parts(
        cells=np.arange(count, dtype=np.uint64),
        cell=np.arange(count, dtype=np.int32),
        territory=np.array(territory, dtype=object),
        within=np.array(within, dtype=bool).reshape(count, len(within[0]) if within else 0),
        area_km2=np.ones(count),
        people=np.ones(count),
    )


def test_a_mask_has_the_decision_of_every_part_and_class():
    rules = union([rule("p"), rule("f", "forbid", region=ZONE, emergency="keep")])
    made = mask.compute(rules, parts(["TON", "TON", "FJI"], [[0], [1], [1]]), ["fixed", "emergency"])
    assert made.classes == ("fixed", "emergency")
    assert made.permitted.tolist() == [[True, True], [False, True], [False, False]]
    assert made.decisions[made.decision[1, 0]].outcome is Outcome.FORBIDDEN
    assert ids(made.decisions[made.decision[1, 1]]) == ["p"]
    assert made.decisions[made.decision[2, 1]].because == ()


def test_a_rule_set_reads_its_own_columns():
    rules = union([rule("p", region=ZONE)])
    other = union([rule("q", region=shapely.box(5.0, 5.0, 6.0, 6.0))])
    both = parts(["TON", "TON"], [[1, 0], [0, 1]])
    regions = (*other.regions, *rules.regions)
    assert mask.compute(rules, both, ["fixed"], regions[::-1]).permitted[:, 0].tolist() == [True, False]
    assert mask.compute(rules, both, ["fixed"], regions).permitted[:, 0].tolist() == [False, True]


def test_without_rules_nothing_is_withheld():
    made = mask.everything(parts(["TON", "FJI"], [[], []]), ["fixed", "maritime"])
    assert made.permitted.all()
    assert made.permitted.shape == (2, 2)


def test_no_parts_make_an_empty_mask():
    made = mask.compute(union([rule("p")]), parts([], []), ["fixed"])
    assert made.permitted.shape == (0, 1)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_kinds_are_decided_as_one_by_one(seed):
    """Against `decide` for every kind and class: permits, forbids, suspends, groups, speeds, windows, regions."""
    random = np.random.default_rng(seed)
    boxes = [shapely.box(n, 0.0, n + 1.0, 1.0) for n in range(2)]
    zones = [Region(f"zone-{n}", polygon_sha256(box), box) for n, box in enumerate(boxes)]
    labels, classes = ["FJI", "TON", "TUV"], ["fixed", "maritime", "emergency"]

    def some_selector():
        return Selector(
            classes=None if random.random() < 0.5 else frozenset(random.choice(classes, random.integers(1, 3))),
            groups=None if random.random() < 0.8 else frozenset({"aid"}),
            conditions=() if random.random() < 0.8 else (AtMost("speed_kmh", 75.0),),
        )

    def some_territory():
        label = Labels(frozenset(random.choice(labels, random.integers(1, 3))))
        zone = zones[random.integers(2)]
        return [label, zone, Union((label, zone)), Difference(label, zone), Intersection((label, zone))][
            random.integers(5)
        ]

    def some_rule(number):
        effect = str(random.choice(["permit", "permit", "forbid", "suspend"]))
        begins = None if random.random() < 0.7 else NOW + timedelta(days=int(random.integers(-2, 3)))
        return Rule(
            f"r{number}", "operator", effect, some_territory(), some_selector(),
            None if random.random() < 0.8 else some_selector(), Window(begins=begins),
            emergency=None if effect == "permit" else str(random.choice(["keep", "cut"])),
        )  # fmt: skip

    rules = union(some_rule(number) for number in range(random.integers(0, 9)))
    rows = [(label, one, two) for label in labels for one in (0, 1) for two in (0, 1)]
    kinds = mask.kinds_of(parts([row[0] for row in rows], [row[1:] for row in rows]), zones)
    at = None if random.random() < 0.2 else NOW
    made = mask.decide_kinds(rules, kinds, classes, at)
    for kind in range(len(kinds)):
        for column, class_ in enumerate(classes):
            decision = decide_request(rules, Request(at=at, class_=class_), kinds.place(kind))
            may = {Outcome.PERMITTED: mask.YES, Outcome.INDETERMINATE: mask.DEPENDS}.get(decision.outcome, mask.NO)
            assert made.may[kind, column] == may
            assert mask.OUTCOMES[made.outcome[kind, column]] is decision.outcome
