"""Terminals that move across a line, slot by slot: where each one is served for the last time.

    python examples/where-does-service-end-across-a-line/tracks.py [--requests requests.json] [--picture tracks.png]

The line, the area beyond it and the tracks are invented. Every terminal drives due south from 20 km north of the
line to 20 km south of it at a steady speed, and reports where it is in every slot.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from openleo.geodesy import GEOD
from openleo.instants import instant_text
from openleo.policy.answer import answer
from openleo.policy.decide import Decision, Outcome
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules

RULES = Path(__file__).parent / "rules"
START = datetime(2026, 2, 3, 12, tzinfo=UTC)
SLOT_S = 15.0
LINE_DEG, EAST_DEG = 47.5, 35.4  # the invented line's latitude; the tracks' longitude, on the land of one oblast
FROM_KM = 20.0


@dataclass(frozen=True)
class Track:
    """A terminal that drives south. `age_s`: how old its position is when a slot is decided; None: it reports none."""

    name: str
    speed_kmh: float
    uncertainty_m: float | None = 30.0
    age_s: float = 5.0


TRACKS = (
    Track("on foot", 5.0),
    Track("slow", 30.0),
    Track("fast", 90.0),
    Track("fast, to within 300 m", 90.0, 300.0),
    Track("fast, to within 3 km", 90.0, 3_000.0),
    Track("fast, 60 s old", 90.0, 30.0, 60.0),
    Track("fast, 61 s old", 90.0, 30.0, 61.0),
    Track("fast, to within 6 km", 90.0, 6_000.0),
    Track("fast, uncertainty not said", 90.0, None),
)


def positions(track: Track) -> list[tuple[float, Request]]:
    """(km still to go to the line, what is known of the terminal) in every slot; negative beyond the line."""
    found = []
    step_km = track.speed_kmh / 3600.0 * SLOT_S
    for slot in range(int(2 * FROM_KM / step_km) + 1):
        to_go_km = FROM_KM - slot * step_km
        reported_km = to_go_km + track.speed_kmh / 3600.0 * track.age_s  # where it was when it reported
        _, latitude, _ = GEOD.fwd(EAST_DEG, LINE_DEG, 0.0 if reported_km > 0 else 180.0, abs(reported_km) * 1000.0)
        request = Request(
            at=START + timedelta(seconds=slot * SLOT_S),
            terminal=track.name,
            class_="vehicle",
            groups=frozenset(),
            latitude_deg=round(float(latitude), 6),
            longitude_deg=EAST_DEG,
            uncertainty_m=track.uncertainty_m,
            age_s=track.age_s,
            source="gnss",
            speed_kmh=track.speed_kmh,
        )
        found.append((to_go_km, request))
    return found


@dataclass(frozen=True)
class Ended:
    """Where a track's service ended. `last_km`: to the line when it was last served; None: it never was."""

    track: Track
    last_km: float | None
    first_refusal: Decision
    forbidden_km: float | None  # to the line when it was first FORBIDDEN and not only in doubt


def follow(track: Track) -> Ended:
    """Decide every slot of a track."""
    rule_set = read_rules([RULES / "service.toml", RULES / "not-permitted.toml"])
    decided = [(to_go_km, answer(rule_set, request)) for to_go_km, request in positions(track)]
    served = [to_go_km for to_go_km, decision in decided if decision.permitted]
    refused = next(decision for _, decision in decided if not decision.permitted)
    forbidden = [to_go_km for to_go_km, decision in decided if decision.outcome is Outcome.FORBIDDEN]
    return Ended(track, served[-1] if served else None, refused, forbidden[0] if forbidden else None)


def as_json(request: Request) -> dict[str, Any]:
    """A request as `openleo policy decide --request` reads it."""
    assert request.at is not None
    position = {"lat_deg": request.latitude_deg, "lon_deg": request.longitude_deg, "age_s": request.age_s,
                "uncertainty_m": request.uncertainty_m, "source": request.source}  # fmt: skip
    return {"at": instant_text(request.at), "terminal": request.terminal, "class": request.class_,
            "groups": [], "position": position, "speed_kmh": request.speed_kmh}  # fmt: skip


def draw(ended: list[Ended], target: Path) -> None:
    """Where each track is served, in doubt and forbidden."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 5.0))
    axes: Any = figure.add_axes((0.24, 0.12, 0.73, 0.7))
    colours = {"served": "#009e73", "not served, not certain enough": "#e69f00", "not served, forbidden": "#d55e00"}
    for row, one in enumerate(reversed(ended)):
        first = FROM_KM if one.last_km is None else one.last_km
        second = -FROM_KM if one.forbidden_km is None else one.forbidden_km
        for name, begin, end in (
            ("served", FROM_KM, first), ("not served, not certain enough", first, second),
            ("not served, forbidden", second, -FROM_KM),
        ):  # fmt: skip
            axes.barh(row, end - begin, left=begin, height=0.6, color=colours[name], label=name if row == 0 else None)
    axes.axvline(0.0, color="black", linewidth=1.2)
    axes.set_yticks(range(len(ended)), [f"{one.track.name}" for one in reversed(ended)])
    axes.set_xlim(8.0, -8.0)
    axes.set_xlabel("km to the line; beyond it to the right")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.text(0.02, 0.93, "Where service ends across an invented line", fontsize=14, fontweight="bold")
    figure.text(0.02, 0.88, "A terminal is decided by all of where it may be: the circle that holds it with 95 %",
                color="0.35")  # fmt: skip
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="upper right", ncols=3, frameon=False, bbox_to_anchor=(0.99, 0.87))
    figure.savefig(target, dpi=120)


def main() -> None:
    """Print the table; write what the command line asks for."""
    words = argparse.ArgumentParser(description="Terminals that move across a line.")
    words.add_argument("--requests", type=Path, metavar="F.json", help='the slots of the track "fast"')
    words.add_argument("--picture", type=Path, metavar="F.png")
    said = words.parse_args()
    ended = [follow(track) for track in TRACKS]
    print("track                       last served  then           missing                  forbidden from")
    for one in ended:
        last = "never" if one.last_km is None else f"{one.last_km:.2f} km"
        beyond = "never" if one.forbidden_km is None else f"{one.forbidden_km:.2f} km"
        first = one.first_refusal
        print(f"{one.track.name:28}{last:>11}  {first.outcome:14} {', '.join(first.missing):24} {beyond:>14}".rstrip())
    if said.requests:
        asked = [as_json(request) for _, request in positions(TRACKS[2])]
        said.requests.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
    if said.picture:
        draw(ended, said.picture)


if __name__ == "__main__":
    main()
