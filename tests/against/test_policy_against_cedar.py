"""Evaluators of rules agree: the decision of one request, of a table of terminals, the masks of cells, and Cedar.

Random rule sets and requests, of a seed; what each evaluator reads is said in three_evaluators.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pytest

from against.cedar_export import read_file
from against.plane_places import THEATRES
from against.random_rules import Case, as_json, case
from against.three_evaluators import OUTCOMES, RESOLUTION, Tally, compare, entries_of, grounds
from compared import same
from longer import longer
from openleo.places import cell_cache, regions
from openleo.policy import mask_world
from openleo.policy.answer import where_of
from openleo.policy.decide import Decision, decide
from openleo.policy.request import read_requests
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet, union

SEED = 20261121


def check(tally: Tally) -> None:
    """They agree, and were asked about enough of everything."""
    print(tally)
    assert not tally.differences, "\n".join([f"{len(tally.differences)} differences", *tally.differences[:5]])
    same(
        authority="Cedar",
        what="differences among three evaluators of random rules and requests",
        theirs=0,
        ours=len(tally.differences),
        count=tally.pairs,
    )
    assert min(tally.outcomes[name] for name in OUTCOMES) >= 0.05 * tally.pairs
    assert tally.unknown >= 0.2 * tally.pairs
    assert tally.border >= 0.2 * tally.pairs
    assert tally.straddling >= 0.1 * tally.pairs
    assert tally.left_out <= 0.15 * (tally.positions + tally.left_out)
    assert tally.bulk >= 0.95 * tally.pairs
    assert min(tally.cells[may] for may in mask_world.MAY) >= 0.03 * tally.cells.total()


@pytest.mark.slow
def test_three_evaluators_agree(tmp_path: Path) -> None:
    tally = compare(sets=30, pairs_each=40, seed=SEED, folder=tmp_path)
    assert tally.pairs == 1_200
    check(tally)


@pytest.mark.slow
@longer
def test_three_evaluators_agree_on_100_000_pairs(tmp_path: Path) -> None:
    tally = compare(sets=500, pairs_each=200, seed=SEED + 1, folder=tmp_path)
    assert tally.pairs == 100_000
    check(tally)


# --- areas that are expressions -----------------------------------------------------------------------------------


def check_drawn(tally: Tally) -> None:
    """As `check`, of fewer pairs: each theatre's functions are few, and its rule sets alike."""
    print(tally)
    assert not tally.differences, "\n".join([f"{len(tally.differences)} differences", *tally.differences[:5]])
    same(
        authority="Cedar",
        what="differences among three evaluators where areas are buffers, coasts and expressions",
        theirs=0,
        ours=len(tally.differences),
        count=tally.pairs,
    )
    assert min(tally.outcomes[name] for name in OUTCOMES) >= 0.01 * tally.pairs
    assert tally.straddling >= 0.1 * tally.pairs
    assert tally.drawn >= 0.3 * tally.positions
    assert tally.on_an_edge >= 0.05 * tally.positions
    assert tally.bulk >= 0.95 * tally.pairs
    assert tally.left_out <= 0.25 * (tally.positions + tally.left_out)


@pytest.mark.slow
def test_buffers_coasts_edges_and_lists_of_cells(tmp_path: Path) -> None:
    """Rules over functions of the language, alone and within expressions; Cedar is told what shapely and pyproj say.

    Most positions lie 0.7 to 16 km from an edge; those within 600 m of one are left out.
    """
    tally = compare(sets=9, pairs_each=40, seed=SEED + 4, folder=tmp_path, drawn=True, sets_per_survey=3)
    assert tally.pairs == 360
    check_drawn(tally)


@pytest.mark.slow
def test_a_strip_two_kilometres_too_narrow_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strip = regions._strip
    monkeypatch.setattr(regions, "_strip", lambda digest, km, outline: strip(f"narrow {digest}", km - 2.0, outline))
    tally = compare(sets=10, pairs_each=30, seed=SEED + 4, folder=tmp_path, drawn=True, sets_per_survey=2)
    assert tally.differences


@pytest.mark.slow
@longer
def test_buffers_coasts_edges_and_lists_of_cells_on_20_000_pairs(tmp_path: Path) -> None:
    tally = compare(sets=200, pairs_each=100, seed=SEED + 5, folder=tmp_path, drawn=True, sets_per_survey=4)
    assert tally.pairs == 20_000
    check_drawn(tally)


# --- what must hold for any rule file -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """Decisions, and the world's mask at one instant."""

    rule_set: RuleSet
    decisions: list[Decision]
    world: mask_world.WorldMask


def answers(rule_set: RuleSet, made: Case) -> Answers:
    requests = read_requests([pair.request for pair in made.pairs], "requests", None)
    decisions = [decide(rule_set, request, where_of(rule_set, request)) for request in requests]
    at = next(request.at for request in requests if request.at is not None)
    entries = entries_of(rule_set, at, rule_set.classes)
    return Answers(rule_set, decisions, mask_world.compute(cell_cache.load(RESOLUTION), entries, rule_set.classes))


def turned(made: Case, rng: random.Random) -> list[Path]:
    """The same books with their rules in another order, and the files in another order too."""
    files = []
    for path in made.files:
        content = read_file(path)
        rng.shuffle(content.get("rule", []))
        files.append(path.with_name(f"turned-{path.stem}.json"))
        files[-1].write_text(as_json(content))
    return rng.sample(files, len(files))


def cases(tmp_path: Path, seed: int) -> Iterator[tuple[Case, Case, random.Random]]:
    """Random rule sets in twos of one theatre."""
    rng = random.Random(seed)
    for ground in islice(grounds(rng, tmp_path, Tally()), len(THEATRES)):
        for _ in range(3):
            one, other = (
                case(rng, ground.theatre.name, list(ground.zones), ground.places, ground.folder, 20) for _ in range(2)
            )
            yield one, other, rng


@pytest.mark.slow
def test_the_order_of_rules_and_of_files_never_matters(tmp_path: Path) -> None:
    for made, _, rng in cases(tmp_path, SEED + 2):
        before, after = answers(read_rules(made.files), made), answers(read_rules(turned(made, rng)), made)
        assert before.rule_set.sha256 == after.rule_set.sha256
        assert before.decisions == after.decisions
        assert (before.world.yes == after.world.yes).all()
        assert (before.world.no == after.world.no).all()


@pytest.mark.slow
def test_a_forbid_or_suspend_more_permits_nobody(tmp_path: Path) -> None:
    lost = 0
    for made, other, _ in cases(tmp_path, SEED + 3):
        rule_set = read_rules(made.files)
        before = answers(rule_set, made)
        for rule in read_rules(other.files).rules[:6]:
            if rule.effect == "permit":
                continue
            after = answers(union([*rule_set.rules, replace(rule, book="another")], rule_set.classes), made)
            for one, two in zip(before.decisions, after.decisions, strict=True):
                assert one.permitted or not two.permitted
                lost += one.permitted and not two.permitted
            assert not (after.world.yes & ~before.world.yes).any()
            assert not (before.world.no & ~after.world.no).any()
    assert lost > 0
