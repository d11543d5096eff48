"""A simulated fleet is the same for the same seed, and does what its labels say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from openleo.fleet.cast import LABELS
from openleo.fleet.honest import HONEST
from openleo.fleet.simulate import SCENARIOS, FleetAsked, Simulation
from openleo.fleet.world import PERMITTED
from openleo.misuse.ground import distance_km


@pytest.fixture(scope="module")
def fleet() -> tuple[Simulation, pa.Table]:
    made = Simulation(FleetAsked(80, 2.0, 4, 6))
    return made, pa.concat_tables(made.parts())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_rows(fleet: tuple[Simulation, pa.Table]) -> None:
    again = pa.concat_tables(Simulation(FleetAsked(80, 2.0, 4, 6)).parts())
    assert again.equals(fleet[1])
    other = next(Simulation(FleetAsked(80, 2.0, 5, 6)).parts())
    assert not other.equals(next(Simulation(FleetAsked(80, 2.0, 4, 6)).parts()))


def test_rows_come_in_order_of_time_and_each_terminal_every_few_minutes(fleet: tuple[Simulation, pa.Table]) -> None:
    at_s = fleet[1]["at_s"].to_numpy()
    assert (np.diff(at_s) >= 0.0).all()
    home = next(one for one in fleet[0].cast.devices if one.label is None and not one.way.off)
    mine = np.diff(fleet[1].filter(pc.equal(fleet[1]["terminal"], home.terminal))["at_s"].to_numpy())
    assert 200.0 < np.median(mine) < 1_000.0
    assert mine.max() < 1_100.0


def test_every_kind_but_the_long_one_is_labelled_from_when_it_begins(fleet: tuple[Simulation, pa.Table]) -> None:
    table = fleet[1]
    assert set(pc.unique(table["label"].cast(pa.string())).drop_null().to_pylist()) == set(LABELS) - {"abroad"}
    unregistered = table.filter(pc.equal(table["label"], "unregistered"))
    assert not pc.any(unregistered["registered"]).as_py()
    outside = table.filter(pc.equal(table["label"], "outside"))
    assert pc.mean(pc.equal(outside["permitted"], False).cast(pa.int8())).as_py() > 0.95
    assert len({pc.min(table["at_s"]).as_py()} & set(outside["at_s"].to_pylist())) == 0


def test_spoofed_positions_are_far_from_the_serving_cell_and_honest_ones_are_not() -> None:
    import h3

    table = pa.concat_tables(Simulation(FleetAsked(80, 1.0, 6, 6, jamming=False)).parts())
    for label, low, high in (("spoof", 80.0, 3_000.0), (None, 0.0, 60.0)):
        of = pc.is_null(table["label"]) if label is None else pc.equal(table["label"], label)
        rows = table.filter(pc.and_(of, pc.is_valid(table["cell"])))
        middle = np.array([h3.cell_to_latlng(cell) for cell in rows["cell"].to_pylist()])
        off_km = distance_km(rows["lat_deg"].to_numpy(), rows["lon_deg"].to_numpy(), *middle.T)
        assert low <= np.median(off_km) <= high
        assert np.quantile(off_km, 0.99) <= high


def test_noise_is_a_kilometre_at_95_percent() -> None:
    made = Simulation(FleetAsked(40, 2.0, 7, 0, jamming=False))
    table = pa.concat_tables(made.parts())
    home = next(one for one, radius in zip(made.cast.devices, made._radius_m, strict=True)
                if radius == 1_000.0 and len(one.way.at_s) == 1 and one.address is None)  # fmt: skip
    rows = table.filter(pc.equal(table["terminal"], home.terminal))
    place = np.array([home.way.places[0]] * len(rows)).T
    off_km = distance_km(rows["lat_deg"].to_numpy(), rows["lon_deg"].to_numpy(), *place)
    assert np.mean(off_km < 1.0) == pytest.approx(0.95, abs=0.03)


def test_jammers_reach_some_and_quiet_scenarios_have_none() -> None:
    jammed = pa.concat_tables(Simulation(FleetAsked.of(60, 4.0, 2, "honest")).parts())
    assert 0.0 < pc.mean(jammed["jammed"].cast(pa.int8())).as_py() < 0.5
    assert pc.all(pc.is_null(jammed["label"])).as_py()
    quiet = pa.concat_tables(Simulation(FleetAsked.of(20, 0.5, 2, "quiet")).parts())
    assert not pc.any(quiet["jammed"]).as_py()
    assert set(SCENARIOS) == {"all", "honest", "quiet"}


def test_shares_sum_to_one_and_homes_are_served(fleet: tuple[Simulation, pa.Table]) -> None:
    assert sum(share for _, _, share in HONEST) == pytest.approx(1.0)
    fixed = [one for one in fleet[0].cast.devices if one.class_ == "fixed"]
    assert all(fleet[0].world.country(one.way.places[0]) in PERMITTED for one in fixed)
