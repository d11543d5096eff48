"""A scenario as the table that packets are moved by: who is served in each slot, how far away its PoP is, how fast.

    can: reach towards each terminal's own PoP ─┐
    may: rules at its exact place               ├─► LinkTable
    rates: what the plan gives in its cell      ─┘

Pure: neither clock nor files. Within a slot satellites, gateway and PoP stay as `openleo path` has them at mid-slot; a
link's length is that at the slot's two ends, and a straight line between. Such a line lies above the curve that it
stands for: at mid-slot by 3 km of a link at most in 15 s, so by 20 to 40 µs of a round trip over one satellite, and
more by as much as the chain says that ways are longer than the shortest.

Light takes as long up as down. The rest of a round trip (scheduling, processing, PoP) is split by `Options.up_share`.
The jitter of the chain's scheduling is left out, as `openleo path` leaves it out of its sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openleo.emulator.experiment import CLASS
from openleo.emulator.licensed import lands_somewhere, licensed
from openleo.emulator.outlook import NOT_THERE
from openleo.emulator.permitted import LandIn, May, Who, may
from openleo.emulator.planned_rates import planned_rates
from openleo.emulator.table import DOWN, NOBODY, QUEUE_S, SERVED, UP, LinkTable, handed_over
from openleo.errors import InputError, Problem, join_or, near_names
from openleo.geodesy import ecef_km
from openleo.instants import SlotGrid
from openleo.network import ephemeris
from openleo.network.ground.gateways import geodesics_km, places_of
from openleo.network.ground.tracks import Track
from openleo.network.journeys import Point, between_all, point_of, seen_by
from openleo.network.pop_reach import towards
from openleo.network.reach import Network, place_users
from openleo.network.visibility import Sites
from openleo.network.watch import Watched, watch
from openleo.results import Case
from openleo.service import licences
from openleo.service.serve import Reason, why_not_reached
from openleo.units import FIBRE_REFRACTIVE_INDEX, LIGHT_KM_PER_S, MS_PER_S

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NS_PER_MS = 1e6
# Up, a terminal waits for a grant, so that most of what is added to light's time is added there. Assumed: measured
# one-way delays are higher up than down (Garcia et al. 2025), by how much of this part is not said.
UP_SHARE = 0.75
# Hand-overs are known to lose packets; for how long nothing passes, no source says that we know of. So by default a
# hand-over is a change of delay alone.
OUTAGE_S = 0.0


@dataclass(frozen=True)
class PlacedTerminal:
    """A terminal where it is, as it is emulated. anchor: the PoP where its address is met from the Internet.

    None: that of the first slot in which it is served, as `openleo path --to internet` shows. groups: those that rules
    may speak of; None: not known.
    """

    user: Point | Track
    class_: str = CLASS
    anchor: str | None = None
    groups: frozenset[str] | None = None

    @property
    def name(self) -> str:
        return self.user.name


@dataclass(frozen=True)
class Options:
    """Of all terminals alike; two numbers are (up, down).

    rates_mbps: None: the plan's where it computes capacity, else no limit. pairs: terminals, by number, that are
    joined over satellites alone rather than through their PoPs, where no rule says where their traffic has to land.
    """

    up_share: float = UP_SHARE
    outage_s: float = OUTAGE_S  # of each hand-over
    outage_loss: float = 1.0  # within it
    loss: tuple[float, float] = (0.0, 0.0)
    queue_s: tuple[float, float] = (QUEUE_S, QUEUE_S)
    rates_mbps: tuple[float | None, float | None] = (None, None)
    pairs: tuple[tuple[int, int], ...] = ()


def link_table(
    case: Case, terminals: Sequence[PlacedTerminal], window: SlotGrid, options: Options | None = None,
    threads: int | None = None,
) -> LinkTable:  # fmt: skip
    """The table of a window of slots.

    Raises InputError for an anchor that is no PoP, a class that rules do not know.
    """
    options = options or Options()
    _refuse_unknown(case, terminals)
    allowed = [may(case.rules, one.user, Who(one.class_, one.groups), window) for one in terminals]
    networks = licensed(case, window)
    network = networks[0].network
    pop = _anchors(network, terminals, allowed, window, threads)
    trips = Trips.none(window.slots, len(terminals))
    for one in networks:
        found = _trips_of_all(one.network, terminals, pop, allowed, window, threads)
        trips.put(_each(one.slots, len(terminals)), found, np.tile(np.arange(len(terminals)), len(one.slots)))
    permitted = np.stack([one.permitted for one in allowed], axis=1)
    rate_mbps = _rates_mbps(case, terminals, window, options.rates_mbps, threads)
    why = np.where((rate_mbps <= 0.0).any(axis=-1) & (trips.why == SERVED), Reason.NO_CAPACITY.word, trips.why)
    why = np.where(permitted | (why == NOT_THERE), why, Reason.NOT_PERMITTED.word)
    served = why == SERVED
    satellite = np.where(served, trips.satellite, NOBODY).astype(np.int32)
    hand_over = handed_over(served, satellite)
    used = np.unique(pop)
    shape = (*served.shape, 2)
    return LinkTable(
        start=window.start,
        step_s=window.slot_s,
        terminals=tuple(one.name for one in terminals),
        anchors=tuple(network.gateways.pops[number].name for number in used),
        anchor=np.searchsorted(used, pop),
        served=served,
        why=why,
        because=_because(why, allowed),
        satellite=satellite,
        hand_over=hand_over,
        delay_ns=np.where(served[..., np.newaxis, np.newaxis], _delays_ns(network, trips, options.up_share), 0),
        rate_mbps=rate_mbps,
        loss=np.broadcast_to(np.array(options.loss, np.float64), shape).copy(),
        outage_s=np.where(hand_over, options.outage_s, 0.0),
        queue_s=np.array(options.queue_s, np.float64),
        backbone_ns=backbone_ns(network, used),
        pairs=options.pairs,
        direct_ns=np.where(
            lands_somewhere(allowed, options.pairs)[..., np.newaxis],
            -1,
            _direct_ns(network, [(terminals[a].user, terminals[b].user) for a, b in options.pairs], window),
        ),
        outage_loss=options.outage_loss,
    )


def _rates_mbps(
    case: Case, terminals: Sequence[PlacedTerminal], window: SlotGrid, fixed: tuple[float | None, float | None],
    threads: int | None,
) -> Floats:  # fmt: skip
    """Axes (slot, terminal, direction): what was asked for, else the plan's, else no limit."""
    if None in fixed and case.capacity is not None:
        rate_mbps = planned_rates(case, [one.user for one in terminals], window, threads)
    else:
        rate_mbps = np.full((window.slots, len(terminals), 2), np.inf)
    for direction, mbps in enumerate(fixed):
        if mbps is not None:
            rate_mbps[..., direction] = mbps
    return rate_mbps


def _refuse_unknown(case: Case, terminals: Sequence[PlacedTerminal]) -> None:
    """Raise InputError for anchors and classes that there are not."""
    pops = [one.name for one in case.network.gateways.pops]
    problems = [
        Problem(one.name, "anchor", f'there is no PoP "{one.anchor}".',
                near_names(one.anchor, pops) or f"PoPs of this scenario: {join_or(pops)}.")
        for one in terminals if one.anchor is not None and one.anchor not in pops
    ]  # fmt: skip
    known = case.rules.classes if case.rules else ()
    problems += [
        Problem(one.name, "class", f'there is no class "{one.class_}".',
                near_names(one.class_, known) or f"Classes of these rules: {join_or(known)}.")
        for one in terminals if known and one.class_ not in known
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


# --- can ----------------------------------------------------------------------------------------------------------


def _each(slots: NDArray[np.intp], terminals: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Every terminal in every of some slots."""
    return np.repeat(slots, terminals), np.tile(np.arange(terminals), len(slots))


@dataclass(frozen=True, eq=False)
class Trips:
    """Axes (slot, terminal), light_km (slot, terminal, end): the path in light's kilometres, one way, to the PoP `pop`.

    why: SERVED or why nobody could serve it, with nobody else on the network and without any rule.
    """

    satellite: NDArray[np.int32]
    why: NDArray[np.str_]
    pop: NDArray[np.int32]
    light_km: Floats

    @classmethod
    def none(cls, slots: int, terminals: int) -> Trips:
        shape = (slots, terminals)
        why = np.full(shape, Reason.NO_SATELLITE.word, f"<U{max(map(len, WORDS))}")
        return cls(np.full(shape, NOBODY, np.int32), why, np.full(shape, -1, np.int32), np.zeros((*shape, 2)))

    def put(self, at: tuple[NDArray[np.intp], NDArray[np.intp]], other: Trips, theirs: NDArray[np.intp]) -> None:
        """Take slots and terminals from others, whose terminals have numbers of their own."""
        self.satellite[at], self.why[at] = other.satellite[at[0], theirs], other.why[at[0], theirs]
        self.pop[at], self.light_km[at] = other.pop[at[0], theirs], other.light_km[at[0], theirs]


WORDS = np.array([reason.word if reason else SERVED for reason in Reason] + [NOT_THERE])


def _trips_of_all(
    network: Network, terminals: Sequence[PlacedTerminal], pop: NDArray[np.intp], allowed: Sequence[May],
    window: SlotGrid, threads: int | None,
) -> Trips:  # fmt: skip
    """Of every terminal towards its own PoP (−1: any), over gateways by which its rules let its traffic leave."""
    made = Trips.none(window.slots, len(terminals))
    keys = sorted({(int(pop[n]), land) for n, one in enumerate(allowed) for land in one.land_in}, key=str)
    for one_pop, land_in in keys:
        takes = np.array([pop[n] == one_pop and land_in in one.land_in for n, one in enumerate(allowed)])
        who = np.flatnonzero(takes).tolist()
        found = _trips(_under(network, one_pop, land_in), [terminals[n].user for n in who], window, threads)
        now = np.array([[land == land_in for land in allowed[n].land_in] for n in who]).T  # axes (slot, who)
        slot, which = np.nonzero(now)
        made.put((slot, np.array(who)[which]), found, which)
    # A PoP that is out of order takes its addresses with it: traffic that lands at another one does not find them.
    elsewhere = (made.pop >= 0) & (made.pop != pop) & (pop >= 0)
    return replace(made, why=np.where(elsewhere, Reason.NO_GATEWAY.word, made.why))


def _under(network: Network, pop: int, land_in: LandIn) -> Network:
    """The network as those see it whose traffic ends at a PoP (−1: any), and leaves in some territories alone."""
    network = towards(network, pop) if pop >= 0 else network
    if land_in is None:
        return network
    outside = licences.outside(network.gateways, land_in)
    return replace(network, gateways=network.gateways.without(outside, np.empty(0, np.int32)))


def _trips(network: Network, users: Sequence[Point | Track], window: SlotGrid, threads: int | None) -> Trips:
    """Of users of one network: those at rest together, tracks one by one."""
    made = Trips.none(window.slots, len(users))
    still = [n for n, one in enumerate(users) if isinstance(one, Point)]
    groups = [(still, [users[n] for n in still])] if still else []
    groups += [([n], [one]) for n, one in enumerate(users) if isinstance(one, Track)]
    for numbers, some in groups:
        for first, found in _watched(network, some, window, threads):
            slots = slice(first, first + len(found.why))
            made.satellite[slots, numbers], made.why[slots, numbers] = found.satellite, found.why
            made.pop[slots, numbers], made.light_km[slots, numbers] = found.pop, found.light_km
    return made


def _watched(
    network: Network, users: Sequence[Point | Track], window: SlotGrid, threads: int | None
) -> Iterator[tuple[int, Trips]]:
    """(first slot, the trips of a chunk of slots) of one track, or of users at rest."""
    track = users[0] if isinstance(users[0], Track) else None
    at_rest = [one for one in users if isinstance(one, Point)]
    for one in watch(network, window, track or _sites(network, at_rest), threads):
        first, slots = one.reach.first_slot, len(one.reach.satellite)
        here_km = _along(track, window, first, slots) if track else _positions_km(at_rest)
        satellite = one.reach.satellite
        light_km, pop = _ways(network, one, _edges_km(network, window, one), here_km)
        why = WORDS[np.where(one.there, why_not_reached(satellite, one.reach.seen), len(WORDS) - 1)]
        yield first, Trips(satellite, why, pop, light_km)


def _sites(network: Network, places: Sequence[Point]) -> Sites:
    latitude, longitude, altitude = np.array([(a.latitude_deg, a.longitude_deg, a.altitude_km) for a in places]).T
    return place_users(network, latitude, longitude, altitude, ["" if one.moves else one.name for one in places])


def _positions_km(places: Sequence[Point]) -> Floats:
    """Axes (end, slot, terminal, xyz), the first two of length 1."""
    return np.stack([one.position_km for one in places])[np.newaxis, np.newaxis]


def _along(track: Track, window: SlotGrid, first: int, slots: int) -> Floats:
    """Where a user on a track is at the ends of slots, axes (end, slot, 1, xyz)."""
    where = track.at(window.start, window.seconds(first, slots + 1))
    at_km = ecef_km(where.latitude_deg, where.longitude_deg, where.altitude_km)
    return np.stack([at_km[:-1], at_km[1:]])[:, :, np.newaxis]


def _edges_km(network: Network, window: SlotGrid, chunk: Watched) -> Floats:
    """The satellites at the ends of slots, axes (end, slot, satellite, xyz).

    One that has no position at an end, but had where the slot was decided, is taken to be where it is at mid-slot.
    """
    positions, slots = chunk.positions, chunk.positions.slots
    if positions.both_ends:
        return np.stack([positions.at_km[:-1], positions.at_km[1:]])
    after_s = window.seconds(chunk.reach.first_slot, slots + 1)
    moved = ephemeris.positions(network.constellation, window.start, after_s, every_s=window.slot_s)
    ends_km = np.stack([moved.position_km[:-1], moved.position_km[1:]])
    known = np.stack([moved.valid[:-1], moved.valid[1:]])[..., np.newaxis]
    return np.where(known, ends_km, positions.middle_km)


def _ways(
    network: Network, chunk: Watched, sky_km: Floats, here_km: Floats
) -> tuple[Floats, NDArray[np.int32]]:  # fmt: skip
    """(light's kilometres of each path, axes (slot, site, end), its PoP, −1 for none), hop after hop to the ground."""
    satellite, onward, lands = chunk.reach.satellite, chunk.ways.onward, chunk.ways.gateway
    slot = np.arange(len(satellite))[:, np.newaxis]
    served = satellite >= 0
    now = np.where(served, satellite, 0)
    space_km = _apart(sky_km[:, slot, now], here_km)
    while (goes := served & (onward[slot, now] >= 0)).any():
        then = np.where(goes, onward[slot, now], now)
        space_km += _apart(sky_km[:, slot, then], sky_km[:, slot, now])
        now = then
    gateway = np.where(served, lands[slot, now], -1)
    stations = network.gateways
    station_km = ecef_km(stations.latitude_deg, stations.longitude_deg)
    space_km += _apart(sky_km[:, slot, now], station_km[np.maximum(gateway, 0)])
    holds = [one.gateways for one in chunk.positions.networks] or [stations]
    row = slot if chunk.positions.networks else np.zeros_like(slot)
    fibre_km = np.stack([one.fibre_light_km for one in holds])[row, np.maximum(gateway, 0)]
    pop = np.where(gateway >= 0, np.stack([one.pop for one in holds])[row, np.maximum(gateway, 0)], -1)
    stretch = network.chain.way_stretch if network.chain else 1.0
    light_km = np.moveaxis(stretch * space_km + fibre_km, 0, -1)
    return np.where(served[..., np.newaxis], light_km, 0.0), pop.astype(np.int32)


def _apart(one_km: Floats, other_km: Floats) -> Floats:
    return np.asarray(np.linalg.norm(one_km - other_km, axis=-1))


def _delays_ns(network: Network, trips: Trips, up_share: float) -> NDArray[np.int64]:
    """One way, axes (slot, terminal, direction, end)."""
    constants = network.chain
    rest_ms = network.processing_ms if constants is None else constants.scheduling_ms + constants.pop_ms
    light_ns = trips.light_km * (MS_PER_S * NS_PER_MS / LIGHT_KM_PER_S)
    one_way_ns: list[Floats] = [light_ns, light_ns]
    one_way_ns[UP] = light_ns + up_share * rest_ms * NS_PER_MS
    one_way_ns[DOWN] = light_ns + (1.0 - up_share) * rest_ms * NS_PER_MS
    return np.rint(np.stack(one_way_ns, axis=2)).astype(np.int64)


# --- PoPs and pairs -----------------------------------------------------------------------------------------------


def _anchors(
    network: Network, terminals: Sequence[PlacedTerminal], allowed: Sequence[May], window: SlotGrid, threads: int | None
) -> NDArray[np.intp]:
    """Each terminal's PoP, by number: its own, or that of its first served slot; the nearest where there is none."""
    pops = [one.name for one in network.gateways.pops]
    found = np.array([-1 if one.anchor is None else pops.index(one.anchor) for one in terminals], np.intp)
    open_ = np.flatnonzero(found < 0).tolist()
    if network.serving is not None:
        for number in open_:
            alone = seen_by(network, terminals[number].user).gateways.alone
            assert alone is not None
            found[number] = alone[0]
        return found
    if len(open_):
        some, rules = [terminals[n] for n in open_], [allowed[n] for n in open_]
        trips = _trips_of_all(network, some, np.full(len(some), -1, np.intp), rules, window, threads)
        can = trips.satellite >= 0
        is_ = can & np.stack([one.permitted for one in rules], axis=1)
        slot = np.where(is_.any(axis=0), is_.argmax(axis=0), can.argmax(axis=0))
        found[open_] = trips.pop[slot, np.arange(len(open_))]
    for number in np.flatnonzero(found < 0).tolist():
        found[number] = _nearest(network, terminals[number].user, window)
    return found


def _nearest(network: Network, user: Point | Track, window: SlotGrid) -> int:
    place = user if isinstance(user, Point) else point_of(user, max(user.first, min(window.start, user.last)))
    assert place is not None
    here = np.array([place.latitude_deg]), np.array([place.longitude_deg])
    return int(geodesics_km(*here, *places_of(network.gateways.pops))[0].argmin())


def backbone_ns(network: Network, pops: NDArray[np.intp]) -> NDArray[np.int64]:
    """One way between PoPs, axes (PoP, PoP): fibre as between gateways and PoPs, by the geodesic and its detour."""
    latitude, longitude = places_of([network.gateways.pops[number] for number in pops])
    light_km = geodesics_km(latitude, longitude, latitude, longitude) * network.gateways.detour * FIBRE_REFRACTIVE_INDEX
    return np.rint(light_km * (MS_PER_S * NS_PER_MS / LIGHT_KM_PER_S)).astype(np.int64)


def _direct_ns(
    network: Network, pairs: Sequence[tuple[Point | Track, Point | Track]], window: SlotGrid
) -> NDArray[np.int64]:
    """One way over satellites alone, axes (slot, pair, end), light's time; −1 where no path joins them at an end."""
    edge_ns = np.full((window.slots + 1, len(pairs)), -1, np.int64)
    for edge in range(window.slots + 1 if pairs else 0):
        for number, path in enumerate(between_all(network, pairs, window.instant(edge))):
            if path is not None and path.rtt_ms is not None:
                edge_ns[edge, number] = round(path.rtt_ms / 2.0 * NS_PER_MS)
    found = np.stack([edge_ns[:-1], edge_ns[1:]], axis=2)
    return np.where((found < 0).any(axis=2, keepdims=True), -1, found)


def _because(why: NDArray[np.str_], allowed: Sequence[May]) -> NDArray[np.str_]:
    """The rules by which a terminal is not served: that refuse it, or that let its traffic leave elsewhere only."""
    said = np.array([one.because for one in allowed], dtype=np.str_).T
    lands = np.array([[land is not None for land in one.land_in] for one in allowed]).T
    by_rule = (why == Reason.NOT_PERMITTED.word) | (lands & (why == Reason.NO_GATEWAY.word))
    return np.where(by_rule, said, "")
