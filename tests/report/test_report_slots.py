"""slots.zarr against the statistics of the same run, read by xarray."""

import numpy as np
import pytest
import xarray

from openleo import cells as h3cells
from openleo.errors import InputError
from openleo.report.slots import SlotsWriter
from openleo.report.write import write


@pytest.fixture(scope="module")
def patchy_slots(tmp_path_factory, make_scenario):
    folder = tmp_path_factory.mktemp("slots")
    made = make_scenario(folder, "somalia", "SOM ESH", isl="none", resolution=3)
    with SlotsWriter(folder / "out", made.case) as slots:
        results = made.run(on_reach=slots.on_reach)
        written = write(results, folder / "out", slots)
    assert folder / "out" / "slots.zarr" in written
    assert sorted(path.name for path in folder.iterdir()) == ["after.toml", "before.toml", "out", "somalia.toml"]
    with xarray.open_zarr(folder / "out" / "slots.zarr") as store:
        yield results, store.load()


def test_share_of_finite_times_is_can_serve(patchy_slots):
    results, store = patchy_slots
    finite = np.isfinite(store.rtt_ms.values)
    assert 0 < finite.mean() < 1
    np.testing.assert_array_equal(finite.mean(axis=0), results.statistics.can_serve)
    np.testing.assert_array_equal(finite, store.satellite.values >= 0)
    assert not np.isinf(store.rtt_ms.values).any()


def test_satellites_seen_are_those_of_the_statistics(patchy_slots):
    results, store = patchy_slots
    np.testing.assert_allclose(store.seen.values.mean(axis=0), results.statistics.satellites_mean)
    np.testing.assert_array_equal(store.seen.values.min(axis=0), results.statistics.satellites_min)


def test_coordinates_name_cells_instants_and_satellites(patchy_slots):
    results, store = patchy_slots
    assert store.rtt_ms.dims == ("slot", "cell")
    assert store.rtt_ms.dtype == np.float32
    assert store.satellite.dtype == np.int32
    assert store.seen.dtype == np.int16
    assert list(store.cell.values) == h3cells.text(results.cells)
    grid = results.case.grid
    starts = np.array([grid.instant(slot).replace(tzinfo=None) for slot in range(grid.slots)], dtype="datetime64[ns]")
    np.testing.assert_array_equal(store.time.values, starts)
    assert tuple(store.satellite_name.values) == results.case.network.constellation.satellite_name
    assert store.attrs["scenario"] == "somalia"
    assert store.rtt_ms.attrs["units"] == "ms"


def test_a_run_that_fails_leaves_no_slots(tmp_path, fiji):
    def run(slots: SlotsWriter) -> None:
        assert slots.path.parent.is_dir()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), SlotsWriter(tmp_path / "deep" / "out", fiji.case) as slots:
        run(slots)
    assert list(tmp_path.iterdir()) == []


def test_later_run_without_slots_takes_the_earlier_ones_away(tmp_path, make_scenario, monkeypatch):
    from openleo.report import write as writing

    monkeypatch.setitem(writing.FILES, "map.png", lambda results: b"a map")
    made = make_scenario(tmp_path, "fiji", "FJI").first_slots(2)
    with SlotsWriter(tmp_path / "out", made.case) as slots:
        results = made.run(on_reach=slots.on_reach)
        write(results, tmp_path / "out", slots)
    with SlotsWriter(tmp_path / "out", made.case) as slots:  # within the folder that exists now
        made.run(on_reach=slots.on_reach)
        write(results, tmp_path / "out", slots)
    assert (tmp_path / "out" / "slots.zarr" / "zarr.json").is_file()
    write(results, tmp_path / "out")
    assert not (tmp_path / "out" / "slots.zarr").exists()
    assert all(not path.name.startswith(".") for path in (tmp_path / "out").iterdir())


def test_a_folder_that_cannot_be_written_is_said(tmp_path, fiji):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="Not a directory"), SlotsWriter(tmp_path / "file" / "out", fiji.case):
        pass
