"""`openleo export hypatia`: a network as a satgenpy directory, with its forwarding states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import ScenarioFile, load_pair_case, note, places_of, progress
from openleo.cli.spans import MOST_INSTANTS, check_years, duration_s

if TYPE_CHECKING:
    from openleo.interchange import hypatia_out


def hypatia(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The directory to write.")],
    sites: Annotated[
        Path | None,
        typer.Option(help="A CSV of ground stations: name,lat_deg,lon_deg. A Hypatia directory has its own."),
    ] = None,
    duration: Annotated[
        str, typer.Option(help="How long the states go on, without the end itself, in whole seconds.")
    ] = "200s",
    step: Annotated[str, typer.Option(help="From one state to the next, in whole milliseconds.")] = "100ms",
) -> None:
    """Write what Hypatia's satgenpy generates: the network and its forwarding states, for ns3-sat-sim.

    Single shortest ways over satellites with ground stations as ends only (algorithm_free_one_only_over_isls). Of an
    ordinary scenario the shells become TLEs whose epoch is the scenario's start; ground links keep to its mask.
    """
    from openleo.errors import counted
    from openleo.interchange import hypatia_out
    from openleo.network.reach import default_threads
    from openleo.report.staging import Staging, blaming

    written, instants = _asked(scenario, out, sites, duration, step)
    unreachable, of = 0, instants.count
    with blaming(out), Staging(out) as staging:
        for name, content in written.files.items():
            (staging.path / name).write_text(content, encoding="utf-8")
        folder = staging.path / instants.folder
        folder.mkdir()
        with progress() as tell:
            states = hypatia_out.write_states(written, instants, folder, default_threads())
            for done, (_, state) in enumerate(states, start=1):
                unreachable += hypatia_out.unreachable(state)
                tell("writing forwarding states", done, of)
        staging.commit([*written.files, instants.folder])
    satellites, count = len(written.wiring.count), len(written.places.names)
    made = f"{counted(satellites, 'satellite')}, {counted(count, 'ground station')}, {counted(of, 'forwarding state')}"
    note(f"{made} written to {out / instants.folder}")
    note(f"{unreachable} of {counted(of * count * (count - 1), 'ordered pair')} of ground stations have no way")
    for what in written.lost:
        note(f"Not carried over: {what}.")


def _asked(
    scenario: Path, out: Path, sites: Path | None, duration: str, step: str
) -> tuple[hypatia_out.Written, hypatia_out.Instants]:
    """(the network, the instants of its states). Raises InputError with all that is at fault."""
    from openleo.errors import InputError, Problem, Together, counted, given
    from openleo.interchange import hypatia_out
    from openleo.report.staging import check_writable
    from openleo.scenario import read_sites

    problems = Together()
    step_ms = problems.read(
        lambda: _whole(duration_s(step, "--step"), 1e-3, "--step", "milliseconds", "Write for example 100ms.")
    )
    whole_s = problems.read(
        lambda: _whole(duration_s(duration, "--duration"), 1.0, "--duration", "seconds", "Write for example 200s.")
    )
    problems.read(lambda: check_writable(out))
    case = problems.read(lambda: load_pair_case(scenario))
    if sites:
        places = problems.read(lambda: read_sites(sites, hypatias=True))  # on Hypatia's ellipsoid in any case
    else:
        places = problems.read(lambda: places_of(case, None)) if case else None
    if case and case.directory and out.resolve() == case.directory.folder.resolve():
        rule = "is the directory that the scenario reads its network from; it would be overwritten."
        problems.found.append(Problem(f"--out {out}", "", rule, "Name another directory."))
    if step_ms and whole_s:
        if (count := hypatia_out.Instants(step_ms, whole_s).count) > MOST_INSTANTS:
            rule = f"has {counted(count, 'state', form=',')}; up to {MOST_INSTANTS:,} are computed at once."
            problems.found.append(Problem("--duration", "", rule, "Take a longer step, or a part of the time."))
        if case:
            begins, lasts_s = case.start, float(whole_s)
            problems.read(lambda: check_years("--duration", begins, [0.0, lasts_s]))
    problems.done()
    of = given(case)
    written = hypatia_out.network_of(of.name, of.sky, of.start, given(places), of.directory, str(scenario))
    if others := list(hypatia_out.of_another(out, written.files)):
        # Who made them is for the user to know, so that none is deleted.
        way_out = "Move it away, or name another directory."
        raise InputError([Problem(f"--out {out}", name, rule, way_out) for name, rule in others])
    return written, hypatia_out.Instants(given(step_ms), given(whole_s))


def _whole(seconds: float, unit_s: float, option: str, unit: str, way_out: str) -> int:
    from openleo.errors import InputError, Problem

    count = round(seconds / unit_s)
    if count < 1 or abs(count * unit_s - seconds) > 1e-9:
        raise InputError(Problem(option, "", f"is {seconds:g} s; it must be one or more whole {unit}.", way_out))
    return count
