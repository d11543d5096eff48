"""`openleo fleet simulate` against running controllers: the roll of a fleet, and a fleet that keeps leases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from openleo.cli.common import note, print_json

if TYPE_CHECKING:
    import ssl

    from openleo.fleet.keeping import Look, Told
    from openleo.fleet.roll import Kit

PROBE_WITHIN_S = 5.0


def write_roll(count: int, territories: list[str], accounts: int, seed: int, table: Path, keys: Path) -> None:
    """Draw terminals, and write their two files: neither takes the place of one that is there. Raises InputError."""
    from openleo.errors import InputError, Problem
    from openleo.fleet import roll
    from openleo.places.territories import territories as known
    from openleo.places.territories import unknown_territory

    problems = [
        Problem(option, str(path), "is there already.", "Enrolled terminals need their keys: name another file.")
        for option, path in (("--enrol-table", table), ("--keys", keys))
        if path.exists()
    ]
    problems += [Problem("--in", one, *unknown_territory(one)) for one in territories if one not in known()]
    if problems:
        raise InputError(problems)
    kits = roll.draw(count, tuple(dict.fromkeys(territories)), min(accounts, count), seed, os.urandom)
    _create(keys, roll.text(kits), 0o600)
    _create(table, roll.enrolment(kits), 0o644)
    typer.echo(
        f"wrote {table}: {count:,} terminals of {min(accounts, count):,} accounts, and {keys}: their private keys"
    )
    note(f"Enrol them: openleo controller terminals enrol {table} --data DIR --make-accounts --active")


def _create(path: Path, text: str, mode: int) -> None:
    from openleo.errors import InputError, Problem

    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(Problem(str(path), "", f"cannot be written: {error.strerror}.", "Check the path.")) from None


def keep_leases(
    keys: Path, count: int | None, urls: list[str], slots: int, slot_s: float, ca: Path | None, as_json: bool
) -> None:
    """Run the terminals of a roll, a line a slot. Raises InputError."""
    import asyncio
    import time
    from random import SystemRandom

    from openleo.collecting import leave_what_is_there
    from openleo.fleet import keeping
    from openleo.fleet.client import Fleet

    kits = _chosen(keys, count)
    tls = _tls(ca)
    _reached(urls, tls)
    devices = [one.device for one in kits]
    fleet = Fleet(devices, urls, time.time, SystemRandom(), tls=tls, refused_again_s=slot_s)

    leave_what_is_there()  # terminals do not all pause at once

    def tell(look: Look) -> None:
        (note if as_json else typer.echo)(look.line)

    try:
        told = asyncio.run(keeping.keep(fleet, slots, slot_s, time.time, tell))
    except KeyboardInterrupt:
        note("stopped: leases lapse by themselves")
        raise typer.Exit(130) from None
    if as_json:
        print_json(told.as_json())
    else:
        _summary(told, len(kits))


def _chosen(keys: Path, count: int | None) -> tuple[Kit, ...]:
    """Those of the roll that are to run. Raises InputError."""
    from openleo.errors import InputError, Problem
    from openleo.fleet import roll

    try:
        content = keys.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        way_out = "Write one, and a table to enrol: openleo fleet simulate --terminals N --enrol-table F.csv --keys F"
        raise InputError(Problem("--keys", str(keys), f"cannot be read: {why}.", way_out)) from None
    if keys.stat().st_mode & 0o077:
        note(f"{keys} can be read by others than you: chmod 600 {keys}")
    kits = roll.read(content, str(keys))
    if count is not None and count > len(kits):
        rule = f"asks for {count:,}; {keys} names {len(kits):,} terminals."
        raise InputError(Problem("--terminals", "", rule, "Leave it out: all of them run."))
    return kits[:count]


def _tls(ca: Path | None) -> ssl.SSLContext | None:
    import ssl

    from openleo.errors import InputError, Problem

    try:
        return None if ca is None else ssl.create_default_context(cafile=str(ca))
    except (OSError, ssl.SSLError) as error:
        raise InputError(Problem("--ca", str(ca), f"is no certificate that can be read: {error}.")) from None


def _reached(urls: list[str], tls: ssl.SSLContext | None) -> None:
    """Raises InputError for each address that is none, or where nobody answers at any of them."""
    import httpx

    from openleo.errors import InputError, Problem

    problems, faults = [], []
    with httpx.Client(verify=True if tls is None else tls, timeout=PROBE_WITHIN_S) as client:
        for url in urls:
            if not url.startswith(("http://", "https://")):
                problems.append(Problem("--url", url, "is no address.", "Such as http://127.0.0.1:8600."))
                continue
            try:
                client.get(f"{url.rstrip('/')}/healthz").raise_for_status()
            except httpx.HTTPError as error:
                faults.append(Problem("--url", url, f"no controller answers: {error}.", "Is `openleo serve` running?"))
    if problems:
        raise InputError(problems)
    if len(faults) == len(urls):
        raise InputError(faults)
    for one in faults:
        note(str(one))


def _summary(told: Told, terminals: int) -> None:
    said, last = told.as_json(), told.looks[-1]
    answers = ", ".join(f"{name}: {count:,}" for name, count in sorted(said["answers"].items()))
    times = "" if said["p50_ms"] is None else f"; p50 {said['p50_ms']:g} ms, p99 {said['p99_ms']:g} ms"
    typer.echo(f"{terminals:,} terminals, {len(told.looks):,} slots: {last.held:,} hold a lease at the end.")
    typer.echo(f"answers {answers or 'none'}{times}; {said['lapses']:,} leases lapsed, {said['lapsed_s']:g} s in all")
    if said["answers"].get("401"):
        note("401: no terminal in service by that id and key. Were they enrolled, with --active, at this controller?")
