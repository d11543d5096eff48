"""Reading a TOML or JSON file into a checked record, with every fault named at once; and the rows of a CSV.

A pydantic model says what a file may hold; this module turns what pydantic finds into our problems: the place in the
file, what stands there, what is required, and the near names of a key that is not known.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from openleo.errors import InputError, Problem, join_or, near_names

MOST_DIGITS = 1_000  # of a whole number
MOST_BYTES = 10_000_000  # of a file; a rule takes a few hundred
LONGEST_SHOWN = 200  # characters of a value at fault
LEFT_OUT = object()
# How pydantic calls a number beyond a bound: where it says which, and what to add to be within.
BOUNDS = {
    "greater_than_equal": ("ge", 0),
    "less_than_equal": ("le", 0),
    "greater_than": ("gt", 1),
    "less_than": ("lt", -1),
}


class Record(BaseModel):
    """A part of a file: frozen, and without a key that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Place = tuple[str | int, ...]  # the keys and numbers that lead to a value
RecordType = TypeVar("RecordType", bound=Record)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises InputError when it is not there, cannot be read or is no TOML."""
    try:
        return tomllib.loads(_text(path))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "there is no such file.", "Check the path.")) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(Problem(str(path), "", f"is not TOML: {error}.", "See https://toml.io.")) from None
    except RecursionError:
        rule = "cannot be read: lists or tables stand within each other too deep."
        raise InputError(Problem(str(path), "", rule, "A file of ours is a few levels deep.")) from None
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None


def read_json(path: Path) -> Any:
    """What a JSON file holds (RFC 8259). Raises InputError when it is not there, cannot be read or is no JSON.

    A key that stands twice in one object is refused: readers differ in which of the two they take.
    """
    try:
        return parse_json(_text(path), str(path))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "there is no such file.", "Check the path.")) from None
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None


def unreadable(path: Path, error: OSError | ValueError) -> Problem:
    """Why a file cannot be read: a ValueError is of a text that is not UTF-8, or of a name that no file can have."""
    if isinstance(error, IsADirectoryError):
        return Problem(str(path), "", "cannot be read: it is a directory.", "Name the files in it.")
    if isinstance(error, UnicodeDecodeError):
        rule = f"cannot be read: byte {error.start:,} is {error.object[error.start]:#04x}, which is not UTF-8 there."
        return Problem(str(path), "", rule, "Save it as UTF-8.")
    why = getattr(error, "strerror", None) or error
    return Problem(str(path), "", f"cannot be read: {why}.", "Check its name, and who may read it.")


def _text(path: Path) -> str:
    return bounded_text(path, MOST_BYTES, "Write it as several files.")


def bounded_text(path: Path, most_bytes: int, way_out: str) -> str:
    """The text of a file. Raises InputError when it is longer, before it is read: sizes may be of holes, or endless."""
    size = path.stat().st_size
    if size <= most_bytes:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)  # of a pipe or device, which state no size
        if len(content) <= most_bytes:
            return content.decode("utf-8-sig")  # -sig: some editors write a byte order mark
    found = f"{size:,}" if size > most_bytes else f"more than {most_bytes:,}"
    raise InputError(Problem(str(path), "", f"has {found} bytes; at most {most_bytes:,} are read.", way_out))


def parse_json(text: str, file: str) -> Any:
    """As `read_json`, of a text; `file` is what problems call it."""
    if not text.strip():
        raise InputError(Problem(file, "", "is empty.", "JSON holds one value at least: see RFC 8259."))
    try:
        made = json.loads(text, object_pairs_hook=_each_key_once, parse_constant=_no_number, parse_int=_whole_number)
        if "\\u" in text:  # an escape can write one half of a pair, which is no text and which no hash is made of
            json.dumps(made, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        rule = "cannot be read: lists or objects stand within each other too deep."
        raise InputError(Problem(file, "", rule, "A file of ours is a few levels deep.")) from None
    except ValueError as error:
        raise InputError(Problem(file, "", f"is not JSON: {error}.", "See RFC 8259.")) from None
    return made


def _whole_number(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a whole number of {len(digits):,} digits is longer than the {MOST_DIGITS:,} that are read")
    return int(digits)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        times = Counter(key for key, _ in pairs)
        raise ValueError(f'the key "{next(key for key in times if times[key] > 1)}" stands twice in one object')
    return made


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def check(model: type[RecordType], data: dict[str, Any], file: str, under: str = "") -> RecordType:
    """`data` as a record. Raises InputError with every fault of the file.

    `under` is the place of `data` in the file, when it is not the whole of it.
    """
    record, problems = examine(model, data, file, under)
    if problems or record is None:
        raise InputError(problems)
    return record


def examine(
    model: type[RecordType], data: dict[str, Any], file: str, under: str = "", *, within_bounds: bool = False
) -> tuple[RecordType | None, list[Problem]]:
    """(the record, every fault of the file): with unknown keys left out, what remains may still make a record.

    So whoever reads on can find the faults of what the file names as well. `within_bounds`: numbers out of their
    bounds stand as the bound in that record, likewise.
    """
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        faults = error.errors()
    record = None
    others = {tuple(fault["loc"]): LEFT_OUT for fault in faults if fault["type"] == "extra_forbidden"}
    if within_bounds:
        others |= {tuple(fault["loc"]): _bound(fault) for fault in faults if fault["type"] in BOUNDS}
    if others:
        try:
            record = model.model_validate(_changed(data, others))
        except ValidationError as error:
            known = {fault["loc"] for fault in faults}
            faults += [fault for fault in error.errors() if fault["loc"] not in known]
    return record, [_problem(model, place, some, file, under) for place, some in by_place(data, faults).items()]


def by_place(data: Any, faults: Iterable[Any]) -> dict[Place, list[Any]]:
    """What pydantic finds, by its place in the data.

    A value of several forms is at fault in each of them; where one form gets further into it, that alone is told.
    """
    found: dict[Place, list[Any]] = {}
    for fault in faults:
        found.setdefault(_place_in(data, fault), []).append(fault)
    outer = {place[:length] for place in found for length in range(len(place))}
    return {place: some for place, some in found.items() if place not in outer or some[0]["type"] == "value_error"}


def _place_in(data: Any, fault: Any) -> Place:
    """The place of a fault, without the names of the forms that a value could have."""
    place: list[str | int] = []
    last = len(fault["loc"]) - 1
    for number, step in enumerate(fault["loc"]):
        if isinstance(data, dict) and (step in data or (number == last and fault["type"] == "missing")):
            place.append(step)
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int):
            place.append(step)
            data = data[step]
    return tuple(place)


def _bound(fault: Any) -> Any:
    """The bound that a number is beyond; one step within it where it is none of the numbers that may be."""
    name, step = BOUNDS[fault["type"]]
    return fault["ctx"][name] + step


def _changed(data: Any, others: Mapping[tuple[Any, ...], Any], at: tuple[Any, ...] = ()) -> Any:
    """A copy of nested tables and lists with other values at some places, or without them."""
    if at in others:
        return others[at]
    if isinstance(data, dict):
        made = {key: _changed(value, others, (*at, key)) for key, value in data.items()}
        return {key: value for key, value in made.items() if value is not LEFT_OUT}
    if isinstance(data, list):
        return [_changed(value, others, (*at, number)) for number, value in enumerate(data)]
    return data


def _problem(model: type[BaseModel], place: Place, faults: list[Any], file: str, under: str) -> Problem:
    fault = faults[0]
    where = ".".join(text for text in (under, place_text(place)) if text)
    if fault["type"] == "extra_forbidden":
        holder = _model_at(model, place[:-1])
        known = list(_fields(holder)) if holder else []
        key = place_text(place[-1:])
        way_out = near_names(key, known) or (f"Known keys: {', '.join(sorted(known))}." if known else "")
        return Problem(file, where, f'there is no key "{key}" here.', way_out)
    if fault["type"] == "missing":
        return Problem(file, where, "is missing.", "It has no default.")
    if fault["type"] == "literal_error":
        known = _choices(fault)
        rule = f"is {_as_toml(fault['input'])}; it must be {join_or(known)}."
        return Problem(file, where, rule, near_names(str(fault["input"]), known))
    if fault["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return Problem(file, where, f"is {_shown(fault['input'])}; it must be a table.", f"Write [{where}].")
    if fault["type"] == "value_error":
        return Problem(file, where, str(fault["ctx"]["error"]))
    said = [_sentence(one["msg"]).removesuffix(".") for one in faults]
    either = join_or([said[0], *(one.removeprefix("should be ") for one in said[1:])])
    return Problem(file, where, f"is {_shown(fault['input'])}: {either}.")


def _shown(value: Any) -> str:
    """A value as a file writes it, or its beginning."""
    text = _as_toml(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _as_toml(value: Any) -> str:
    """A value as a file writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_as_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_as_toml(one)}' for key, one in value.items())}}}"
    if isinstance(value, date | time):
        return value.isoformat().replace("+00:00", "Z")
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def place_text(place: tuple[Any, ...]) -> str:
    """`constellation.shell[0].planes`: the place of a value as a person would point at it."""
    text = ""
    for step in place:
        key = step if str(step).isprintable() else repr(step)
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{key}"
    return text


def _sentence(message: str) -> str:
    lowered = message[:1].lower() + message[1:]
    return lowered.removeprefix("input ").strip() + ("" if message.endswith(".") else ".")


def _choices(fault: Any) -> list[str]:
    words = [word.strip(" '") for word in str(fault["ctx"]["expected"]).replace(" or ", ", ").split(",")]
    return [word.lower() if word in ("True", "False") else word for word in words]


def _model_at(model: type[BaseModel], place: tuple[Any, ...]) -> type[BaseModel] | None:
    """The record that stands at a place of another, or None when the place is no record."""
    here: type[BaseModel] | None = model
    for step in place:
        if here is None:
            return None
        if isinstance(step, str) and step in _fields(here):
            here = _record_in(_fields(here)[step])
    return here


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """The keys of a record as files write them, with what they hold."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _record_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _record_in(inner))), None)


def csv_rows(path: Path, option: str, needed: Sequence[str], way_out: str) -> list[tuple[int, dict[str, str | None]]]:
    """(line, row) of a CSV in UTF-8 that has at least the columns `needed`.

    Raises InputError: where it cannot be read, by the `option` that named it; where a column is not there.
    """
    return csv_table(path, option, needed, way_out)[0]


def csv_table(
    path: Path, option: str, needed: Sequence[str], way_out: str
) -> tuple[list[tuple[int, dict[str, str | None]]], bytes]:
    """As `csv_rows`, with the bytes that the rows were read from."""
    try:
        content = path.read_bytes()
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        mend = "Check the path." if isinstance(error, OSError) else "Save it as CSV, in UTF-8."
        raise InputError(Problem(f"{option} {path}", "", f"cannot be read as CSV: {why}.", mend)) from None
    missing = [column for column in needed if column not in (reader.fieldnames or ())]
    if missing:
        rule = f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}."
        raise InputError(Problem(str(path), "", rule, way_out))
    return rows, content
