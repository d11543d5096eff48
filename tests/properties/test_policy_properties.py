"""What must hold for any rules: order never matters, a forbid only takes, a permit only gives."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.places import point
from openleo.places.expressions import Labels, Region
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.conditions import Selector
from openleo.policy.decide import Decision, decide
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import CLASSES, EMERGENCY, Rule, RuleSet, union

LABELS = ("TON", "TON.sea12", "FJI", "FJI.sea200", "high-seas")
ZONES = tuple(Region(f"zone {x}", str(x), shapely.box(x, 0.0, x + 1.5, 1.0)) for x in range(3))
BOOKS = ("operator", "regulator:TON", "court")

some_classes = st.none() | st.frozensets(st.sampled_from(CLASSES), min_size=1)


@st.composite
def rules(draw, effect=None, number=0):
    chosen = effect or draw(st.sampled_from(["permit", "forbid"]))
    region = draw(st.none() | st.sampled_from(ZONES))
    return Rule(
        id=f"r{number}",
        book=draw(st.sampled_from(BOOKS)),
        effect=chosen,
        territory=region or Labels(draw(st.frozensets(st.sampled_from(LABELS), min_size=1))),
        selector=Selector(draw(some_classes)),
        emergency=draw(st.sampled_from(["keep", "cut"])) if chosen == "forbid" else None,
        authority=draw(st.sampled_from(["operator", "ministry"])),
        reason="because",
    )


@st.composite
def rule_lists(draw, most=7):
    made = [draw(rules(number=number)) for number in range(draw(st.integers(0, most)))]
    if made and draw(st.booleans()):  # one id may stand in several books
        other = draw(st.sampled_from(BOOKS))
        if other != made[0].book:
            made.append(replace(draw(rules()), id=made[0].id, book=other))
    return made


@st.composite
def places(draw):
    """(label, which of ZONES hold it) of some parts."""
    return draw(st.lists(st.tuples(st.sampled_from(LABELS), st.tuples(*[st.booleans()] * len(ZONES))), min_size=1))


def within(rule_set, held):
    return [held[ZONES.index(region)] for region in rule_set.regions]


def decided(rule_set: RuleSet, label: str, class_: str, held: tuple[bool, ...] = ()) -> Decision:
    regions = [zone for zone, holds in zip(ZONES, held, strict=False) if holds]
    return decide(rule_set, Request(class_=class_), point.at(label, regions))


def decisions(rule_list, where):
    rule_set = union(rule_list)
    return {
        (label, held, class_): decided(rule_set, label, class_, held) for label, held in where for class_ in CLASSES
    }


def parts_at(rule_set, where):
    count = len(where)
    return Parts(
        np.arange(count, dtype=np.uint64),
        np.arange(count, dtype=np.int32),
        np.array([label for label, _ in where], dtype=object),
        np.array([within(rule_set, held) for _, held in where], dtype=bool).reshape(count, -1),
        np.ones(count),
        np.ones(count),
    )


@given(rule_lists(), places(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_rules_never_matters(rule_list, where, random):
    shuffled = random.sample(rule_list, len(rule_list))
    assert union(rule_list).sha256 == union(shuffled).sha256
    assert decisions(rule_list, where) == decisions(shuffled, where)


@given(rule_lists(), rules(effect="forbid", number="new"), places())
@settings(deadline=None)
def test_adding_a_forbid_never_permits_anyone_new(rule_list, forbid, where):
    before, after = decisions(rule_list, where), decisions([*rule_list, forbid], where)
    assert all(before[key].permitted for key in after if after[key].permitted)


@given(rule_lists(), rules(effect="permit", number="new"), places())
@settings(deadline=None)
def test_adding_a_permit_never_takes_service_away(rule_list, permit, where):
    before, after = decisions(rule_list, where), decisions([*rule_list, permit], where)
    assert all(after[key].permitted for key in before if before[key].permitted)


@given(rule_lists(), places())
@settings(deadline=None)
def test_the_mask_is_the_decision_of_every_part(rule_list, where):
    rule_set = union(rule_list)
    made = mask.compute(rule_set, parts_at(rule_set, where), CLASSES)
    one_by_one = decisions(rule_list, where)
    for part, (label, held) in enumerate(where):
        for column, class_ in enumerate(CLASSES):
            decision = one_by_one[label, held, class_]
            assert made.permitted[part, column] == decision.permitted
            assert made.decisions[made.decision[part, column]] == decision


@given(rule_lists(), places())
@settings(deadline=None)
def test_emergency_terminals_know_nothing_of_forbids_that_keep_them(rule_list, where):
    kept = [one for one in rule_list if not (one.effect == "forbid" and one.emergency == "keep")]
    everyone, without = decisions(rule_list, where), decisions(kept, where)
    for key in (key for key in everyone if key[2] == EMERGENCY):
        assert everyone[key] == without[key]


@given(rule_lists(), places())
@settings(deadline=None)
def test_every_decision_has_its_reasons(rule_list, where):
    """None at all only where no rule speaks of the place."""
    for decision in decisions(rule_list, where).values():
        assert bool(decision.because) == (decision.outcome != "NOT_PERMITTED")
        effects = {one.effect for one in rule_list if one.key in {because.key for because in decision.because}}
        assert decision.permitted <= ("permit" in effects)


@given(rule_lists())
@settings(deadline=None)
def test_a_hash_is_of_the_rules_and_says_so(rule_list):
    assert union(rule_list).sha256 == union([replace(one) for one in rule_list]).sha256
    if rule_list:
        assert union(rule_list).sha256 != union(rule_list[1:]).sha256


# --- books as files -----------------------------------------------------------------------------------------------

RULE = """
[[rule]]
id = "{id}"
effect = "{effect}"
territory = {{in = "{territory}"}}
{emergency}
authority = "{book}"
reason = "because"
"""


@st.composite
def libraries(draw):
    """Texts of books, each with rules of its own."""
    texts = []
    for book in draw(st.lists(st.sampled_from([*BOOKS, "union"]), unique=True, min_size=1)):
        text = f'schema = 1\nbook = "{book}"\n'
        for number in range(draw(st.integers(0, 3))):
            effect = draw(st.sampled_from(["permit", "forbid"]))
            emergency = f'emergency = "{draw(st.sampled_from(["keep", "cut"]))}"' if effect == "forbid" else ""
            territory = draw(st.sampled_from(["TON", "FJI", "LUX", "high-seas"]))
            text += RULE.format(id=f"r{number}", effect=effect, territory=territory, emergency=emergency, book=book)
        texts.append(text)
    return texts


@given(libraries(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_order_of_books_never_matters(texts, random):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.toml" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        one, other = read_rules(paths), read_rules(random.sample(paths, len(paths)))
    assert one.sha256 == other.sha256
    for label in ("TON", "TON.sea12", "LUX", "high-seas"):
        for class_ in CLASSES:
            assert decided(one, label, class_) == decided(other, label, class_)
