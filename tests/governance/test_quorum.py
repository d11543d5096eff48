"""Quorums against brute force: every way to give each person one leaf, tried one after the other."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from openleo.governance import quorum as q
from openleo.governance.quorum import All, Any, Leaf, QuorumError, missing, one_party_suffices, parse, satisfied


@dataclass(frozen=True)
class Person:
    id: str
    party: str
    roles: tuple[str, ...] = ()


# --- brute force, from the meaning alone ----------------------------------------------------------------------------


def used(quorum: q.Quorum, people: frozenset[Person]) -> set[frozenset[Person]]:
    """Every set of people that satisfies the quorum with nobody left over and nobody counted twice."""
    if isinstance(quorum, Leaf):
        fit = [p for p in people if p.party == quorum.party and (quorum.role in p.roles or quorum.role == "")]
        return {frozenset(chosen) for chosen in itertools.combinations(fit, quorum.count)}
    if isinstance(quorum, Any):
        return set().union(*(used(part, people) for part in quorum.parts))
    sets = {frozenset()}
    for part in quorum.parts:
        sets = {one | two for one in sets for two in used(part, people) if not one & two}
    return sets


PARTIES, ROLES = ("operator", "regulator:TWN", "auditor"), ("legal", "ops")
leaves = st.builds(Leaf, st.integers(1, 3), st.sampled_from(PARTIES), st.sampled_from(("", *ROLES)))
quorums = st.recursive(
    leaves,
    lambda parts: st.builds(
        lambda kind, chosen: kind(tuple(chosen)), st.sampled_from((All, Any)), st.lists(parts, min_size=2, max_size=3)
    ),
    max_leaves=5,
)
people = st.lists(
    st.tuples(st.sampled_from(PARTIES), st.sets(st.sampled_from(ROLES)).map(lambda roles: tuple(sorted(roles)))),
    max_size=7,
).map(lambda kinds: [Person(f"p{number}", *kind) for number, kind in enumerate(kinds)])


@pytest.mark.slow
@settings(deadline=None, max_examples=1_000)
@given(quorums, people)
def test_satisfied_against_brute_force(quorum, voters):
    assert satisfied(quorum, voters) == bool(used(quorum, frozenset(voters)))


@settings(deadline=None, max_examples=300)
@given(quorums, people)
def test_every_subset_against_brute_force(quorum, officers):
    """Over all subsets of voters: who satisfies, that a voter more never spoils it, and who could."""
    officers = officers[:5]
    found = {}
    for size in range(len(officers) + 1):
        for chosen in itertools.combinations(officers, size):
            found[frozenset(chosen)] = satisfied(quorum, chosen)
            assert found[frozenset(chosen)] == bool(used(quorum, frozenset(chosen)))
    for chosen, held in found.items():
        if held:
            assert all(found[chosen | {one}] for one in officers)
    assert q.satisfied(quorum, officers) == any(found.values())


@settings(deadline=None, max_examples=300)
@given(quorums, people, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_voters_matters(quorum, voters, rng):
    again = voters + voters
    rng.shuffle(again)
    assert satisfied(quorum, again) == satisfied(quorum, voters)
    assert missing(quorum, voters) == missing(quorum, again) or not satisfied(quorum, voters)


@settings(deadline=None, max_examples=300)
@given(quorums)
def test_one_party_suffices_against_brute_force(quorum):
    """With more officers of one party, of all roles, than any quorum here asks for."""
    for party in PARTIES:
        assume(sum(leaf.count for leaf in q.leaves(quorum)) <= 8)
        alone = frozenset(Person(f"p{number}", party, ROLES) for number in range(8))
        assert (one_party_suffices(quorum, [party]) == party) == satisfied(quorum, alone)


@settings(deadline=None, max_examples=300)
@given(quorums, people)
def test_what_is_missing_suffices_and_nothing_less(quorum, voters):
    """Those who are named, added, satisfy it; and with one fewer of them nobody's choice does."""
    told = missing(quorum, voters)
    assert (told == "") == satisfied(quorum, voters)
    if not told:
        return
    for way in told.split("; or "):
        if way.startswith("another of"):
            continue
        added = []
        for part in way.split(", "):
            count, whom = part.replace(" more of ", " of ").split(" of ")
            party, _, role = whom.partition("/")
            added += [Person(f"new{len(added) + n}", party, (role,) if role else ()) for n in range(int(count))]
        assert satisfied(quorum, [*voters, *added])
        for gone in range(len(added)):
            assert not satisfied(quorum, [*voters, *added[:gone], *added[gone + 1 :]])


def test_one_person_counts_in_one_leaf():
    quorum = parse("all(2 of operator, 1 of operator/legal)")
    anne, bert, lena = Person("a", "operator"), Person("b", "operator"), Person("l", "operator", ("legal", "ops"))
    assert not satisfied(quorum, [anne, lena])
    assert satisfied(quorum, [anne, lena, bert])
    assert missing(quorum, [anne, lena]) == "1 more of operator", "the role is hers, so anybody of the party will do"
    assert missing(quorum, [anne, bert]) == "1 of operator/legal"


def test_who_fits_two_leaves_takes_the_one_that_nobody_else_can():
    """A greedy count would give the first leaf to the person that the second one needs."""
    quorum = parse("all(1 of operator/ops, 1 of operator/legal, 1 of regulator:TWN)")
    both, ops = Person("a", "operator", ("legal", "ops")), Person("b", "operator", ("ops",))
    assert satisfied(quorum, [both, ops, Person("r", "regulator:TWN")])
    assert not satisfied(quorum, [both, Person("r", "regulator:TWN")])


@pytest.mark.parametrize(
    ("text", "voters", "told"),
    [
        ("all(2 of operator, 1 of regulator:TWN)", [], "2 of operator, 1 of regulator:TWN"),
        ("all(2 of operator, 1 of regulator:TWN)", ["operator"], "1 more of operator, 1 of regulator:TWN"),
        ("all(2 of operator, 1 of regulator:TWN)", ["operator"] * 3, "1 of regulator:TWN"),
        ("any(1 of a, 1 of b)", [], "1 of a; or 1 of b"),
        ("any(3 of a, 1 of b)", ["a"], "1 of b"),
        ("any(3 of a, 2 of b)", ["a"], "2 more of a; or 2 of b"),
        ("any(1 of a, 1 of b, 1 of c, 1 of d)", [], "1 of a; or 1 of b; or 1 of c; or another of 4 ways"),
        ("all(1 of a, 2 of a)", ["a"], "2 more of a"),
    ],
)
def test_what_is_missing_in_words(text, voters, told):
    assert missing(parse(text), [Person(str(n), party) for n, party in enumerate(voters)]) == told


# --- the text -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=300)
@given(quorums)
def test_text_reads_back(quorum):
    assert parse(str(quorum)) == quorum
    assert str(parse(str(quorum))) == str(quorum)


@settings(deadline=None)
@given(quorums, st.lists(st.sampled_from([" ", "\t", "\n", "  "]), min_size=1))
def test_blanks_have_no_meaning(quorum, blanks):
    spaced = "".join(
        f"{blank}{sign}{blank}" if sign in "(,)" else sign
        for sign, blank in zip(str(quorum), itertools.cycle(blanks), strict=False)
    )
    assert str(parse(spaced)) == str(quorum)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "ends too early, at character 1"),
        ("  ", "ends too early"),
        ("two of operator", 'at character 1: "two of operator" is no `N of PARTY`'),
        ("0 of operator", "asks for 0 people; ask for 1 to 99"),
        ("02 of operator", "asks for 02 people"),
        ("100 of operator", "asks for 100 people"),
        ("٢ of operator", "people"),
        ("-1 of operator", "is no `N of PARTY`"),
        ("2 of Operator", "is no `N of PARTY`"),
        ("2 of operator/", "is no `N of PARTY`"),
        ("2 of operator legal", 'at character 15: "legal" stands after the end'),
        ("1 of a, 1 of b", 'at character 7: ", 1 of b" stands after the end'),
        ("all(1 of a)", "has one part; write it without all"),
        ("all()", "is no `N of PARTY`"),
        ("all(1 of a, )", "is no `N of PARTY`"),
        ("all(1 of a, 1 of b", "ends too early, at character 19"),
        ("all(1 of a 1 of b)", 'at character 12: "1 of b)" stands where a comma'),
        ("al(1 of a, 1 of b)", "Did you mean all?"),
        ("ALL(1 of a, 1 of b)", "Did you mean all?"),
        ("all(60 of a, 60 of b)", "asks for 120 people; at most 99"),
        ("all(" + ", ".join(["any(1 of a, 1 of b)"] * 9) + ")", "in 512 ways; at most 256"),
        ("any(" * 200 + "1 of a", "ends too early"),
        ("1 of " + "a" * 2_000, "has 2,005 characters"),
    ],
)
def test_what_is_no_quorum_is_refused_with_its_place(text, why):
    with pytest.raises(QuorumError) as refused:
        parse(text)
    assert why in str(refused.value)


@settings(deadline=None, max_examples=500)
@given(st.text() | st.text("012 ofalny(),/:ab-"))
@example("all(all(all(all(" * 60)
@example("1 of a/" + "b-" * 400)
def test_any_text_is_a_quorum_or_is_refused(text):
    try:
        made = parse(text)
    except QuorumError:
        return
    assert parse(str(made)) == made


def test_what_nobody_has_is_named():
    officers = [Person("a", "operator", ("legal",)), Person("r", "regulator:TWN")]
    quorum = parse("all(1 of operatr, 1 of operator/legall, 1 of regulator:TWN/x, 1 of operator/legal)")
    assert q.unknown(quorum, officers) == [
        'no officer is of the party "operatr". Did you mean operator?',
        'no officer of operator has the role "legall". Did you mean legal?',
        'no officer of regulator:TWN has the role "x".',
    ]


def test_the_largest_quorum_is_answered_at_once():
    """128 ways, no two alike, of 98 seats each, and a hundred people: about what a roster can hold at the worst."""
    parts = [f"any(14 of operator/r{n}, 14 of operator/s{n})" for n in range(7)]
    roles = tuple(sorted(f"{letter}{n}" for letter in "rs" for n in range(7)))
    officers = [Person(f"p{n}", "operator", roles) for n in range(97)]
    quorum = parse(f"all({', '.join(parts)})")
    assert len(q.ways(quorum)) == 128
    assert not satisfied(quorum, officers)
    assert satisfied(quorum, [*officers, Person("last", "operator", roles)])
    assert len(q.ways(parse(f"all({', '.join(['any(1 of a, 1 of b)'] * 8)})"))) == 9, "ways that ask the same are one"
