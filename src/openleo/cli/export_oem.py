"""`openleo export oem`: satellites as an Orbit Ephemeris Message."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import ScenarioFile, load_pair_case, note
from openleo.cli.spans import check_years, duration_s, whole_s

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from openleo.network.constellation import Constellation
    from openleo.scenario import PairCase

LOOKS_AHEAD_S = 60.0


def oem(
    scenario: ScenarioFile,
    out: Annotated[Path, typer.Option(metavar="F.oem", help="The file to write.")],
    satellite: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this satellite; may be given again. [default: all]")
    ] = None,
    step: Annotated[str, typer.Option(help="From one state to the next.")] = "60s",
    duration: Annotated[
        str | None,
        typer.Option(help="How long from the scenario's start, and a minute more. [default: as the scenario says]"),
    ] = None,
    frame: Annotated[str, typer.Option(metavar="ITRF|TEME|EME2000", help="Earth-fixed, SGP4's, or inertial.")] = "ITRF",
) -> None:
    """Write positions and velocities of satellites as CCSDS OEM 2.0 (KVN), a segment each.

    ITRF is what results are computed from: turned by sidereal time, UT1 taken as UTC. States where a satellite has no
    position are left out.
    """
    from datetime import UTC, datetime

    import openleo
    from openleo.errors import counted
    from openleo.interchange import oem as message
    from openleo.report.staging import StagedFile, blaming

    case, chosen, after_s = _asked(scenario, out, satellite, step, duration, frame)
    constellation = case.sky.constellation
    found = message.states(constellation, chosen, case.start, after_s, frame.upper())
    written = message.lines(
        constellation,
        found,
        created=datetime.now(UTC).replace(microsecond=0),
        originator=f"OPENLEO-{openleo.__version__}",
    )
    with StagedFile(out) as path, blaming(out), path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in written)
    names = constellation.satellite_name
    lost = [names[number] for number, there in zip(chosen, found.valid.T, strict=True) if not there.all()]
    states = f"{counted(int(found.valid.sum()), 'state')} of {counted(len(chosen), 'satellite')}"
    note(f"{states} written to {out} (reference frame {message.FRAMES[found.frame]})")
    if lost:
        more = " …" if len(lost) > 3 else ""
        have = counted(len(lost), "satellite has", "satellites have")
        note(f"{have} no position for a part of the time: {', '.join(lost[:3])}{more}")


def _asked(
    scenario: Path, out: Path, satellite: list[str] | None, step: str, duration: str | None, frame: str
) -> tuple[PairCase, list[int], NDArray[np.float64]]:
    """(the case, numbers of its satellites, seconds after its start). Raises InputError with all that is at fault."""
    import numpy as np

    from openleo.errors import InputError, Problem, Together, counted, given
    from openleo.interchange import oem as message
    from openleo.report.staging import check_distinct

    reading, span_s = Together(), None
    problems = reading.found
    if frame.upper() not in message.FRAMES:
        problems.append(Problem("--frame", "", f"is {frame}; it must be one of {', '.join(message.FRAMES)}."))
    reading.read(lambda: check_distinct({"--out": out}, {"SCENARIO": scenario}))
    step_s = reading.read(lambda: duration_s(step, "--step"))
    if step_s is not None and step_s < 0.001:
        problems.append(Problem("--step", "", f"is {step}; it must be at least 1 ms.", "Write for example 60s."))
    case = reading.read(lambda: load_pair_case(scenario))
    if case or duration is not None:
        span_s = reading.read(lambda: whole_s(duration, case.duration_s if case else None, "2h"))
    chosen = reading.read(lambda: _chosen(satellite, case.sky.constellation)) if case else None
    if case and span_s is not None:
        begins, last_s = case.start, span_s + LOOKS_AHEAD_S
        reading.read(lambda: check_years("--duration", begins, [0.0, last_s]))
    reading.done()
    apart_s, numbers = given(step_s), given(chosen)
    # A run looks half a slot past its end: what is written can be read again for the same run.
    count = int(np.ceil(max(given(span_s) + apart_s, given(span_s) + LOOKS_AHEAD_S) / apart_s - 1e-9)) + 1
    if count * len(numbers) > message.MOST_STATES:
        asked = f"{counted(len(numbers), 'satellite')} at {counted(count, 'instant')}"
        rule = f"is {step}: {asked} are {count * len(numbers):,} states."
        way_out = f"Up to {message.MOST_STATES:,} are written; take a longer step, less time or fewer satellites."
        raise InputError(Problem("--step", "", rule, way_out))
    return given(case), numbers, np.arange(count, dtype=np.float64) * apart_s


def _chosen(names: list[str] | None, constellation: Constellation) -> list[int]:
    """Numbers of the satellites asked for, each once. Raises InputError with every name that is not there."""
    from openleo.errors import InputError, Problem, near_names

    if not names:
        return list(range(constellation.satellites))
    number = {name: n for n, name in reversed(list(enumerate(constellation.satellite_name)))}
    problems = [
        Problem("--satellite", "", f'there is no satellite "{name}".', near_names(name, number) or "See `passes`.")
        for name in names
        if name not in number
    ]
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(number[name] for name in names))
