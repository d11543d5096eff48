"""What a run is computed from, as one hash: the address under which its results are kept.

The SHA-256 of the RFC 8785 bytes of: this version of the programme, the scenario's tables with everything set in them,
and the bytes of every file that they name. It is known before anything is read into a network, so that what is there
already costs nothing. It may tell apart what is the same (a key written out that has its default); it never takes for
the same what is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date, time
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import rfc8785

import openleo
from openleo import kept
from openleo.errors import InputError
from openleo.network.constellation.ephemeris_set import files_of
from openleo.places.expression_text import files_named, is_file
from openleo.policy.rule_file import read_rules, read_table, rule_files

COMPUTING = ("study.compute", "results", "scenario")  # the modules that a result depends on, with all that they import
LARGEST_WHOLE = 2**53 - 1  # that JSON is sure to keep
HASHES_KEPT = 4096


@cache
def version() -> str:
    """The programme that this is: its version, its code that computes, its libraries, its data."""
    code = kept.code_sha256(*COMPUTING)
    package = Path(str(files("openleo")))
    data = hashlib.sha256()
    for folder in (package / "data", package / "network" / "constellation" / "catalogue"):
        for path in sorted(one for one in folder.rglob("*") if one.is_file() and one.suffix not in (".py", ".pyc")):
            data.update(f"{path.relative_to(package).as_posix()} {_sha256_of(path)}\n".encode())
    both = hashlib.sha256(f"{code} {data.hexdigest()}".encode()).hexdigest()
    return f"{openleo.__version__}-{both[:16]}"


def address_of(tables: Mapping[str, Any], scenario: Path, slots: int | None) -> str:
    """The address of a run over (the first `slots` slots of) the scenario that these tables are."""
    said = {
        "openleo": version(),
        "tables": plain(tables),
        "slots": slots,
        "files": dict(sorted(_inputs(tables, scenario.parent))),
    }
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()


def plain(value: Any) -> Any:
    """A value of TOML as one of JSON: two that a scenario reads as one may come out as two."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return value if abs(value) <= LARGEST_WHOLE else str(value)


def _inputs(tables: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """(what it is called, SHA-256) of everything beside the tables that a run reads."""
    policy = tables.get("policy")
    for name in ("rules", "compare"):
        if isinstance(policy, Mapping) and (words := policy.get(name)):
            paths = [folder / str(word) for word in ([words] if isinstance(words, str) else words)]
            yield f"policy.{name}", _rules_sha256(tuple(paths), _stamps(paths))
    sky = tables.get("constellation")
    if isinstance(sky, Mapping) and isinstance(word := sky.get("ephemerides"), str):
        for path in _of_ephemerides(folder / word):
            yield f"{word}: {path.name}", _stamped_sha256(path, _stamp(path))
    for text in dict.fromkeys(_texts(tables)):
        for word in dict.fromkeys([text, *_named_in(text)]):
            if _is_file(folder, word):
                yield word, _stamped_sha256(folder / word, _stamp(folder / word))


def _texts(value: Any) -> Iterator[str]:
    """Every text that stands in the tables."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _named_in(text: str) -> tuple[str, ...]:
    """The files that a text names where it is an expression of an area."""
    try:
        return files_named(text)
    except InputError:
        return ()


def _is_file(folder: Path, word: str) -> bool:
    """Whether a text names a file; most name none."""
    try:
        return (folder / word).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _of_ephemerides(path: Path) -> list[Path]:
    """The files of a folder, or of a pattern."""
    try:
        return [one for one in files_of(path, []) if one.is_file()]
    except (OSError, ValueError):
        return []


# A study asks for the same files in every run: what was hashed is not hashed again while size and time are the same.

Stamp = tuple[int, int]


def _stamp(path: Path) -> Stamp:
    said = path.stat()
    return said.st_size, said.st_mtime_ns


def _stamps(paths: list[Path]) -> tuple[tuple[str, Stamp], ...]:
    """Of rule files, and of every file that a text in them names: lists of cells and areas, wherever they are."""
    own = [path for path in rule_files(paths) if path.is_file()]
    named = [path.parent / word for path in own for word in _words_in_rules(path, _stamp(path))]
    return tuple(
        (str(path), _stamp(path)) for path in dict.fromkeys([*own, *named]) if _is_file(path.parent, path.name)
    )


@lru_cache(HASHES_KEPT)
def _words_in_rules(path: Path, _stamp: Stamp) -> tuple[str, ...]:
    """What may name a file in a rule file; nothing where it cannot be read, which whoever reads it whole tells."""
    try:
        texts = dict.fromkeys(_texts(read_table(path)))
    except InputError:
        return ()
    words = dict.fromkeys(word for text in texts for word in (text, *_named_in(text)))
    return tuple(word for word in words if is_file(word))


@lru_cache(HASHES_KEPT)
def _rules_sha256(paths: tuple[Path, ...], _stamps: tuple[tuple[str, Stamp], ...]) -> str:
    """Of rules as they are read, with the areas that they name."""
    return read_rules(paths).sha256


@lru_cache(HASHES_KEPT)
def _stamped_sha256(path: Path, _stamp: Stamp) -> str:
    return _sha256_of(path)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
