"""Would we notice? Faults put into the evaluators one by one; for each, somebody has to object.

A mutant (see against.mutants) is asked a battery of random rule sets and requests (what is right is Cedar's answer,
found before), and is killed by the first difference. The battery has to pass with nothing changed. Those of the
compiled loops and of terminals in bulk are in test_mutants_of_arrays.py, those of effects in tests/service.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import shapely

from against import cedar_export as cedar
from against import plane_places as plane
from against import random_rules, three_evaluators
from against.cedar_export import Verdict
from against.mutants import Mutant, put_in
from against.three_evaluators import Ground, Tally, grounds
from openleo.places.point import Where
from openleo.policy import answer, decide
from openleo.policy import ground as policy_ground
from openleo.policy.request import read_requests
from openleo.policy.rule_file import read_rules

SEED = 75
SETS, PAIRS_EACH = 15, 40


DECISIONS = [
    Mutant("an exception is dropped", "policy.rules:Rule.exceptions",
           "() if self.unless is None else (self.unless,)", "()"),
    Mutant("an emergency that is kept is not", "policy.rules:Rule.exceptions",
           "(*own, KEEPS_EMERGENCY) if kept", "own if kept"),
    Mutant("an emergency that is cut is kept", "policy.rules:Rule.exceptions",
           'self.emergency == "keep"', "self.emergency is not None"),
    Mutant("an unknown input is taken for false", "policy.conditions:_known", "return None", "return False"),
    Mutant("an unknown input is taken for true", "policy.conditions:_known", "return None", "return True"),
    Mutant("not unknown is true", "policy.conditions:negated", "None if value is None else not value", "not value"),
    Mutant("unknown hides a false beside it", "policy.conditions:all_of", "answer = None", "return None"),
    Mutant("no known class is any class", "policy.conditions:Selector.value",
           "if self.classes is not None", "if self.classes is not None and request.class_ is not None"),
    Mutant("in all of the groups in place of one", "policy.conditions:Selector.value",
           "not self.groups.isdisjoint(groups)", "self.groups <= groups"),
    Mutant("one condition is enough", "policy.conditions:Selector.value",
           "for condition in self.conditions", "for condition in self.conditions[:1]"),
    Mutant("a position's age is not looked at", "policy.conditions:Selector.value",
           "for condition in self.conditions",
           'for condition in (one for one in self.conditions if one.input.attribute != "age_s")'),
    Mutant("a bound is not part of _max", "policy.conditions:AtMost.holds_for", "<=", "<"),
    Mutant("a bound is part of _min", "policy.conditions:MoreThan.holds_for", "value >", "value >="),
    Mutant("until is part of the window", "policy.when:Window.holds", "instant >= self.ends", "instant > self.ends"),
    Mutant("from is not part of the window", "policy.when:Window.holds",
           "instant < self.begins", "instant <= self.begins"),
    Mutant("a suspend never lapses", "policy.when:Window.holds", "instant >= self.ends", "False"),
    Mutant("the week is not looked at", "policy.when:Window.holds", "not self.weekly or", "True or"),
    Mutant("all periods of the week in place of one", "policy.when:Window.holds", "any(", "all("),
    Mutant("the zone of a period is not looked at", "policy.when:Period.holds", "ZoneInfo(self.zone)", "UTC"),
    Mutant("a period ends at midnight", "policy.when:Period.holds", "begun_today or", "begun_today or False and"),
    Mutant("after midnight it is still the day that began", "policy.when:Period.holds", "(today - 1) % 7", "today"),
    Mutant("an unknown instant is in every window", "policy.rules:Rule.in_force", "return None", "return True"),
    Mutant("a permit outranks a forbid", "policy.decide:_outcome",
           "for effect, outcome in",
           """if any(match.rule.effect == "permit" and match.certain for match in matches):
        return Outcome.PERMITTED, [match.rule for match in matches if match.rule.effect == "permit"], frozenset()
    for effect, outcome in"""),
    Mutant("a suspend outranks a forbid", "policy.decide:_outcome",
           '(("forbid", Outcome.FORBIDDEN), ("suspend", Outcome.SUSPENDED))',
           '(("suspend", Outcome.SUSPENDED), ("forbid", Outcome.FORBIDDEN))'),
    Mutant("a suspend is not looked at", "policy.decide:rules_at",
           "if rule.applies_to == applies_to", 'if rule.effect != "suspend" and rule.applies_to == applies_to'),
    Mutant("no permit is permission", "policy.decide:_outcome",
           "return Outcome.NOT_PERMITTED, []", "return Outcome.PERMITTED, []"),
    Mutant("one permit alone has to hold the circle", "policy.decide:_outcome",
           "left = _left_out(granting, where)", "left = [] if any(one.certain for one in granting) else [0]"),
    Mutant("a permit on a part of the circle is enough", "policy.decide:_outcome",
           "if not left and not blocking:",
           """if granting and not blocking:
        return Outcome.PERMITTED, [match.rule for match in granting], frozenset()
    if not left and not blocking:"""),
    Mutant("land_in is not looked at", "policy.decide:_landing", "None not in here", "False"),
    Mutant("traffic may land where one place lets it", "policy.decide:_landing",
           "landing & either", "landing | either"),
    Mutant("traffic lands where all permits of a place let it", "policy.decide:_landing",
           "frozenset[str]().union(*(land_in for", "frozenset.intersection(*(land_in for"),
    Mutant("a permit that may hold holds", "policy.decide:_granting", "and one.value is True", ""),
    Mutant("a forbid on a part of the circle is not looked at", "policy.decide:_outcome",
           'match.rule.effect != "permit"', 'match.rule.effect != "permit" and match.everywhere'),
    Mutant("a forbid on a part of the circle is certain", "policy.decide:_Match.certain",
           "self.everywhere", "self.here is not None and any(self.here)"),
    Mutant("an unknown position is everywhere", "policy.decide:_Match.everywhere",
           "self.here is not None and all(self.here)", "self.here is None or all(self.here)"),
    Mutant("rules on beams bind terminals", "policy.decide:rules_at", "rule.applies_to == applies_to and", ""),
    Mutant("an unknown radius is none", "policy.answer:where_of",
           "or request.uncertainty_m is None:",
           'or object.__setattr__(request, "uncertainty_m", request.uncertainty_m or 0.0):'),
    Mutant("a position never grows stale", "policy.request:Request.stale", "self.age_s > after_s", "False"),
    Mutant("a position is stale at the bound", "policy.request:Request.stale", "> after_s", ">= after_s"),
    Mutant("a position without age is stale", "policy.request:Request.stale", "is not None and", "is None or"),
    Mutant("the territorial sea is forgotten", "places.territories:with_territorial_sea",
           "{id_ + TERRITORIAL_SEA for id_ in ids if id_ != HIGH_SEAS and not id_.endswith(STRIPS)}", "set()"),
    Mutant("include is not read", "policy.rule_territory:_named",
           "inside = with_territorial_sea(include)", "inside = frozenset()"),
    Mutant("what a rule excludes stays in a polygon", "policy.rule_territory:_named",
           "return difference(area, Labels(outside)) if outside else area", "return area"),
    Mutant("what is taken away from an area stays", "places.expressions:holds",
           "_not(_any([_not(holds(base, label, inside)), holds(without, label, inside)]))",
           "holds(base, label, inside)"),
    Mutant("an intersection is a union", "places.expressions:holds",
           "_not(_any([_not(holds(part, label, inside)) for part in parts]))",
           "_any([holds(part, label, inside) for part in parts])"),
    Mutant("rules that ask about polygons are not found", "policy.rules:RuleSet.near",
           "numbers.union(others)", "numbers"),
]  # fmt: skip

MASKS = [
    Mutant("the mask forgets the instant", "policy.mask:_spoken", "rule.in_force(at, set())", "True"),
    Mutant("the mask forgets the class", "policy.mask:_spoken",
           "sure and one in holds for", "sure and bool(holds) for"),
    Mutant("the mask forgets the polygons", "policy.mask:kinds_of",
           "rows[:, 1:].astype(bool)", "rows[:, 1:] < 0"),
    Mutant("a suspend permits in the world's mask", "policy.mask_world:compute",
           'made.rank == RANKS["permit"]', 'made.rank >= RANKS["suspend"]'),
    Mutant("what may lie outside lies inside", "policy.ground:Ground._of_any",
           "HeldPlaces(places.astype(np.int32), ~true[places])", "HeldPlaces(places.astype(np.int32), false[places])"),
    Mutant("what a polygon crosses it holds", "policy.ground:_ways",
           "np.array(list(product((0, 1), repeat=len(told))), dtype=np.int8)",
           "np.ones((2 ** len(told), len(told)), dtype=np.int8)"),
]  # fmt: skip


# --- the battery --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A rule set with its requests, and Cedar's answers to them."""

    case: random_rules.Case
    ground: Ground
    export: cedar.Export
    answers: list[Verdict]


SIMFEROPOL = (44.957, 34.11)
BOXES = {f"{n}.geojson": shapely.box(34.15 + n / 100, 45.0 - n / 100, 34.3, 45.1) for n in range(5)}
BOXES["peninsula.geojson"] = shapely.box(33.0, 44.5, 35.0, 45.5)
NIGHTS = [
    {"days": ["fri"], "from": "22:00", "until": "06:00", "zone": "Asia/Taipei"},
    {"days": ["sun"], "from": "08:00", "until": "09:00", "zone": "UTC"},
]
# What chance brings seldom, each with its instants (2026-11-20 is a Friday).
BY_HAND: list[tuple[list[dict[str, Any]], list[str]]] = [
    (
        [
            {"territory": {"in": "UKR + peninsula.geojson", "include": []}},  # a contested area within a polygon
            *({"territory": {"geojson": f"{n}.geojson"}} for n in range(5)),  # and five polygons that cross its cell
        ],
        ["2026-11-20T12:00:00Z"],
    ),
    (
        [{"territory": {"in": "crimea"}, "weekly": NIGHTS}],
        [f"2026-11-{text}+08:00" for text in ("20T05:00:00", "20T23:00:00", "21T05:00:00", "21T23:00:00")]
        + ["2026-11-22T08:30:00Z"],
    ),
    (
        [
            {"territory": {"in": "crimea"}, "land_in": ["UKR"]},
            {"territory": {"in": "crimea"}, "land_in": ["POL", "MDA"]},
        ],
        ["2026-11-20T12:00:00Z"],
    ),
    (
        [{"territory": {"in": "crimea"}, "from": "2026-11-20T12:00:00Z", "until": "2026-11-21T12:00:00Z"}],
        ["2026-11-20T12:00:00Z", "2026-11-21T12:00:00Z"],
    ),
]


# Circles of 10 km around it reach over a polygon's edge: where traffic may land on both sides, and where it may not.
BY_HAND += [
    (
        [
            {"territory": {"in": "crimea - 0.geojson"}, "land_in": ["UKR", "POL"]},
            {"territory": {"in": "crimea & 0.geojson"}, "land_in": [there]},
        ],
        ["2026-11-20T12:00:00Z"],
    )
    for there in ("POL", "MDA")
]


def by_hand(folder: Path, permits: list[dict[str, Any]], instants: list[str]) -> Question:
    for name, box in BOXES.items():
        (folder / name).write_text(shapely.to_geojson(box))
    rules = [{"id": f"p{n}", "effect": "permit", "reason": "by hand", **permit} for n, permit in enumerate(permits)]
    file = folder / "rules.json"
    file.write_text(json.dumps({"schema": 1, "book": "operator", "rule": rules}))
    radius_m = 10_000.0 if "0.geojson" in str(permits[0]) else 0.0
    kinds = plane.kinds_around(*SIMFEROPOL, radius_m, BOXES)
    assert kinds is not None
    assert (len(kinds) > 1) == (radius_m > 0.0)
    place = plane.Place(*SIMFEROPOL, radius_m, kinds, border=False)
    position = {"lat_deg": SIMFEROPOL[0], "lon_deg": SIMFEROPOL[1], "uncertainty_m": radius_m}
    requests = [{"at": at, "class": "fixed", "position": position} for at in instants]
    case = random_rules.Case((file,), tuple(random_rules.Pair(one, place, "terminal", ()) for one in requests))
    export = cedar.export([file])
    answers = cedar.verdicts(export, [cedar.Asked(one, kinds) for one in requests])
    return Question(case, Ground(plane.THEATRES[0], folder, BOXES, (place,)), export, answers)


@pytest.fixture(scope="module")
def battery(tmp_path_factory: pytest.TempPathFactory) -> list[Question]:
    rng = random.Random(SEED)
    questions = [by_hand(tmp_path_factory.mktemp("hand"), *one) for one in BY_HAND]
    surveys = grounds(rng, tmp_path_factory.mktemp("zones"), Tally())
    for number in range(SETS):
        if number % 4 == 0:
            ground = next(surveys)
        zones = list(ground.zones)
        made = random_rules.case(rng, ground.theatre.name, zones, ground.places, ground.folder, PAIRS_EACH)
        export = cedar.export(made.files)
        asked = [cedar.Asked(one.request, one.place.kinds if one.place else None, one.action) for one in made.pairs]
        questions.append(Question(made, ground, export, cedar.verdicts(export, asked)))
    return questions


def decisions_differ(battery: list[Question]) -> bool:
    for question in battery:
        rule_set = read_rules(question.case.files)
        requests = read_requests([pair.request for pair in question.case.pairs], "requests", rule_set.classes)
        places: dict[tuple[float | None, ...], Where | None] = {}
        for pair, request, their in zip(question.case.pairs, requests, question.answers, strict=True):
            position = (request.latitude_deg, request.longitude_deg, request.uncertainty_m, request.age_s)
            if position not in places:
                places[position] = answer.where_of(rule_set, request)
            decision = decide.decide(rule_set, request, places[position], pair.action)  # type: ignore[arg-type]
            if three_evaluators.verdict(decision) != their:
                return True
    return False


def masks_differ(battery: list[Question]) -> bool:
    rng, tally = random.Random(SEED), Tally()
    for question in battery:
        policy_ground.forget()
        rule_set = read_rules(question.case.files)
        three_evaluators.compare_masks(
            question.case, rule_set, question.export, question.answers, question.ground, tally, rng
        )
        if tally.differences:
            return True
    return False


# --- the tests ----------------------------------------------------------------------------------------------------


def test_nothing_differs_with_nothing_changed(battery: list[Question]) -> None:
    assert not decisions_differ(battery)
    assert not masks_differ(battery)


@pytest.mark.parametrize("mutant", DECISIONS, ids=lambda mutant: mutant.name)
def test_a_mutant_of_decisions_is_killed(
    mutant: Mutant, battery: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(mutant, monkeypatch)
    assert decisions_differ(battery), f"nobody noticed that {mutant.name}"


@pytest.mark.parametrize("mutant", MASKS, ids=lambda mutant: mutant.name)
def test_a_mutant_of_masks_is_killed(mutant: Mutant, battery: list[Question], monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(mutant, monkeypatch)
    assert masks_differ(battery), f"nobody noticed that {mutant.name}"


def test_there_are_more_than_twenty_and_each_has_a_name() -> None:
    names = [mutant.name for mutant in [*DECISIONS, *MASKS]]
    assert len(set(names)) == len(names) > 20


def test_a_mutant_whose_text_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="any more"):
        put_in(Mutant("x", "policy.conditions:negated", "no such text", ""), monkeypatch)
