"""Terminals in an effect: counted where they are, at every edge, and apart where no row is theirs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from openleo import cells as h3cells
from openleo.governance import losses
from openleo.governance.effect_form import checked
from openleo.instants import instant_text
from openleo.places.expressions import Labels
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.conditions import Selector
from openleo.policy.rules import Rule, union
from openleo.policy.when import Period, Window
from openleo.report import effect_text
from openleo.service.amounts import Spill, TerminalChange
from openleo.service.change import Side
from openleo.service.effect import Effect, Extras, effect
from openleo.service.reached import Reached
from openleo.service.statistics import RTT_BINS, CellStatistics

AT, LATER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
PARTS = Parts(
    h3cells.world(1)[:1], np.zeros(2, np.int32), np.array(["FJI", "TON"], object), np.zeros((2, 0), bool),
    np.ones(2), np.full(2, 10.0),
)  # fmt: skip
ONE = np.ones(1)
STATISTICS = CellStatistics(1, ONE, 0 * ONE, 0 * ONE, np.zeros((1, RTT_BINS), np.uint16), ONE, ONE, ONE, ONE, ONE)
PERMIT = Rule("p", "b", "permit", Labels(frozenset({"FJI", "TON"})))
SPEED = Rule("speed-1", "b", "permit", Labels(frozenset({"TON"})))
FORBID = Rule("f", "b", "forbid", Labels(frozenset({"TON"})), emergency="keep", window=Window(ends=LATER))


def found(terminals) -> Effect:
    reached = Reached(PARTS, STATISTICS, mask.kinds_of(PARTS, ()))
    extras = Extras(terminals=terminals, terminals_sha256="t")
    return effect(
        reached, union([PERMIT, SPEED]), union([PERMIT, SPEED, FORBID]), ["fixed"], AT, "network", extras=extras
    )


def counted(was: Side, is_: Side, _networks: object = None) -> dict[tuple[str, str], TerminalChange]:
    """118 terminals of Tonga, by how many rules forbid them; and one on a border."""
    forbids = [len([rule for rule in side.rule_set.rules if rule.effect == "forbid" and rule.window.holds(side.at)])
               for side in (was, is_)]  # fmt: skip
    if forbids[0] == forbids[1]:
        return {}
    lost, gained = (118, 0) if forbids[1] else (0, 118)
    return {
        ("TON", "fixed"): TerminalChange(lost, gained, (("b", "speed-1"),)),
        ("(several)", "fixed"): TerminalChange(1, 0),
    }


def test_terminals_stand_in_their_territorys_row_with_the_rules_that_change_them() -> None:
    fiji, tonga = found(counted).rows
    assert (tonga.lost.terminals, tonga.gained.terminals) == (118, 0)
    assert tonga.because == ("f", "speed-1")
    assert (fiji.lost.terminals, fiji.changed) == (0, False)


def test_terminals_of_no_row_are_told_apart_and_not_dropped() -> None:
    said = found(counted).as_json()
    assert said["terminals_elsewhere"] == [
        {"territory": "(several)", "class": "fixed", "lost": 1, "gained": 0, "reached": True}
    ]


def test_terminals_come_back_at_the_edge() -> None:
    (edge,) = found(counted).edges
    assert edge.at == LATER
    assert [(row.territory, row.gained.terminals) for row in edge.own.rows] == [("TON", 118)]
    assert not edge.between.rows


def test_terminals_of_no_row_are_told_at_an_edge_too() -> None:
    """They were dropped there, though told of the first instant."""
    (edge,) = found(counted).edges
    several = {"territory": "(several)", "class": "fixed", "lost": 1, "gained": 0, "reached": True}
    assert edge.as_json()["terminals_elsewhere"] == {"new_before_and_after": [several], "base_and_new": []}
    _, _, ahead = effect_text.text(found(counted), ("old", "new")).partition("the new rules change by themselves")
    assert "    (several), fixed: loses 1, gains 0" in ahead.partition("Rules that make the difference")[0]


def test_an_edge_at_which_only_terminals_of_no_row_change_is_told() -> None:
    def straddling(was: Side, is_: Side, _networks: object) -> dict[tuple[str, str], TerminalChange]:
        return {key: one for key, one in counted(was, is_).items() if key[0] == "(several)"}

    reached = Reached(PARTS, STATISTICS, mask.kinds_of(PARTS, ()))
    rest = Rule("f", "b", "forbid", Labels(frozenset({"NRU"})), emergency="keep", window=Window(ends=LATER))
    extras = Extras(terminals=straddling, terminals_sha256="t")
    found_ = effect(reached, union([PERMIT]), union([PERMIT, rest]), ["fixed"], AT, "network", extras=extras)
    assert [len(edge.own.elsewhere) for edge in found_.edges] == [1]


# --- edges of both sides ------------------------------------------------------------------------------------------


def of_rules(base: list[Rule], new: list[Rule]) -> Effect:
    reached = Reached(PARTS, STATISTICS, mask.kinds_of(PARTS, ()))
    return effect(reached, union(base), union(new), ["fixed"], AT, "network")


NIGHTS = Window(weekly=(Period(frozenset(range(7)), 20 * 3600, 6 * 3600, "UTC"),))
CURFEW = replace(FORBID, id="curfew", window=NIGHTS)


@pytest.mark.parametrize("base", [[PERMIT, FORBID], [PERMIT, CURFEW], [replace(PERMIT, window=Window(ends=LATER))]])
def test_no_change_of_rules_has_no_effect_at_edges_of_their_own_windows(base: list[Rule]) -> None:
    """What both sides do alike at an edge was told as an effect of the change."""
    for new in (base, [replace(rule, book="another") for rule in base]):
        said = of_rules(base, new)
        assert said.edges == ()
        assert said.edges_left_out == 0
        words = effect_text.text(said, ("old", "new"))
        words = "\n".join(line for line in words.splitlines() if not line.startswith("Both rule sets change alike at"))
        assert " change" not in words.replace("Nothing changes", ""), words


def test_when_both_sides_change_alike_is_told_in_a_line() -> None:
    """A switch-off that both rule sets share was told nowhere."""
    other = Rule("n", "b", "forbid", Labels(frozenset({"FJI"})), emergency="keep")  # makes them two
    ends = replace(PERMIT, window=Window(ends=LATER))
    said = of_rules([ends], [ends, other])
    assert said.edges_alike == ()  # in Tonga alike and in Fiji not: it is an edge with rows of its own
    assert [edge.at for edge in said.edges] == [LATER]
    once = of_rules([PERMIT, FORBID], [PERMIT, FORBID, other])
    assert (once.edges, once.edges_alike) == ((), (LATER,))
    assert once.as_json()["edges_alike"] == ["2026-04-01T00:00:00Z"]
    line = "Both rule sets change alike at 2026-04-01T00:00:00Z, which is no part of the effect."
    assert line in effect_text.text(once, ("old", "new")).splitlines()
    nights = of_rules([PERMIT, CURFEW], [PERMIT, CURFEW, other])
    assert (nights.edges, len(nights.edges_alike)) == ((), 14)
    assert f"alike at {instant_text(AT + timedelta(hours=6))} (14 such times)," in effect_text.text(nights, ("o", "n"))
    assert of_rules([PERMIT, FORBID], [PERMIT]).edges_alike == ()
    assert of_rules([PERMIT, FORBID], [PERMIT, FORBID]).edges_alike == (), "between the same rules no time is told"
    of_nobody = replace(FORBID, territory=Labels(frozenset({"NRU"})))
    assert of_rules([PERMIT, of_nobody], [PERMIT, of_nobody, other]).edges_alike == ()


def test_an_edge_of_both_sides_tells_what_the_change_makes_there_and_no_more() -> None:
    fiji = Rule("fiji", "b", "forbid", Labels(frozenset({"FJI"})), emergency="keep")
    assert of_rules([PERMIT, FORBID], [PERMIT, FORBID, fiji]).edges == (), "Fiji loses before and after Tonga returns"
    both = replace(FORBID, id="both", territory=Labels(frozenset({"FJI", "TON"})))
    (edge,) = of_rules([PERMIT, FORBID], [PERMIT, FORBID, both]).edges
    assert edge.of == ("base", "new")
    assert [row.territory for row in edge.own.rows] == ["FJI", "TON"]
    assert edge.between.rows == ()
    words = effect_text.text(of_rules([PERMIT, FORBID], [PERMIT, FORBID, both]), ("old", "new"))
    assert "from then on, new for old:\n    nobody loses service and nobody gains it" in words


def test_an_edge_of_the_old_rules_alone_is_told_where_it_makes_a_difference() -> None:
    (edge,) = of_rules([PERMIT, FORBID], [PERMIT]).edges
    assert (edge.of, edge.own.rows, edge.between.rows) == (("base",), (), ())
    assert [row.gained.cells for row in of_rules([PERMIT, FORBID], [PERMIT]).rows] == [0, 1]


def test_a_row_changes_where_only_terminals_do() -> None:
    effect_ = found(lambda _was, _is, _networks: {("FJI", "fixed"): TerminalChange(3, 0, (("b", "speed-1"),))})
    fiji = effect_.rows[0]
    assert fiji.changed
    assert fiji.lost.cells == 0
    assert fiji.because == ("speed-1",)


def test_without_a_table_terminals_are_null() -> None:
    assert all(row.lost.terminals is None for row in found(None).rows)


def test_an_effect_tells_rules_of_two_books_with_one_id_apart() -> None:
    """One side's rule and the other's were both called "1", and both books' rules were listed for either."""
    tonga = Labels(frozenset({"TON"}))
    of_operator, of_court = Rule("1", "operator", "permit", tonga), Rule("1", "court", "forbid", tonga, emergency="cut")
    fiji = Rule("1", "another", "permit", Labels(frozenset({"FJI"})))
    base, new = union([of_operator, fiji]), union([of_operator, fiji, of_court])
    reached = Reached(PARTS, STATISTICS, mask.kinds_of(PARTS, ()))

    def terminals(_was: Side, _is: Side, _networks: object) -> dict[tuple[str, str], TerminalChange]:
        return {("FJI", "fixed"): TerminalChange(1, 0, (fiji.key,))}

    found_ = effect(reached, base, new, ["fixed"], AT, "network")
    assert [row.because for row in found_.rows] == [(), ("court/1",)]
    assert [(rule.rule, rule.book, rule.of) for rule in found_.rules] == [("court/1", "court", ("new",))]
    moved = effect(reached, union([of_operator]), union([fiji]), ["fixed"], AT, "network")
    assert [row.because for row in moved.rows] == [("another/1",), ("operator/1",)], "each side has one rule called 1"
    counted_ = effect(reached, base, new, ["fixed"], AT, "network", extras=Extras(terminals=terminals))
    assert [row.because for row in counted_.rows] == [("another/1",), ("court/1",)]


def test_the_end_of_a_permit_is_told_apart_from_its_hours() -> None:
    """Its subscribers were warned of every evening as of an end of service, and 30 days ahead."""
    days = Window(weekly=(Period(frozenset(range(7)), 6 * 3600, 20 * 3600, "UTC"),))
    of_days = replace(PERMIT, window=days)
    said = of_rules([PERMIT], [of_days]).as_json()
    assert [edge["weekly"] for edge in said["edges"]] == [True] * len(said["edges"])
    assert losses.ends(said) == ()
    until = AT + timedelta(days=40, hours=2)
    said = of_rules([PERMIT], [replace(PERMIT, window=replace(days, ends=until))]).as_json()
    last = instant_text(AT + timedelta(days=39, hours=20))
    assert [(one.territory, one.at) for one in losses.ends(said)] == [("FJI", last), ("TON", last)]
    curfew = replace(CURFEW, window=replace(NIGHTS, begins=AT + timedelta(days=35)))
    said = of_rules([PERMIT], [PERMIT, curfew]).as_json()
    begins = curfew.window.next_change(AT)
    assert begins is not None
    assert [(one.territory, one.at) for one in losses.ends(said)] == [("TON", instant_text(begins))]


def test_an_end_that_the_old_rules_have_too_is_still_an_end() -> None:
    """A later change of the same book took the first one's place, and nobody was warned of the end any more."""
    other = Rule("n", "b", "suspend", Labels(frozenset({"NRU"})), emergency="keep", window=Window(ends=LATER))
    of_april = replace(PERMIT, window=Window(ends=LATER))
    said = of_rules([of_april], [of_april, other]).as_json()
    assert said["edges"] == []
    assert said["ends_alike"] == [{"at": instant_text(LATER), "territory": one} for one in ("FJI", "TON")]
    assert [(one.territory, one.at) for one in losses.ends(said)] == [
        (one, instant_text(LATER)) for one in ("FJI", "TON")
    ]
    checked(said | {"network": "0" * 64})
    nights = of_rules([PERMIT, CURFEW], [PERMIT, CURFEW, other])
    assert nights.edges_alike
    assert losses.ends(nights.as_json()) == ()


def test_weekly_edges_are_said_to_go_on_where_they_do() -> None:
    """Of a week's edges; nobody was told that they come back."""
    line = "Weekly periods go on: edges like these come back beyond what is told here."

    def said(*new: Rule, until: datetime | None = None) -> tuple[bool, bool]:
        reached = Reached(PARTS, STATISTICS, mask.kinds_of(PARTS, ()))
        one = effect(reached, union([PERMIT]), union([PERMIT, *new]), ["fixed"], AT, "network", until=until)
        assert one.as_json()["edges_go_on"] == one.edges_go_on
        assert one.edges or not new
        return one.edges_go_on, line in effect_text.text(one, ("old", "new"))

    assert said(CURFEW) == (True, True)
    assert said(FORBID) == said() == (False, False)
    assert said(CURFEW, until=AT + timedelta(days=2)) == (False, False), "nothing was asked of later ones"
    ends = replace(CURFEW, window=replace(NIGHTS, ends=AT + timedelta(days=3)))
    assert said(ends) == (False, False)
    later = replace(CURFEW, window=replace(NIGHTS, ends=AT + timedelta(days=30)))
    assert said(later) == (True, True)


def test_beams_that_reach_as_many_before_and_after_are_not_told() -> None:
    def words(*spills: Spill) -> str:
        by = {(territory, "fixed"): one for territory, one in zip(("FJI", "TON"), spills, strict=False)}
        reached = Reached(PARTS, STATISTICS, mask.kinds_of(PARTS, ()))
        extras = Extras(spill=by, beam_km=12.0)
        one = effect(reached, union([PERMIT]), union([PERMIT, FORBID]), ["fixed"], AT, "network", extras=extras)
        return effect_text.text(one, ("old", "new")).partition("Beams that point")[2].partition("Rules that")[0]

    told = words(Spill((7, 7), (3, 3)), Spill((0, 5), (4, 4)))
    assert "Fiji" not in told
    assert "Tonga" in told
    assert "lit all the same:               0 people before, 5 after" in told
    assert "dark" not in told
    assert "the same people beyond borders before and after" in words(Spill((7, 7), (3, 3)))
    assert "they cross no border" in words()


def test_the_round_trip_time_of_terminals_served_by_group_is_not_known() -> None:
    """It was "none before, none after", as if nobody were served."""
    counts = np.zeros((1, RTT_BINS), np.uint16)
    counts[0, 300] = 1
    reached = Reached(PARTS, replace(STATISTICS, rtt_counts=counts), mask.kinds_of(PARTS, ()))
    aid = replace(PERMIT, selector=Selector(groups=frozenset({"aid"})))
    forbid = replace(FORBID, territory=PERMIT.territory, window=Window())

    def said(base: list[Rule], new: list[Rule]) -> tuple[str, str]:
        one = effect(reached, union(base), union(new), ["fixed"], AT, "network")
        (line,) = [line for line in effect_text.text(one, ("o", "n")).splitlines() if "median" in line][:1]
        table = effect_text.markdown(one, ("o", "n"), "", ("", "")).splitlines()
        return line.partition("median round-trip time ")[2], table[table.index("|" + "---|" * 9) + 1]

    known = said([PERMIT], [forbid])[0]
    assert re.fullmatch(r"[0-9.]+ ms before, none after", known), "nobody is served then"
    assert said([aid], [aid, forbid])[0] == "not known"
    assert "| not known | not known |" in said([aid], [aid, forbid])[1]
    assert said([PERMIT], [aid])[0] == known.replace("none", "not known")
    assert said([aid], [PERMIT])[0].startswith("not known before, ")
