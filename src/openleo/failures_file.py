"""The keys of `[failures]` in a scenario file: what is out of order, one by one, by chance or by a cause.

`scenario_file` holds the whole file; `scenario_failures` and `scenario_causes` make of these the outages of a run.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field

from openleo.file_values import Duration, Instant, Words
from openleo.reading import Record


class SpanRecord(Record):
    """From when until when."""

    from_: Instant | None = Field(None, alias="from", description="From this instant. Default: since ever.")
    until: Instant | None = Field(None, description="Until this instant, which is not out. Default: for ever.")

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        if self.from_ and self.until and self.until <= self.from_:
            return ["ends before it begins; write an until after from."]
        return []


class OutageRecord(SpanRecord):
    """`[[failures.out]]`: one thing out of order."""

    kind: Literal["satellite", "plane", "isl", "gateway", "pop"] = Field(description="What kind of thing is out.")
    name: str = Field(
        description="Its name: a satellite's (or its catalogue number) or plane's (\"550-53.0 p4\"), a link's "
        '("A -- B"), a station\'s.',
        min_length=1,
    )


class ChanceRecord(Record):
    """`[failures.random.KIND]`: how often things of a kind fail. Either `share`, or both of the others."""

    share: float | None = Field(None, ge=0.0, le=1.0, description="The chance of each to be out for the whole run.")
    hours_between: float | None = Field(None, gt=0.0, description="Mean time that each works until it fails, in hours.")
    hours_out: float | None = Field(None, gt=0.0, description="Mean time until it works again, in hours.")

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        now_and_then = (self.hours_between is not None, self.hours_out is not None)
        if now_and_then == ((False, False) if self.share is not None else (True, True)):
            return []
        return ["needs either a share, or both hours_between and hours_out."]


class RandomRecord(Record):
    """`[failures.random]`: failures by chance, the same whenever the file is the same; a longer run keeps them."""

    seed: int = Field(ge=0, description="Another seed draws other failures.")
    satellites: ChanceRecord | None = Field(None, description="Satellites.")
    planes: ChanceRecord | None = Field(None, description="Whole planes.")
    isls: ChanceRecord | None = Field(None, description="Inter-satellite links.")
    gateways: ChanceRecord | None = Field(None, description="Gateways.")
    pops: ChanceRecord | None = Field(None, description="PoPs.")


MOST_STEPS = 50  # each computes the ways of its slots once more
StationKind = Literal["gateway", "pop"]


class BandRecord(Record):
    """`bands` of `[failures.storm]`: what is lost up to an altitude."""

    below_km: float = Field(gt=0.0, le=100_000.0, description="Satellites lower than this.")
    share: float = Field(ge=0.0, le=1.0, description="The chance of each to be lost.")


class StormRecord(SpanRecord):
    """`[failures.storm]`: satellites lost by their altitude. The shares are yours: no drag is computed."""

    seed: int = Field(ge=0, description="Another seed draws other satellites.")
    below_km: float | None = Field(
        None, gt=0.0, le=100_000.0, description="One band: satellites lower than this. Either this and share, or bands."
    )
    share: float | None = Field(None, ge=0.0, le=1.0, description="The chance of each of them to be lost.")
    bands: list[BandRecord] = Field(
        default_factory=list, description="Several, the lowest first: a satellite is in the first that it flies below."
    )

    def in_order(self) -> list[BandRecord]:
        """The bands, the lowest first."""
        if self.below_km is None or self.share is None:
            return self.bands
        return [BandRecord(below_km=self.below_km, share=self.share)]

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        one = (self.below_km is not None, self.share is not None)
        found = super().faults()
        if one != ((False, False) if self.bands else (True, True)):
            found.append("needs either below_km and share, or bands.")
        tops = [band.below_km for band in self.bands]
        if any(upper <= lower for lower, upper in pairwise(tops)):
            found.append(f"has bands below {', '.join(f'{km:g}' for km in tops)} km; write them the lowest first.")
        return found


class DebrisRecord(SpanRecord):
    """`[failures.debris]`: planes lost at once, and satellites near their altitude. No collision is computed."""

    seed: int = Field(0, ge=0, description="Another seed draws other planes and satellites.")
    planes: Words = Field(default_factory=list, description='Planes by name ("550-53.0 p4"). Either these or number.')
    number: int | None = Field(None, ge=1, description="So many planes, drawn.")
    within_km: float | None = Field(
        None, gt=0.0, le=10_000.0, description="Others are in danger so far above and below a lost plane. With share."
    )
    share: float | None = Field(
        None, ge=0.0, le=1.0, description="The chance of each of these satellites, of other planes, to be lost."
    )

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        found = super().faults()
        if bool(self.planes) == (self.number is not None):
            found.append("needs either planes by name or a number of them.")
        if (self.within_km is None) != (self.share is None):
            found.append("needs within_km and share together, or neither.")
        return found


class TargetedRecord(SpanRecord):
    """`[failures.targeted]`: the things that most hangs on, the first of them first; equal ones by name."""

    kind: Literal["gateway", "pop", "plane", "satellite"] = Field(description="What kind of thing is taken out.")
    number: int | None = Field(None, ge=0, description="How many. Either this or share.")
    share: float | None = Field(None, ge=0.0, le=1.0, description="How many of all of that kind, rounded.")
    by: Literal["ways", "people"] = Field(
        "ways",
        description="What counts, in the network with nothing out of order and before rules: of how many satellites "
        "(ways) or people served (people) the way to the Internet runs over the thing, summed over slots.",
    )
    slots: int = Field(4, ge=1, le=1000, description="Over so many slots of the run, from its first.")

    step_by_step: bool = Field(
        False, description="Rank anew after each thing is gone: who stands in for it comes next. With number alone."
    )

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        found = super().faults()
        if (self.number is None) == (self.share is None):
            found.append("needs either a number or a share.")
        if self.step_by_step and (self.number is None or self.number > MOST_STEPS):
            found.append(f"is step_by_step, which takes a number of at most {MOST_STEPS}.")
        return found


class AreaRecord(SpanRecord):
    """A circle on the ground, or territories."""

    centre_lat_deg: float | None = Field(None, ge=-90.0, le=90.0, description="Of a circle, with the next two keys.")
    centre_lon_deg: float | None = Field(None, ge=-180.0, le=180.0, description="Of a circle.")
    radius_km: float | None = Field(None, gt=0.0, le=20_100.0, description="Of a circle, along the geodesic.")
    territories: Words = Field(default_factory=list, description="In place of a circle: territories by id.")

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        said = [one is not None for one in (self.centre_lat_deg, self.centre_lon_deg, self.radius_km)]
        found = super().faults()
        if said != ([False] * 3 if self.territories else [True] * 3):
            found.append("needs either centre_lat_deg, centre_lon_deg and radius_km, or territories.")
        return found


class RegionRecord(AreaRecord):
    """`[[failures.region]]`: power out in a region, and its gateways and PoPs with it when their reserve ends."""

    kinds: list[StationKind] = Field(
        default_factory=lambda: list[StationKind](["gateway", "pop"]),
        min_length=1,
        description='What goes out: "gateway", "pop" or both. Default: both.',
    )
    hours_of_reserve: float = Field(
        0.0, ge=0.0, le=100_000.0, description="How long batteries and generators carry each of them on."
    )


class ControlRecord(SpanRecord):
    """`[[failures.control]]`: the software that runs the network is down, and nobody has a way out."""

    leases_s: Duration | None = Field(
        None,
        ge=0.0,
        description="How long what was granted before goes on. Default: 4 slots, the longest lease that a controller "
        "of ours gives unless its roster says otherwise.",
    )


class JammingRecord(Record):
    """`[[jamming]]`: a circle in which users' links are disturbed, for the whole run. Where several overlap the greater
    counts.
    """

    centre_lat_deg: float = Field(ge=-90.0, le=90.0, description="Of the circle.")
    centre_lon_deg: float = Field(ge=-180.0, le=180.0, description="Of the circle.")
    radius_km: float = Field(gt=0.0, le=20_100.0, description="Along the geodesic: cells whose centre is within.")
    loss_db: float | None = Field(
        None, gt=0.0, le=200.0, description="By how much C/N of users' links falls, both ways. Only with capacity."
    )
    elevation_deg: float | None = Field(
        None, gt=0.0, le=90.0, description="Below this the sky is hidden; the greater of this and the mask counts."
    )

    def faults(self, *, with_capacity: bool) -> list[str]:
        """What is wrong between the keys, and with those of capacity."""
        if self.loss_db is None and self.elevation_deg is None:
            return ["needs loss_db, elevation_deg, or both."]
        if self.loss_db is not None and not with_capacity:
            way_out = "write enabled = true in [capacity], or an elevation_deg below which the sky is hidden"
            return [f"has loss_db, which lowers rates, and without capacity there are none: {way_out}."]
        return []


class FailuresRecord(Record):
    """`[failures]`: what is out of order. A slot counts as out in which a thing is out at any instant."""

    file: str | None = Field(None, description="A CSV: kind,name,from,until; the last two may be empty.", min_length=1)
    out: list[OutageRecord] = Field(default_factory=list, description="Outages, one table each.")
    random: RandomRecord | None = Field(None, description="Outages by chance.")
    storm: StormRecord | None = Field(None, description="Satellites lost by altitude.")
    debris: DebrisRecord | None = Field(None, description="Planes lost at once, and satellites near their altitude.")
    targeted: TargetedRecord | None = Field(None, description="What most hangs on.")
    region: list[RegionRecord] = Field(default_factory=list, description="Power out in a region, one table each.")
    control: list[ControlRecord] = Field(default_factory=list, description="The control plane down, one table each.")
