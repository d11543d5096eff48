"""The files of a scenario, to be handed on: what somebody else needs to read it as it was read here.

Takes a scenario file; gives the bytes of that file and of every file that it names (not its rules), by the names that
the scenario has for them. `lay_out` writes them so that the scenario reads them again, wherever that is. What is
embedded in this programme (catalogues, lists, borders, people) is named by the inputs of the network's hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from openleo.errors import InputError, Problem
from openleo.network.constellation.ephemeris_set import files_of
from openleo.network.ground import stations
from openleo.places.expression_text import files_named
from openleo.places.expressions import WORLD_WORD
from openleo.places.geojson import GEOJSON_ENDINGS
from openleo.places.territories import territory_id
from openleo.reading import check, read_toml
from openleo.scenario_file import GroundRecord, ScenarioRecord

MOST_BYTES = 50_000_000  # of one file
DEEPEST = 10  # folders in the name of a file
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class LeftOut:
    """A file that is not copied: whoever wants it asks for it by its sha256."""

    name: str
    sha256: str
    bytes: int
    why: str


@dataclass(frozen=True)
class Copies:
    """The files of the scenario `name`, which is one of them."""

    name: str
    files: Mapping[str, bytes]
    left_out: tuple[LeftOut, ...] = field(default=())


def copies(path: Path, most_bytes: int = MOST_BYTES) -> Copies:
    """A scenario file with those that it names. Raises InputError where one of them cannot be read."""
    raw = read_toml(path)
    raw.pop("policy", None)
    names = [path.name, *dict.fromkeys(_named(check(ScenarioRecord, raw, str(path), ""), path.parent))]
    files: dict[str, bytes] = {}
    left_out = []
    for name in names:
        file = path if name == path.name else path.parent / name
        try:
            if why := _not_kept(name, file, most_bytes):
                left_out.append(LeftOut(name, _sha256_of(file), file.stat().st_size, why))
            else:
                files[name] = file.read_bytes()
        except OSError as error:
            raise InputError(Problem(str(file), "", f"cannot be read: {error.strerror}.")) from None
    return Copies(path.name, files, tuple(left_out))


def lay_out(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write copies within `folder`, an empty one, and give where names start from. Raises InputError."""
    place = folder / Path(*["in"] * DEEPEST)  # so that `..` leads to nothing else
    place.mkdir(parents=True)
    for name, data in files.items():
        if _leads_away(name):
            raise InputError(Problem("the documents of a network", "", f"hold {name!r}, which lies outside."))
        try:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        except (OSError, ValueError) as error:
            raise InputError(Problem("the documents of a network", "", f"hold {name!r}: {error}.")) from None
    return place


def _named(record: ScenarioRecord, folder: Path) -> Iterator[str]:
    """The names of the files that a scenario names, in the words that it has for them."""
    sky = record.constellation
    if sky.elements is not None:
        yield sky.elements
    if sky.ephemerides is not None:
        yield from _ephemerides(sky.ephemerides, folder)
    yield from _ground(record.ground)
    for word in record.ground.area:
        yield from _of_area(word, folder)
    if record.failures is not None and record.failures.file is not None:
        yield record.failures.file


def _ephemerides(word: str, folder: Path) -> Iterator[str]:
    """Of a file, a folder, or a pattern in the last part of a path."""
    path = folder / word
    found = files_of(path, [])
    if found == [path]:
        yield word
        return
    within = PurePosixPath(word) if path.is_dir() else PurePosixPath(word).parent
    yield from (str(within / one.name) for one in found)


def _ground(ground: GroundRecord) -> Iterator[str]:
    for word, kind in ((ground.gateways, "gateways"), (ground.pops, "pops")):
        if word is not None and word not in stations.embedded(kind):
            yield word
    if ground.horizons is not None:
        yield ground.horizons


def _of_area(word: str, folder: Path) -> Iterator[str]:
    """A file as a whole, or those of an expression; territories come first, as they do where areas are read."""
    if word == WORLD_WORD or territory_id(word) is not None:
        return
    if word.lower().endswith(GEOJSON_ENDINGS) and (folder / word).is_file():
        yield word
        return
    yield from files_named(word)


def _not_kept(name: str, file: Path, most_bytes: int) -> str:
    if _leads_away(name):
        return "its name is no path from the scenario on"
    size = file.stat().st_size
    return f"it has more than {most_bytes:,} bytes" if size > most_bytes else ""


def _leads_away(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not parts or name.startswith("/") or "\\" in name or "\0" in name or len(parts) > DEEPEST


def _sha256_of(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as read:
        while chunk := read.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
