"""A table of terminals, checked whole: which columns there are, what they may hold, and every fault with its rows.

A CSV is read as text first, so that a bad number is told with its row and the rest of the table is looked at as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, counted, near_names
from openleo.places.territories import territories, territory_id, unknown_territory
from openleo.policy.request import FARTHEST_M, SOURCES, group_name

Numbers = NDArray[np.int32]
T = TypeVar("T")

SEPARATOR = ";"  # between the groups of a CSV; alone: in no group
MOST_TOLD = 20  # problems of a column
MOST_ROWS = 3  # that a problem names
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
BLANK = r"^\s*$"
UNIT_SEPARATOR = "\x1f"
ENDINGS = (".parquet", ".csv")


@dataclass(frozen=True, eq=False)
class Coded(Generic[T]):
    """`code` (terminal,) into `values`, each of which stands once; −1: not known."""

    code: Numbers
    values: tuple[T, ...]

    def of(self, row: int) -> T | None:
        """The value of one terminal."""
        code = int(self.code[row])
        return None if code < 0 else self.values[code]


@dataclass(frozen=True)
class Column:
    """What a table may hold of each terminal; numbers from `low` to `high`."""

    name: str
    kind: str  # "text", "word" (few distinct), "words" or "number"
    attribute: str  # of Terminals
    description: str
    low: float = -np.inf
    high: float = np.inf


COLUMNS = (
    Column("id", "text", "id", "The terminal's id; needed, and each one's own."),
    Column("class", "word", "class_", "The terminal's class in the registry."),
    Column("account", "text", "account", "The account's id."),
    Column("subscription", "text", "subscription", "What the account buys."),
    Column("groups", "words", "groups", "The groups that terminal and account are in: a list of strings in Parquet, "
           "in a CSV the names with ; between them, and ; alone for none."),
    Column("lat_deg", "number", "latitude_deg", "Latitude, WGS 84.", -90.0, 90.0),
    Column("lon_deg", "number", "longitude_deg", "Longitude, WGS 84.", -180.0, 180.0),
    Column("uncertainty_m", "number", "uncertainty_m",
           "Radius that holds the terminal with 95 %; 0 for a surveyed point.", 0.0, FARTHEST_M),
    Column("age_s", "number", "age_s",
           "How old the position is at the instant decided for. Above 86400, 24 h, it counts as unknown; without age "
           "it is taken as of that instant.", 0.0),
    Column("source", "word", "source", f"Who says the position: {', '.join(SOURCES)}."),
    Column("speed_kmh", "number", "speed_kmh", "Over ground.", 0.0),
    Column("altitude_m", "number", "altitude_m", "Above mean sea level."),
    Column("days_abroad", "number", "days_abroad",
           "Days outside the home territory, as the registry counts them.", 0.0),
    Column("home_territory", "word", "home_territory", "The territory that the terminal is registered in."),
)  # fmt: skip
BY_NAME = {column.name: column for column in COLUMNS}


def read_columns(path: Path, classes: Collection[str] | None) -> dict[str, Any]:
    """The columns of a table by the attributes of Terminals. Raises InputError; see `terminals.read_terminals`."""
    table = _table(path)
    file, count = str(path), len(table)
    problems: list[Problem] = []
    made: dict[str, Any] = {}
    for column in COLUMNS:
        held = table[column.name].combine_chunks() if column.name in table.column_names else pa.nulls(count)
        read_column = {"text": _text, "word": _word, "words": _words, "number": _number}[column.kind]
        made[column.attribute] = read_column(held, column, file, problems)
    problems += _of_ids(made["id"], file)
    problems += _of_positions(made["latitude_deg"], made["longitude_deg"], file)
    problems += _of_known(made["class_"], classes, file, "class", "classes", "Classes of these rules")
    problems += _of_known(made["source"], SOURCES, file, "source", "sources", "Sources")
    made["home_territory"], unknown = _of_homes(made["home_territory"], file)
    problems += unknown
    if problems:
        raise InputError(problems)
    return made


# --- the table ----------------------------------------------------------------------------------------------------


def _table(path: Path) -> pa.Table:
    """The table with columns that are known. Raises InputError."""
    file = str(path)
    if path.suffix.lower() not in ENDINGS:
        rule = "is named neither as a Parquet nor as a CSV file."
        raise InputError(Problem(file, "", rule, "Name it F.parquet or F.csv."))
    try:
        table = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    except FileNotFoundError:
        raise InputError(Problem(file, "", "there is no such file.", "Check the path.")) from None
    except pa.ArrowException as error:
        kind = path.suffix.lower().removeprefix(".")
        why = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(Problem(file, "", f"cannot be read as {kind}: {why}.")) from None
    except OSError as error:
        raise InputError(Problem(file, "", f"cannot be read: {error.strerror or error}.")) from None
    if len(table) == 0:
        raise InputError(Problem(file, "", "holds no terminal; a row is one."))
    return table


def _csv(path: Path) -> pa.Table:
    odd: list[Problem] = []

    def ragged(row: Any) -> str:
        if len(odd) < MOST_TOLD:
            where = f"line {row.number}" if row.number else f'"{str(row.text)[:40]}"'
            rule = f"has {counted(row.actual_columns, 'field')}; the header has {row.expected_columns}."
            odd.append(Problem(str(path), where, rule))
        return "skip"

    with path.open("rb") as file:
        options = pacsv.ConvertOptions(
            column_types={name: pa.string() for name in BY_NAME},
            null_values=[""],
            strings_can_be_null=True,
        )
        table = pacsv.read_csv(
            file,
            read_options=pacsv.ReadOptions(use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=ragged),
            convert_options=options,
        )
    problems = odd + _of_header(table.column_names, str(path))
    if problems:
        raise InputError(problems)
    return table


def _parquet(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        if problems := _of_header(file.schema_arrow.names, str(path)):
            raise InputError(problems)
        return file.read()


def _of_header(names: list[str], file: str) -> list[Problem]:
    problems = []
    for name in dict.fromkeys(names):
        if name not in BY_NAME:
            way_out = near_names(name, BY_NAME) or f"Columns: {', '.join(BY_NAME)}."
            problems.append(Problem(file, f'column "{name}"', "is not known.", way_out))
        elif names.count(name) > 1:
            problems.append(Problem(file, f'column "{name}"', "stands twice."))
    if "id" not in names:
        problems.append(Problem(file, "", 'has no column "id".', "Give every terminal an id of its own."))
    for here, there in (("lat_deg", "lon_deg"), ("lon_deg", "lat_deg")):
        if here in names and there not in names:
            problems.append(Problem(file, "", f'has a column "{here}", and no "{there}".', "A position is both."))
    return problems


# --- columns ------------------------------------------------------------------------------------------------------


def _strings(held: pa.Array, column: Column, file: str, problems: list[Problem]) -> pa.Array:
    """A column as strings, all null where it holds anything else."""
    if pa.types.is_dictionary(held.type):
        held = held.dictionary_decode()
    kind = held.type
    if pa.types.is_null(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return held.cast(pa.string())
    problems.append(Problem(file, f'column "{column.name}"', f"holds {kind}; it must hold strings."))
    return pa.nulls(len(held), pa.string())


def _text(held: pa.Array, column: Column, file: str, problems: list[Problem]) -> pa.Array:
    words = _strings(held, column, file, problems)
    problems += _of_rows(pc.match_substring_regex(words, BLANK), column, file, lambda _: "is blank.")
    return words


def _word(held: pa.Array, column: Column, file: str, problems: list[Problem]) -> Coded[str]:
    coded = _text(held, column, file, problems).dictionary_encode()
    return Coded(_codes(coded), tuple(coded.dictionary.to_pylist()))


def _words(held: pa.Array, column: Column, file: str, problems: list[Problem]) -> Coded[frozenset[str]]:
    kind = held.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        elements = _strings(held.flatten(), column, file, problems)
        of = pc.list_parent_indices(held)
        blank = pc.fill_null(pc.match_substring_regex(elements, BLANK), True)
        rows = np.zeros(len(held), dtype=bool)
        rows[of.to_numpy()[blank.to_numpy(zero_copy_only=False)]] = True
        problems += _of_rows(pa.array(rows), column, file, lambda _: "holds a name that is null or blank.")
        if len(elements) == elements.null_count and len(elements):
            return Coded(np.full(len(held), -1, dtype=np.int32), ())
        held = pc.binary_join(held.cast(pa.list_(pa.string())), UNIT_SEPARATOR)
        separator = UNIT_SEPARATOR
    else:
        held, separator = _strings(held, column, file, problems), SEPARATOR
    coded = held.dictionary_encode()
    sets = [frozenset(map(group_name, text.split(separator))) - {""} for text in coded.dictionary.to_pylist()]
    distinct = {one: number for number, one in enumerate(dict.fromkeys(sets))}
    number = np.array([*(distinct[one] for one in sets), -1], dtype=np.int32)
    return Coded(number[_codes(coded)], tuple(distinct))


def _codes(coded: pa.DictionaryArray) -> NDArray[np.int32]:
    codes: NDArray[np.int32] = pc.fill_null(coded.indices.cast(pa.int32()), -1).to_numpy()
    return codes


def _number(held: pa.Array, column: Column, file: str, problems: list[Problem]) -> NDArray[np.float64]:
    """Numbers; null and NaN are NaN."""
    if pa.types.is_string(held.type):
        words = pc.utf8_trim_whitespace(held)
        bad = pc.invert(pc.match_substring_regex(words, NUMBER))
        problems += _of_rows(bad, column, file, lambda row: f'is "{held[row].as_py()[:40]}", which is no number.')
        held = pc.if_else(pc.fill_null(bad, True), pa.scalar(None, pa.string()), words)
    elif not (pa.types.is_integer(held.type) or pa.types.is_floating(held.type) or pa.types.is_null(held.type)):
        problems.append(Problem(file, f'column "{column.name}"', f"holds {held.type}; it must hold numbers."))
        held = pa.nulls(len(held))
    values: NDArray[np.float64] = held.cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    wrong = np.isinf(values) | (values < column.low) | (values > column.high)
    if column.low == -np.inf:
        span = "a finite number"
    elif column.high == np.inf:
        span = f"{column.low:g} or more"
    else:
        span = f"from {column.low:g} to {column.high:.10g}"
    problems += _of_rows(pa.array(wrong), column, file, lambda row: f"is {values[row]:g}; it must be {span}.")
    return values


# --- faults -------------------------------------------------------------------------------------------------------


def _of_rows(bad: pa.Array, column: Column, file: str, rule: Callable[[int], str]) -> list[Problem]:
    """A problem for each of the first rows that are bad (null: not), and one for how many more there are."""
    rows = np.flatnonzero(pc.fill_null(bad, False).to_numpy(zero_copy_only=False))
    problems = [Problem(file, f"row {row + 1}, {column.name}", rule(row)) for row in rows[:MOST_TOLD].tolist()]
    if len(rows) > MOST_TOLD:
        problems.append(
            Problem(file, column.name, f"is at fault in {counted(len(rows) - MOST_TOLD, 'more row', form=',')}.")
        )
    return problems


def _of_ids(ids: pa.Array, file: str) -> list[Problem]:
    column = BY_NAME["id"]
    problems = _of_rows(pc.is_null(ids), column, file, lambda _: "is missing; every terminal has an id.")
    coded = ids.dictionary_encode()
    if len(coded.dictionary) + ids.null_count == len(ids):
        return problems
    codes = _codes(coded)
    often = np.flatnonzero(np.bincount(codes[codes >= 0]) > 1)
    for one in often[:MOST_TOLD].tolist():
        rows = np.flatnonzero(codes == one)
        rule = f'"{coded.dictionary[one].as_py()}" is the id of {len(rows):,} terminals.'
        problems.append(Problem(file, f"{_rows(rows)}, id", rule, "Each needs its own."))
    if len(often) > MOST_TOLD:
        problems.append(Problem(file, "id", f"{len(often) - MOST_TOLD:,} more ids stand more than once."))
    return problems


def _of_positions(latitude: NDArray[np.float64], longitude: NDArray[np.float64], file: str) -> list[Problem]:
    problems = []
    for here, there, name, other in (
        (latitude, longitude, "lon_deg", "lat_deg"),
        (longitude, latitude, "lat_deg", "lon_deg"),
    ):
        half = pa.array(~np.isnan(here) & np.isnan(there))
        problems += _of_rows(half, BY_NAME[name], file, lambda _, other=other: f"is missing, and {other} is not.")  # type: ignore[misc]
    return problems


def _of_known(
    coded: Coded[str], known: Collection[str] | None, file: str, thing: str, things: str, known_ones: str
) -> list[Problem]:
    """Words that nobody knows; `known` None: any may be meant."""
    problems = []
    for code, word in enumerate(coded.values):
        if known is not None and word.strip() and word not in known:
            way_out = near_names(word, known) or f"{known_ones}: {', '.join(known)}."
            where = f"{_rows(np.flatnonzero(coded.code == code))}, {thing}"
            problems.append(Problem(file, where, f'there is no {thing} "{word}".', way_out))
    return _first(problems, file, thing, things)


def _of_homes(coded: Coded[str], file: str) -> tuple[Coded[str], list[Problem]]:
    """Home territories by their ids, and those that nobody knows."""
    problems, ids = [], []
    for code, name in enumerate(coded.values):
        id_ = territory_id(name)
        ids.append(id_ or name)
        if name.strip() and id_ not in territories():
            where = f"{_rows(np.flatnonzero(coded.code == code))}, home_territory"
            problems.append(Problem(file, where, *unknown_territory(name)))
    distinct = {id_: number for number, id_ in enumerate(dict.fromkeys(ids))}
    number = np.array([*(distinct[id_] for id_ in ids), -1], dtype=np.int32)
    return Coded(number[coded.code], tuple(distinct)), _first(problems, file, "home_territory", "territories")


def _first(problems: list[Problem], file: str, where: str, things: str) -> list[Problem]:
    if len(problems) <= MOST_TOLD:
        return problems
    return [*problems[:MOST_TOLD], Problem(file, where, f"{len(problems) - MOST_TOLD:,} more {things} are not known.")]


def _rows(rows: NDArray[np.int64]) -> str:
    """`row 3`, `rows 3, 9, 12 and 40 more`."""
    named = [str(row + 1) for row in rows[:MOST_ROWS].tolist()]
    if len(rows) > MOST_ROWS:
        named.append(f"{len(rows) - MOST_ROWS:,} more")
    return f"row {named[0]}" if len(named) == 1 else f"rows {', '.join(named[:-1])} and {named[-1]}"
