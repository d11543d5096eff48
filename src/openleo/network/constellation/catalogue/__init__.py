"""The catalogue: systems as their operators filed them, each number with its basis and each system with its filing.

Takes a name; gives a `System` that becomes a constellation. The TOML files beside this one are the data: in each
`[[shell]]` the lists `filed`, `inferred` and `assumed` name every key once.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from openleo.errors import InputError, Problem, near_names
from openleo.instants import utc
from openleo.network.constellation.model import Constellation, from_shells
from openleo.network.constellation.shells import BASES, Basis, Shell, read_shell

SYSTEMS_KEPT = 4  # that a process remembers: a study reads the same one in every run


@dataclass(frozen=True)
class System:
    """One system of the catalogue."""

    name: str
    title: str
    operator: str
    epoch: datetime
    filing: tuple[str, ...]  # named public documents
    note: str
    shells: tuple[Shell, ...]
    sha256: str  # of the TOML file

    @property
    def satellites(self) -> int:
        """Of all shells."""
        return sum(shell.satellites for shell in self.shells)

    def constellation(self) -> Constellation:
        """Its satellites, at the angles that hold at the system's epoch; the same value whenever it is asked for."""
        return _constellation(self)


@lru_cache(SYSTEMS_KEPT)
def _constellation(system: System) -> Constellation:
    source = "; ".join(system.filing) or system.title
    made = from_shells(system.name, system.epoch, system.shells, source=source, sha256=system.sha256)
    for value in vars(made).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)  # all runs of a process share it
    return made


def names() -> tuple[str, ...]:
    """The systems there are."""
    return tuple(
        sorted(one.name.removesuffix(".toml") for one in files(__name__).iterdir() if one.name.endswith(".toml"))
    )


def load(name: str, *, file: str = "catalogue") -> System:
    """The system called `name`. `file` is the file that asked for it, named when there is no such system."""
    known = names()
    if name not in known:
        way_out = near_names(name, known) or f"The catalogue has {', '.join(known)}."
        raise InputError(Problem(file, "constellation.catalogue", f"{name!r} is not in the catalogue.", way_out))
    content = (files(__name__) / f"{name}.toml").read_bytes()
    return read_system(content, f"{name}.toml")


_KEYS = ("name", "title", "operator", "epoch", "filing", "note", "shell")


@lru_cache(SYSTEMS_KEPT)
def read_system(content: bytes, file: str) -> System:
    """A system from the bytes of a catalogue file, or every problem it has."""
    try:
        table = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise InputError(Problem(file, "", f"it is not TOML: {fault}.")) from None

    problems = [
        Problem(file, key, f"{key!r} is not a key of a system.", near_names(key, _KEYS))
        for key in table
        if key not in _KEYS
    ]
    problems += [Problem(file, key, f"{key} is missing.") for key in _KEYS if key not in table]
    if "epoch" in table and not isinstance(table["epoch"], datetime):
        problems.append(Problem(file, "epoch", "epoch is not an instant.", "Write epoch = 2026-01-01T00:00:00Z."))

    shells: list[Shell] = []
    for number, one in enumerate(table.get("shell", []), start=1):
        where = f"shell {number}"
        basis, faults = _read_basis(one, file, where)
        shell = read_shell({key: value for key, value in one.items() if key not in BASES}, file, where, basis)
        if isinstance(shell, Shell):
            shells.append(shell)
        else:
            faults += shell
        problems += faults
    twice = {shell.name for shell in shells if sum(other.name == shell.name for other in shells) > 1}
    problems += [Problem(file, "shell", f'two shells are called "{name}".') for name in sorted(twice)]
    if problems:
        raise InputError(problems)

    return System(
        name=table["name"],
        title=table["title"],
        operator=table["operator"],
        epoch=utc(table["epoch"]),
        filing=tuple(table["filing"]),
        note=table["note"],
        shells=tuple(shells),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _read_basis(table: Mapping[str, Any], file: str, where: str) -> tuple[dict[str, Basis], list[Problem]]:
    """The basis of every key of a shell, from the three lists."""
    basis: dict[str, Basis] = {}
    problems: list[Problem] = []
    stated = {key for key in table if key not in (*BASES, "name")}
    for one in BASES:
        for key in table.get(one, []):
            if key in basis:
                problems.append(Problem(file, where, f"{key} is both {basis[key]} and {one}."))
            elif key not in stated:
                problems.append(Problem(file, where, f"{one} names {key!r}, which the shell does not state."))
            basis[key] = one
    problems += [
        Problem(file, where, f"{key} has no basis.", "Name it in filed, inferred or assumed.")
        for key in sorted(stated - basis.keys())
    ]
    return basis, problems
