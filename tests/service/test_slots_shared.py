"""Slots as they are exported are those that a run folds into its tally."""

from __future__ import annotations

import numpy as np
import pytest

from openleo.places.areas import parts_of
from openleo.policy import mask
from openleo.results import compute
from openleo.scenario import Scenario
from openleo.service.rates import demand_of
from openleo.service.slots_shared import shared_slots


@pytest.mark.parametrize("ways", ["shortest", "least_load"])
def test_an_exported_slot_gives_what_the_run_tells(tmp_path, ways):
    path = tmp_path / "s.toml"
    path.write_text(
        'name = "s"\nstart = 2026-11-20T17:00:00Z\nduration = "30s"\nslot = "15s"\n'
        '[constellation]\ncatalogue = "starlink-gen1"\n[ground]\narea = ["MWI"]\ngateways = "starlink-2026"\n'
        f'[capacity]\nenabled = true\nways = "{ways}"\n[demand]\nfactor = 4\n'
    )
    case = Scenario.load(path).case
    parts = parts_of(case.area, case.resolution)
    asked, _ = demand_of(case.capacity, parts)
    may = mask.everything(parts, case.classes)
    tally = compute(case).service.rates.tally
    found = list(shared_slots(case.capacity, case.network, case.grid, 0, 2, parts, asked, may))
    for way in ("down", "up"):
        of_run = getattr(tally, f"slot_given_{way}_mbps")
        exported = [float(getattr(one.allocation, f"rate_{way}_mbps").sum()) for one in found]
        np.testing.assert_allclose(exported, of_run, rtol=1e-9)
