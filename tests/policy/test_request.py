"""Requests: what is left out is unknown, what is wrong is refused with its place."""

from __future__ import annotations

import pytest

from openleo.errors import InputError
from openleo.policy.request import Request, read_requests
from openleo.policy.rules import CLASSES

FULL = {
    "at": "2026-11-20T12:00:00+08:00",
    "terminal": "t-1",
    "account": "a-1",
    "class": "fixed",
    "subscription": "basic",
    "groups": ["clinic", "press"],
    "position": {"lat_deg": 25, "lon_deg": 121.5, "uncertainty_m": 30, "age_s": 4.5, "source": "gnss"},
    "speed_kmh": 12,
    "altitude_m": -3,
    "days_abroad": 2,
    "home_territory": "twn",
}


def read(data):
    return read_requests(data, "f.json", CLASSES)


def test_everything_that_a_request_may_state():
    (request,) = read(FULL)
    assert request.at.isoformat() == "2026-11-20T04:00:00+00:00"
    assert (request.terminal, request.account, request.subscription) == ("t-1", "a-1", "basic")
    assert (request.class_, request.groups) == ("fixed", {"clinic", "press"})
    assert (request.latitude_deg, request.longitude_deg, request.uncertainty_m) == (25.0, 121.5, 30.0)
    assert (request.age_s, request.source) == (4.5, "gnss")
    assert (request.speed_kmh, request.altitude_m, request.days_abroad) == (12.0, -3.0, 2.0)
    assert request.home_territory == "TWN"


@pytest.mark.parametrize("data", [{}, dict.fromkeys(FULL)])
def test_what_is_left_out_or_null_is_unknown(data):
    assert read(data) == [Request()]


def test_no_groups_are_not_unknown_groups():
    assert read({"groups": []})[0].groups == frozenset()


def test_a_list_gives_a_list():
    assert read([{}, {"class": "fixed"}]) == [Request(), Request(class_="fixed")]
    assert read([]) == []


@pytest.mark.parametrize(
    ("changed", "where", "said"),
    [
        ({"class": "fixd"}, "class", "Did you mean fixed?"),
        ({"class": 3}, "class", "3"),
        ({"class": ""}, "class", "''"),
        ({"clas": "fixed"}, "clas", "Did you mean class?"),
        ({"groups": "clinic"}, "groups", "'clinic'"),
        ({"groups": [3]}, "groups[0]", "3"),
        ({"at": "2026-11-20T12:00:00"}, "at", "without its zone"),
        ({"at": 1795132800}, "at", "write an instant"),
        ({"at": True}, "at", "write an instant"),
        ({"position": [25, 121]}, "position", "[25, 121]"),
        ({"position": {"lat_deg": 25}}, "position.lon_deg", "missing"),
        ({"position": {"lat_deg": 91, "lon_deg": 0}}, "position.lat_deg", "less than or equal to 90"),
        ({"position": {"lat_deg": 0, "lon_deg": 181}}, "position.lon_deg", "less than or equal to 180"),
        ({"position": {"lat_deg": "25", "lon_deg": 0}}, "position.lat_deg", "'25'"),
        ({"position": {"lat_deg": 0, "lon_deg": 0, "uncertainty_m": -1}}, "position.uncertainty_m", "greater than"),
        ({"position": {"lat_deg": 0, "lon_deg": 0, "age_s": -1}}, "position.age_s", "greater than"),
        ({"position": {"lat_deg": 0, "lon_deg": 0, "uncertainty": 1}}, "position.uncertainty", "uncertainty_m"),
        ({"speed_kmh": "fast"}, "speed_kmh", "'fast'"),
        ({"speed_kmh": True}, "speed_kmh", "is true"),
        ({"speed_kmh": -1}, "speed_kmh", "greater than"),
        ({"speed_kmh": float("inf")}, "speed_kmh", "inf"),
        ({"home_territory": "TWM"}, "home_territory", "Did you mean"),
        ({"home_territory": "TWN.sea12"}, "home_territory", "no territory"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(changed, where, said):
    for data, place in ((changed, where), ([{}, changed], f"[1].{where}")):
        with pytest.raises(InputError) as refused:
            read(data)
        assert [problem.where for problem in refused.value.problems] == [place]
        assert said in str(refused.value)


@pytest.mark.parametrize("data", [3, "x", None, [3], [[]], [None]])
def test_what_is_no_request_at_all(data):
    with pytest.raises(InputError, match="object"):
        read(data)


def test_all_faults_of_all_requests_at_once():
    with pytest.raises(InputError) as refused:
        read([{"class": "fixd", "speed_kmh": "x", "home_territory": "TWM"}, {}, {"sped": 1}])
    assert [problem.where for problem in refused.value.problems] == [
        "[0].speed_kmh",
        "[0].class",
        "[0].home_territory",
        "[2].sped",
    ]
