"""`openleo export czml`: satellites and gateways for Cesium and other globes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import ScenarioFile, duration_s, load_pair_case, note

if TYPE_CHECKING:
    from openleo.network.constellation import Constellation


def czml(
    scenario: ScenarioFile,
    satellites: Annotated[
        str, typer.Option(metavar="N|NAME,…", help="How many, evenly spread over all; or which, by name.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    duration: Annotated[str, typer.Option(help="How long from the scenario's start.")] = "2h",
    every: Annotated[str, typer.Option(help="From one sample to the next.")] = "60s",
) -> None:
    """Write satellites, sampled in the Earth-fixed frame, and gateways (or a Hypatia directory's stations) as CZML."""
    import json

    from openleo.errors import InputError, Problem
    from openleo.geodesy import ecef_km
    from openleo.interchange import czml as packets
    from openleo.report.staging import StagedFile, blaming

    whole_s, step_s = duration_s(duration, "--duration"), duration_s(every, "--every")
    problems = [
        Problem(option, "", f"is {words}; it must be more than nothing.", "Write for example 60s.")
        for option, words, seconds in (("--duration", duration, whole_s), ("--every", every, step_s))
        if seconds <= 0.0
    ]
    if problems:
        raise InputError(problems)
    case = load_pair_case(scenario)
    chosen = _chosen(satellites, case.sky.constellation)
    marks = []
    if case.gateways is not None:
        marks += [
            packets.Mark("gateway", one.name, ecef_km(one.latitude_deg, one.longitude_deg))
            for one in case.gateways.stations
        ]
    if case.sites is not None:
        rows = zip(case.sites.names, case.sites.position_km, strict=True)
        marks += [packets.Mark("site", name, position_km) for name, position_km in rows]
    made = packets.document(case.name, case.sky.constellation, chosen, case.start, whole_s, step_s, marks)
    with StagedFile(out) as path, blaming(out), path.open("w", encoding="utf-8") as file:
        json.dump(made.packets, file, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    shown = len(chosen) - len(made.left_out)
    note(f"{shown} satellites and {len(marks)} places written to {out} (reference frame FIXED)")
    for names, what in (
        (made.cut_short, "shown until they have no position"),
        (made.left_out, "left out: no position"),
    ):
        if names:
            note(f"{len(names)} satellites are {what}: {', '.join(names)}")


def _chosen(words: str, constellation: Constellation) -> list[int]:
    """Numbers of the satellites that are asked for, each once. Raises InputError with every name that is not there."""
    from openleo.errors import InputError, Problem, near_names
    from openleo.interchange.czml import spread

    if words.strip().isdecimal():
        if int(words) < 1:
            raise InputError(Problem("--satellites", "", "is 0; at least one is shown.", "Write for example 20."))
        return spread(constellation.satellites, int(words))
    number = {name: n for n, name in reversed(list(enumerate(constellation.satellite_name)))}
    asked = list(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
    problems = [
        Problem(
            "--satellites", "", f'there is no satellite "{name}".', near_names(name, number) or "See `openleo passes`."
        )
        for name in asked
        if name not in number
    ]
    if problems or not asked:
        raise InputError(problems or Problem("--satellites", "", "names no satellite.", "Write a number or names."))
    return [number[name] for name in asked]
