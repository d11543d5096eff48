"""How well round trips place a terminal: the tables and the picture of docs/location.md.

    python tools/location_curves.py [--trials N] [--draw | --draw-only]

Terminals are drawn between 55° south and north, within a day, under the satellites of starlink-gen1 as filed; every
error that `network.ranging.errors` names is drawn as well. Nothing here is fitted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from scipy.stats import chi2

from openleo.geodesy import GEOD
from openleo.network.constellation import catalogue
from openleo.network.ranging import agreement, trials
from openleo.network.ranging.ellipse import Ellipse
from openleo.network.ranging.errors import ERRORS, Height
from openleo.network.ranging.fix import Fix, locate
from openleo.network.ranging.trials import Setup, Trial
from openleo.places import land, point

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "location.png"
SYSTEM = catalogue.load("starlink-gen1")
SATELLITES = SYSTEM.constellation()
REPORT_KM = 0.03  # of a GNSS receiver, 95 %
EVERY_S = 2.0
ROWS = (
    (1, 10.0), (1, 30.0), (1, 60.0), (1, 120.0), (2, 0.0), (2, 10.0), (2, 30.0), (3, 0.0), (3, 10.0), (4, 0.0),
)  # fmt: skip
NOISES_NS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
SPANS_S = (2.0, 6.0, 10.0, 20.0, 40.0, 60.0, 90.0)
SPOOFS_KM = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
CURVES = ((1, 30.0), (1, 60.0), (2, 10.0), (3, 0.0))
COUNTRIES = ("CHE", "AUT", "CZE", "TWN")


@dataclass(frozen=True)
class Figures:
    """Of many trials. Misses are in km, to the nearer place where there are two; km are those of located terminals."""

    located: float
    several: float
    held: float
    miss: tuple[float, float]  # 50 and 95 %
    long: tuple[float, float]  # the long half-axis
    short: float


def away_km(trial: Trial, latitude: float, longitude: float) -> float:
    return float(GEOD.inv(trial.longitude_deg, trial.latitude_deg, longitude, latitude)[2]) / 1000.0


def tried(setup: Setup, count: int, seed: int = 1) -> list[tuple[Trial, Fix]]:
    random = np.random.default_rng(seed)
    drawn = [trials.draw(SATELLITES, SYSTEM.epoch, setup, random) for _ in range(count)]
    return [(trial, locate(trial.ranges)) for trial in drawn]


def figures(results: Sequence[tuple[Trial, Fix]]) -> Figures:
    located = [(trial, fix) for trial, fix in results if fix.located]
    nearest = [
        min(fix.places, key=lambda one, t=t: away_km(t, one.latitude_deg, one.longitude_deg)) for t, fix in located
    ]
    miss = [away_km(t, one.latitude_deg, one.longitude_deg) for (t, _), one in zip(located, nearest, strict=True)]
    held = [any(one.ellipse.holds(t.latitude_deg, t.longitude_deg) for one in fix.places) for t, fix in located]
    long = [one.ellipse.semi_major_km for one in nearest]
    return Figures(
        len(located) / len(results),
        float(np.mean([fix.ambiguous for _, fix in located])),
        float(np.mean(held)),
        tuple(np.percentile(miss, [50, 95])),
        tuple(np.percentile(long, [50, 95])),
        float(np.percentile([one.ellipse.semi_minor_km for one in nearest], 50)),
    )


def accuracy(count: int) -> None:
    print("| satellites | seconds | located | two places | error 50 % | 95 % | half-axes (median) | in the ellipse |")
    print("| --: | --: | --: | --: | --: | --: | --: | --: |")
    for satellites, span_s in ROWS:
        one = figures(tried(Setup(satellites, span_s, EVERY_S), count))
        print(
            f"| {satellites} | {span_s:.0f} | {one.located:.1%} | {one.several:.0%} | {one.miss[0]:.2f} km "
            f"| {one.miss[1]:.2f} km "
            f"| {one.long[0]:.2f} × {one.short:.2f} km | {one.held:.1%} |",
            flush=True,
        )
    print("\nOne satellite for 30 s, by what else is known:")
    known = replace(ERRORS, height=Height(0.5, 0.05))
    for name, setup in (
        ("the highest satellite", Setup(1, 30.0, EVERY_S)),
        ("the highest, height known to 50 m", Setup(1, 30.0, EVERY_S, errors=known)),
        ("any satellite in view", Setup(1, 30.0, EVERY_S, serving="any")),
        ("any in view, height known to 50 m", Setup(1, 30.0, EVERY_S, errors=known, serving="any")),
        ("two, public elements 6 h old (1.5 km)", Setup(2, 30.0, EVERY_S, ephemeris_km=1.48)),
        ("two, an airliner", Setup(2, 30.0, EVERY_S, errors=replace(ERRORS, height=Height(6.0, 3.5), speed_km_s=0.18))),
    ):
        one = figures(tried(setup, count, 2))
        print(
            f"| {name} | {one.miss[0]:.2f} km | {one.miss[1]:.2f} km | {one.several:.0%} | {one.held:.1%} |", flush=True
        )


def misses_of(results: Sequence[tuple[Trial, Fix]], spoof_km: float, random: np.random.Generator) -> float:
    """The share of reports so far off that agree; who cannot be located agrees."""
    agree = 0
    for trial, fix in results:
        lon, lat, _ = GEOD.fwd(trial.longitude_deg, trial.latitude_deg, random.uniform(0.0, 360.0), spoof_km * 1000.0)
        agree += not fix.located or agreement.compare(trial.ranges, fix, (lat, lon, REPORT_KM)).agrees
    return agree / len(results)


def alarms(results: Sequence[tuple[Trial, Fix]]) -> None:
    """False alarms at rates that so many trials can show; the rate in use is far smaller."""
    rises = np.array(
        [
            agreement.compare(trial.ranges, fix, (trial.latitude_deg, trial.longitude_deg, REPORT_KM)).rise
            for trial, fix in results
            if fix.located
        ]
    )
    for rate in (0.1, 0.01, 0.001):
        print(f"| {rate:g} | {float((rises > chi2.isf(rate, 2)).mean()):.4f} | {len(rises)} |", flush=True)


def discs(count: int) -> None:
    """The share of a country where a jammed terminal is served, by how its long ellipse is handed to the rules."""
    everywhere, random = land.load(), np.random.default_rng(3)
    for name in COUNTRIES:
        mine = shapely.union_all(everywhere.pieces[everywhere.owner == everywhere.territories.index(name)])
        west, south, east, north = mine.bounds
        shares = np.zeros(4)
        made = 0
        while made < count:
            lon, lat = random.uniform(west, east), random.uniform(south, north)
            if not shapely.contains_xy(mine, lon, lat):
                continue
            made += 1
            ellipse = Ellipse(lat, lon, 50.0, 2.0, random.uniform(0.0, 180.0))
            for number, most in enumerate((1, 4, 16, 64)):
                found = [point.where(*disc) for disc in ellipse.discs(most)]
                shares[number] += all(one is not None and set(one.labels) <= {name, f"{name}.sea12"} for one in found)
        print(f"| {name} | " + " | ".join(f"{share:.0%}" for share in shares / count) + " |", flush=True)


def draw(count: int) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (by_noise, by_span, by_spoof) = pyplot.subplots(1, 3, figsize=(13.5, 4.2), layout="constrained")
    random = np.random.default_rng(9)
    for satellites, span_s in CURVES:
        label = (
            f"{satellites} satellite{'s' * (satellites > 1)}, {span_s:.0f} s"
            if span_s
            else f"{satellites} satellites, at once"
        )
        at = [figures(tried(Setup(satellites, span_s, EVERY_S, noise), count)).miss[1] for noise in NOISES_NS]
        by_noise.loglog(NOISES_NS, at, marker="o", markersize=3, label=label)
        print("noise", label, [f"{one:.2f}" for one in at], flush=True)
        results = tried(Setup(satellites, span_s, EVERY_S), count, 7)
        misses = [misses_of(results, spoof, random) for spoof in SPOOFS_KM]
        by_spoof.semilogx(SPOOFS_KM, misses, marker="o", markersize=3, label=label)
        print("spoof", label, [f"{one:.3f}" for one in misses], flush=True)
    for satellites in (1, 2, 3):
        at = [figures(tried(Setup(satellites, span, min(EVERY_S, span)), count)).miss[1] for span in SPANS_S]
        by_span.semilogy(SPANS_S, at, marker="o", markersize=3, label=f"{satellites} satellite{'s' * (satellites > 1)}")
        print("span", satellites, [f"{one:.2f}" for one in at], flush=True)
    for axes in (by_noise, by_span):
        axes.axhline(10.0, color="grey", linewidth=0.8, linestyle="--")
        axes.set_ylabel("error at 95 % (km)")
    by_noise.set_xlabel("timing noise of a round trip, one sigma (ns)")
    by_span.set_xlabel("seconds of measurements (100 ns each)")
    by_spoof.set_xlabel("how far off the report is (km)")
    by_spoof.set_ylabel("share of false reports that pass")
    for axes in (by_noise, by_span, by_spoof):
        axes.legend(frameon=False, fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--draw-only", action="store_true")
    given = parser.parse_args()
    if given.draw_only:
        draw(given.trials)
        return
    accuracy(given.trials)
    print("\nfalse alarms: chosen, found, trials")
    alarms([one for satellites, span_s in CURVES for one in tried(Setup(satellites, span_s, EVERY_S), given.trials, 5)])
    print("\n2 × 50 km as 1, 4, 16, 64 discs")
    discs(min(given.trials, 300))
    if given.draw:
        draw(given.trials)


if __name__ == "__main__":
    main()
