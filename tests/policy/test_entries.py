"""What rules say to each class at an instant, against the decision's own matching; and what masks call rules."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.places.expressions import Labels
from openleo.policy.conditions import AtMost, MoreThan, OneOf, Selector
from openleo.policy.entries import entries_of
from openleo.policy.request import Request
from openleo.policy.rules import CLASSES, Rule, rule_names, union
from openleo.policy.when import ALWAYS, Period, Window

AT = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
TONGA = Labels(frozenset({"TON"}))


def rule(id_="one", effect="permit", **more):
    return Rule(**{"id": id_, "book": "operator", "effect": effect, "territory": TONGA, **more})


conditions = st.sampled_from(
    [AtMost("speed_kmh", 75.0), MoreThan("speed_kmh", 75.0), AtMost("location_age_s", 60.0),
     OneOf("home_territory", frozenset({"TON"}))]
)  # fmt: skip
selectors = st.builds(
    Selector,
    st.none() | st.frozensets(st.sampled_from(CLASSES), min_size=1),
    st.none() | st.just(frozenset({"press"})),
    st.lists(conditions, max_size=1).map(tuple),
)
windows = st.sampled_from(
    [ALWAYS, Window(AT), Window(AT + DAY), Window(None, AT), Window(AT - DAY, AT + DAY),
     Window(weekly=(Period(frozenset({4}), 0, 43_200, "UTC"),))]
)  # fmt: skip
rules = st.builds(
    lambda effect, selector, unless, window, emergency, applies_to: rule(
        effect=effect, selector=selector, unless=unless, window=window,
        emergency=None if effect == "permit" else emergency, applies_to=applies_to,
    ),
    st.sampled_from(["permit", "forbid", "suspend"]), selectors, st.none() | selectors, windows,
    st.sampled_from(["keep", "cut"]), st.sampled_from(["terminal", "terminal", "beam"]),
)  # fmt: skip


@given(st.lists(rules, max_size=6), st.sampled_from(["terminal", "beam", "gateway"]), st.integers(-40, 200))
def test_entries_say_what_each_rule_says_of_a_request(made, applies_to, hours):
    at = AT + timedelta(hours=hours)
    named = [rule(**{**vars(one), "id": f"r{number}"}) for number, one in enumerate(made)]
    entries = {one.rule: one for one in entries_of(union(named), at, CLASSES, applies_to)}
    for one in named:
        said = {class_: one.matches(Request(at=at, class_=class_), set()) for class_ in CLASSES}
        spoken = {class_: value for class_, value in said.items() if value is not False}
        if one.applies_to != applies_to or not spoken:
            assert one.id not in entries
            continue
        entry = entries[one.id]
        assert (entry.effect, entry.expression) == (one.effect, one.territory)
        assert entry.true == {class_ for class_, value in spoken.items() if value is True}
        assert entry.maybe == {class_ for class_, value in spoken.items() if value is None}


def test_only_the_classes_asked_for_are_spoken_of():
    made = union([rule("a"), rule("b", selector=Selector(frozenset({"maritime"})))])
    (entry,) = entries_of(made, AT, ["fixed"])
    assert (entry.rule, entry.true, entry.maybe) == ("a", {"fixed"}, frozenset())


def test_a_class_of_a_file_s_own_is_a_class_as_any():
    made = union([rule("a", selector=Selector(frozenset({"drone"})))], (*CLASSES, "drone"))
    (entry,) = entries_of(made, AT, made.classes)
    assert entry.true == {"drone"}


def test_entries_do_not_depend_on_the_order_of_rules():
    made = [rule(id_, book=book) for id_ in "cab" for book in ("y", "x")]
    expected = entries_of(union(made), AT, CLASSES)
    for seed in range(5):
        shuffled = random.Random(seed).sample(made, len(made))
        assert entries_of(union(shuffled), AT, CLASSES) == expected
    assert [one.rule for one in expected] == ["x/a", "y/a", "x/b", "y/b", "x/c", "y/c"]


# --- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "names"),
    [
        ([("operator", "a"), ("regulator:TWN", "b")], ["a", "b"]),
        ([("operator", "a"), ("regulator:TWN", "a")], ["operator/a", "regulator:TWN/a"]),
        ([("operator", "a/b")], ["operator/a/b"]),
        ([("x/y", "a"), ("x", "y/a"), ("x%2Fy", "a")], ["x%2Fy/a", "x/y/a", "x%252Fy/a"]),
    ],
)
def test_a_rule_is_called_by_its_id_and_by_its_book_where_that_is_not_enough(known, names):
    assert list(map(rule_names([rule(id_, book=book) for book, id_ in known]).get, known)) == names


words = st.text("ab/%2F", min_size=1, max_size=4)


@given(st.sets(st.tuples(words, words), max_size=12))
def test_no_two_rules_have_one_name(known):
    names = rule_names([rule(id_, book=book) for book, id_ in known])
    assert names.keys() == known
    assert len(set(names.values())) == len(known)
