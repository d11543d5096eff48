"""Leases in force as the desk hands them in, beside the same read from their records: a plan enforces both alike."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from sqlalchemy import Engine

import leasing
from leasing import NUMBER, SLOT_S, Office
from openleo.controller import held as holding
from openleo.controller.database import reading
from openleo.controller.held import HeldLeases, held
from openleo.controller.lease_desk import LeaseDesk
from openleo.controller.named_targets import Meant

TERMINALS = 24


def columns(found: HeldLeases) -> dict[str, Any]:
    """Everything in it, in the form that compares."""
    registry = {one.name: getattr(found.terminals, one.name) for one in fields(found.terminals)}
    rest = {one.name: getattr(found, one.name) for one in fields(found) if one.name != "terminals"}
    return {name: _plain(value) for name, value in (registry | rest).items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "code"):
        return value.code.tolist(), value.values
    if isinstance(value, np.ndarray):
        return [None if one != one else one for one in value.tolist()]
    return value


def of_slot(engine: Engine, number: int, *said: holding.Said) -> dict[str, Any]:
    with reading(engine) as connection:
        return columns(held(connection, number, number * SLOT_S, Meant(), *said))


def asked(number: int, random: Random, turn: int) -> dict[str, Any]:
    """Anything that a terminal may say; of some it is not known how old or how certain it is, or where."""
    position: dict[str, Any] = {
        "uncertainty_m": random.choice([3.0, 30.0, 250.5]),
        "age_s": random.choice([None, 0.0, 0.1, 12.75]),
        "source": random.choice([None, "gnss", "network"]),
    }
    said = {"speed_kmh": random.choice([None, 0.0, 87.3]), "altitude_m": random.choice([None, -12.5, 1_234.5])}
    place = (24.0 + random.random() / 3.0, 120.65 + random.random() / 5.0)
    nonce = f"nonce-{turn}-{number:020}"
    return {"number": number, "place": place, "position": position, "nonce": nonce} | said


async def fill(desk: LeaseDesk, office: Office, turns: int) -> None:
    random = Random(5)
    for turn in range(turns):
        office.clock.at_s += 1.7 * turn
        for number in range(1, TERMINALS + 1):
            await desk.ask(leasing.body(at_s=office.clock.at_s - 0.4, **asked(number, random, turn)))


def test_what_the_desk_hands_in_is_what_it_wrote(engine: Engine, tmp_path: Path) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, TERMINALS)
    office = Office(engine, leasing.rules(tmp_path))
    read: list[str] = []

    async def run() -> None:
        async with office as desk:
            await fill(desk, office, 2)

            def said(terminal: str, lease: str) -> holding.Reported | None:
                found = desk.said(terminal, lease)
                read.extend([lease] if found is None else [])
                return found

            for number in (NUMBER, NUMBER + 2):
                given = of_slot(engine, number, said)
                assert len(given["lease"]) == TERMINALS
                assert given == of_slot(engine, number)
            assert not read, "no record is read of what this desk gave"

    asyncio.run(run())


def test_who_takes_over_hands_in_the_same(engine: Engine, tmp_path: Path) -> None:
    leasing.lead(engine)
    leasing.enrol(engine, TERMINALS)
    office = Office(engine, leasing.rules(tmp_path))

    async def run() -> None:
        async with office as desk:
            await fill(desk, office, 1)
        leasing.lead(engine, 2)
        office.token = 2
        async with office as desk:
            some = of_slot(engine, NUMBER, desk.said)
            assert some == of_slot(engine, NUMBER)
            office.clock.at_s += 3.0
            await desk.ask(leasing.body(3, office.clock.at_s, nonce="renewed-by-the-other"))
            with reading(engine) as connection:
                rows = held(connection, NUMBER, NUMBER * SLOT_S, Meant(), desk.said)
            newest = dict(zip(rows.terminals.id.to_pylist(), rows.lease, strict=True))
            assert desk.said("t-3", newest["t-3"]) is not None, "the newest counts, and it is of this desk"
            assert of_slot(engine, NUMBER, desk.said) == of_slot(engine, NUMBER)

    asyncio.run(run())
