"""`openleo doctor`: whether this machine has what OpenLEO needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from openleo.cli.common import AsJson, compiled_kernels, print_json, tell_if_cold

Finding = tuple[str, bool, str]  # what was looked at, whether it is well, what was found


def doctor(
    warm: Annotated[
        bool, typer.Option("--warm", help="Also compile the kernels, so that the first run need not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the installation; exit 1 when something that is needed is missing."""
    looks: list[Callable[[], Finding]] = [_python, _libraries, _data, _kernels_cache, _memory, _cpus, _emulator]
    if warm:
        looks.append(_warm)
    findings = [look() for look in looks]
    well = all(ok for _, ok, _ in findings)
    if as_json:
        print_json({"ok": well, "findings": [{"what": what, "ok": ok, "found": found} for what, ok, found in findings]})
    else:
        for what, ok, found in findings:
            typer.echo(f"{'ok ' if ok else 'BAD'}  {what:18} {found}")
    if not well:
        raise typer.Exit(1)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return "python", sys.version_info >= (3, 11), f"{version} (needs 3.11 or newer)"


def _libraries() -> Finding:
    from importlib.metadata import PackageNotFoundError, requires, version
    from re import match

    missing, found = [], []
    for requirement in requires("openleo") or []:
        if ";" in requirement:
            continue
        named = match(r"[A-Za-z0-9_.-]+", requirement)
        assert named is not None
        try:
            found.append(f"{named[0]} {version(named[0])}")
        except PackageNotFoundError:
            missing.append(named[0])
    return "libraries", not missing, f"missing: {', '.join(missing)}" if missing else ", ".join(found)


def _data() -> Finding:
    from openleo.errors import InputError
    from openleo.network.constellation import catalogue
    from openleo.network.ground import stations
    from openleo.places import population
    from openleo.places.territories import contested_areas, territories

    try:
        found = (
            f"{len(territories())} territories, {len(contested_areas())} of them contested",
            f"{population.total() / 1e6:,.0f} million people",
            f"{len(catalogue.names())} systems",
            f"gateways: {', '.join(stations.embedded('gateways'))}",
        )
    except (OSError, KeyError, InputError) as error:
        return "embedded data", False, str(error)
    return "embedded data", True, "; ".join(found)


def _kernels_cache() -> Finding:
    folder, kept = compiled_kernels()
    return "compiled kernels", True, f"{kept} in {folder}" if kept else "none yet: the first run compiles them"


def _memory() -> Finding:
    import os

    total_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return "memory", total_gib >= 4.0, f"{total_gib:.1f} GiB (needs 4; the world at resolution 4 takes about that)"


def _cpus() -> Finding:
    from openleo.network.reach import default_threads

    return "processors", True, f"{default_threads()} usable"


def _emulator() -> Finding:
    """Optional: everything but `openleo emulate` works without, so that its lack is no fault."""
    from openleo.emulator import namespaces

    found = namespaces.available()
    if found.ok or found.way:
        return "emulator", True, f"{found.reason} ({found.way})"
    return "emulator", True, f"not here, and only `openleo emulate` needs it: {found}"


def _warm() -> Finding:
    import time

    from openleo.cli.warming import warm_up

    tell_if_cold()
    started = time.perf_counter()
    warm_up()
    return "warm-up", True, f"kernels compiled or loaded in {time.perf_counter() - started:.1f} s"
