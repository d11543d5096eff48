"""What holds of every decision, whatever the rules and the request (DESIGN §5).

The first comparison is with an evaluator written here from the words of the contract, in two values, on requests that
state everything at one exact place. What is unknown is then judged by it alone: a decision on a request that leaves
inputs out has to agree with all that the same request could turn out to be.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from openleo.instants import civil_instant
from openleo.places.expressions import Difference, Expression, Intersection, Labels, Region, Union
from openleo.places.point import Atom, Where, at
from openleo.policy.conditions import AtMost, MoreThan, OneOf, Selector
from openleo.policy.decide import Decision, Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import Rule, RuleSet, union
from openleo.policy.when import Period, Window

LABELS = ("TON", "FJI", "high-seas")
ZONES = (  # both reach Fiji and Tonga, and neither holds the other: a place may lie in any of them
    Region("a", "a", shapely.box(-176, -21.2, 178.2, -17)),
    Region("b", "b", shapely.box(-175.5, -22, 178.5, -17.5)),
)
ATOMS = [Atom(label, frozenset(zones)) for label in LABELS for zones in ((), ZONES[:1], ZONES[1:], ZONES)]
CLASSES = ("fixed", "maritime", "emergency")
GROUPS = ("clinic", "press")
NOON = civil_instant("2026-11-20T12:00:00Z")
HOUR = timedelta(hours=1)

# Everything an input can be here; two values on each side of every bound, and the bound itself.
DOMAIN: dict[str, tuple[object, ...]] = {
    "class_": CLASSES,
    "groups": (frozenset(), frozenset({"clinic"}), frozenset({"clinic", "press"})),
    "speed_kmh": (0.0, 75.0, 75.1),
    "age_s": (10.0, 300.0, 301.0),
    "home_territory": ("TON", "FJI"),
    "at": (NOON - HOUR, NOON, NOON + HOUR),
}

expressions: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(st.frozensets(st.sampled_from(LABELS), max_size=3).map(Labels), st.sampled_from(ZONES)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(Union),
        st.tuples(inner, inner).map(Intersection),
        st.builds(Difference, inner, inner),
    ),
    max_leaves=4,
)
conditions = st.lists(
    st.sampled_from(
        [AtMost("speed_kmh", 75.0), MoreThan("speed_kmh", 75.0), AtMost("location_age_s", 300.0),
         OneOf("home_territory", frozenset({"TON"}))]
    ),
    max_size=2, unique=True,
).map(tuple)  # fmt: skip
selectors = st.builds(
    Selector,
    st.none() | st.frozensets(st.sampled_from(CLASSES), min_size=1),
    st.none() | st.frozensets(st.sampled_from(GROUPS), min_size=1),
    conditions,
)
windows = st.sampled_from(
    [
        Window(),
        Window(),
        Window(begins=NOON),
        Window(ends=NOON),
        Window(NOON - HOUR, NOON + HOUR),
        Window(weekly=(Period(frozenset({4}), 12 * 3600, 13 * 3600, "UTC"),)),
    ]
)


@st.composite
def rules(draw: st.DrawFn, effects: tuple[str, ...] = ("permit", "permit", "forbid", "suspend")) -> Rule:
    effect = draw(st.sampled_from(effects))
    unless = draw(st.none() | selectors)
    return Rule(
        id=f"r{draw(st.integers(0, 10**9))}",
        book="operator",
        effect=effect,  # type: ignore[arg-type]
        territory=draw(expressions),
        selector=draw(selectors),
        unless=None if unless == Selector() else unless,
        window=draw(windows),
        emergency=None if effect == "permit" else draw(st.sampled_from(["keep", "cut"])),  # type: ignore[arg-type]
        authority="operator",
        reason="a test",
    )


rule_lists = st.lists(rules(), max_size=5, unique_by=lambda rule: rule.id)
full_requests = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in DOMAIN.items()}).map(
    lambda inputs: Request(**inputs)  # type: ignore[arg-type]
)
requests = st.tuples(full_requests, st.frozensets(st.sampled_from(sorted(DOMAIN)), max_size=3)).map(
    lambda pair: replace(pair[0], **dict.fromkeys(pair[1]))  # type: ignore[arg-type]
)
wheres = st.frozensets(st.sampled_from(ATOMS), min_size=1, max_size=3).map(
    lambda atoms: Where(tuple(sorted(atoms, key=lambda atom: (atom.label, len(atom.regions), str(atom)))))
)


# --- the evaluator of two values ----------------------------------------------------------------------------------


def holds_in(expression: Expression, atom: Atom) -> bool:
    match expression:
        case Labels(ids):
            return atom.label in ids
        case Region():
            return expression in atom.regions
        case Union(parts):
            return any(holds_in(part, atom) for part in parts)
        case Intersection(parts):
            return all(holds_in(part, atom) for part in parts)
        case Difference(base, without):
            return holds_in(base, atom) and not holds_in(without, atom)


def selects(selector: Selector, request: Request) -> bool:
    said = selector.canonical()
    stated = {
        "speed_kmh": request.speed_kmh,
        "location_age_s": request.age_s,
        "home_territory": request.home_territory,
    }
    for key, value in said.items():
        if key == "classes":
            good = request.class_ in value
        elif key == "groups":
            assert request.groups is not None
            good = any(group in request.groups for group in value)
        elif key.endswith("_max"):
            good = stated[key.removesuffix("_max")] <= value  # type: ignore[operator]
        elif key.endswith("_min"):
            good = stated[key.removesuffix("_min")] > value  # type: ignore[operator]
        else:
            good = stated[key] in value
        if not good:
            return False
    return True


def in_force(window: Window, at: datetime | None) -> bool:
    assert at is not None
    weekly = not window.weekly or (at.weekday() == 4 and at.hour == 12)  # the one period above
    return weekly and (window.begins is None or window.begins <= at) and (window.ends is None or at < window.ends)


def plainly(rule_list: list[Rule], request: Request, atom: Atom) -> Outcome:
    """The contract in two values: a forbid, a suspend, a permit, or nothing."""
    effects = {
        rule.effect
        for rule in rule_list
        if holds_in(rule.territory, atom)
        and selects(rule.selector, request)
        and in_force(rule.window, request.at)
        and not (rule.unless is not None and selects(rule.unless, request))
        and not (rule.emergency == "keep" and request.class_ == "emergency")
    }
    for effect, outcome in (
        ("forbid", Outcome.FORBIDDEN),
        ("suspend", Outcome.SUSPENDED),
        ("permit", Outcome.PERMITTED),
    ):
        if effect in effects:
            return outcome
    return Outcome.NOT_PERMITTED


def all_it_could_be(rule_list: list[Rule], request: Request, where: Where | None) -> set[Outcome]:
    """The outcomes of everything that an incomplete request could turn out to be."""
    unknown = [key for key in DOMAIN if getattr(request, key) is None]
    return {
        plainly(rule_list, replace(request, **dict(zip(unknown, values, strict=True))), atom)  # type: ignore[arg-type]
        for values in product(*(DOMAIN[key] for key in unknown))
        for atom in (ATOMS if where is None else where.atoms)
    }


# --- the properties -----------------------------------------------------------------------------------------------


@given(rule_lists, full_requests, st.sampled_from(ATOMS))
@settings(max_examples=100, deadline=None)
def test_a_request_that_states_everything_against_the_contract_in_two_values(
    rule_list: list[Rule], request: Request, atom: Atom
) -> None:
    decision = decide(union(rule_list), request, Where((atom,)))
    assert decision.outcome is plainly(rule_list, request, atom)
    assert decision.missing == ()


@given(rule_lists, requests, st.none() | wheres)
@settings(max_examples=100, deadline=None)
def test_unknown_inputs_never_open_a_door(rule_list: list[Rule], request: Request, where: Where | None) -> None:
    """And never close one for a reason that does not hold: every certain outcome is what all it could be come to."""
    decision = decide(union(rule_list), request, where)
    possible = all_it_could_be(rule_list, request, where)
    if decision.outcome is Outcome.INDETERMINATE:
        assert decision.missing
        assert decision.because
    elif decision.outcome in (Outcome.SUSPENDED, Outcome.NOT_PERMITTED):
        # SUSPENDED stands when a forbid might match too, NOT_PERMITTED when anything else might: none of it serves.
        assert Outcome.PERMITTED not in possible
    else:
        assert possible == {decision.outcome}


@given(rule_lists, requests, st.none() | wheres, st.sampled_from(sorted(DOMAIN)))
@settings(max_examples=100, deadline=None)
def test_forgetting_an_input_never_permits(
    rule_list: list[Rule], request: Request, where: Where | None, forgotten: str
) -> None:
    known = decide(union(rule_list), request, where)
    less = decide(union(rule_list), replace(request, **{forgotten: None}), where)  # type: ignore[arg-type]
    assert known.permitted or not less.permitted
    if less.outcome != known.outcome:
        assert less.outcome is not Outcome.FORBIDDEN  # nor is anybody accused for want of an input


@given(rule_lists, requests, wheres, st.none() | wheres)
@settings(max_examples=100, deadline=None)
def test_knowing_less_of_the_place_never_permits(
    rule_list: list[Rule], request: Request, where: Where, more: Where | None
) -> None:
    """A wider circle touches all that it touched, and more; without a position it could be anywhere."""
    wider = None if more is None else Where(tuple(dict.fromkeys([*where.atoms, *more.atoms])))
    known, less = decide(union(rule_list), request, where), decide(union(rule_list), request, wider)
    assert known.permitted or not less.permitted


@given(rule_lists, requests, st.none() | wheres)
@settings(max_examples=80, deadline=None)
def test_what_is_missing_is_what_would_have_to_be_known(
    rule_list: list[Rule], request: Request, where: Where | None
) -> None:
    decision = decide(union(rule_list), request, where)
    names = {"class": "class_", "position.age_s": "age_s", "position": None}
    for name in decision.missing:
        attribute = names.get(name, name)
        if attribute is None:
            assert where is None or len(where.atoms) > 1
        else:
            assert getattr(request, attribute) is None
    unknown = [key for key in DOMAIN if getattr(request, key) is None]
    known = replace(request, **{key: DOMAIN[key][0] for key in unknown})  # type: ignore[arg-type]
    assert decide(union(rule_list), known, at("TON")).outcome is not Outcome.INDETERMINATE


@given(rule_lists, requests, st.none() | wheres, st.randoms())
@settings(max_examples=80, deadline=None)
def test_the_order_of_rules_never_matters(rule_list: list[Rule], request: Request, where: Where | None, random) -> None:  # type: ignore[no-untyped-def]
    turned = list(rule_list)
    random.shuffle(turned)
    assert decide(union(rule_list), request, where) == decide(union(turned), request, where)
    assert union(rule_list).sha256 == union(turned).sha256


@given(rule_lists, rules(effects=("forbid", "suspend")), requests, st.none() | wheres)
@settings(max_examples=100, deadline=None)
def test_adding_a_forbid_or_suspend_never_permits_anyone_new(
    rule_list: list[Rule], added: Rule, request: Request, where: Where | None
) -> None:
    before = decide(union(rule_list), request, where)
    after = decide(union([*rule_list, added]), request, where)
    assert before.permitted or not after.permitted


@given(rule_lists, rules(effects=("permit",)), requests, st.none() | wheres)
@settings(max_examples=80, deadline=None)
def test_taking_a_permit_away_never_permits_anyone_new(
    rule_list: list[Rule], permit: Rule, request: Request, where: Where | None
) -> None:
    assert (
        decide(union([*rule_list, permit]), request, where).permitted
        or not decide(union(rule_list), request, where).permitted
    )


@given(rule_lists, requests, wheres)
@settings(max_examples=80, deadline=None)
def test_nothing_changes_until_valid_until(rule_list: list[Rule], request: Request, where: Where) -> None:
    """Time goes on, the position grows older with it, and all else stays as it is."""
    assume(request.at is not None)
    rule_set = union(rule_list)
    decision = decide(rule_set, request, where)
    end = decision.valid_until
    assert request.at is not None
    span = timedelta(days=30) if end is None else end - request.at
    for share in (0.25, 0.75, 0.999):
        assert same_answer(decision, decide(rule_set, later(request, share * span), where))


@given(rule_lists, requests, wheres)
@settings(max_examples=80, deadline=None)
def test_no_window_lets_through_before_the_retry(rule_list: list[Rule], request: Request, where: Where) -> None:
    assume(request.at is not None)
    rule_set = union(rule_list)
    decision = decide(rule_set, request, where)
    assert (decision.refusal is None) == decision.permitted
    assert request.at is not None
    if decision.refusal is None or decision.outcome is Outcome.INDETERMINATE:
        return
    retry = decision.refusal.retry_not_before
    span = timedelta(days=15) if retry is None else retry - request.at
    for share in (0.1, 0.5, 0.999):
        again = replace(request, at=request.at + share * span)
        assert not decide(rule_set, again, where).permitted


def later(request: Request, by: timedelta) -> Request:
    assert request.at is not None
    age_s = None if request.age_s is None else request.age_s + by.total_seconds()
    return replace(request, at=request.at + by, age_s=age_s)


def same_answer(one: Decision, other: Decision) -> bool:
    return (one.outcome, one.because, one.missing) == (other.outcome, other.because, other.missing)


# --- each case of DESIGN §5 by hand -------------------------------------------------------------------------------

EVERYWHERE = Labels(frozenset(LABELS))
FIXED = Request(at=NOON, class_="fixed", groups=frozenset(), speed_kmh=10.0, age_s=5.0, home_territory="TON")


def rule(id_: str, effect: str = "permit", territory: Expression = EVERYWHERE, **rest: object) -> Rule:
    emergency = None if effect == "permit" else "cut"
    base = Rule(id_, "operator", effect, territory, emergency=emergency, authority="operator", reason=f"why {id_}")  # type: ignore[arg-type]
    return replace(base, **rest)  # type: ignore[arg-type]


def rule_set(*members: Rule) -> RuleSet:
    return union(members)


SLOW = Selector(conditions=(AtMost("speed_kmh", 75.0),))
FAST = Selector(conditions=(MoreThan("speed_kmh", 75.0),))
AGELESS = replace(FIXED, age_s=None)  # no position of known age, which would limit how long a decision holds
NO_SPEED = replace(FIXED, speed_kmh=None)


@pytest.mark.parametrize(
    ("members", "request_", "outcome", "because", "missing"),
    [
        ([], FIXED, "NOT_PERMITTED", [], ()),
        ([rule("p"), rule("s", "suspend"), rule("f", "forbid")], FIXED, "FORBIDDEN", ["f"], ()),
        ([rule("p"), rule("s", "suspend")], FIXED, "SUSPENDED", ["s"], ()),
        ([rule("s", "suspend"), rule("f", "forbid", selector=FAST)], NO_SPEED, "SUSPENDED", ["s"], ()),
        ([rule("f", "forbid", selector=FAST)], NO_SPEED, "NOT_PERMITTED", [], ()),
        ([rule("p"), rule("f", "forbid", selector=FAST)], NO_SPEED, "INDETERMINATE", ["f"], ("speed_kmh",)),
        ([rule("p", selector=SLOW)], NO_SPEED, "INDETERMINATE", ["p"], ("speed_kmh",)),
        ([rule("p"), rule("q", selector=SLOW)], NO_SPEED, "PERMITTED", ["p"], ()),
        ([rule("p", selector=SLOW)], replace(FIXED, speed_kmh=75.0), "PERMITTED", ["p"], ()),
        ([rule("p", selector=SLOW), rule("f", "forbid", selector=FAST)], replace(FIXED, speed_kmh=75.0), "PERMITTED",
         ["p"], ()),
        ([rule("p", selector=SLOW), rule("f", "forbid", selector=FAST)], replace(FIXED, speed_kmh=75.001), "FORBIDDEN",
         ["f"], ()),
        ([rule("p", unless=FAST)], NO_SPEED, "INDETERMINATE", ["p"], ("speed_kmh",)),
        ([rule("p"), rule("f", "forbid", unless=Selector(groups=frozenset({"clinic"})))], replace(FIXED, groups=None),
         "INDETERMINATE", ["f"], ("groups",)),
        ([rule("p"), rule("f", "forbid", emergency="keep")], replace(FIXED, class_=None), "INDETERMINATE", ["f"],
         ("class",)),
        ([rule("p"), rule("f", "forbid", emergency="keep")], replace(FIXED, class_="emergency"), "PERMITTED", ["p"],
         ()),
        ([rule("p", window=Window(ends=NOON))], FIXED, "NOT_PERMITTED", [], ()),
        ([rule("p", window=Window(begins=NOON))], FIXED, "PERMITTED", ["p"], ()),
        ([rule("p", window=Window(begins=NOON))], replace(FIXED, at=None), "INDETERMINATE", ["p"], ("at",)),
        ([rule("p", applies_to="gateway")], FIXED, "NOT_PERMITTED", [], ()),
        ([rule("p"), rule("f", "forbid", applies_to="beam")], FIXED, "PERMITTED", ["p"], ()),
    ],
)  # fmt: skip
def test_the_first_that_applies(
    members: list[Rule], request_: Request, outcome: str, because: list[str], missing: tuple[str, ...]
) -> None:
    decision = decide(rule_set(*members), request_, at("TON"))
    assert decision.outcome == outcome
    assert [one.rule for one in decision.because] == because
    assert decision.missing == missing


TONGA, FIJI = (Labels(frozenset({id_})) for id_ in ("TON", "FJI"))
IN_TONGA, BORDER = at("TON"), Where((Atom("FJI"), Atom("TON")))


def test_the_union_of_permits_has_to_hold_the_circle() -> None:
    both = rule_set(rule("t", territory=TONGA), rule("f", territory=FIJI))
    assert decide(both, FIXED, BORDER).permitted
    one = decide(rule_set(rule("t", territory=TONGA)), FIXED, BORDER)
    assert (one.outcome, one.missing) == (Outcome.INDETERMINATE, ("position",))
    assert decide(rule_set(rule("t", territory=TONGA)), FIXED, at("FJI")).outcome is Outcome.NOT_PERMITTED


def test_a_forbid_that_the_circle_touches_in_part_might_match() -> None:
    rules_ = rule_set(rule("p"), rule("f", "forbid", FIJI))
    decision = decide(rules_, FIXED, BORDER)
    assert (decision.outcome, decision.missing) == (Outcome.INDETERMINATE, ("position",))
    assert [one.rule for one in decision.because] == ["f"]
    assert decide(rules_, FIXED, at("TON")).permitted


def test_a_missing_position_makes_every_territory_unknown() -> None:
    permit = rule_set(rule("p"))
    nowhere = decide(permit, FIXED, None)
    assert (nowhere.outcome, nowhere.missing) == (Outcome.INDETERMINATE, ("position",))
    somewhere = decide(permit, replace(FIXED, latitude_deg=-21.1, longitude_deg=-175.2), None)
    assert somewhere.missing == ("position.uncertainty_m",)
    assert nowhere.refusal is not None
    assert nowhere.refusal.territory is None


def test_only_missing_inputs_that_matter_are_asked_for() -> None:
    """The permit that might hold speaks of a place that another permit already covers."""
    rules_ = rule_set(rule("t", territory=TONGA), rule("slow", territory=TONGA, selector=SLOW))
    assert decide(rules_, NO_SPEED, BORDER).missing == ("position",)


def test_a_refusal_has_the_shape_of_cause_78() -> None:
    until = civil_instant("2026-12-01T00:00:00Z")
    decision = decide(rule_set(rule("p"), rule("s", "suspend", window=Window(ends=until))), AGELESS, at("TON"))
    assert decision.as_json() == {
        "decision": "SUSPENDED",
        "because": [{"rule": "s", "authority": "operator", "reason": "why s"}],
        "missing": [],
        "valid_until": "2026-12-01T00:00:00Z",
        "refusal": {"cause": 78, "territory": "TON", "retry_not_before": "2026-12-01T00:00:00Z", "radius_km": None},
    }


def test_a_permit_lasts_no_longer_than_its_position_is_young_enough() -> None:
    young = rule("p", selector=Selector(conditions=(AtMost("location_age_s", 300.0),)))
    assert decide(rule_set(young), FIXED, at("TON")).valid_until == NOON + timedelta(seconds=295)
    assert decide(rule_set(young), replace(FIXED, age_s=301.0), at("TON")).outcome is Outcome.NOT_PERMITTED
    assert decide(rule_set(young), replace(FIXED, age_s=None), at("TON")).missing == ("position.age_s",)


def test_a_permit_lasts_no_longer_than_the_days_abroad_that_it_allows() -> None:
    guests = rule("p", selector=Selector(conditions=(AtMost("days_abroad", 60.0),)))
    nearly = replace(AGELESS, days_abroad=59.5)
    assert decide(rule_set(guests), nearly, at("TON")).valid_until == NOON + timedelta(hours=12)
    assert decide(rule_set(guests), replace(AGELESS, days_abroad=60.1), at("TON")).valid_until is None


def test_traffic_leaves_where_the_permits_that_hold_let_it() -> None:
    def landing(*permits: Rule, where: Where = IN_TONGA) -> tuple[str, tuple[str, ...] | None]:
        decision = decide(rule_set(*permits), FIXED, where)
        return str(decision.outcome), decision.land_in

    in_fiji = replace(rule("f"), land_in=frozenset({"FJI"}))
    in_tonga = replace(rule("t"), land_in=frozenset({"TON", "FJI"}))
    assert landing(in_fiji) == ("PERMITTED", ("FJI",))
    assert landing(in_fiji, in_tonga) == ("PERMITTED", ("FJI", "TON"))  # either permit will do
    assert landing(in_fiji, rule("anywhere")) == ("PERMITTED", None)
    both = replace(in_tonga, territory=TONGA), replace(in_fiji, territory=Labels(frozenset({"FJI"})))
    assert landing(*both, where=BORDER) == ("PERMITTED", ("FJI",))  # wherever it is
    apart = replace(both[0], land_in=frozenset({"TON"})), both[1]
    assert landing(*apart, where=BORDER) == ("INDETERMINATE", None)


def test_a_book_has_a_hash_of_its_own() -> None:
    ours, theirs = rule("r"), replace(rule("r"), book="regulator:TON")
    both = rule_set(ours, theirs)
    assert both.books["operator"] == rule_set(ours).books["operator"]
    assert set(both.books) == {"operator", "regulator:TON"}
    edited = rule_set(ours, replace(theirs, reason="another"))
    assert edited.books["operator"] == both.books["operator"]
    assert edited.books["regulator:TON"] != both.books["regulator:TON"]
    assert edited.sha256 != both.sha256


def test_what_cannot_speak_of_a_request_does_not_limit_its_decision() -> None:
    sea = rule("sea", selector=Selector(classes=frozenset({"maritime"})), window=Window(ends=NOON + HOUR))
    assert decide(rule_set(rule("p"), sea), AGELESS, at("TON")).valid_until is None
    assert decide(rule_set(rule("p"), sea), replace(FIXED, class_="maritime"), at("TON")).valid_until == NOON + HOUR
