"""Areas made to harm: small to send, and without end to compute. Each is refused, and others are answered meanwhile.

Areas come from outside with the books of POST /v1/policy/effect and /v1/changes, and nowhere else; a request to be
decided has a position with its circle.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asking import ask, controller
from fastapi import FastAPI
from governed import PERMIT, Governed, book, rule

from openleo.controller.governing import now
from openleo.controller.in_force import Outage
from openleo.controller.roles import Role
from openleo.errors import InputError
from openleo.places import regions, shapes
from openleo.places.expressions import Labels
from openleo.policy.rule_books import check_cost

WITHIN_S = 10.0  # on a machine with other work; most take a tenth
JSON = {"content-type": "application/json"}
Rules = dict[str, Any]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, dict[str, str]]]:
    """A controller whose ledger is founded, and a header with every role."""
    folder = tmp_path_factory.mktemp("bombs")
    Governed.founded(folder / "data").rules(PERMIT)
    with controller(folder) as (app, house):
        yield app, house.token(*Role)


def drawn(*geometries: Any) -> Rules:
    """A book with one rule, on the polygons of some geometries."""
    area = geometries[0] if len(geometries) == 1 else {"type": "GeometryCollection", "geometries": list(geometries)}
    return {"rule": [{**rule("r", "permit", ""), "territory": {"geojson": area}}]}


def ring(*corners: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def named(*places: str, **files: Any) -> Rules:
    """A book with a rule on each expression; `files` are GeoJSON."""
    rules = [rule(f"r{number}", "permit", place) for number, place in enumerate(places)]
    return {"rule": rules, "files": {f"{name}.geojson": json.dumps(area) for name, area in files.items()}}


def comb(teeth: int, apart_deg: float = 0.002) -> dict[str, Any]:
    """Teeth of twenty degrees, a stone's throw apart."""
    x = [round(number * apart_deg / 2, 4) for number in range(2 * teeth + 1)]
    up_and_down = [[at, (-9, 10)[(number + turn) % 2]] for number, at in enumerate(x[:-1]) for turn in (0, 1)]
    return ring([0, -10], *up_and_down, [x[-1], -9], [x[-1], -10])


def star(points: int) -> dict[str, Any]:
    return ring(*([round(50 * math.cos(2.0 * n), 3), round(50 * math.sin(2.0 * n), 3)] for n in range(points)))


def nested(depth: int) -> Any:
    area: dict[str, Any] = ring([0, 0], [1, 0], [0, 1])
    for _ in range(depth):
        area = {"type": "GeometryCollection", "geometries": [area]}
    return area


WORLD = ring([-180, -90], [180, -90], [180, 90], [-180, 90])


def crossing(count: int) -> Rules:
    """Each rule with a triangle over the others: so many that the pieces between them are without end."""
    some = [ring([n * 0.001, 0], [n * 0.001 + 0.9, 0], [n * 0.001, 0.9]) for n in range(count)]
    return {"rule": [{**rule(f"r{n}", "permit", ""), "territory": {"geojson": one}} for n, one in enumerate(some)]}


BOMBS: dict[str, Callable[[], Rules]] = {
    "corners": lambda: drawn(ring(*([round(n * 1e-3 % 90, 3), n % 7] for n in range(70_000)))),
    "a star that crosses itself": lambda: drawn(star(20_000)),
    "teeth": lambda: drawn(comb(12_000)),
    "teeth across teeth": lambda: named(
        "a.geojson & b.geojson", a=comb(4_000), b=ring(*([y, x] for x, y in comb(4_000)["coordinates"][0][:-1]))
    ),
    "around teeth": lambda: named("buffer(a.geojson, 1000)", a=comb(10_000)),
    "narrowly around teeth": lambda: named("buffer(a.geojson, 0.01)", a=comb(10_000)),
    "the world, thousands of times": lambda: drawn(*[WORLD] * 3_000),
    "the world, thousands of times in one": lambda: drawn(
        {"type": "MultiPolygon", "coordinates": [WORLD["coordinates"]] * 3_000}
    ),
    "triangles over triangles": lambda: crossing(700),
    "collections in collections": lambda: drawn(nested(300)),
    "a coast around a coast around a coast": lambda: named("buffer(" * 21 + "TWN" + ", 1000)" * 21),
    "too wide": lambda: named("buffer(JPN, 1e9)"),
    "much too wide": lambda: named("buffer(JPN, 999999999)"),
    "no number": lambda: drawn(ring([0, 0], [math.nan, 1], [1, 1])),
    "without end": lambda: drawn(ring([0, 0], [math.inf, 1], [1, 1])),
    "far away": lambda: drawn(ring([0, 0], [1e308, 1], [1, 1e308])),
    "many digits": lambda: drawn(ring([0, 0], [10**900, 1], [1, 10**900])),
    "very many digits": lambda: drawn(ring([0, 0], [10**4_000, 1], [1, 1])),
    "words for numbers": lambda: drawn(ring(["0", {}], [[], None], [True, 1])),
}


def the_end(app: FastAPI, headers: dict[str, str], path: str, body: bytes) -> tuple[int, float]:
    """(the status that the request, or the job that it began, came to; the slowest that /healthz was meanwhile)."""
    answer, slowest_s, until = ask(app, "POST", path, headers | JSON, body), 0.0, time.monotonic() + 60.0
    assert len(answer.body) < 20_000
    if answer.status != 202:
        return answer.status, slowest_s
    while time.monotonic() < until:
        began = time.monotonic()
        assert ask(app, "GET", "/healthz").status == 200
        slowest_s = max(slowest_s, time.monotonic() - began)
        job = ask(app, "GET", answer.headers["location"], headers).json()
        if job["state"] in ("done", "failed"):
            return 200 if job["problem"] is None else job["problem"]["status"], slowest_s
        time.sleep(0.02)
    raise AssertionError("the job does not end")


@pytest.mark.parametrize("name", BOMBS)
def test_an_area_that_takes_without_end_to_compute_is_refused(served, name):
    app, headers = served
    made = {"schema": 1, "book": "operator", "classes": [], "files": {}} | BOMBS[name]()
    body = json.dumps({"books": [made]}).encode()
    assert len(body) < 1_000_000, "a longer one is not read at all"
    began = time.monotonic()
    status, slowest_s = the_end(app, headers, "/v1/policy/effect", body)
    assert status == 422
    assert time.monotonic() - began < WITHIN_S
    assert slowest_s < WITHIN_S / 4


def test_a_change_with_such_an_area_is_refused_too(served):
    app, headers = served
    made = {"schema": 1, "book": "operator", "classes": [], "files": {}} | BOMBS["around teeth"]()
    said = {"kind": "rules", "books": [made], "requester": "operator-1", "on_behalf_of": "operator",
            "reason": "none", "legal_reference": "none"}  # fmt: skip
    status, _ = the_end(app, headers, "/v1/changes", json.dumps(said).encode())
    assert status == 422


@pytest.mark.parametrize("position", [
    {"lat_deg": 52.0, "lon_deg": 19.0, "uncertainty_m": 20_000_000.0}, {"lat_deg": 90.0, "lon_deg": 180.0},
    {"lat_deg": 1e308, "lon_deg": 0.0}, {"lat_deg": 0.0, "lon_deg": 10**300}, {"lat_deg": [[[]]], "lon_deg": {}},
    {"lat_deg": 0.0, "lon_deg": 0.0, "uncertainty_m": 1e308}, {"type": "Polygon", "coordinates": []},
], ids=range(7))  # fmt: skip
def test_a_hundred_positions_with_the_widest_circles_are_decided_soon(served, position):
    app, headers = served
    runtime = app.state.runtime
    runtime.in_force = found = runtime.gate.current(now(runtime))
    assert not isinstance(found, Outage)
    body = json.dumps({"requests": [{"class": "fixed", "position": position}] * 100}).encode()
    began = time.monotonic()
    answer = ask(app, "POST", "/v1/policy/decide", headers | JSON, body)
    assert answer.status in (200, 422), answer.text[:300]
    assert time.monotonic() - began < WITHIN_S


def test_what_is_known_already_is_counted_all_the_same():
    """Else a book would be taken here, and refused by whoever reads it anew."""
    area = Labels(frozenset({"LIE"}))
    regions.edge(area, 17.25)
    with pytest.raises(InputError, match="too long"), shapes.at_most(3):
        regions.edge(area, 17.25)
    with shapes.at_most(100_000):
        regions.edge(area, 17.25)


def test_an_honest_book_is_taken_with_the_classes_of_another():
    zone = ring(*([15 + math.cos(n / 160), 50 + math.sin(n / 160)] for n in range(1_000)))
    mine = book("operator", {**rule("r", "permit", ""), "territory": {"geojson": zone}, "who": {"classes": ["ferry"]}},
                rule("coast", "permit", "coast(URY, 24)"))  # fmt: skip
    other = book("regulator:URY", rule("theirs", "permit", "URY"), classes=["ferry"])
    check_cost([mine], [other])
    with pytest.raises(InputError, match="ferry"):
        check_cost([mine])
