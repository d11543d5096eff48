"""The columns of a study's dataset: what is recorded of each run, and what each number means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column; `type` is of Arrow, by its name."""

    name: str
    type: str
    unit: str
    meaning: str


RUN = Column("run", "int64", "", "Number of the run in the study's plan, from 0. The factors' columns come after it.")
RECORDED = (
    Column("territory", "string", "", "Territory, strip of sea or the high seas, by its id."),
    Column("under", "string", "", "`rules`, or `compare`: the second rule set of the scenario."),
    Column("class", "string", "", "Class of terminals."),
    Column("cells", "int64", "", "Cells with a part of the territory."),
    Column("population", "int64", "", "People."),
    Column("area_km2", "double", "km²", "Area."),
    Column("weighting", "string", "", "What shares are of: `population` × time, or `area` × time where nobody lives."),
    Column("can_serve", "double", "share", "The network reaches it."),
    Column("may_serve", "double", "share", "Rules permit it."),
    Column("served", "double", "share", "Both, with capacity where it is computed."),
    Column("not_permitted", "double", "share", "Not served: rules."),
    Column("no_satellite", "double", "share", "Not served: no satellite in view."),
    Column("no_gateway", "double", "share", "Not served: no satellite in view has a way to a gateway."),
    Column("no_capacity", "double", "share", "Not served: reached, and given nothing."),
    Column("rtt_ms_p50", "double", "ms", "Median round trip to the Internet, of what is served."),
    Column("rtt_ms_p95", "double", "ms", "Its 95th percentile."),
    Column("down_mbps_p50", "double", "Mbit/s", "Median rate to a user. Null without capacity."),
    Column("up_mbps_p50", "double", "Mbit/s", "Median rate from a user. Null without capacity."),
)
TAKEN = frozenset(column.name for column in (RUN, *RECORDED))  # names that no factor may have
