"""The network of a scenario: what the file says of satellites, links and ground stations, made into a Network.

Takes the checked records; reads the files they name (element sets, gateways, PoPs); gives the frozen values that
`network` computes with, and notes on what was left out or assumed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem, Together, counted, near_names
from openleo.instants import SlotGrid, instant_text, utc
from openleo.network import chain, serving_pops, topology
from openleo.network.admission import GroundLimits
from openleo.network.constellation import (
    NO_PLANE,
    Constellation,
    catalogue,
    from_elements,
    from_ephemerides,
    from_shells,
)
from openleo.network.constellation.elements import read_elements
from openleo.network.constellation.ephemeris_set import read_ephemerides
from openleo.network.constellation.planes import Standing
from openleo.network.constellation.shells import Shell, read_shell
from openleo.network.ground import gateways as gateway_list
from openleo.network.ground import horizons, stations
from openleo.network.reach import Network
from openleo.results import Source
from openleo.scenario_file import ConstellationRecord, GroundRecord, LinksRecord, ScenarioRecord
from openleo.units import EARTH_RADIUS_KM, SECONDS_PER_DAY

SHELL_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)  # of a scenario's own shells, as of the catalogue's
STARLINKS = "starlink-2026"  # list of PoPs, where none is named
MOST_NAMED = 5  # PoPs in one line
OLD_ELEMENTS_DAYS = 7.0  # an element set a day older is off by 7 km in the median and by 370 km at worst


def build_network(
    record: ScenarioRecord,
    constellation: Constellation,
    gateways: gateway_list.Gateways,
    grid: SlotGrid,
    notes: list[str],
    limits: GroundLimits,
) -> Network:
    """The network of a scenario whose parts are read; adds to `notes`."""
    notes += _ages(constellation, grid)
    # Only a filed system says whether it has lasers.
    pattern = record.constellation.isl or ("+grid" if constellation.shells else "none")
    notes += _inferred(constellation, pattern)
    if pattern in topology.GRIDS and constellation.planes == 0:
        of_what = "element sets" if constellation.elements else "ephemerides"
        notes.append(f"No planes are found among the {of_what}, so {pattern} has no inter-satellite links.")
        pattern = "none"
    links = topology.build(constellation, _lasers(record.constellation, pattern), grid.start)
    if pattern != "none" and not constellation.has_laser.any():
        notes.append('No satellite has lasers, so there are no inter-satellite links; lasers = "all" gives them some.')
    notes += _without_effect(record.constellation, pattern, constellation, links)
    if limits.gateway_spread_ms is not None:
        apart = f"at most {limits.gateway_spread_ms:g} ms longer than from where they would land otherwise"
        notes.append(f"Satellites are spread over gateways whose way to the PoP is {apart} (gateway_choice).")
    return Network(
        constellation=constellation,
        topology=links,
        gateways=gateways,
        user_elevation_deg=record.links.user_elevation_deg,
        gateway_elevation_deg=record.links.gateway_elevation_deg,
        mask_at=record.links.mask_at,
        hand_over=record.links.hand_over,
        processing_ms=record.links.processing_ms,
        limits=limits,
        chain=chain.read_constants()[0] if record.links.chain else None,
    )


def slot_grid(record: ScenarioRecord, notes: list[str]) -> SlotGrid:
    """The slots of a scenario's time; adds to `notes` what is left over."""
    grid = SlotGrid.covering(record.start, record.seconds, record.slot, record.slot_phase_s)
    if record.end is not None and grid.instant(grid.slots) > record.end:
        grid = replace(grid, slots=grid.slots - 1)
    left_s = record.seconds - grid.duration_s
    if left_s > 1e-6:
        notes.append(f"{left_s:g} s of the time asked for make no whole slot and are left out.")
    return grid


def read_horizons(
    record: GroundRecord, gateways: gateway_list.Gateways, folder: Path
) -> tuple[dict[str, NDArray[np.float64]], dict[str, Source]]:
    """The horizons of a scenario by site, and where they come from. Raises InputError with every problem."""
    if record.horizons is None:
        return {}, {}
    known = [station.name for station in (*gateways.stations, *gateways.pops)]
    rows, content = horizons.read(folder / record.horizons, known)
    return rows, {"horizons": Source(record.horizons, hashlib.sha256(content).hexdigest())}


def with_gateways(
    limits: GroundLimits,
    record: LinksRecord,
    gateways: gateway_list.Gateways,
    by_site: dict[str, NDArray[np.float64]],
) -> GroundLimits:
    """The limits with what the list of gateways and the file of horizons say."""
    own = [station.elevation_deg for station in gateways.stations]
    # Lists hold usual numbers that nobody counted: they limit nothing until a scenario asks for limits.
    otherwise = record.gateway_antennas
    few = [(station.antennas or otherwise) if otherwise else None for station in gateways.stations]
    return replace(
        limits,
        horizons=by_site,
        gateway_own_deg=tuple(np.nan if deg is None else deg for deg in own) if own != [None] * len(own) else (),
        gateway_antennas=tuple(count or -1 for count in few) if any(few) else (),
    )


def read_limits(record: LinksRecord, constellation: Constellation, file: str, *, by_range: bool) -> GroundLimits:
    """What ground links must meet beside the two masks, and where satellites land. Raises InputError."""
    names = list(constellation.shell_names)
    said = [shell.name for shell in record.shell]
    problems = []
    if record.ground_range_km is not None and not by_range:
        rule = 'is for conventions = "hypatia"; here ground links count by their elevation.'
        problems.append(Problem(file, "links.ground_range_km", rule, "Leave it out, or take these conventions."))
    if record.gateway_choice != "spread" and "spread_ms" in record.model_fields_set:
        rule = f'is for gateway_choice = "spread"; here it is "{record.gateway_choice}", and spread_ms does nothing.'
        problems.append(Problem(file, "links.spread_ms", rule, "Leave it out, or choose to spread."))
    for number, name in enumerate(said):
        where = f"links.shell[{number}]"
        if name not in names:
            of_what = "element sets" if constellation.elements else "ephemerides"
            known = f"Shells: {', '.join(names)}." if names else f"No shells are found among the {of_what}."
            way_out = near_names(name, names) or known
            problems.append(Problem(file, where, f'there is no shell "{name}".', way_out))
        elif name in said[:number]:
            problems.append(Problem(file, where, f'shell "{name}" has masks already.', "Write one table a shell."))
    if problems:
        raise InputError(problems)
    user = {one.name: one.user_elevation_deg or 0.0 for one in record.shell}
    gateway = {one.name: one.gateway_elevation_deg or 0.0 for one in record.shell}
    return GroundLimits(
        user_shell_deg=tuple(user.get(name, 0.0) for name in names) if any(user.values()) else (),
        gateway_shell_deg=tuple(gateway.get(name, 0.0) for name in names) if any(gateway.values()) else (),
        gso_exclusion_deg=record.gso_exclusion_deg,
        gateway_spread_ms=record.spread_ms if record.gateway_choice == "spread" else None,
    )


def _inferred(constellation: Constellation, pattern: str) -> list[str]:
    """Notes on the planes that were inferred, on the satellites that are in none, and on lasers."""
    placed = constellation.placement
    if placed is None:
        return []
    if pattern == "none":
        lasers = 'Whether satellites have lasers the file does not say: none are assumed, and isl = "+grid" joins them.'
    else:
        lasers = f'Whether satellites have lasers the file does not say: with isl = "{pattern}" all are taken to.'
    if not placed.shells:
        return [lasers]
    counts = placed.counts()
    number = counts.pop(Standing.IN_PLANE)
    others = ", ".join(f"{count} {word.name.lower()}" for word, count in counts.items() if count) or "none"
    shells = f"{len(placed.shells)} shells" if len(placed.shells) > 1 else "one shell"
    where = f"{counted(constellation.planes, 'plane')} of {shells}"
    found = f"{number} of {counted(constellation.satellites, 'satellite')} are in {where}; in none: {others}."
    return [f"Planes are inferred from the orbits: {found}", lasers]


def _lasers(said: ConstellationRecord, pattern: str) -> topology.Lasers:
    return topology.Lasers(
        pattern=pattern,
        terminals=said.laser_terminals or topology.Lasers.terminals,
        between_shells=said.inter_shell,
        longest_km=np.inf if said.isl_range_km is None else said.isl_range_km,
        lowest_km=EARTH_RADIUS_KM + said.isl_grazing_altitude_km,
        polar_cutoff_deg=topology.POLE_DEG if said.isl_polar_cutoff_deg is None else said.isl_polar_cutoff_deg,
    )


def _without_effect(
    said: ConstellationRecord, pattern: str, constellation: Constellation, links: topology.Topology
) -> list[str]:
    """A note on every key of lasers that changes nothing in this constellation."""
    there: NDArray[np.bool_] = links.neighbours >= 0
    notes = []
    if said.inter_shell:
        shells = np.unique(constellation.shell[constellation.has_laser & (constellation.shell != NO_PLANE)])
        if len(shells) < 2:
            has = "one shell has" if len(shells) else "no satellite in a shell has"
            notes.append(f"inter_shell has no effect: {has} lasers, and it joins neighbouring shells.")
        elif not there[:, -topology.BETWEEN_SHELLS :].any():
            notes.append("inter_shell has no effect: no satellite of a neighbouring shell is in reach at the start.")
    if said.isl_polar_cutoff_deg is not None and not (links.across is not None and links.across.any()):
        notes.append("isl_polar_cutoff_deg has no effect: no inter-satellite link goes across planes.")
    if not there.any():
        asked = {"laser_terminals", "isl_range_km", "isl_grazing_altitude_km"} & said.model_fields_set
        found_none = "" if pattern == "none" else " between these satellites"
        notes += [f"{key} has no effect: there are no inter-satellite links{found_none}." for key in sorted(asked)]
    return notes


def _ages(constellation: Constellation, grid: SlotGrid) -> list[str]:
    """A note when element sets are used far from their epochs."""
    days = [(grid.start - one.epoch).total_seconds() / SECONDS_PER_DAY for one in constellation.elements]
    if not days or max(abs(day) for day in days) <= OLD_ELEMENTS_DAYS:
        return []
    median = sorted(days)[len(days) // 2]
    spread = f"the median one is {median:.0f} days old at the start, the extremes {max(days):.0f} and {min(days):.0f}"
    return [f"Element sets drift by kilometres a day, and {spread}."]


def notes_on_spans(constellation: Constellation, grid: SlotGrid) -> list[str]:
    """A note when ephemerides do not last for a run."""
    sets = constellation.ephemerides
    if sets is None:
        return []
    begin_s, end_s = sets.begin_s[sets.segment_first[:-1]], sets.end_s[sets.segment_first[1:] - 1]
    start_s = (grid.start - sets.midnight).total_seconds()
    whole = int(((begin_s <= start_s) & (end_s >= start_s + grid.duration_s + grid.slot_s / 2.0)).sum())
    if whole == len(sets):
        return []
    span = " to ".join(instant_text(sets.instant(one)) for one in (begin_s.min(), end_s.max()))
    have = "has an ephemeris" if len(sets) == 1 else "have an ephemeris"
    return [f"{whole} of {counted(len(sets), 'satellite')} {have} for the whole run; all together run from {span}."]


def read_constellation(record: ScenarioRecord, folder: Path, file: str, notes: list[str]) -> Constellation:
    """The satellites that a scenario names or lists; adds to `notes`. Raises InputError with every problem."""
    said = record.constellation
    if said.elements is not None:
        sets = read_elements(folder / said.elements)
        notes += [f"Set aside: {problem}" for problem in sets.set_aside]
        return from_elements(said.elements, sets)
    if said.ephemerides is not None:
        states = read_ephemerides(folder / said.ephemerides)
        notes += states.notes
        return from_ephemerides(said.ephemerides, states)
    if said.catalogue is not None:
        made = catalogue.load(said.catalogue, file=file).constellation()
    else:
        shells, problems = [], []
        for number, table in enumerate(said.shell or []):
            shell = read_shell(table, file, f"constellation.shell[{number}]")
            if isinstance(shell, Shell):
                shells.append(shell)
            else:
                problems += shell
        names = [shell.name for shell in shells]
        problems += [
            Problem(file, "constellation.shell", f'two shells are called "{name}".', "Satellites are named after them.")
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
        if not shells and not problems:
            problems.append(Problem(file, "constellation.shell", "holds no shell."))
        if problems:
            raise InputError(problems)
        made = from_shells(
            record.name, utc(said.epoch or SHELL_EPOCH), shells, source=f"{file}, [[constellation.shell]]"
        )
    if said.lasers == "all":
        return replace(made, has_laser=made.has_laser | True)
    return made


def read_ground(
    record: GroundRecord, folder: Path, file: str, *, with_chain: bool = False
) -> tuple[gateway_list.Gateways, dict[str, Source], serving_pops.ServingPops | None]:
    """Gateways joined to PoPs, where the lists come from, and which PoP serves whom, if that is said.

    Raises InputError with every problem.
    """
    problems = Together()
    pop_source = pops_of(record)
    gateways = problems.read(lambda: stations.read(record.gateways, "gateways", folder, file, "ground.gateways"))
    pops = problems.read(lambda: stations.read_listed(pop_source, "pops", folder, file, "ground.pops"))
    if problems.found:
        raise InputError(problems.found)
    assert gateways is not None
    assert pops is not None
    sources = {
        name: Source(source, hashlib.sha256(content).hexdigest())
        for name, source, (_, content) in (("gateways", record.gateways, gateways), ("pops", pop_source, pops))
    }
    work = tuple(pop for pop in pops[0] if pop.status == stations.OPERATIONAL)
    landing = (*gateways[0], *(gateway_list.assumed(gateways[0], work) if record.pop_gateways else ()))
    own_detour = "fibre_detour" in record.model_fields_set or not with_chain
    detour = record.fibre_detour if own_detour else chain.read_constants()[0].fibre_detour
    joined = gateway_list.join(landing, work, detour)
    if record.serving_pops == serving_pops.NEAREST:
        _refuse_pops_out_of_reach(joined, file)
        return joined, sources, None
    table, content = serving_pops.read(record.serving_pops, pops[0], joined, folder, file, "ground.serving_pops")
    sources["serving_pops"] = Source(record.serving_pops, hashlib.sha256(content).hexdigest())
    return joined, sources, table


def _refuse_pops_out_of_reach(gateways: gateway_list.Gateways, file: str) -> None:
    """Raise InputError where no gateway reaches any PoP; that some of many are out of reach is told in the notes."""
    if len(gateways) and len(serving_pops.out_of_reach(gateways)) == len(gateways.pops):
        named = ", ".join(pop.name for pop in gateways.pops[:MOST_NAMED])
        more = f" and {len(gateways.pops) - MOST_NAMED:,} more" if len(gateways.pops) > MOST_NAMED else ""
        rule = f"no gateway reaches a PoP ({named}{more}): none works within {serving_pops.LONGEST_FIBRE_KM:,.0f} km."
        raise InputError(Problem(file, "ground.pops", rule, "Add a gateway there, or name other PoPs."))


def chain_faults(record: LinksRecord, file: str) -> list[Problem]:
    """What is wrong between the chain and the keys that it takes the place of."""
    if not record.chain or "processing_ms" not in record.model_fields_set:
        return []
    rule = f"is {record.processing_ms:g}, and with chain = true nothing is made of it."
    return [Problem(file, "links.processing_ms", rule, "Leave one of the two out.")]


def notes_on_lists(record: ScenarioRecord) -> list[str]:
    """A note where another system, or gateways of one's own, are given Starlink's stations because no list is named."""
    ground, system = record.ground, record.constellation.catalogue
    others = system is not None and not system.startswith("starlink")
    if others and "gateways" not in ground.model_fields_set:
        whose = "Gateways and PoPs are" if ground.pops is None else "Gateways are"
        return [f"{whose} Starlink's ({ground.gateways}): [ground] gateways names none of {system}."]
    if ground.pops is None and pops_of(ground) != ground.gateways:
        return [f"PoPs are Starlink's ({pops_of(ground)}): [ground] pops names none."]
    return []


def pops_of(record: GroundRecord) -> str:
    """The list of PoPs: the one that is named, that of the gateways' name, or Starlink's."""
    return record.pops or (record.gateways if record.gateways in stations.embedded("pops") else STARLINKS)


def notes_on_ground(gateways: gateway_list.Gateways, serving: serving_pops.ServingPops | None) -> list[str]:
    """What is assumed of gateways and PoPs."""
    notes = []
    ending = gateway_list.ASSUMED
    lacking = [one.name.removesuffix(ending) for one in gateways.stations if one.name.endswith(ending)]
    if lacking:
        near = f"no gateway of the list is within {gateway_list.GAP_KM:.0f} km of these PoPs"
        notes.append(f"Gateways are assumed at {', '.join(lacking)}: {near} (pop_gateways).")
    if serving is None and (beyond := serving_pops.out_of_reach(gateways)):
        named = ", ".join(pop.name for pop in gateways.pops if pop.name in beyond)
        notes.append(f"No gateway works within {serving_pops.LONGEST_FIBRE_KM:,.0f} km of these PoPs: {named}.")
    if serving is not None and serving.not_working:
        names = ", ".join(serving.not_working)
        notes.append(
            f"PoPs that serve territories by {serving.source}, but are planned or closed, are left out: {names}."
        )
    return notes
