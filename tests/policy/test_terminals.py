"""Tables of terminals: read as a request would say the same, and every fault told with its row."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openleo.errors import InputError
from openleo.policy.request import SOURCES, read_requests
from openleo.policy.rules import CLASSES
from openleo.policy.terminal_columns import COLUMNS
from openleo.policy.terminals import read_terminals

HEADER = "id,class,groups,lat_deg,lon_deg,speed_kmh"


def said(path, *more) -> str:
    with pytest.raises(InputError) as raised:
        read_terminals(path, *more)
    return str(raised.value)


def csv_of(tmp_path, text: str):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


# --- a row and a request that say the same ------------------------------------------------------------------------

word = st.sampled_from(["gnss", "a b", "π", 'q"uote', "comma,"])
row = st.fixed_dictionaries(
    {
        "class": st.none() | st.sampled_from(CLASSES),
        "account": st.none() | word,
        "subscription": st.none() | word,
        "groups": st.none() | st.lists(word, max_size=3),
        "place": st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
        "uncertainty_m": st.none() | st.floats(0, 2e7),
        "age_s": st.none() | st.floats(0, 1e9),
        "source": st.none() | st.sampled_from(SOURCES),
        "speed_kmh": st.none() | st.floats(0, 1e5) | st.integers(0, 900).map(float),
        "altitude_m": st.none() | st.floats(-1e4, 1e7),
        "days_abroad": st.none() | st.floats(0, 1e5),
        "home_territory": st.none() | st.sampled_from(["TWN", "UKR", "crimea"]),
    }
)


def as_request(number: int, row: dict) -> dict:
    """What the row says in the form of a request."""
    request = {"terminal": f"t{number}"} | {key: row[key] for key in row if key not in OF_THE_PLACE}
    if row["place"] is not None:
        latitude, longitude = row["place"]
        request["position"] = {"lat_deg": latitude, "lon_deg": longitude}
        request["position"] |= {key: row[key] for key in ("uncertainty_m", "age_s", "source")}
    return request


OF_THE_PLACE = ("place", "uncertainty_m", "age_s", "source")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(row, min_size=1, max_size=6))
def test_a_row_says_what_the_request_says(tmp_path, rows):
    """`policy.request` is the authority: the same terminal as a request, from Parquet and from CSV."""
    flat = []
    for number, one in enumerate(rows):
        if one["place"] is None:  # a request has age and source within its position
            one |= dict.fromkeys(OF_THE_PLACE)
        latitude, longitude = one["place"] or (None, None)
        flat.append(
            {"id": f"t{number}", "lat_deg": latitude, "lon_deg": longitude} | {k: one[k] for k in one if k != "place"}
        )
    expected = read_requests([as_request(number, one) for number, one in enumerate(rows)], "f", CLASSES)
    text, number = pa.string(), pa.float64()
    kinds = {"text": text, "word": pa.dictionary(pa.int32(), text), "words": pa.list_(text), "number": number}
    schema = pa.schema([(column.name, kinds[column.kind]) for column in COLUMNS])
    pq.write_table(pa.Table.from_pylist(flat, schema=schema), tmp_path / "t.parquet")
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in COLUMNS])
        writer.writeheader()
        for one in flat:
            groups = None if one["groups"] is None else ";".join(one["groups"]) or ";"
            writer.writerow(one | {"groups": groups})
    for name in ("t.parquet", "t.csv"):
        read = read_terminals(tmp_path / name, CLASSES)
        assert [read.request(place, None) for place in range(len(read))] == expected


def test_columns_left_out_are_unknown(tmp_path):
    read = read_terminals(csv_of(tmp_path, "id\na\nb\n"))
    for place, id_ in enumerate(("a", "b")):
        assert {key: value for key, value in vars(read.request(place, None)).items() if value is not None} == {
            "terminal": id_
        }


def test_a_lone_semicolon_is_no_group_and_an_empty_field_is_unknown(tmp_path):
    read = read_terminals(csv_of(tmp_path, "id,groups\na,;\nb,\nc,x; Y\nd,y;x\n"))
    assert [read.groups.of(place) for place in range(4)] == [frozenset(), None, frozenset("xy"), frozenset("xy")]
    assert len(read.groups.values) == 2


def test_parquet_of_whole_numbers_and_nan(tmp_path):
    pq.write_table(
        pa.table({"id": ["a", "b"], "speed_kmh": pa.array([75, None], pa.int16()), "age_s": [np.nan, 3.0]}),
        tmp_path / "t.parquet",
    )
    read = read_terminals(tmp_path / "t.parquet")
    assert [read.request(place, None).speed_kmh for place in (0, 1)] == [75.0, None]
    assert [read.request(place, None).age_s for place in (0, 1)] == [None, 3.0]


# --- faults -------------------------------------------------------------------------------------------------------


def test_every_fault_of_a_table_is_told_at_once(tmp_path):
    rows = [
        "a,fixd,,95,121,3", "a,fixed,,25,121,abc", ",fixed,,,121,-3", "b, ,;,1,1,1e400", "c,fixed,,25,-181,75",
    ]  # fmt: skip
    text = said(csv_of(tmp_path, "\n".join([HEADER, *rows])), CLASSES)
    assert text.replace(f"{tmp_path}/", "").splitlines() == [
        "t.csv: row 4, class: is blank.",
        "t.csv: row 1, lat_deg: is 95; it must be from -90 to 90.",
        "t.csv: row 5, lon_deg: is -181; it must be from -180 to 180.",
        't.csv: row 2, speed_kmh: is "abc", which is no number.',
        "t.csv: row 3, speed_kmh: is -3; it must be 0 or more.",
        "t.csv: row 4, speed_kmh: is inf; it must be 0 or more.",
        "t.csv: row 3, id: is missing; every terminal has an id.",
        't.csv: rows 1 and 2, id: "a" is the id of 2 terminals. Each needs its own.',
        "t.csv: row 3, lat_deg: is missing, and lon_deg is not.",
        't.csv: row 1, class: there is no class "fixd". Did you mean fixed?',
    ]


def test_faults_of_many_rows_are_bounded(tmp_path):
    rows = [f"t{number},fixed,,91,0,x" for number in range(500)] + [f"u{n},c{n},,0,0,0" for n in range(100)]
    lines = said(csv_of(tmp_path, "\n".join([HEADER, *rows])), CLASSES).splitlines()
    assert len(lines) == 3 * 21
    assert lines[20].endswith("lat_deg: is at fault in 480 more rows.")
    assert lines[-1].endswith("class: 80 more classes are not known.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,speed\na,1\n", 'column "speed": is not known. Did you mean speed_kmh?'),
        ("id,id\na,b\n", 'column "id": stands twice.'),
        ("class\nfixed\n", 'has no column "id".'),
        ("id,lat_deg\na,1\n", 'has a column "lat_deg", and no "lon_deg".'),
        ("id,class\na\nb,fixed,3\n", "line 2: has 1 field; the header has 2."),
        ("id,class\n", "holds no terminal; a row is one."),
        ("", "cannot be read as csv: Empty CSV file."),
        ("id,source\na,gnns\n", 'row 1, source: there is no source "gnns". Did you mean gnss?'),
        ("id,home_territory\na,TWX\n", 'row 1, home_territory: there is no territory "TWX"'),
    ],
)
def test_tables_that_are_none(tmp_path, text, expected):
    assert expected in said(csv_of(tmp_path, text))


def test_parquet_of_other_types(tmp_path):
    path = tmp_path / "t.parquet"
    odd = {"id": ["a", "b"], "class": [1, 2], "speed_kmh": [True, False], "groups": [["x", None], [" "]]}
    pq.write_table(pa.table(odd), path)
    text = said(path)
    assert 'column "class": holds int64; it must hold strings.' in text
    assert 'column "speed_kmh": holds bool; it must hold numbers.' in text
    assert "row 1, groups: holds a name that is null or blank." in text
    assert "row 2, groups: holds a name that is null or blank." in text


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 but no more")
    (tmp_path / "latin.csv").write_bytes("id,account\na,\xe9\n".encode("latin-1"))
    assert "cannot be read as parquet" in said(tmp_path / "t.parquet")
    assert "cannot be read as csv" in said(tmp_path / "latin.csv")
    assert "there is no such file" in said(tmp_path / "none.csv")
    assert "named neither as a Parquet nor as a CSV file" in said(tmp_path / "t.txt")
