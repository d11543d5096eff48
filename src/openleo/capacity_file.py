"""The keys of `[capacity]` and `[demand]` in a scenario file: types, defaults, bounds and meaning.

`scenario_file` holds the whole file; `scenario_capacity` makes of these what a run with capacity is computed from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from openleo.reading import Record


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Files = Annotated[list[str], BeforeValidator(_listed)]


class CapacityRecord(Record):
    """`[capacity]`: radios, beams and what limits rates. What is left out is as the radios' data have it."""

    enabled: bool = Field(False, description="Whether beams and rates are computed, with everybody on the network.")
    satellite_radio: str = Field("starlink-v1", description="The satellites' radio, of the radios' data.")
    radio_of_shell: dict[str, str] = Field(
        default_factory=dict,
        description="Radios of the shells whose satellites are of another generation, by the shell's name: "
        '{"43-555" = "starlink-v2-mini"}.',
    )
    terminal: str = Field("fixed", description="The terminals' radio.")
    gateway_radio: str = Field("ka-1.5m", description="The gateways' radio.")
    radios: Files = Field(
        default_factory=list, description="Radio files of your own, whose names stand before the embedded ones."
    )
    percent: float = Field(
        0.5, ge=0.01, le=50.0, description="Of an average year, in %: how long the sky may be worse than is counted."
    )
    other_site_km: float | None = Field(
        None,
        ge=0.0,
        le=1000.0,
        description="How far from each gateway a second site stands that takes over when rain ends its feeder links: "
        "both fade at once for `percent` of the year, each for more of it (P.618-13, 2.2.4.1). Default: there is none.",
    )
    beams_per_satellite: int | None = Field(
        None, ge=0, le=10_000, description="Beams at a time. Default: the satellite radio's beams_down."
    )
    channels: int | None = Field(
        None, ge=0, le=32, description="Channels that a cell may have. Default: the satellite radio's, down."
    )
    time_shares: int = Field(
        4, ge=1, le=32, description="Cells that a beam may serve in turn, each with 1/time_shares of the time. Assumed."
    )
    interference_deg: float = Field(
        5.0,
        ge=0.0,
        le=180.0,
        description="Least angle, seen from a cell, between two satellites that use one channel there or in a cell "
        "beside it. 0: any two satellites may. Assumed: some 1.5 times the beam of a dish of 0.48 m.",
    )
    cell_down_mbps: float | None = Field(None, ge=0.0, description="The most of one cell. Default: no limit.")
    cell_up_mbps: float | None = Field(None, ge=0.0, description="Likewise, from its terminals.")
    satellite_down_mbps: float | None = Field(
        None, ge=0.0, description="The most of a satellite's terminals. Default: the satellite radio's mbps_down_max."
    )
    satellite_up_mbps: float | None = Field(None, ge=0.0, description="Likewise, from its terminals.")
    feeder_down_mbps: float | None = Field(
        None,
        ge=0.0,
        description="The most of one antenna of a gateway, of what users download. Default: what the feeder link "
        "carries at that place and elevation.",
    )
    feeder_up_mbps: float | None = Field(None, ge=0.0, description="Likewise, of what users upload.")
    site_down_mbps: float | None = Field(
        None,
        ge=0.0,
        description="The most of a gateway's site. Default: its antennas times the best that one carries, where "
        "links.gateway_antennas is given; else no limit.",
    )
    site_up_mbps: float | None = Field(None, ge=0.0, description="Likewise, of what users upload.")
    isl_mbps: float = Field(
        100_000.0,
        ge=0.0,
        description="The most of an inter-satellite link each way: 100 Gbit/s, as the operator reported in 2024.",
    )
    pop_down_mbps: float | None = Field(None, ge=0.0, description="The most of a PoP. Default: no limit.")
    pop_up_mbps: float | None = Field(None, ge=0.0, description="Likewise, of what users upload.")
    terminal_down_mbps: float | None = Field(
        None, ge=0.0, description="The most of one terminal. Default: the terminal's mbps_down_max."
    )
    terminal_up_mbps: float | None = Field(None, ge=0.0, description="Likewise, mbps_up_max.")
    objective: Literal["max_min", "total", "min_cost_flow"] = Field(
        "max_min",
        description="What beams are sold for: to whoever has least for its weight (max_min), for the most in total "
        "(total), or the same over as few inter-satellite links as may be (min_cost_flow).",
    )
    ways: Literal["shortest", "least_load"] = Field(
        "least_load",
        description="Each satellite's way to a gateway: round feeder links that the busiest hour would fill "
        "(least_load), or the shortest, whatever it carries. Round-trip times stay those of the shortest.",
    )
    hysteresis: float = Field(
        0.1,
        ge=0.0,
        le=10.0,
        description="A cell leaves the satellite that serves it for one that is better by more than this part.",
    )
    every_slots: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="Beams and rates are computed in every so many slots. Default: as few as make at most 96 of a run.",
    )
    rate_slots: int = Field(
        8,
        ge=1,
        le=65_535,
        description="In so many of those, spread over the run, it is found what a user's test of the line finds.",
    )


class ClassRecord(Record):
    """`[[demand.class]]`: a class of subscribers."""

    name: str = Field(min_length=1, description='Its name; "emergency" is known without being written here.')
    share: float = Field(0.0, ge=0.0, le=1.0, description="Of all subscribers; those of all classes make 1.")
    priority: int = Field(1, ge=0, le=9, description="Classes with the lowest are served first; of emergency it is 0.")
    weight: float = Field(
        1.0, gt=0.0, le=1e6, description="Classes of one priority share by what they ask for times this."
    )


class DemandRecord(Record):
    """`[demand]`: who asks for what. Without it the defaults hold; it is read where capacity is enabled."""

    penetration: float = Field(
        0.001,
        ge=0.0,
        le=1.0,
        description="Subscribers per person where `subscriptions` has no number. Assumed: what 6 million in the world "
        "(2025-06) leave, less those that are known, among two billion people elsewhere.",
    )
    factor: float = Field(1.0, ge=0.0, le=1000.0, description="Times as many subscribers everywhere.")
    subscriptions: str = Field(
        "starlink-2025",
        description="Subscribers by territory: an embedded table, a CSV (territory,subscribers), or none: then "
        "penetration holds everywhere.",
    )
    in_towns: float | None = Field(
        None,
        gt=0.0,
        le=1000.0,
        description="How many times as likely somebody subscribes in a town (1,500 people per km² and more). Default: "
        "by income: high 0.02, upper middle 0.2, lower middle and low 2.5. Assumed; see docs/demand.md.",
    )
    busy_hour_mbps_down: float = Field(
        3.0,
        ge=0.0,
        le=100_000.0,
        description="What a subscriber asks for in the busiest hour, on the average. Assumed.",
    )
    busy_hour_mbps_up: float = Field(0.3, ge=0.0, le=100_000.0, description="Likewise, upwards. Assumed.")
    plan_mbps_down: float | None = Field(
        None,
        ge=0.0,
        le=100_000.0,
        description="What is sold to a subscriber; with oversubscription, in place of busy_hour_….",
    )
    plan_mbps_up: float | None = Field(None, ge=0.0, le=100_000.0, description="Likewise, upwards.")
    oversubscription: float | None = Field(
        None, ge=1.0, le=10_000.0, description="How many subscribers share what is sold to one."
    )
    curve: str = Field(
        "evening",
        description="Traffic over the day, by local solar time: evening, flat, or a CSV (hour,relative) with 24 hours.",
    )
    table: str | None = Field(
        None,
        min_length=1,
        description="A CSV of your own, in place of subscribers: cell,down_mbps,up_mbps and, if you like, class and "
        "subscribers. Cells that are not listed ask for nothing.",
    )
    terminals: str | None = Field(
        None,
        min_length=1,
        description="A table of terminals, as policy verbs read it; each asks for as much as a subscriber, beside "
        'the subscribers (leave those out by subscriptions = "none" and penetration = 0).',
    )
    class_: list[ClassRecord] = Field(default_factory=list, alias="class", description="Classes of subscribers.")

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        found = []
        plan = [name for name in ("plan_mbps_down", "plan_mbps_up", "oversubscription") if getattr(self, name) is None]
        if 0 < len(plan) < 3:
            found.append(f"lacks {' and '.join(plan)}; plan_mbps_down, plan_mbps_up and oversubscription go together.")
        busy = self.model_fields_set & {"busy_hour_mbps_down", "busy_hour_mbps_up"}
        if not plan and busy:
            found.append(f"has {' and '.join(sorted(busy))} beside a plan; leave out one of the two.")
        shares = sum(one.share for one in self.class_)
        names = [one.name for one in self.class_]
        if names and abs(shares - 1.0) > 1e-6:
            found.append(f"has classes whose shares make {shares:g}; they make 1 together.")
        found += [f'has two classes "{name}".' for name in dict.fromkeys(names) if names.count(name) > 1]
        if self.table is not None:
            idle = {"penetration", "factor", "subscriptions", "in_towns", "terminals"} & self.model_fields_set
            found += [f"has {name} beside a table, which stands in its place; leave it out." for name in sorted(idle)]
        return found
