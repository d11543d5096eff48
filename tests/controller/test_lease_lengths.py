"""Leases of every length that may be set follow each other without a gap, whenever in a slot their terminal renews."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

import leasing
from openleo.controller import lease_place, leases, loop
from openleo.controller.leases import LAST_SHARE, Lease, Terms
from openleo.controller.settings import LEAST_LEASE_SLOTS, MOST_LEASE_SLOTS, Settings

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
