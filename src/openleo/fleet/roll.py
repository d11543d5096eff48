"""The roll of a simulated fleet that asks for leases: who they are, their keys, and where they stand.

Takes how many, in which territories, and where randomness comes from; gives Kits. Two files come of them: the table
that a controller enrols, with public keys alone, and the roll itself, with private ones, which the fleet runs by.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo.errors import InputError, Problem
from openleo.fleet.client import Device, standing
from openleo.fleet.world import towns
from openleo.places.points import where_each

KEY_BYTES = 32
SPREAD_KM = 3.0  # around a town
CLEAR_M = 500.0  # of any border: what a dish says of itself has an uncertainty
MOST_DRAWS = 50


@dataclass(frozen=True)
class Kit:
    """A simulated terminal on a roof."""

    id: str
    private_key: bytes
    account: str
    home_territory: str
    latitude_deg: float
    longitude_deg: float

    @property
    def device(self) -> Device:
        """As the fleet's client runs it."""
        key = Ed25519PrivateKey.from_private_bytes(self.private_key)
        return Device(self.id, key, standing(self.latitude_deg, self.longitude_deg))


COLUMNS = tuple(one.name for one in fields(Kit))
ENROLMENT = ("id", "public_key", "class", "account", "home_territory")


def draw(
    count: int, territories: tuple[str, ...], accounts: int, seed: int, fresh: Callable[[int], bytes]
) -> tuple[Kit, ...]:
    """Terminals near towns of territories, well inside of them. `fresh`: random bytes for keys, which no seed gives."""
    random = np.random.default_rng(seed)
    made: list[Kit] = []
    for number, (latitude, longitude, home) in enumerate(_places(count, territories, random), start=1):
        account = f"account-{(number - 1) % accounts + 1}"
        made.append(Kit(f"kit-{number:05}", fresh(KEY_BYTES), account, home, latitude, longitude))
    return tuple(made)


def _places(count: int, territories: tuple[str, ...], random: np.random.Generator) -> list[tuple[float, float, str]]:
    """Raises InputError where a territory has no town that is clear of its borders."""
    found: list[tuple[float, float, str]] = []
    shares = np.bincount(np.arange(count) % len(territories), minlength=len(territories))
    for territory, share in zip(territories, shares.tolist(), strict=True):
        here, wanted = [], share
        places = towns((territory,))
        for _ in range(MOST_DRAWS if len(places.latitude_deg) else 0):
            latitude, longitude = (np.round(one, 5) for one in places.some(random, wanted, SPREAD_KM))
            touched = where_each(latitude, longitude, np.full(wanted, CLEAR_M))
            clear = [number >= 0 and touched.wheres[number].labels == (territory,) for number in touched.number]
            here += [(*one, territory) for one in zip(latitude[clear].tolist(), longitude[clear].tolist(), strict=True)]
            if not (wanted := share - len(here)):
                break
        if wanted:
            rule = f"has no town that is {CLEAR_M:g} m from every border, that is known here."
            raise InputError(Problem("--in", territory, rule, "Name another territory."))
        found += here
    return found


def enrolment(kits: tuple[Kit, ...]) -> str:
    """The table for `openleo controller terminals enrol`: nothing in it is secret."""
    rows = []
    for one in kits:
        public = Ed25519PrivateKey.from_private_bytes(one.private_key).public_key().public_bytes_raw()
        rows.append((one.id, base64.b64encode(public).decode(), "fixed", one.account, one.home_territory))
    return _csv(ENROLMENT, rows)


def text(kits: tuple[Kit, ...]) -> str:
    """The roll as a file, private keys in base64."""
    rows = []
    for one in kits:
        id_, key, *rest = astuple(one)
        rows.append((id_, base64.b64encode(key).decode(), *rest))
    return _csv(COLUMNS, rows)


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerows([head, *rows])
    return held.getvalue()


def read(content: str, file: str) -> tuple[Kit, ...]:
    """A roll that `text` wrote. Raises InputError with every row at fault, and shows no key."""
    head, *rows = [row for row in csv.reader(io.StringIO(content)) if row] or [[]]
    if tuple(head) != COLUMNS:
        rule = "is no roll of a simulated fleet: its first line has other columns."
        raise InputError(Problem(file, "", rule, "`openleo fleet simulate --enrol-table F.csv --keys F` writes one."))
    kits: list[Kit] = []
    problems = [] if rows else [Problem(file, "", "names no terminal.")]
    for number, row in enumerate(rows, start=1):
        try:
            id_, key, account, home, latitude, longitude = row
            kit = Kit(id_, base64.b64decode(key, validate=True), account, home, float(latitude), float(longitude))
        except (ValueError, binascii.Error):
            problems.append(Problem(file, f"row {number}", f"cannot be read; a row has {', '.join(COLUMNS)}."))
            continue
        if len(kit.private_key) != KEY_BYTES:
            problems.append(Problem(file, f"row {number}, private_key", f"has not {KEY_BYTES} bytes."))
        elif not (abs(kit.latitude_deg) <= 90.0 and abs(kit.longitude_deg) <= 180.0):
            problems.append(Problem(file, f"row {number}", "stands nowhere on Earth."))
        kits.append(kit)
    if problems:
        raise InputError(problems)
    return tuple(kits)
