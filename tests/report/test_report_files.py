"""The files of numbers hold what data/attributes says they hold."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from openleo.attributes import attributes
from openleo.report import contents
from openleo.report.write import write
from openleo.service.serve import Reason

NAMES = ["cells.parquet", "effect.json", "map.png", "report.html", "summary.json", "territories.csv"]
JSON_TYPES = {
    "string": str,
    "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict, "null": type(None),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory, compared) -> Path:
    out = tmp_path_factory.mktemp("out") / "deep" / "singapore"
    written = write(compared, out)
    assert [path.name for path in written] == NAMES
    assert sorted(path.name for path in out.iterdir()) == NAMES
    return out


def _no_constant(word: str):
    raise AssertionError(f"{word} is no JSON")


def test_json_has_no_nan_and_ends_in_a_newline(folder, compared):
    for name in ("summary.json", "effect.json"):
        text = (folder / name).read_text()
        assert text.endswith("}\n")
        json.loads(text, parse_constant=_no_constant)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary == json.loads(json.dumps(compared.summary()))
    assert summary["effect"] == json.loads((folder / "effect.json").read_text())


def _paths(value: object, path: str, known: set[str], found: dict[str, list[object]]) -> None:
    """Every key of a JSON document, with `[]` for an entry of a list and `*` where any name may stand."""
    if path:
        found.setdefault(path, []).append(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            named = f"{path}.{key}" if path else key
            _paths(inner, named if named in known or f"{path}.*" not in known else f"{path}.*", known, found)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            _paths(inner, f"{path}[]", known | {f"{path}[]"}, found)


def test_summary_has_the_keys_and_types_of_its_attributes(folder):
    # Null without capacity and without draws: tests/service/test_capacity_service, tests/test_uncertainty; those of an
    # effect: tests/cli/test_cli_effect_beams.
    without = ("capacity.", "territories[].bound_by.", "intervals.", "effect.capacity.")
    described = {
        row.name: row
        for row in attributes("summary")
        if not row.name.startswith(without) and "d_by_capacity." not in row.name
    }
    found: dict[str, list[object]] = {}
    starred = {name.split(".*")[0] + ".*" for name in described if ".*" in name}
    _paths(json.loads((folder / "summary.json").read_text()), "", {*described, *starred}, found)
    keys = [path for path in found if not path.endswith(("[]", ".*")) or path in described]
    assert keys == list(described), "summary.json and data/attributes/summary.csv differ"
    for name, row in described.items():
        allowed = tuple(kind for word in row.type.split(" or ") for kind in np.atleast_1d(JSON_TYPES[word]))
        assert all(isinstance(value, allowed) for value in found[name]), f"{name}: {found[name][:3]} is no {row.type}"


def test_territories_csv_has_the_columns_and_types_of_its_attributes(folder, compared):
    rows = list(csv.DictReader(io.StringIO((folder / "territories.csv").read_text())))
    described = attributes("territories")
    assert list(rows[0]) == [row.name for row in described]
    assert [row["territory"] for row in rows] == [row.territory for row in compared.territories]
    for row in rows:
        for column in described:
            if row[column.name] == "":
                assert column.type.endswith("or null")
            elif column.type != "string":
                (int if column.type == "integer" else float)(row[column.name])
        parts = [float(row[name]) for name in ("served", "not_permitted", "no_satellite", "no_gateway", "no_capacity")]
        assert sum(parts) == pytest.approx(1.0, abs=3e-6)


def test_cells_parquet_has_the_columns_types_and_units_of_its_attributes(folder, compared):
    table = pq.read_table(folder / "cells.parquet")
    described = attributes("cells")
    assert [(field.name, str(field.type)) for field in table.schema] == [(row.name, row.type) for row in described]
    for field, row in zip(table.schema, described, strict=True):
        assert field.metadata[b"unit"].decode() == row.unit
        assert field.metadata[b"meaning"].decode() == row.meaning
    codes = json.loads(table.schema.field("reason").metadata[b"codes"])
    assert set(table["reason"].to_pylist()) <= set(codes)
    assert table.num_rows == len(compared.cells)


def test_what_does_not_exist_is_null_and_not_nan(folder, patchy):
    barred = pq.read_table(folder / "cells.parquet")
    assert barred["rtt_ms_p50"].null_count == barred.num_rows
    table = contents.cells_table(patchy)
    served = np.array(table["served"].to_pylist())
    assert 0 < (served == 0.0).sum() < len(served), "the run has cells of both kinds"
    for name in ("rtt_ms_p50", "rtt_ms_p95"):
        assert [value is None for value in table[name].to_pylist()] == list(served == 0.0)
    assert table["down_mbps_p50"].null_count == table.num_rows
    assert table["availability"] == table["can_serve"]


def test_reasons_are_those_of_the_service():
    assert [row.name for row in attributes("reasons")] == [reason.word for reason in Reason]
    assert all(row.meaning for name in ("cells", "territories", "summary", "reasons") for row in attributes(name))
