"""Leases of every length that may be set follow each other without a gap, whenever in a slot their terminal renews."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from governed import Governed
from pydantic import ValidationError
from running import Running
from world_made import roster

import leasing
from openleo.cli.serve import _shorter
from openleo.controller import lease_office, lease_place, leases, loop
from openleo.controller.in_force import LedgerReader
from openleo.controller.leases import LAST_SHARE, Lease, Terms
from openleo.controller.settings import Settings
from openleo.errors import InputError
from openleo.governance.roster import LEAST_LEASE_SLOTS, MOST_LEASE_SLOTS

SLOTS = 6
SHARES = (0.0, 0.3, 1.0 - loop.LEAD - 0.01, 1.0 - loop.LEAD + 0.01, LAST_SHARE)  # of a slot: where a terminal renews


def kept(folder: Path, slots: int, share: float, monkeypatch: pytest.MonkeyPatch) -> list[Lease]:
    """The leases of a terminal that renews as it is told."""
    monkeypatch.setattr(leases, "spread", lambda _terminal: share)
    in_force, found = leasing.InForce(leasing.rules(folder)), list[Lease]()
    now_s = leasing.BEGINS_S + share * leasing.SLOT_S
    while len(found) < SLOTS:
        number = int(now_s // leasing.SLOT_S)
        plan = replace(leasing.plan(), number=number, begins_s=number * leasing.SLOT_S)
        form = leasing.asking(at_s=now_s).form
        placed = lease_place.place(leases.circles(form), in_force.rules.regions, leasing.RESOLUTION)
        asked = leases.request(form, leasing.terminal(), placed, now_s)
        given = leases.decide(asked, leasing.terminal(), placed, in_force, leasing.offers(plan), Terms(slots), now_s)
        assert isinstance(given, Lease)
        found.append(given)
        now_s = given.renew_after_s
    return found


def gaps(found: list[Lease]) -> list[int]:
    """Slots that are settled, in the slot before, while no lease of the terminal reaches into them."""
    missed = []
    for number in range(found[0].slot + 2, found[-1].slot + 1):
        settled_s = (number - loop.LEAD) * leasing.SLOT_S
        held = [one for one in found if one.valid_from_s <= settled_s and one.slot <= number < one.until_slot]
        missed += [] if held else [number]
    return missed


@pytest.mark.parametrize("slots", range(LEAST_LEASE_SLOTS, MOST_LEASE_SLOTS + 1, 4))
@pytest.mark.parametrize("share", SHARES)
def test_no_slot_is_settled_without_a_lease(
    tmp_path: Path, slots: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gaps(kept(tmp_path, slots, share, monkeypatch)) == []


@pytest.mark.parametrize("slots", range(1, LEAST_LEASE_SLOTS))
def test_shorter_ones_would_leave_gaps(tmp_path: Path, slots: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gaps(kept(tmp_path, slots, LAST_SHARE, monkeypatch)) != []
    with pytest.raises(ValidationError, match="lease_slots"):
        Settings(lease_slots=slots)


@pytest.mark.parametrize(("stated", "found"), [({}, 4), ({"lease_slots_max": 3}, 3), ({"lease_slots_max": 20}, 20)])
def test_the_roster_says_how_long_a_lease_may_hold(tmp_path: Path, stated: dict[str, int], found: int) -> None:
    governed = Governed.founded(tmp_path / "data", roster(**stated))
    assert LedgerReader(governed.folder).read(governed.now).lease_slots_max == found
    assert ("lease_slots_max" in roster(**stated).document["settings"]) == (found != 4)


def test_a_controller_gives_no_longer_leases_than_the_roster_lets_it(tmp_path: Path) -> None:
    here = Running.on(tmp_path, lease_slots=10)
    try:
        assert "lease_slots is 10" not in _shorter(here.runtime)  # before the genesis nobody has said anything
        here.gate.now = replace(here.gate.now, founded=True, lease_slots_max=6)  # type: ignore[type-var]
        here.step()
        assert "leases hold for 6" in _shorter(here.runtime)
        desk = lease_office.open_desk(here.runtime, _Nowhere())  # type: ignore[arg-type]
        for most, slots in ((6, 6), (20, 10)):
            here.gate.now = replace(here.gate.now, lease_slots_max=most)  # type: ignore[type-var]
            here.slot()
            desk._now(here.runtime.clock.now_s())
            assert desk.terms.lease_slots == slots
        here.gate.now = replace(here.gate.now, lease_slots_max=3)  # type: ignore[type-var]
        here.slot()
        here.clock.pass_s(3 * here.runtime.twin.slots.slot_s)
        assert here.runtime.plan_now() is None
    finally:
        here.close()


@pytest.mark.parametrize("most", [2, 21])
def test_a_roster_s_leases_have_bounds(most: int) -> None:
    with pytest.raises(InputError, match="lease_slots_max"):
        roster(lease_slots_max=most)


class _Nowhere:
    """Nobody's round trips."""

    def whereabouts(self, *_asked: object) -> None:
        """Nothing."""
