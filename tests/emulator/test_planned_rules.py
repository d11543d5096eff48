"""What rules do to a table, against `decide` asked throughout each slot, and at the edges of their windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from scenes import scenario_text

from openleo.emulator.outlook import outlook
from openleo.emulator.permitted import Who, may
from openleo.emulator.planned import Options, PlacedTerminal, link_table
from openleo.errors import InputError
from openleo.instants import SlotGrid
from openleo.network import journeys
from openleo.network.ground.tracks import Track
from openleo.network.journeys import Point
from openleo.places import point
from openleo.policy.decide import decide
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet
from openleo.results import Case
from openleo.scenario import Scenario
from openleo.service import licences

SCENARIO = scenario_text('\n[policy]\nrules = "r.toml"\n', duration="5min")
START = datetime(2026, 11, 20, tzinfo=UTC)
WINDOW = SlotGrid(START, 15.0, 20)
MANILA, TAIPEI = Point("Manila", 14.6, 120.98), Point("Taipei", 25.03, 121.56)
RULE = """[[rule]]
id = "{id}"
effect = "{effect}"
territory = {{in = "{land}"{include}}}
authority = "a regulator"
reason = "a reason"
{more}
"""


def rule(id_: str, effect: str = "permit", land: str = "PHL", more: str = "") -> str:
    if effect != "permit":
        more += '\nemergency = "cut"'
    include = ", include = []" if land in ("PHL", "TWN", "JPN") else ""
    return RULE.format(id=id_, effect=effect, land=land, include=include, more=more)


def rule_set(folder: Path, *rules: str) -> RuleSet:
    (folder / "r.toml").write_text('schema = 1\nbook = "operator"\n\n' + "\n".join(rules))
    return read_rules([folder / "r.toml"])


def case(folder: Path, *rules: str) -> Case:
    rule_set(folder, *rules)
    (folder / "s.toml").write_text(SCENARIO)
    return Scenario.load(folder / "s.toml").case


def slots_permitted(rules: RuleSet, user: Point | Track = MANILA, class_: str = "fixed") -> list[int]:
    return np.flatnonzero(may(rules, user, Who(class_), WINDOW).permitted).tolist()


def between(first: int, end: int) -> list[int]:
    return list(range(first, end))


@pytest.mark.parametrize(
    ("rules", "slots"),
    [
        ([rule("p")], between(0, 20)),
        ([rule("p", land="TWN")], []),
        ([rule("p", more="from = 2026-11-20T00:01:30Z")], between(6, 20)),  # where a slot begins: from it on
        ([rule("p", more="from = 2026-11-20T00:01:40Z")], between(7, 20)),  # inside a slot: from the next one on
        ([rule("p", more="until = 2026-11-20T00:01:30Z")], between(0, 6)),
        ([rule("p", more="until = 2026-11-20T00:01:40Z")], between(0, 6)),  # inside a slot: not in it
        ([rule("p"), rule("f", "forbid", more="from = 2026-11-20T00:01:40Z")], between(0, 6)),
        ([rule("p"), rule("s", "suspend", more="from = 2026-11-20T00:01:31Z\nuntil = 2026-11-20T00:01:32Z")],
         [*between(0, 6), *between(7, 20)]),
        ([rule("p", more="until = 2026-11-20T00:01:40Z"), rule("q", more="from = 2026-11-20T00:01:40Z")],
         between(0, 20)),  # one permit takes over from another: at no instant is it not permitted
        ([rule("p", more='who = {classes = ["maritime"]}')], []),
        ([rule("p", more="conditions = {speed_kmh_max = 75}")], between(0, 20)),  # it stands still
        ([rule("p", more="conditions = {days_abroad_max = 5}")], []),  # which nobody knows of it
    ],
)  # fmt: skip
def test_a_slot_is_permitted_throughout_or_not_at_all(tmp_path: Path, rules: list[str], slots: list[int]) -> None:
    made = rule_set(tmp_path, *rules)
    assert slots_permitted(made) == slots
    where = point.where(MANILA.latitude_deg, MANILA.longitude_deg, 0.0, made.regions)
    for slot in range(WINDOW.slots):
        asked = [
            Request(at=WINDOW.instant(slot) + timedelta(seconds=second), class_="fixed", latitude_deg=14.6,
                    longitude_deg=120.98, uncertainty_m=0.0, speed_kmh=0.0)
            for second in range(15)
        ]  # fmt: skip
        assert all(decide(made, one, where).permitted for one in asked) == (slot in slots)


def test_a_ship_is_permitted_where_the_whole_of_its_way_is(tmp_path: Path) -> None:
    """Eastward over a border of permits at 36 km/h: 150 m a slot."""
    corners = "[[120.0, 14.0], [120.5, 14.0], [120.5, 15.0], [120.0, 15.0], [120.0, 14.0]]"
    area = f'territory = {{geojson = {{type = "Polygon", coordinates = [{corners}]}}}}'
    made = rule_set(tmp_path, rule("p", land="world").replace('territory = {in = "world"}', area))
    # 360 m west of the border at the start: it comes to it after 36 s, in the third slot.
    metres = 111_320.0 * np.cos(np.radians(14.5))
    ends = np.array([120.5 - 360.0 / metres, 120.5 + 2640.0 / metres])
    ship = Track("ship", START, np.array([0.0, 300.0]), np.full(2, 14.5), ends, np.zeros(2))
    assert slots_permitted(made, ship) == [0, 1]
    back = Track("ship", START, np.array([0.0, 300.0]), np.full(2, 14.5), ends[::-1].copy(), np.zeros(2))
    assert slots_permitted(made, back) == [18, 19]


def test_how_fast_a_track_is_counts(tmp_path: Path) -> None:
    made = rule_set(tmp_path, rule("p", land="PHL", more="conditions = {speed_kmh_max = 75}"))
    jerky = Track("lorry", START, np.array([0.0, 7.0, 300.0]), np.array([15.5, 15.5, 15.55]), np.full(3, 121.0),
                  np.zeros(3))  # fmt: skip
    assert slots_permitted(made, jerky) == between(0, 20)  # 68 km/h after it has stood
    spurt = Track("lorry", START, np.array([0.0, 7.0, 300.0]), np.array([15.5, 15.503, 15.503]), np.full(3, 121.0),
                  np.zeros(3))  # fmt: skip
    assert slots_permitted(made, spurt) == between(1, 20)  # 171 km/h, though 80 over its first slot
    for kmh, slots in ((70.0, between(0, 20)), (80.0, [])):
        north = 15.5 + kmh / 12.0 / 110.66
        lorry = Track("lorry", START, np.array([0.0, 300.0]), np.array([15.5, north]), np.full(2, 121.0), np.zeros(2))
        assert slots_permitted(made, lorry) == slots


def test_a_table_goes_dark_and_comes_back_with_its_rules_and_says_by_which(tmp_path: Path) -> None:
    suspend = rule("s-1", "suspend", more="from = 2026-11-20T00:01:40Z\nuntil = 2026-11-20T00:03:00Z")
    one = case(tmp_path, rule("p-1"), suspend)
    table = link_table(one, [PlacedTerminal(MANILA, anchor="Tokyo"), PlacedTerminal(TAIPEI)], WINDOW)
    dark = slice(6, 12)
    assert set(table.why[dark, 0]) == {"not_permitted"}
    assert set(table.because[dark, 0]) == {"s-1"}
    assert table.served[:6, 0].all()
    assert table.served[12:, 0].all()
    assert not table.because[table.served].any()
    assert not table.delay_ns[dark, 0].any()
    assert (table.satellite[dark, 0] == -1).all()
    assert not table.hand_over[12, 0]  # nobody handed over to who serves first again
    assert set(table.why[:, 1]) == {"not_permitted"}
    said, span = outlook(table, "s.toml"), "from 2026-11-20T00:00:00Z to 2026-11-20T00:05:00Z"
    assert said.at_times == (f"Manila is served in 14 of 20 slots {span}: not_permitted in 6 by s-1.",)
    (never,) = said.never
    assert never.rule == f"is never served {span}: not_permitted in 20, as no rule permits it."
    assert (never.file, never.where) == ("s.toml", "Taipei")
    assert never.way_out == "Name rules that permit it, another class, or another time."


def test_can_and_may_are_answered_apart(tmp_path: Path) -> None:
    """Where there is neither satellite nor permission, permission is why: the first reason that applies."""
    pole = Point("pole", 89.9, 0.0)
    table = link_table(case(tmp_path, rule("p", land="PHL")), [PlacedTerminal(pole)], WINDOW)
    assert set(table.why[:, 0]) == {"not_permitted"}
    table = link_table(case(tmp_path, rule("p", land="high-seas")), [PlacedTerminal(pole)], WINDOW)
    assert set(table.why[:, 0]) == {"no_satellite"}


@pytest.mark.parametrize("seed", range(4))
def test_one_more_forbid_serves_nobody_new(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    lands, users = ("PHL", "TWN", "high-seas"), [MANILA, TAIPEI, Point("at sea", 18.0, 135.0)]

    def drawn(number: int, effect: str) -> str:
        begins, lasts = sorted(random.integers(0, 300, 2).tolist())
        span = [f"{(START + timedelta(seconds=s)).isoformat()}" for s in (begins, begins + lasts + 1)]
        return rule(f"r{number}", effect, str(random.choice(lands)), f"from = {span[0]}\nuntil = {span[1]}")

    rules = [drawn(n, "permit") for n in range(6)] + [drawn(n, "forbid") for n in range(6, 9)]
    for count in range(6, 9):
        before, after = (rule_set(tmp_path, *rules[:many]) for many in (count, count + 1))
        for user in users:
            assert set(slots_permitted(after, user)) <= set(slots_permitted(before, user))


def test_traffic_leaves_where_rules_say(tmp_path: Path) -> None:
    """`land_in`: over gateways and a PoP there alone; no gateway where the anchor is elsewhere."""
    one = case(tmp_path, rule("p-1", more='land_in = ["JPN"]'))
    terminals = [PlacedTerminal(MANILA, anchor="Tokyo"), PlacedTerminal(MANILA, anchor="Manila")]
    table = link_table(one, terminals, WINDOW)
    assert table.served[:, 0].all()
    assert set(table.why[:, 1]) == {"no_gateway"}
    assert set(table.because[:, 1]) == {"p-1"}
    assert outlook(table, "s.toml").never[0].way_out.startswith("Name a PoP in a territory where these rules let its")
    network, tokyo = one.network, [pop.name for pop in one.network.gateways.pops].index("Tokyo")
    for slot in (0, 7, 19):
        at = WINDOW.instant(slot) + timedelta(seconds=7.5)
        free = journeys.to_pop(network, one.grid, MANILA, tokyo, at)
        assert free.rtt_ms is not None
        assert table.rtt_ms(0, np.array([slot * 15.0 + 7.5]))[0] >= free.rtt_ms - 0.001
    outside = licences.outside(network.gateways, ["JPN"])
    inside = {one.territory for n, one in enumerate(network.gateways.stations) if n not in outside}
    assert inside == {"JPN"}


def test_without_a_named_pop_the_anchor_is_one_where_traffic_may_leave(tmp_path: Path) -> None:
    one = case(tmp_path, rule("p-1", more='land_in = ["JPN"]'))
    table = link_table(one, [PlacedTerminal(MANILA)], WINDOW)
    (pop,) = [pop for pop in one.network.gateways.pops if pop.name == table.anchors[0]]
    assert table.served.all()
    assert licences.land_of(pop) == "JPN"


def test_over_satellites_alone_nothing_passes_whose_traffic_has_to_land(tmp_path: Path) -> None:
    until, since = "until = 2026-11-20T00:02:30Z", "from = 2026-11-20T00:02:30Z"
    rules = [rule("p-1", more=f'{until}\nland_in = ["JPN"]'), rule("p-2", more=since), rule("t", land="TWN")]
    table = link_table(
        case(tmp_path, *rules), [PlacedTerminal(MANILA), PlacedTerminal(TAIPEI)], WINDOW, Options(pairs=((0, 1),))
    )
    assert (table.direct_ns[:10] == -1).all()
    assert (table.direct_ns[10:] > 0).all()


def test_rules_on_gateways_hold_slot_by_slot_and_for_the_whole_of_a_slot(tmp_path: Path) -> None:
    """Withheld everywhere from 00:02:05 to 00:03: slots 8 to 11, and service before and after as without the rule."""
    gone = rule(
        "g", "suspend", "world", 'applies_to = "gateway"\nfrom = 2026-11-20T00:02:05Z\nuntil = 2026-11-20T00:03:00Z'
    )
    terminals = [PlacedTerminal(MANILA, anchor="Manila")]
    free, table = (link_table(case(tmp_path, *rules), terminals, WINDOW) for rules in ([rule("p")], [rule("p"), gone]))
    dark = between(8, 12)
    assert set(table.why[dark, 0]) == {"no_gateway"}
    others = [slot for slot in range(20) if slot not in dark]
    np.testing.assert_array_equal(table.served[others], free.served[others])
    np.testing.assert_array_equal(table.delay_ns[others], free.delay_ns[others])
    later = SlotGrid(WINDOW.instant(9), 15.0, 6)  # a window of its own does not go by the scenario's first instant
    assert (
        link_table(case(tmp_path, rule("p"), gone), terminals, later).served[:, 0].tolist() == [False] * 3 + [True] * 3
    )


def test_satellites_alone_join_nobody_whom_no_gateway_serves(tmp_path: Path) -> None:
    """There is a path between them; service is what lacks, and the engine asks for that first."""
    gone = rule("g", "suspend", "world", 'applies_to = "gateway"\nuntil = 2026-11-20T01:00:00Z')
    one, both = case(tmp_path, rule("p"), rule("t", land="TWN"), gone), [PlacedTerminal(MANILA), PlacedTerminal(TAIPEI)]
    table = link_table(one, both, WINDOW, Options(pairs=((0, 1),)))
    assert set(table.why.ravel()) == {"no_gateway"}
    assert not table.served.any()
    assert (table.direct_ns > 0).all()


def test_traffic_leaves_where_every_rule_of_a_slot_lets_it(tmp_path: Path) -> None:
    """One permit takes over from another inside a slot: there only what both say will do."""
    first = rule("p-1", more='until = 2026-11-20T00:01:40Z\nland_in = ["JPN", "KOR"]')
    second = rule("p-2", more='from = 2026-11-20T00:01:40Z\nland_in = ["PHL", "JPN"]')
    found = may(rule_set(tmp_path, first, second), MANILA, Who("fixed"), WINDOW).land_in
    assert found == (*[("JPN", "KOR")] * 6, ("JPN",), *[("JPN", "PHL")] * 13)
    apart = rule("p-2", more='from = 2026-11-20T00:01:40Z\nland_in = ["PHL"]')
    table = link_table(case(tmp_path, first, apart), [PlacedTerminal(MANILA, anchor="Manila")], WINDOW)
    assert set(table.why[:7, 0]) == {"no_gateway"}
    assert set(table.because[:6, 0]) == {"p-1"}
    assert table.served[7:, 0].any()


def test_a_class_that_rules_do_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='Manila: class: there is no class "maritme"'):
        link_table(case(tmp_path, rule("p")), [PlacedTerminal(MANILA, class_="maritme")], WINDOW)
