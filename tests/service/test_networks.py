"""Rules that change the gateways too: each side on its own network, worked out by hand, and no more than may be.

One cell is served all of the time by all gateways and half of it without the last; 100 people live there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from openleo import cells as h3cells
from openleo.network.ground import gateways as joined
from openleo.network.ground.stations import Station
from openleo.places.expressions import Labels
from openleo.places.parts import Parts
from openleo.policy import mask
from openleo.policy.conditions import MoreThan, Selector
from openleo.policy.rules import Rule, union
from openleo.policy.when import Window
from openleo.report import effect_text
from openleo.service.amounts import Amount
from openleo.service.effect import Effect, effect
from openleo.service.networks import Networks
from openleo.service.reached import Reached
from openleo.service.statistics import RTT_BINS, CellStatistics

AT = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PARTS = Parts(
    h3cells.world(1)[:1], np.zeros(1, np.int32), np.array(["TON"], object), np.zeros((1, 0), bool), np.full(1, 10.0),
    np.full(1, 100.0),
)  # fmt: skip
KINDS = mask.kinds_of(PARTS, ())
GATEWAYS = joined.join(
    (Station("north", 50.0, 20.0), Station("south", -15.0, -50.0)), (Station("pop", 50.0, 20.0),), 1.5
)  # in Poland and in Brazil
HERE, THERE = frozenset({"TON"}), frozenset({"BRA"})
PERMIT = Rule("p", "b", "permit", Labels(HERE))
LIMIT = Rule("limit", "b", "forbid", Labels(HERE), Selector(conditions=(MoreThan("speed_kmh", 75.0),)), emergency="cut")
FORBID = Rule("f", "b", "forbid", Labels(HERE), emergency="cut")
NO_SOUTH = Rule("gw", "b", "forbid", Labels(THERE), applies_to="gateway", emergency="cut")
ALL, HALF, NONE = Amount(1, 10.0, 100), Amount(1, 5.0, 50), Amount(0, 0.0, 0)


def reached(share: float) -> Reached:
    one, counts = np.full(1, share), np.zeros((1, RTT_BINS), np.uint16)
    counts[0, 300] = round(4 * share)
    rest = (np.zeros(1),) * 5
    return Reached(PARTS, CellStatistics(4, one, 1 - one, 0 * one, counts, *rest), KINDS)  # type: ignore[arg-type]


def networks(most: int = 4, left: float = 0.5) -> Networks:
    return Networks(GATEWAYS, lambda gateways: reached(1.0 if (gateways.pop >= 0).all() else left), most=most)


def change(base: list[Rule] | None, new: list[Rule], most: int = 4, left: float = 0.5) -> Effect:
    old = None if base is None else union(base)
    return effect(reached(1.0), old, union(new), ["fixed"], AT, "network", networks=networks(most, left))


@pytest.mark.parametrize(
    ("base", "new", "lost", "may_lose", "because"),
    [
        ([PERMIT], [PERMIT, NO_SOUTH], HALF, NONE, ("gw",)),
        (None, [PERMIT, NO_SOUTH], HALF, NONE, ("gw",)),  # where nothing was withheld before, there was an IndexError
        ([PERMIT], [FORBID, NO_SOUTH], ALL, NONE, ("f", "gw")),
        ([PERMIT, LIMIT], [PERMIT, LIMIT, NO_SOUTH], NONE, HALF, ("gw",)),  # of those that are slow; it was "lost"
        ([PERMIT], [PERMIT, LIMIT, NO_SOUTH], HALF, HALF, ("gw", "limit")),
        ([PERMIT, LIMIT], [PERMIT, FORBID, NO_SOUTH], NONE, ALL, ("f", "gw")),
        ([FORBID], [FORBID, NO_SOUTH], NONE, NONE, ()),
    ],
)
def test_what_one_network_serves_and_the_other_does_not(base, new, lost, may_lose, because) -> None:
    there = change(base, new).rows[0]
    assert (there.lost, there.may_lose, there.gained, there.may_gain) == (lost, may_lose, NONE, NONE)
    assert there.because == because
    if base is not None:
        back = change(new, base).rows[0]
        assert (back.gained, back.may_gain, back.lost, back.may_lose) == (lost, may_lose, NONE, NONE)
        assert back.because == because
        assert back.rtt_ms_p50 == there.rtt_ms_p50[::-1]


@pytest.mark.parametrize(
    ("base", "new", "because"),
    [
        ([PERMIT], [FORBID, NO_SOUTH], ("f", "gw")),
        ([PERMIT], [PERMIT, LIMIT, NO_SOUTH], ("gw", "limit")),
        ([PERMIT, LIMIT], [PERMIT, FORBID, NO_SOUTH], ("f", "gw")),
        ([PERMIT, LIMIT], [PERMIT, NO_SOUTH], ("gw",)),  # the limit's end takes nothing
        ([PERMIT], [NO_SOUTH], ("gw", "p")),
        ([FORBID], [PERMIT, NO_SOUTH], ()),
    ],
)
def test_where_the_network_goes_altogether_rules_on_terminals_are_named_too(base, new, because) -> None:
    """They were named only where some service was left to take."""
    there, back = change(base, new, left=0.0).rows[0], change(new, base, left=0.0).rows[0]
    assert there.because == back.because == because
    assert there.lost == back.gained


def test_in_text_rules_on_gateways_are_named_as_what_changes_the_network() -> None:
    """They were named as the reasons of every territory, as if each of them served it."""
    no_north = replace(NO_SOUTH, id="north", territory=Labels(frozenset({"POL"})))
    found = change([PERMIT], [FORBID, NO_SOUTH, no_north])
    assert [(rule.rule, rule.applies_to) for rule in found.rules] == [
        ("f", "terminal"), ("gw", "gateway"), ("north", "gateway")
    ]  # fmt: skip
    said = effect_text.text(found, ("old", "new"))
    assert "because of f; other gateways are used: gw, north; median" in said
    assert "gw: forbid on gateways of b, new rules only" in said
    whole = "Of rules on gateways all are named that change which are used; whom each of them serves is not told."
    assert whole in said
    assert whole not in effect_text.text(change([PERMIT], [FORBID, NO_SOUTH]), ("old", "new"))
    half = "a terminal is lost if less than half of its time is left"
    assert half not in said
    assert half in effect_text.text(replace(found, terminals="a table's hash"), ("old", "new"))


def test_windows_ahead_of_rules_on_gateways_are_looked_at() -> None:
    """A comparison that changed gateways looked at none."""
    gone = Rule("gw", "b", "forbid", Labels(THERE), window=Window(AT + DAY, AT + 2 * DAY), applies_to="gateway",
                emergency="cut")  # fmt: skip
    found = change([PERMIT], [PERMIT, gone])
    assert not found.rows[0].changed
    assert [(edge.at, [(row.lost, row.gained) for row in edge.own.rows]) for edge in found.edges] == [
        (AT + DAY, [(HALF, NONE)]),
        (AT + 2 * DAY, [(NONE, HALF)]),
    ]
    assert found.edges_untold == ()


def test_changes_that_need_one_network_too_many_are_said() -> None:
    north = Rule("gw", "b", "forbid", Labels(frozenset({"POL"})), window=Window(AT + DAY, AT + 2 * DAY),
                 applies_to="gateway", emergency="cut")  # fmt: skip
    found = change([PERMIT], [PERMIT, north], most=1)
    assert found.edges == ()
    assert found.edges_untold == (AT + DAY, AT + 2 * DAY)
    assert found.as_json()["edges_untold"] == ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"]
    said = effect_text.text(found, ("old", "new"))
    assert "a network of their own each: the changes at 2026-03-02T00:00:00Z, 2026-03-03T00:00:00Z." in said
    assert "Nothing changes at 2026-03-01T00:00:00Z; 2 changes ahead are not computed." in said
    assert "Nothing changes:" not in said
    assert "`openleo policy effect` with `--at 2026-03-02T00:00:00Z` tells of that one" in said
    title = effect_text.markdown(found, ("old", "new"), "gateways", ("a.png", "b.png")).partition("```")[0]
    assert "2 changes ahead are not computed." in title
    then = effect(reached(1.0), union([PERMIT]), union([PERMIT, north]), ["fixed"], AT + DAY, "network",
                  networks=networks())  # fmt: skip
    assert then.rows[0].lost == HALF, "as it is advised"
    many = replace(found, edges_untold=tuple(AT + n * DAY for n in range(1, 9)), edges_left_out=3)
    words = effect_text.text(many, ("old", "new"))
    assert "Nothing changes at 2026-03-01T00:00:00Z; 11 changes ahead are not computed." in words
    assert "2026-03-06T00:00:00Z and 3 more." in words


def test_nothing_changes_is_said_of_the_instant_where_changes_are_ahead() -> None:
    gone = replace(NO_SOUTH, window=Window(AT + DAY))
    said = effect_text.text(change([PERMIT], [PERMIT, gone]), ("old", "new"))
    assert "Nothing changes at 2026-03-01T00:00:00Z: nobody loses service and nobody gains it." in said
    assert "Nothing changes: nobody" in effect_text.text(change([PERMIT], [PERMIT]), ("old", "new"))
