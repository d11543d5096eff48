"""Tables that demand is made from: what they hold, and every fault of a file at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openleo import cells as h3cells
from openleo.errors import InputError
from openleo.network.capacity import demand_file
from openleo.network.capacity.demand import FLAT, PriorityClass
from openleo.places.territories import territories

CLASSES = PriorityClass("everybody"), PriorityClass("emergency", 0.0, 0)
TAIPEI, KAOHSIUNG = (h3cells.at(*place, 5) for place in ((25.03, 121.56), (22.63, 120.30)))


def said(reading) -> list[str]:
    with pytest.raises(InputError) as caught:
        reading()
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def write(tmp_path):
    def written(text: str) -> str:
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        return "t.csv"

    written.folder = tmp_path
    return written


def test_embedded_tables():
    curve = demand_file.read_curve("evening", Path())
    assert curve.relative.mean() == pytest.approx(1.0)
    assert int(curve.relative.argmax()) in (20, 21)
    assert demand_file.read_curve("flat", Path()).relative.tolist() == [1.0] * 24
    known, sha256 = demand_file.read_subscriptions("starlink-2025", Path())
    assert len(sha256) == 64
    assert set(known) <= set(territories())
    for one in known.values():
        assert one.low <= one.count <= one.high
        assert one.date[:2] == "20"
        assert len(one.source) > 10  # every number says who says so


def test_a_curve_of_ones_own(write):
    rows = "".join(f"{hour},{2 if hour == 20 else 1}\n" for hour in reversed(range(24)))
    curve = demand_file.read_curve(write("hour,relative\n" + rows), write.folder)
    assert curve.relative[20] == pytest.approx(48.0 / 25.0)


def test_every_fault_of_a_curve(write):
    rows = "hour,relative\n0,1\n0,1\n1.5,1\n2,-1\n3,x\n24,1\n4\n"
    assert said(lambda: demand_file.read_curve(write(rows), write.folder)) == [
        "t.csv: line 8: has 1 field; the header has 2.",
        "t.csv: line 3: is hour 0 a second time.",
        "t.csv: line 4, hour: is 1.5; it must be a whole hour, 0 to 23.",
        "t.csv: line 5, relative: is -1; it must be at least 0.",
        't.csv: line 6, relative: is "x", which is no number.',
        "t.csv: line 7, hour: is 24; it must be at most 23.",
    ]
    assert said(lambda: demand_file.read_curve(write("hour,relative\n0,1\n"), write.folder))[0].startswith(
        "t.csv: lacks hours 1, 2, 3,"
    )
    zeros = "hour,relative\n" + "".join(f"{hour},0\n" for hour in range(24))
    assert "is 0 at every hour" in said(lambda: demand_file.read_curve(write(zeros), write.folder))[0]


def test_every_fault_of_subscriptions(write):
    rows = "territory,subscribers,low,high\nTWN,-1,,\nTAW,5,,\nJPN,5,6,7\nTON,90000000,,\nKOR,nan,,\nJPN,5,5,5\n"
    told = said(lambda: demand_file.read_subscriptions(write(rows), write.folder))
    assert told[0] == "t.csv: line 2, subscribers: is -1; it must be at least 0."
    assert told[1].startswith("t.csv: line 3, territory:")
    assert told[2] == "t.csv: line 4: has 5 subscribers, outside of 6 to 7."
    assert told[3].startswith("t.csv: line 5, subscribers: are 90,000,000, and TON has")
    assert told[4] == 't.csv: line 6, subscribers: is "nan", which is no number.'
    assert told[5] == "t.csv: line 7, territory: JPN stands a second time."
    assert len(told) == 6


def test_a_table_by_cell(write):
    taipei, kaohsiung = h3cells.text(np.array([TAIPEI, KAOHSIUNG]))
    text = (
        f"cell,down_mbps,up_mbps,class\n{taipei},100,10,\n{kaohsiung},5,1,emergency\n{taipei.upper()},1,1,emergency\n"
    )
    table = demand_file.read_cell_table(write(text), write.folder, 5, CLASSES)
    cells = np.sort(np.array([TAIPEI, KAOHSIUNG], np.uint64))
    asked = table.demand(cells, FLAT).at(None)
    row = int(np.searchsorted(cells, TAIPEI))
    assert asked.down_mbps[row].tolist() == [100.0, 1.0]
    assert asked.down_mbps[1 - row].tolist() == [0.0, 5.0]
    assert asked.priority.tolist() == [1, 0]
    assert np.isinf(asked.terminals[row])  # nobody said how many there are: they limit nothing


def test_every_fault_of_a_table_by_cell(write):
    taipei, coarse = h3cells.text(np.array([TAIPEI, h3cells.at(25.03, 121.56, 4)]))
    text = (
        f"cell,down_mbps,up_mbps,class\n{taipei},-1,1,\n{coarse},1,1,\nxyz,1,1,\n{taipei},nan,inf,\n"
        f"{taipei},1,1,emergncy\n{taipei},2000000,,\n"
    )
    assert said(lambda: demand_file.read_cell_table(write(text), write.folder, 5, CLASSES)) == [
        "t.csv: line 2, down_mbps: is -1; it must be at least 0.",
        f"t.csv: line 3, cell: {coarse} is of resolution 4; this run's cells have 5. See ground.resolution.",
        't.csv: line 4, cell: "xyz" is no H3 cell. Write it in hexadecimal.',
        't.csv: line 5, down_mbps: is "nan", which is no number.',
        "t.csv: line 5, up_mbps: is inf; it must be at most 1e+06.",
        f"t.csv: line 5, cell: {taipei} stands in line 2 already, with the same class. Add them up.",
        't.csv: line 6, class: there is no class "emergncy". Did you mean emergency?',
        "t.csv: line 7, down_mbps: is 2e+06; it must be at most 1e+06.",
        't.csv: line 7, up_mbps: is "", which is no number.',
        f"t.csv: line 7, cell: {taipei} stands in line 2 already, with the same class. Add them up.",
    ]


def test_cells_that_are_not_computed_are_refused(write):
    text = "cell,down_mbps,up_mbps\n" + "".join(f"{one},1,1\n" for one in h3cells.text(np.array([TAIPEI, KAOHSIUNG])))
    table = demand_file.read_cell_table(write(text), write.folder, 5, CLASSES)
    told = said(lambda: table.demand(np.array([TAIPEI], np.uint64), FLAT))
    where = h3cells.text(np.array([KAOHSIUNG]))[0]
    assert told == [f"t.csv: line 3, cell: {where} is not among the cells that are computed. See ground.area."]


def test_columns_and_empty_files(write):
    assert said(lambda: demand_file.read_subscriptions(write("teritory,subscribers\nTWN,1\n"), write.folder)) == [
        't.csv: column "teritory": is not known. Did you mean territory?',
        't.csv: has no column "territory". Its header is territory,subscribers,low,high,date,source.',
    ]
    assert said(lambda: demand_file.read_subscriptions(write("territory,subscribers\n"), write.folder)) == [
        "t.csv: holds no row below its header."
    ]
    assert said(lambda: demand_file.read_subscriptions("none.csv", write.folder)) == [
        f'{write.folder / "none.csv"}: there is no such file. Check the path. Embedded: "starlink-2025".'
    ]
