"""What a plan gives in a cell: leases are offered, and terminals enforced, by one rule."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import Running

import leasing
from openleo.controller import enforced
from openleo.controller.enforcement import WORDS, _by_plan, _rows
from openleo.controller.held import HeldLeases
from openleo.network.ground.stations import Station
from openleo.service.serve import Reason

SIZE = len(leasing.plan().cells)
numbers = st.integers(-1, 1)
rates = st.sampled_from([0.0, 0.0004, 0.0006, 5.0, float("nan")])
ELSEWHERE = leasing.cell_of(leasing.OSAKA)


def by_hand(reason: int, satellite: int, gateway: int, pop: int, mbps: tuple[float, float]) -> str:
    if reason:
        return Reason(reason).word
    if satellite < 0:
        return "no_satellite"
    if gateway < 0 or pop < 0:
        return "no_gateway"
    return "no_capacity" if 0.0 in (round(mbps[0], 3), round(mbps[1], 3)) else "served"


@given(
    st.lists(
        st.tuples(st.integers(0, 4), numbers, numbers, numbers, st.tuples(rates, rates)), min_size=1, max_size=SIZE
    )
)
def test_leases_and_enforcement_read_a_plan_alike(of_cells: list[Any]) -> None:
    made = leasing.plan()
    for cell, (reason, satellite, gateway, pop, (down_mbps, up_mbps)) in enumerate(of_cells):
        made.reason[cell, 0] = reason
        made.satellite[cell], made.gateway[cell], made.pop[cell] = satellite, gateway, pop
        made.down_mbps[cell], made.up_mbps[cell] = down_mbps, up_mbps
    offers = leasing.offers(made)
    asked = [(int(cell), leasing.CLASSES[0]) for cell in made.cells[: len(of_cells)]]
    asked += [(ELSEWHERE, leasing.CLASSES[0]), (asked[0][0], "nobody's"), (ELSEWHERE, "nobody's")]
    values = (leasing.CLASSES[0], "nobody's")
    kinds = SimpleNamespace(values=values, code=np.array([values.index(name) for _, name in asked]))
    held: Any = SimpleNamespace(terminals=SimpleNamespace(class_=kinds))
    row = _rows(made.cells, np.array([cell for cell, _ in asked], dtype=np.uint64))
    enforced_so = [WORDS[code] for code in _by_plan(held, made, row)]
    expected = [by_hand(*one) for one in of_cells] + ["no_satellite", "not_permitted", "no_satellite"]
    assert enforced_so == expected
    assert [offers.offer(*one).why_not or "served" for one in asked] == expected


def test_gateways_land_where_leases_say_that_they_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of gateways may leave their territories out: they stand where they stand."""
    given_to: list[Any] = []

    def enforce(*said: Any) -> None:
        given_to.append(said[3])

    class One:
        def __len__(self) -> int:
            return 1

    def held(*_: object) -> HeldLeases:
        return One()  # type: ignore[return-value]

    monkeypatch.setattr(enforced, "enforce", enforce)
    monkeypatch.setattr(enforced, "held", held)
    made = Running.on(tmp_path)
    try:
        station = Station("A", *leasing.TAICHUNG)
        gateways = SimpleNamespace(stations=(station,), pops=(station,))
        twin: Any = SimpleNamespace(case=SimpleNamespace(network=SimpleNamespace(gateways=gateways)))
        plan: Any = SimpleNamespace(number=1, begins_s=0.0)
        enforced.terminals_of(made.runtime.engine, twin, plan, made.gate.now)  # type: ignore[arg-type]
    finally:
        made.close()
    assert (tuple(given_to[0].gateways), tuple(given_to[0].pops)) == (("TWN",), ("TWN",))
