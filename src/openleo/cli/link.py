"""`openleo link`: the budget of one link, term by term, down and up, with where its numbers come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from openleo.cli.common import AsJson, check_png, note, print_json

if TYPE_CHECKING:
    import numpy as np

    from openleo.network.capacity.intervals import Doubt
    from openleo.network.capacity.link_budget import Budget, LinkEnds
    from openleo.network.capacity.modcods import Modcods
    from openleo.network.capacity.radios import GatewayRadio, SatelliteRadio, Terminal
    from openleo.network.capacity.rain_grid import Climate
    from openleo.report.link_plot import Waterfall

HOURS_A_YEAR = 8766.0
WORDS = {
    "eirp_dbw": "radiated at boresight (EIRP)",
    "held_back_db": "held back for the flux limit",
    "satellite_scan_db": "satellite's scan loss",
    "free_space_db": "free-space loss",
    "gases_db": "oxygen and water vapour",
    "clouds_db": "clouds",
    "rain_db": "rain",
    "scintillation_db": "scintillation",
    "together_db": "seldom together",
    "ground_scan_db": "terminal's scan loss",
    "g_t_db_k": "receiver (G/T)",
    "rain_noise_db": "noise of the wet sky",
    "boltzmann_db": "Boltzmann's constant",
    "symbol_rate_dbhz": "symbol rate",
    "interference_db": "interference",
}


# Tens and hundreds of dB, beside which nothing else could be seen: a picture begins with what they make together.
OF_EMPTY_SPACE = ("eirp_dbw", "free_space_db", "g_t_db_k", "boltzmann_db", "symbol_rate_dbhz")
# Of a satellite or of terminals' service, not of one link.
OF_CAPACITY = {"feeder_times", "beams_down", "beams_up", "mbps_down_max", "mbps_up_max", "antennas"}


class Way(NamedTuple):
    """One direction of a link, computed."""

    title: str
    ends: LinkEnds
    budget: Budget
    modcods: Modcods
    margin_db: float
    at_a_time: int  # channels that the numbers below are of
    doubts: tuple[Doubt, ...]


def link(
    satellite: Annotated[str, typer.Option(metavar="NAME", help="A radio of satellites.")] = "starlink-v1",
    terminal: Annotated[str, typer.Option(metavar="NAME", help="A radio of terminals.")] = "fixed",
    gateway: Annotated[
        str | None, typer.Option(metavar="NAME", help="In place of a terminal: a gateway's feeder links.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="A town, a territory, or latitude,longitude. [default: an empty sky]"),
    ] = None,
    elevation: Annotated[float, typer.Option(min=5.0, max=90.0, help="Of the satellite, degrees.")] = 40.0,
    altitude: Annotated[float, typer.Option(min=100.0, max=40_000.0, help="Of the satellite, km.")] = 550.0,
    percent: Annotated[
        float, typer.Option(min=0.001, max=50.0, help="Of the year for which the link may be worse.")
    ] = 0.5,
    own: Annotated[
        list[Path] | None, typer.Option("--radios", metavar="F.toml", help="Radios of your own, beside the embedded.")
    ] = None,
    modcods: Annotated[
        Path | None, typer.Option(metavar="F.csv", help="MODCODs of your own. [default: DVB-S2 and DVB-S2X]")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="F.png", help="Draw the budget as a waterfall.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a link carries and why: every term in dB, down and up, with the sources of its numbers."""
    from openleo.errors import Together
    from openleo.network.capacity import modcods as modcod_tables
    from openleo.network.capacity import radios

    check_png(plot, "--plot", "link.png")
    together = Together()
    known = together.read(lambda: radios.read(own or []))
    table = together.read(lambda: modcod_tables.read(modcods) if modcods else modcod_tables.dvb_s2x())
    where = together.read(lambda: _place(at))
    together.done()
    assert known is not None
    assert table is not None
    assert where is not None
    sky = together.read(lambda: known.satellite(satellite))
    ground = together.read(lambda: known.gateway(gateway) if gateway else known.terminal(terminal))
    together.done()
    assert sky is not None
    assert ground is not None
    name, climate = where
    ways = _ways(sky, ground, table, altitude, elevation, climate, percent)
    if plot:
        _draw(ways, sky, ground, name, altitude, elevation, percent, plot)
        note(f"Budget drawn to {plot}")
    if as_json:
        print_json(_as_json(ways, sky, ground, name, climate, altitude, elevation, percent))
        return
    _print(ways, sky, ground, name, climate, altitude, elevation, percent)


def _place(words: str | None) -> tuple[str, Climate | None]:
    from openleo.errors import InputError, Problem
    from openleo.network.capacity.rain_grid import climate
    from openleo.places import gazetteer

    if words is None:
        return "an empty sky", None
    if found := gazetteer.find(words):
        return found.name, climate(found.latitude_deg, found.longitude_deg)
    raise InputError(Problem("--at", "", f'there is no place "{words}".', gazetteer.offer(words)))


def _ways(
    sky: SatelliteRadio,
    ground: Terminal | GatewayRadio,
    table: Modcods,
    altitude: float,
    elevation: float,
    climate: Climate | None,
    percent: float,
) -> list[Way]:
    from openleo.errors import InputError, Problem
    from openleo.network.capacity import radios
    from openleo.network.capacity.intervals import doubts
    from openleo.network.capacity.link_budget import budget

    if problems := radios.misfits(sky, ground, "radios"):
        raise InputError(problems)

    def way(title: str, ends_of: Callable[..., LinkEnds], best: Modcods, at_a_time: int) -> Way:
        ends = ends_of(sky, ground)
        found = budget(ends, altitude, elevation, climate, percent)
        doubted = doubts(sky, ground, ends_of, altitude, elevation, climate, percent)
        return Way(title, ends, found, best, sky.margin_db, at_a_time, doubted)

    if isinstance(ground, radios.Terminal):
        sends = table.up_to(ground.bits_per_symbol_up_max)
        return [way("down", radios.down_ends, table, 1), way("up", radios.up_ends, sends, 1)]
    if sky.feeder_up is None or sky.feeder_down is None:
        rule = f"the feeder links of {sky.name} are not known."
        raise InputError(Problem("--gateway", "", rule, "Give a satellite with feeder_up and feeder_down in --radios."))
    up, down = (side.channels * side.polarisations for side in (sky.feeder_up, sky.feeder_down))
    return [
        way("up", _known(radios.feeder_up_ends), table, up),
        way("down", _known(radios.feeder_down_ends), table, down),
    ]


def _known(ends_of: Callable[..., LinkEnds | None]) -> Callable[..., LinkEnds]:
    """Ends of feeder links, where they are known to be known."""

    def ends(satellite: SatelliteRadio, gateway: GatewayRadio) -> LinkEnds:
        found = ends_of(satellite, gateway)
        assert found is not None
        return found

    return ends


def _rates(way: Way) -> tuple[str, float, float, tuple[float, float]]:
    """(MODCOD or "", Mbit/s of one channel, Es/N0, the interval of Mbit/s)."""
    import numpy as np

    from openleo.network.capacity.intervals import together_db
    from openleo.network.capacity.link_budget import channel_mbps

    es_n0 = float(way.budget.es_n0_db.ravel()[0])
    number = int(way.modcods.best(es_n0, way.margin_db))
    low, high = together_db(way.doubts)
    mbps = channel_mbps(way.ends, np.array([es_n0, es_n0 + low, es_n0 + high]), way.modcods, way.margin_db)
    return (
        way.modcods.names[number] if number >= 0 else "",
        float(mbps[0]),
        es_n0,
        (float(mbps[1]), float(mbps[2])),
    )


def _print(
    ways: list[Way],
    sky: SatelliteRadio,
    ground: Terminal | GatewayRadio,
    name: str,
    climate: Climate | None,
    altitude: float,
    elevation: float,
    percent: float,
) -> None:
    """The table, and under it the sources."""
    typer.echo(f"{sky.title or sky.name}, {altitude:g} km, and {ground.title or ground.name}")
    typer.echo(f"{name} at {elevation:g}°{_when(climate, percent)}\n")
    typer.echo(f"{'':32}" + "".join(f"{f'{way.title} {way.ends.frequency_ghz:g} GHz':>16}" for way in ways))
    for term, words in WORDS.items():
        values = [_first(getattr(way.budget, term)) for way in ways]
        if not any(abs(value) >= 0.005 for value in values):
            continue
        said = f"{words} over {_first(ways[0].budget.slant_range_km):,.1f} km" if term == "free_space_db" else words
        typer.echo(
            f"{said:32}" + "".join(f"{value:+16.2f}" if abs(value) >= 0.005 else f"{'–':>16}" for value in values)
        )
    made = [_rates(way) for way in ways]
    typer.echo(f"{'Es/N0, dB':32}" + "".join(f"{es_n0:16.2f}" for _, _, es_n0, _ in made))
    typer.echo(f"{'kept as a margin':32}" + "".join(f"{-way.margin_db:+16.2f}" for way in ways))
    typer.echo(f"{'best MODCOD':32}" + "".join(f"{modcod or 'none closes':>16}" for modcod, _, _, _ in made))
    typer.echo(f"{'one channel, Mbit/s':32}" + "".join(f"{mbps:16,.1f}" for _, mbps, _, _ in made))
    between = [f"{low:,.0f} to {high:,.0f}" for _, _, _, (low, high) in made]
    typer.echo(f"{'if the radios are as doubted':32}" + "".join(f"{one:>16}" for one in between))
    if any(way.at_a_time > 1 for way in ways):
        counts = [f"{way.at_a_time} × {mbps:,.0f}" for way, (_, mbps, _, _) in zip(ways, made, strict=True)]
        typer.echo(f"{'channels of an antenna':32}" + "".join(f"{one:>16}" for one in counts))
        sums = [way.at_a_time * mbps for way, (_, mbps, _, _) in zip(ways, made, strict=True)]
        typer.echo(f"{'an antenna, Mbit/s':32}" + "".join(f"{one:16,.0f}" for one in sums))
    _print_sources(ways, sky, ground)


def _print_sources(ways: list[Way], sky: SatelliteRadio, ground: Terminal | GatewayRadio) -> None:
    """The numbers that a budget is made of, each with its source and what its interval does."""
    sides = {f"feeder_{way.title}" if way.at_a_time > 1 else way.title for way in ways}
    for radio in (sky, ground):
        typer.echo(f"\n{radio.name}{f': {radio.note}' if radio.note else ''}")
        for key, figure in radio.figures.items():
            side, _, name = key.rpartition(".")
            if (side and side not in sides) or name in OF_CAPACITY:
                continue
            mark = "?" if figure.uncertain else " "
            span = (
                f" ({figure.low:g} to {figure.high:g}{_moves(ways, radio.name, key)})"
                if figure.low < figure.high
                else ""
            )
            typer.echo(f" {mark} {key} = {figure.value:g}{span}: {figure.source or 'no source given'}")
    typer.echo("\n? marks a number that stands in no document that was read; dB say what an interval does to Es/N0.")


def _moves(ways: list[Way], radio: str, key: str) -> str:
    """By how much a figure's interval moves the links it is of."""
    found = [
        f"{way.title} {one.low_db:+.1f}/{one.high_db:+.1f} dB"
        for way in ways
        for one in way.doubts
        if (one.radio, one.key) == (radio, key)
    ]
    return f"; {', '.join(found)}" if found else ""


def _when(climate: Climate | None, percent: float) -> str:
    """Of a climate: for how long, under what rain."""
    if climate is None:
        return ""
    rain = f"rain of {climate.r001_mm_h[0]:.0f} mm/h is exceeded for 0.01 % of it"
    return f", for all but {percent:g} % of an average year ({percent / 100.0 * HOURS_A_YEAR:.3g} h); {rain}"


def _first(values: np.ndarray) -> float:
    return float(values.ravel()[0])


def _as_json(
    ways: list[Way],
    sky: SatelliteRadio,
    ground: Terminal | GatewayRadio,
    name: str,
    climate: Climate | None,
    altitude: float,
    elevation: float,
    percent: float,
) -> dict[str, Any]:
    from openleo.network.capacity.intervals import together_db

    links = {}
    for way in ways:
        modcod, mbps, es_n0, (low, high) = _rates(way)
        down_db, up_db = together_db(way.doubts)
        links[way.title] = {
            "frequency_ghz": way.ends.frequency_ghz,
            "slant_range_km": round(_first(way.budget.slant_range_km), 3),
            "terms_db": {term: round(value, 4) + 0.0 for term, value in way.budget.steps()},
            "c_n0_dbhz": round(_first(way.budget.c_n0_dbhz), 4),
            "es_n0_db": round(es_n0, 4),
            "es_n0_db_interval": [round(es_n0 + down_db, 4), round(es_n0 + up_db, 4)],
            "margin_db": way.margin_db,
            "modcod": modcod or None,
            "channel_mbps": round(mbps, 3),
            "channel_mbps_interval": [round(low, 3), round(high, 3)],
            "channels": way.at_a_time,
            "doubts_db": [
                {"radio": one.radio, "key": one.key, "low_db": round(one.low_db, 3), "high_db": round(one.high_db, 3)}
                for one in way.doubts
            ],
        }
    figures = {
        radio.name: {
            key: {
                "value": one.value, "low": one.low, "high": one.high, "source": one.source, "uncertain": one.uncertain,
            }
            for key, one in radio.figures.items()
        }
        for radio in (sky, ground)
    }  # fmt: skip
    sky_over = None
    if climate is not None:
        sky_over = {name: round(_first(column), 4) for name, column in vars(climate).items()}
    return {
        "satellite": sky.name,
        "ground": ground.name,
        "place": name if climate is not None else None,
        "climate": sky_over,
        "altitude_km": altitude,
        "elevation_deg": elevation,
        "percent": percent if climate is not None else None,
        "links": links,
        "figures": figures,
    }


def _draw(
    ways: list[Way],
    sky: SatelliteRadio,
    ground: Terminal | GatewayRadio,
    name: str,
    altitude: float,
    elevation: float,
    percent: float,
    target: Path,
) -> None:
    from openleo.report import link_plot

    drawn: list[Waterfall] = []
    for way in ways:
        modcod, mbps, es_n0, _ = _rates(way)
        said = f"{way.title}: {mbps:,.0f} Mbit/s a channel, {modcod}" if modcod else f"{way.title}: nothing closes"
        terms = dict(way.budget.steps())
        begins = sum(terms.pop(term) for term in OF_EMPTY_SPACE)
        first = (f"through empty space, {way.ends.frequency_ghz:g} GHz", begins)
        others = tuple((WORDS[term], value) for term, value in terms.items())
        drawn.append(link_plot.Waterfall(said, (first, *others), "Es/N0", es_n0))
    title = f"{sky.name} and {ground.name}, {name}"
    range_km = _first(ways[0].budget.slant_range_km)
    before = f"begins with EIRP, {range_km:,.0f} km of empty space, G/T and the noise in the symbol rate"
    link_plot.draw(
        drawn, title, f"{altitude:g} km, {elevation:g}°; worse for {percent:g} % of a year · {before}", target
    )
