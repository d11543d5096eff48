"""A table of terminals to enrol, read and checked whole: which columns, what they may hold, every fault of every row.

Takes the bytes of a CSV or Parquet file; gives Rows. Nothing here asks a database: what depends on what is registered
already is `enrol`'s. A file is bounded before it is unpacked: a small Parquet file can hold very much.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from openleo.controller.device_keys import KeyRefused, read_key
from openleo.errors import InputError, Problem, near_names
from openleo.places.territories import territories, territory_id, unknown_territory
from openleo.policy.request import group_name
from openleo.policy.rules import CLASSES

MOST_ROWS = 200_000
MOST_UNPACKED = 2**28  # bytes of a Parquet file's columns, as it says itself
MOST_TEXT = 1_000  # characters of a value
SEPARATOR = ";"  # between the groups of a CSV
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}")
PARQUET = b"PAR1"

NEEDED = ("id", "public_key", "class", "account", "home_territory")
COLUMNS = {
    "id": "The terminal's id; each one's own.",
    "public_key": "Its Ed25519 key: 32 bytes, as base64 or hexadecimal digits; in Parquet also as bytes.",
    "class": "Its class.",
    "account": "The account's id.",
    "home_territory": "The territory that it is registered in.",
    "subscription": "What the account buys for it; may be left out.",
    "groups": "Groups; in a CSV with ; between them; in Parquet also a list. May be left out.",
    "signature": "The device's signature over its enrolment, base64, where possession of the key is to be proved.",
}


@dataclass(frozen=True)
class Row:
    """A terminal to enrol. `number`: of its row, from 1."""

    number: int
    id: str
    public_key: bytes
    class_: str
    account: str
    home_territory: str
    subscription: str | None = None
    groups: frozenset[str] = field(default_factory=frozenset)
    signature: str | None = None


def fault(file: str, number: int, column: str, value: object, rule: str, way_out: str = "") -> Problem:
    """What is wrong with one value of a row."""
    shown = "" if value is None else f'is "{str(value)[:60]}": '
    where = f"row {number}, {column}" if column else f"row {number}"
    return Problem(file, where, f"{shown}{rule}", way_out)


def read(data: bytes, file: str, classes: Collection[str] = CLASSES) -> list[Row]:
    """Raises InputError with every fault of every row."""
    columns, count = _parquet(data, file) if data.startswith(PARQUET) else _csv(data, file)
    problems: list[Problem] = []
    made = {name: _column(name, columns.get(name, [None] * count), file, classes, problems) for name in COLUMNS}
    problems += _twice(file, "id", made["id"]) + _twice(file, "public_key", made["public_key"])
    if problems:
        raise InputError(sorted(problems, key=_row_of))
    return [
        Row(number, *values)
        for number, values in enumerate(zip(*(made[name] for name in COLUMNS), strict=True), start=1)
    ]


def _row_of(problem: Problem) -> int:
    found = re.match(r"row (\d+)", problem.where)
    return int(found[1]) if found else 0


# --- the two forms ------------------------------------------------------------------------------------------------

Columns = dict[str, list[Any]]


def _csv(data: bytes, file: str) -> tuple[Columns, int]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(Problem(file, f"byte {error.start}", "is no UTF-8.", "Save it as UTF-8.")) from None
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        head = [name.strip() for name in next(lines, [])]
        rows = [cells for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(Problem(file, f"line {lines.line_num}", f"cannot be read as CSV: {error}.")) from None
    problems = _of_header(head, file) + _of_size(len(rows), file)
    ragged = [
        fault(file, number, "", None, f"has {len(cells)} fields; the header has {len(head)}.")
        for number, cells in enumerate(rows, start=1)
        if len(cells) != len(head)
    ]
    if problems or ragged:
        raise InputError([*problems, *ragged])
    by_column = zip(*rows, strict=True)
    return {name: [cell.strip() or None for cell in cells] for name, cells in zip(head, by_column, strict=True)}, len(
        rows
    )


def _parquet(data: bytes, file: str) -> tuple[Columns, int]:
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as found:
            if problems := _of_header(found.schema_arrow.names, file) + _of_unpacked(found.metadata, file):
                raise InputError(problems)
            paths = [found.schema.column(one).path for one in range(len(found.schema))]
        # As dictionaries: a long value that stands in many rows is there once until it was measured.
        with pq.ParquetFile(pa.BufferReader(data), read_dictionary=paths) as found:
            table = found.read()
    except (pa.ArrowException, OSError) as error:
        why = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(Problem(file, "", f"cannot be read as Parquet: {why}.")) from None
    columns = {}
    for name in table.column_names:
        columns[name], faults = _values(name, table[name], file)
        problems += faults
    if problems:
        raise InputError(problems)
    return columns, len(table)


def _of_unpacked(about: pq.FileMetaData, file: str) -> list[Problem]:
    """How large it would be, by its own words."""
    problems = _of_size(about.num_rows, file)
    groups = [about.row_group(one) for one in range(about.num_row_groups)]
    unpacked = sum(one.total_byte_size for one in groups)
    values = sum(one.column(column).num_values for one in groups for column in range(one.num_columns))
    if unpacked > MOST_UNPACKED or values > MOST_ROWS * len(COLUMNS) * 4:
        rule = f"unpacks to {unpacked:,} bytes in {values:,} values; {MOST_UNPACKED:,} bytes is the most."
        problems.append(Problem(file, "", rule, "Split it."))
    return problems


def _values(name: str, held: pa.ChunkedArray, file: str) -> tuple[list[Any], list[Problem]]:
    """A column's values, each short."""
    kind, lists = held.type, pa.types.is_list(held.type)
    kind = kind.value_type if lists else kind
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
    keys = name == "public_key" and (pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))
    if not (texts or keys) or (lists and name != "groups"):
        return [], [Problem(file, f'column "{name}"', f"holds {held.type}; it must hold strings.")]
    for chunk in held.chunks:
        once = chunk.flatten() if lists else chunk
        once = once.dictionary if pa.types.is_dictionary(once.type) else once
        if any(value is not None and len(value) > MOST_TEXT for value in once.to_pylist()):
            return [], [Problem(file, f'column "{name}"', f"holds a value of more than {MOST_TEXT:,} characters.")]
    return [(one.strip() or None) if isinstance(one, str) else one for one in held.to_pylist()], []


def _of_header(names: Sequence[str], file: str) -> list[Problem]:
    problems = []
    for name in dict.fromkeys(names):
        if name not in COLUMNS:
            way_out = near_names(name, COLUMNS) or f"Columns: {', '.join(COLUMNS)}."
            problems.append(Problem(file, f'column "{name[:60]}"', "is not known.", way_out))
        elif names.count(name) > 1:
            problems.append(Problem(file, f'column "{name}"', "stands twice."))
    if missing := [name for name in NEEDED if name not in names]:
        problems.append(Problem(file, "", f"lacks the columns {', '.join(missing)}.", "Name them in the first line."))
    return problems


def _of_size(rows: int, file: str) -> list[Problem]:
    if rows == 0:
        return [Problem(file, "", "holds no terminal; a row is one.")]
    if rows > MOST_ROWS:
        return [Problem(file, "", f"holds {rows:,} rows; {MOST_ROWS:,} is the most.", "Split it.")]
    return []


# --- columns ------------------------------------------------------------------------------------------------------


def _column(name: str, held: Sequence[Any], file: str, classes: Collection[str], problems: list[Problem]) -> list[Any]:
    """A column as Row holds it, None where a value is at fault. What stands in many rows is read once."""
    reader = READERS[name]
    known: dict[Any, tuple[Any, str, str]] = {}
    made: list[Any] = []
    for number, value in enumerate(held, start=1):
        if value is None and name in NEEDED:
            problems.append(fault(file, number, name, None, "is missing.", COLUMNS[name]))
            made.append(None)
            continue
        key = tuple(value) if isinstance(value, list) else value
        if key not in known:
            known[key] = _read_one(reader, value, classes)
        read_as, rule, way_out = known[key]
        if rule:
            shown = value.hex() if isinstance(value, bytes) else value
            problems.append(fault(file, number, name, shown, rule, way_out))
        made.append(read_as)
    return made


Reader = Callable[[Any, Collection[str]], tuple[Any, str, str]]  # (value, rule that it breaks, way out)


def _read_one(reader: Reader, value: Any, classes: Collection[str]) -> tuple[Any, str, str]:
    if isinstance(value, str) and len(value) > MOST_TEXT:
        return None, f"has more than {MOST_TEXT:,} characters.", ""
    return reader(value, classes)


def _id(value: Any, _: Collection[str]) -> tuple[Any, str, str]:
    if isinstance(value, str) and ID.fullmatch(value):
        return value, "", ""
    return None, "an id has 1 to 100 letters, digits and . _ : @ -, and begins with a letter or digit.", ""


def _subscription(value: Any, classes: Collection[str]) -> tuple[Any, str, str]:
    return (None, "", "") if value is None else _id(value, classes)


def _key(value: Any, _: Collection[str]) -> tuple[Any, str, str]:
    try:
        return read_key(value), "", ""
    except KeyRefused as refused:
        return None, str(refused), "Ask the device for its key again."


def _class(value: Any, classes: Collection[str]) -> tuple[Any, str, str]:
    if value in classes:
        return value, "", ""
    return None, "there is no such class.", near_names(value, classes) or f"Classes: {', '.join(classes)}."


def _home(value: Any, _: Collection[str]) -> tuple[Any, str, str]:
    found = territory_id(value)
    return (found, "", "") if found in territories() else (None, *unknown_territory(value))


def _groups(value: Any, _: Collection[str]) -> tuple[Any, str, str]:
    words = [] if value is None else value.split(SEPARATOR) if isinstance(value, str) else value
    if any(word is None or not isinstance(word, str) for word in words):
        return None, "holds a name that is null.", ""
    return frozenset(map(group_name, words)) - {""}, "", ""


def _signature(value: Any, _: Collection[str]) -> tuple[Any, str, str]:
    return value, "", ""


READERS: dict[str, Reader] = {
    "id": _id,
    "public_key": _key,
    "class": _class,
    "account": _id,
    "home_territory": _home,
    "subscription": _subscription,
    "groups": _groups,
    "signature": _signature,
}


def _twice(file: str, column: str, values: Sequence[Any]) -> list[Problem]:
    """A value that is each terminal's own, and stands in several rows: told of each but the first."""
    rows: defaultdict[Any, list[int]] = defaultdict(list)
    for number, value in enumerate(values, start=1):
        if value is not None:
            rows[value].append(number)
    return [
        fault(file, number, column, None, f"is that of row {some[0]}.", "Each terminal has its own.")
        for some in rows.values()
        for number in some[1:]
    ]
