"""Element sets: real satellites from OMM (JSON, CSV, XML, KVN) and TLE files.

Takes a path; gives `ElementSets`, with what was set aside and why. A row at fault among good ones does not stop a run,
and is never passed over in silence. The constellation is built from the sets; nothing here fetches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from openleo.errors import InputError, Problem
from openleo.instants import instant_text
from openleo.network.constellation import omm, tle
from openleo.network.constellation.element_set import ElementSet, Row, element_set

LARGEST_FILE_BYTES = 256 * 2**20  # the whole public catalogue as XML is a quarter of it


@dataclass(frozen=True)
class ElementSets:
    """The good sets of a file, each satellite once, and the rows that were not taken."""

    sets: tuple[ElementSet, ...]
    set_aside: tuple[Problem, ...]
    source: str
    sha256: str  # of the file

    def __len__(self) -> int:
        return len(self.sets)


def read_elements(path: str | Path) -> ElementSets:
    """Every element set of a file. Raises when there is not one good set, with all that is wrong."""
    file, content = str(path), _content(Path(path))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        rule = f"byte {fault.start} is not UTF-8; element files are text."
        raise InputError(Problem(file, "", rule, "Unpack it first if it is compressed.")) from None

    set_aside: list[Problem] = []
    reader = omm.reader_of(text)
    if reader:
        rows = reader(text, file)
    elif tle.is_tle(text):
        rows, set_aside = tle.rows(text, file)
    else:
        began = " ".join(text[:60].split())
        rule = f"it is neither an OMM (JSON, CSV, XML, KVN) nor a TLE file; it begins with {began!r}."
        raise InputError(Problem(file, "", rule, "Fetch for example FORMAT=json from CelesTrak."))

    good: list[tuple[Row, ElementSet]] = []
    for row in rows:
        read = element_set(row, file)
        if isinstance(read, ElementSet):
            good.append((row, read))
        else:
            set_aside += read
    sets, older = _newest(good, file)
    set_aside += older
    if not sets:
        raise InputError(set_aside or Problem(file, "", "it holds no element set.", "Fetch it again."))
    return ElementSets(sets, tuple(set_aside), source=Path(path).name, sha256=hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            rule = f"it has {size:,} bytes; an element file has at most {LARGEST_FILE_BYTES:,}."
            raise InputError(Problem(str(path), "", rule, "Split it."))
        return path.read_bytes()
    except (OSError, ValueError) as fault:  # ValueError: a name that no file can have
        why = getattr(fault, "strerror", None) or fault
        raise InputError(Problem(str(path), "", f"it cannot be read: {why}.", "Check the path.")) from None


def _newest(good: Iterable[tuple[Row, ElementSet]], file: str) -> tuple[tuple[ElementSet, ...], list[Problem]]:
    """Each satellite once, at the place of its first row, with its newest epoch."""
    kept: dict[int, tuple[Row, ElementSet]] = {}
    older: list[Problem] = []
    for row, one in good:
        other = kept.setdefault(one.id, (row, one))
        if other[1] is one:
            continue
        newer, old = ((row, one), other) if one.epoch > other[1].epoch else (other, (row, one))
        kept[one.id] = newer
        rule = (
            f"satellite {one.id} is there twice; this set has the epoch {instant_text(old[1].epoch)}, "
            f"the one at {newer[0].where} has {instant_text(newer[1].epoch)}."
        )
        older.append(Problem(file, f"{old[0].where} ({old[1].name})", rule, "The newer is kept, or the first."))
    return tuple(one for _, one in kept.values()), older
