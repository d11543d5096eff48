"""The mask of the world: against plain loops, against the exact cut of cells, and what must hold for any rules."""

from __future__ import annotations

from functools import cache
from itertools import product

import h3.api.numpy_int as h3
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo import cells as h3cells
from openleo.places import cell_cache, parts
from openleo.places.cell_index import CellIndex
from openleo.places.expressions import Difference, Intersection, Labels, Region, Union, holds
from openleo.policy import ground as grounds
from openleo.policy import mask_file, mask_world
from openleo.policy.mask_world import DEPENDS, MAY, NO, YES, Entry, compute

CLASSES = ("fixed", "portable", "vehicle", "emergency")
LABELS = ("TWN", "TWN.sea12", "JPN", "JPN.sea12", "JPN.sea200", "CHN.sea200", "PHL.sea12", "high-seas")


def region(*bounds):
    return Region(f"box{bounds}", f"box{bounds}", shapely.box(*bounds))


BOXES = (region(119.0, 21.0, 122.5, 24.5), region(121.0, 23.0, 125.0, 26.0), region(120.5, 22.0, 121.5, 25.5))


@cache
def index():
    return cell_cache.load(3)


@cache
def around():
    """Cells around Taiwan, by number, and their exact cut by BOXES."""
    centres = h3.grid_disk(int(h3cells.at(23.5, 121.5, 3)), 5)
    cells = np.sort(np.asarray(centres, dtype=np.uint64))
    return index().number_of(cells), parts.cut(cells, [box.polygon for box in BOXES], with_people=False)


# --- entries ------------------------------------------------------------------------------------------------------

labels = st.builds(Labels, st.frozensets(st.sampled_from(LABELS), min_size=1))
areas = st.recursive(
    labels | st.sampled_from(BOXES),
    lambda inner: st.one_of(
        st.builds(Union, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Intersection, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Difference, inner, inner),
    ),
    max_leaves=5,
)


@st.composite
def entry_lists(draw, area=areas, most=8):
    made = []
    for number in range(draw(st.integers(0, most))):
        effect = draw(st.sampled_from(["permit", "permit", "forbid", "suspend"]))
        says = [draw(st.sampled_from(["true", "maybe", "no"])) for _ in CLASSES]
        true, maybe = (
            frozenset(c for c, said in zip(CLASSES, says, strict=True) if said == what) for what in ("true", "maybe")
        )
        made.append(Entry(f"r{number}", effect, draw(area), true, maybe))
    return made


def decided(entries, class_, label, inside):
    """One place, by the definition: (NO, DEPENDS or YES)."""
    forbid = forbid_maybe = permit = permit_maybe = False
    for entry in entries:
        here = holds(entry.expression, label, inside)
        says = True if class_ in entry.true else None if class_ in entry.maybe else False
        both = False if here is False or says is False else None if here is None or says is None else True
        if entry.effect == "permit":
            permit, permit_maybe = permit or both is True, permit_maybe or both is None
        else:
            forbid, forbid_maybe = forbid or both is True, forbid_maybe or both is None
    if forbid or not (permit or permit_maybe):
        return NO
    return YES if permit and not forbid_maybe else DEPENDS


def together(answers):
    return next((one for one in (YES, NO) if all(answer == one for answer in answers)), DEPENDS)


# --- against plain loops ------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(entry_lists(labels))
def test_masks_of_labels_against_plain_loops(entries):
    """Without regions the mask is all that the labels of a cell can say, in every cell of the Earth."""
    mask = compute(index(), entries, CLASSES)
    spoken = [one for kind in np.unique(index().kind) if (one := _labels_of_kind(kind)) & set(LABELS)]
    for class_ in CLASSES:
        may = mask.may(class_)
        expected = {one: together([decided(entries, class_, label, None) for label in one]) for one in spoken}
        for kind in np.unique(index().kind).tolist():
            want = expected.get(_labels_of_kind(kind), NO)
            assert (may[_cell_of_kind()[kind]] == want).all()


@cache
def _labels_of_kind(kind):
    member = index().member[index().first[kind] : index().first[kind + 1]]
    return frozenset(index().labels[one] for one in member)


@cache
def _cell_of_kind():
    order = np.argsort(index().kind, kind="stable")
    kinds, first = np.unique(index().kind[order], return_index=True)
    return dict(zip(kinds.tolist(), order[first].tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(entry_lists())
def test_final_answers_against_the_exact_cut(entries):
    """A cell that is yes has only parts that are, a cell that is no has none: decided part by part, by the polygons."""
    numbers, cut = around()
    mask = compute(index(), entries, CLASSES)
    for class_ in CLASSES:
        may = mask.may(class_)[numbers]
        for cell, label, within in zip(cut.cell.tolist(), cut.territory, cut.within, strict=True):
            exact = decided(entries, class_, label, lambda one, within=within: bool(within[BOXES.index(one)]))
            assert may[cell] in (exact, DEPENDS)


@settings(max_examples=40, deadline=None)
@given(entry_lists())
def test_depends_only_where_places_of_a_cell_differ(entries):
    """As good as its index: over the labels of a cell and the ways to lie in what crosses it, nothing is given away."""
    numbers, _ = around()
    mask = compute(index(), entries, CLASSES)
    under = mask.ground
    for number in numbers[::4].tolist():
        kind = under.kind[number]
        places = under.member[under.first[kind] : under.first[kind + 1]]
        assert {index().labels[one] for one in under.label[places]} == set(index().labels_of(number))
        for class_ in CLASSES:
            each = [decided(entries, class_, *_place(under, place)) for place in places]
            assert mask.may(class_)[number] == together(each)


def _place(under, place):
    known = {1: True, 0: False, -1: None}
    inside = {one: known[int(how)] for one, how in zip(under.regions, under.inside[place], strict=True)}
    return index().labels[under.label[place]], inside.get


# --- what must hold -----------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(entry_lists(), st.randoms(use_true_random=False))
def test_order_has_no_meaning(entries, random):
    shuffled = random.sample(entries, len(entries))
    one, other = compute(index(), entries, CLASSES), compute(index(), shuffled, CLASSES)
    assert (one.yes == other.yes).all()
    assert (one.no == other.no).all()


@settings(max_examples=25, deadline=None)
@given(entry_lists(most=5), entry_lists(most=1))
def test_a_forbid_never_permits_and_doubt_never_opens_a_door(entries, more):
    before = compute(index(), entries, CLASSES)
    against = [Entry(one.rule, "forbid", one.expression, one.true, one.maybe) for one in more]
    after = compute(index(), entries + against, CLASSES)
    assert not (after.yes & ~before.yes).any()
    assert not (before.no & ~after.no).any()
    unsure = [Entry(one.rule, one.effect, one.expression, frozenset(), one.true | one.maybe) for one in entries]
    assert not compute(index(), unsure, CLASSES).yes.any()


@pytest.mark.parametrize(
    ("effect", "says", "with_permit", "alone"),
    [
        ("permit", "true", YES, YES),
        ("permit", "maybe", YES, DEPENDS),
        ("forbid", "true", NO, NO),
        ("forbid", "maybe", DEPENDS, NO),
        ("suspend", "true", NO, NO),
        ("suspend", "maybe", DEPENDS, NO),
    ],
)
def test_three_values(effect, says, with_permit, alone):
    taiwan = Labels(frozenset({"TWN", "TWN.sea12", "TWN.sea200"}))
    whole = np.flatnonzero(index().kind == index().labels.index("TWN.sea200"))[0]
    entry = Entry("one", effect, taiwan, **{"true": frozenset(), says: frozenset({"fixed"})})
    permit = Entry("two", "permit", taiwan, frozenset({"fixed"}))
    assert compute(index(), [entry], ["fixed"]).may("fixed")[whole] == alone
    assert compute(index(), [entry, permit], ["fixed"]).may("fixed")[whole] == with_permit


def test_no_rule_no_service():
    mask = compute(index(), [], CLASSES)
    assert all((mask.may(class_) == NO).all() for class_ in CLASSES)
    assert (mask.rule("fixed") == -1).all()


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_any_number_of_classes(count):
    classes = [f"class-{number}" for number in range(count)]
    entries = [Entry(name, "permit", Labels(frozenset({"BRA"})), frozenset({name})) for name in classes[::3]]
    mask = compute(index(), entries, classes)
    inland = np.flatnonzero(index().kind == index().labels.index("BRA"))[0]
    assert [int(mask.may(name)[inland]) for name in classes] == [YES if n % 3 == 0 else NO for n in range(count)]
    assert [int(mask.rule(name)[inland]) for name in classes] == [n // 3 if n % 3 == 0 else -1 for n in range(count)]


def test_a_region_that_is_cut_in_two_leaves_no_seam():
    """A permit within a region and one without it: together they hold wherever the country does."""
    taiwan = Labels(frozenset(label for label in index().labels if label.startswith("TWN")))
    inner = Entry("in", "permit", Intersection((taiwan, BOXES[0])), frozenset({"fixed"}))
    outer = Entry("out", "permit", Difference(taiwan, BOXES[0]), frozenset({"fixed"}))
    split = compute(index(), [inner, outer], ["fixed"])
    whole = compute(index(), [Entry("all", "permit", taiwan, frozenset({"fixed"}))], ["fixed"])
    assert (split.may("fixed") == whole.may("fixed")).all()
    assert (whole.may("fixed") == YES).any()


def test_more_regions_over_a_cell_than_are_told_apart():
    """What is not told apart is not known: nothing final comes of it."""
    many = [region(120.0 + 0.01 * n, 23.0, 122.0, 24.0) for n in range(grounds.MOST_TOLD_APART + 3)]
    everywhere = Labels(frozenset(index().labels))
    entries = [Entry("all", "permit", everywhere, frozenset({"fixed"}))]
    entries += [Entry(one.text, "forbid", one, frozenset({"fixed"})) for one in many]
    mask = compute(index(), entries, ["fixed"])
    cell = index().number_of(np.array([h3cells.at(23.5, 120.0, 3)], dtype=np.uint64))[0]
    assert mask.may("fixed")[cell] == DEPENDS
    assert mask.ground.inside.min() == -1


# --- geography ----------------------------------------------------------------------------------------------------


def permit(*ids):
    names = frozenset(label for id_ in ids for label in (id_, id_ + ".sea12", id_ + ".sea200"))
    return Entry("+".join(ids), "permit", Labels(names), frozenset({"fixed"}))


@pytest.mark.parametrize("pair", [("FRA", "ESP"), ("BRA", "BOL"), ("KEN", "TZA")])
def test_two_permitted_neighbours_leave_no_gap(pair):
    """On their border, away from third parties, no cell depends, whether one rule permits them or two."""
    border = [
        number
        for number in np.intersect1d(*(index().touching(id_) for id_ in pair)).tolist()
        if {label.partition(".")[0] for label in index().labels_of(number)} == set(pair)
    ]
    assert border
    for entries in ([permit(*pair)], [permit(pair[0]), permit(pair[1])]):
        assert (compute(index(), entries, ["fixed"]).may("fixed")[border] == YES).all()
    alone = compute(index(), [permit(pair[0])], ["fixed"]).may("fixed")
    assert (alone[border] == DEPENDS).all()


@pytest.mark.parametrize("id_", ["MCO", "TON", "SGP"])
def test_small_states_keep_their_cells(id_):
    may = compute(index(), [permit(id_)], ["fixed"]).may("fixed")
    assert (may[index().touching(id_)] != NO).all()
    untouched = np.setdiff1d(
        np.arange(len(index())), np.concatenate([index().touching(id_ + strip) for strip in ("", ".sea12", ".sea200")])
    )
    assert (may[untouched] == NO).all()


# --- the rule that decides ----------------------------------------------------------------------------------------


def test_the_rule_that_decides():
    japan, taiwan = permit("JPN"), permit("TWN")
    all_taiwan = taiwan.expression
    entries = [
        japan,
        taiwan,
        Entry("suspended", "suspend", all_taiwan, frozenset({"fixed"})),
        Entry("forbidden", "forbid", all_taiwan, frozenset({"fixed"})),
        Entry("asked", "forbid", Labels(frozenset({"JPN.sea12"})), frozenset(), frozenset({"fixed"})),
        Entry("brazil", "permit", Labels(frozenset({"BRA"})), frozenset({"fixed"})),
        Entry("unpaid", "suspend", Labels(frozenset({"BRA"})), frozenset({"fixed"})),
        Entry("hoped", "permit", Labels(frozenset({"ARG"})), frozenset(), frozenset({"fixed"})),
    ]
    mask = compute(index(), entries, ["fixed"])
    rule, may = mask.rule("fixed"), mask.may("fixed")
    kinds = {index().labels_of(cell): cell for cell in range(len(index()))}
    for labels_, answer, by in (
        (("TWN.sea200",), NO, 3),
        (("JPN.sea200",), YES, 0),
        (("JPN.sea12", "JPN.sea200"), DEPENDS, 4),
        (("BRA",), NO, 6),
        (("ARG",), DEPENDS, 7),
        (("PER",), NO, -1),
        (("JPN.sea200", "high-seas"), DEPENDS, 0),
    ):
        assert (may[kinds[labels_]], rule[kinds[labels_]]) == (answer, by), labels_


@settings(max_examples=20, deadline=None)
@given(entry_lists())
def test_the_rule_named_speaks_of_the_cell(entries):
    numbers, _ = around()
    mask = compute(index(), entries, CLASSES)
    for class_, number in product(CLASSES, numbers[::5].tolist()):
        rule, may = int(mask.rule(class_)[number]), mask.may(class_)[number]
        if rule < 0:
            assert may == NO
            continue
        assert class_ in entries[rule].true | entries[rule].maybe
        assert may != YES or entries[rule].effect == "permit"
        kind = mask.ground.kind[number]
        places = mask.ground.member[mask.ground.first[kind] : mask.ground.first[kind + 1]]
        assert set(mask.ground.extent(entries[rule].expression).place.tolist()) & set(places.tolist())


# --- files ------------------------------------------------------------------------------------------


def test_the_file_says_what_the_mask_says(tmp_path, monkeypatch):
    monkeypatch.setattr(mask_file, "ROWS_AT_ONCE", 1000)
    entries = [permit("JPN"), Entry("no-sea", "forbid", Labels(frozenset({"JPN.sea200"})), frozenset({"fixed"}))]
    mask = compute(index(), entries, ["fixed", "vehicle"])
    rows = mask_file.write(mask, tmp_path / "mask.parquet")
    table = pq.read_table(tmp_path / "mask.parquet")
    assert table.column_names == ["cell", "class", "may", "rule"]
    assert rows == len(table) == 2 * len(index())
    assert table["cell"].to_pylist()[::2] == h3cells.text(index().cells)
    for first, class_ in enumerate(mask.classes):
        assert set(table["class"].to_pylist()[first::2]) == {class_}
        assert table["may"].to_pylist()[first::2] == [MAY[one] for one in mask.may(class_)]
        named = [None if one < 0 else entries[one].rule for one in mask.rule(class_).tolist()]
        assert table["rule"].to_pylist()[first::2] == named


def test_a_label_that_does_not_exist_is_refused():
    nowhere = Labels(frozenset({"JPN", "NOWHERE"}))
    for area in (nowhere, Difference(Labels(frozenset({"JPN"})), nowhere)):
        with pytest.raises(ValueError, match="no label NOWHERE"):
            compute(index(), [Entry("one", "forbid", area, frozenset({"fixed"}))], ["fixed"])


def test_a_made_index_of_few_cells():
    """The mask asks nothing of an index but its arrays."""
    small = CellIndex(0, np.arange(3, dtype=np.uint64), ("A", "B"), np.array([0, 1, 2], np.int32),
                      np.array([0, 1, 2, 4]), np.array([0, 1, 0, 1], np.int32), 0, "")  # fmt: skip
    mask = mask_world.compute(small, [Entry("a", "permit", Labels(frozenset({"A"})), frozenset({"x"}))], ["x"])
    assert mask.may("x").tolist() == [YES, NO, DEPENDS]


def test_a_cell_whose_places_have_no_country_in_common_to_land_in_depends():
    """A terminal between its two places would be served in neither; in a cell of one place either will do."""
    small = CellIndex(0, np.arange(3, dtype=np.uint64), ("A", "B"), np.array([0, 1, 2], np.int32),
                      np.array([0, 1, 2, 4]), np.array([0, 1, 0, 1], np.int32), 0, "")  # fmt: skip

    def may(*landing):
        """Of permits on A, B, A, B, …: what each lets traffic leave by."""
        entries = [
            Entry(
                f"r{n}",
                "permit",
                Labels(frozenset({"AB"[n % 2]})),
                frozenset({"x"}),
                land_in=lands and frozenset(lands),
            )
            for n, lands in enumerate(landing)
        ]
        return mask_world.compute(small, entries, ["x"]).may("x").tolist()

    assert may("J", "J") == [YES, YES, YES]
    assert may("J", "P") == [YES, YES, DEPENDS]
    assert may("J", "P", "P") == [YES, YES, YES]
    assert may("J", "JP") == may("J", None) == [YES, YES, YES]
    assert may("J", "P", "K", "KL") == [YES, YES, YES]
    assert may("J", "P", "K", "L") == [YES, YES, DEPENDS]
