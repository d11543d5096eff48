"""`openleo export czml`: satellites and gateways for Cesium and other globes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import ScenarioFile, load_pair_case, note, tell_lost
from openleo.cli.spans import check_years, duration_s

if TYPE_CHECKING:
    from openleo.network.constellation import Constellation

MOST_SAMPLES = 5_000_000  # 250 MB of text


def czml(
    scenario: ScenarioFile,
    satellites: Annotated[
        str, typer.Option(metavar="N|NAME,…", help="How many, evenly spread over all; or which, by name.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    duration: Annotated[
        str, typer.Option(help="How long from the scenario's start; the last sample is at its end or later.")
    ] = "2h",
    every: Annotated[str, typer.Option(help="From one sample to the next.")] = "60s",
) -> None:
    """Write satellites, sampled in the Earth-fixed frame, and gateways (or a Hypatia directory's stations) as CZML."""
    import json

    from openleo.errors import InputError, Problem, Together, counted
    from openleo.geodesy import ecef_km
    from openleo.interchange import czml as packets
    from openleo.report.staging import StagedFile, blaming, check_distinct

    reading = Together()
    reading.read(lambda: check_distinct({"--out": out}, {"SCENARIO": scenario}))
    whole_s = reading.read(lambda: duration_s(duration, "--duration"))
    step_s = reading.read(lambda: duration_s(every, "--every"))
    case = reading.read(lambda: load_pair_case(scenario))
    chosen = reading.read(lambda: _chosen(satellites, case.sky.constellation)) if case else None
    if case and whole_s is not None and step_s is not None:
        last_s, samples = whole_s + packets.LEAST_SAMPLES * step_s, packets.samples(whole_s, step_s)
        reading.read(lambda: check_years("--duration", case.start, [0.0, last_s]))
        if chosen and len(chosen) * samples > MOST_SAMPLES:
            asked = f"{counted(len(chosen), 'satellite', form=',')} at {counted(samples, 'instant', form=',')} each"
            rule = f"{asked}; {MOST_SAMPLES:,} samples fit in a file."
            reading.found.append(Problem("--every", "", rule, "Take fewer, or a longer step."))
    if reading.found:
        raise InputError(reading.found)
    assert case is not None
    assert chosen is not None
    assert whole_s is not None
    assert step_s is not None
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
    shows = f"{counted(shown, 'satellite')} and {counted(len(marks), 'place')}"
    note(f"{shows} written to {out} (reference frame FIXED)")
    tell_lost(made.lost)
    if made.left_out:
        never = counted(len(made.left_out), "satellite is never shown", "satellites are never shown")
        few = f"without a position at {packets.LEAST_SAMPLES} samples on end"
        note(f"{never}, {few}: {', '.join(made.left_out)}. A shorter --every shows shorter stretches.")


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
