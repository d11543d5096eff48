"""Results in a notebook: what `dataset.openleo` answers, and the colours of the map."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import openleo.notebook.accessor  # noqa: F401  # brings `dataset.openleo`
from openleo.errors import InputError
from openleo.notebook import explore
from openleo.palette import REASON_COLOURS, rtt_colours

CELLS = ["845c2e1ffffffff", "845c2e3ffffffff", "845c2e5ffffffff", "845c2e7ffffffff"]


@pytest.fixture
def cells() -> xr.Dataset:
    """Two cells of AAA, of which one is on the border to BBB, one of BBB, and one where nobody lives."""
    columns = {
        "territories": ["AAA", "AAA BBB", "BBB", "BBB.sea12"],
        "population": [100.0, 300.0, 600.0, 0.0],
        "area_km2": [10.0, 10.0, 10.0, 40.0],
        "can_serve": [1.0, 1.0, 0.5, 1.0],
        "may_serve": [1.0, 1.0, 0.0, 1.0],
        "served": [1.0, 0.5, 0.0, 1.0],
        "reason": ["served", "served", "not_permitted", "served"],
        "rtt_ms_p50": [20.0, 40.0, np.nan, 30.0],
    }
    return xr.Dataset({name: ("cell", values) for name, values in columns.items()}, {"cell": CELLS})


def test_people_served_by_cell(cells):
    assert cells.openleo.people_served().values.tolist() == [100.0, 150.0, 0.0, 0.0]
    assert cells.openleo.people_served().attrs == {"unit": "people"}


def test_the_cells_of_a_territory_are_all_that_hold_a_part_of_it(cells):
    assert cells.openleo.of("AAA").cell.values.tolist() == CELLS[:2]
    assert cells.openleo.of("BBB").cell.values.tolist() == CELLS[1:3], "BBB.sea12 is a strip of its own"
    with pytest.raises(InputError, match="Did you mean AAA"):
        cells.openleo.of("AAB")


def test_people_by_reason(cells):
    found = cells.openleo.by_reason()
    assert found.reason.values.tolist() == ["not_permitted", "served"]
    assert found.cells.values.tolist() == [1, 3]
    assert found.people.values.tolist() == [600.0, 400.0]
    assert found.area_km2.values.tolist() == [10.0, 60.0]


def test_means_by_territory_weigh_people_and_area_where_nobody_lives(cells):
    found = cells.openleo.by_territory()
    assert found.territory.values.tolist() == ["AAA", "BBB", "BBB.sea12"]
    assert found.cells.values.tolist() == [2, 2, 1]
    assert found.cells_on_border.values.tolist() == [1, 1, 0]
    assert found.served.values == pytest.approx([(100 + 150) / 400, 150 / 900, 1.0])


def test_at_sea_people_ashore_weigh_nothing(cells):
    ashore = cells.assign(territories=("cell", ["AAA", "AAA", "BBB BBB.sea12", "BBB.sea12"]))
    found = ashore.openleo.by_territory().sel(territory="BBB.sea12")
    assert float(found.served) == pytest.approx((10 * 0.0 + 40 * 1.0) / 50)


def test_another_dataset_is_told_what_it_lacks():
    with pytest.raises(InputError, match="lacks cell, territories, population, served, reason"):
        xr.Dataset().openleo  # noqa: B018  # the accessor is made when it is asked for


def test_outlines_are_the_cells(cells):
    assert len(cells.openleo.outlines()) == 4
    assert all(one.is_valid for one in cells.openleo.outlines())


# --- the map ------------------------------------------------------------------------------------------------------


def test_cells_have_the_colours_of_the_printed_map(cells):
    colours = explore.fill(cells)
    assert colours[2].tolist() == [*(int(REASON_COLOURS["not_permitted"][i : i + 2], 16) for i in (1, 3, 5)), 255]
    assert colours[0].tolist() == list(rtt_colours()(0.0, bytes=True)), "the shortest is the lightest"
    assert colours[1].tolist() == list(rtt_colours()(1.0, bytes=True))
    by_share = explore.fill(cells, "served")
    assert by_share[0].tolist() == by_share[3].tolist() == list(rtt_colours()(0.0, bytes=True))


def test_a_table_in_which_nobody_is_served_has_colours_too(cells):
    assert explore.fill(cells.isel(cell=[2])).shape == (1, 4)


def test_another_way_to_colour_is_refused(cells):
    with pytest.raises(InputError, match='is "people"; it must be rtt or served'):
        explore.explore(cells, "people")


def test_without_lonboard_it_is_said_how_to_get_it(cells, monkeypatch):
    def missing(name: str):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(explore, "import_module", missing)
    with pytest.raises(
        InputError, match=r"needs lonboard, which is not installed\. Install it: pip install 'openleo\["
    ):
        cells.openleo.explore()


def test_the_map_asks_for_no_tiles(cells):
    lonboard = pytest.importorskip("lonboard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of widgets
        found = cells.openleo.explore()
    land, hexagons = found.layers
    assert isinstance(found, lonboard.Map)
    assert found.basemap is None
    assert isinstance(land, lonboard.SolidPolygonLayer)
    assert hexagons.table.num_rows == 4


@pytest.mark.slow
def test_the_notebook_of_the_documentation_runs(monkeypatch, capsys):
    pytest.importorskip("IPython")
    pytest.importorskip("lonboard")
    page = Path(__file__).parents[1] / "docs" / "how-to" / "notebook.ipynb"
    monkeypatch.chdir(page.parent)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, object] = {}
    cells = [one for one in json.loads(page.read_text(encoding="utf-8"))["cells"] if one["cell_type"] == "code"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of widgets
        for cell in cells:
            assert cell["outputs"] == [], "the page is run when it is built; what it showed once is not kept"
            exec("".join(cell["source"]), names)  # our own page
    assert "126,529,100 people are served" in capsys.readouterr().out
