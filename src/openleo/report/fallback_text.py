"""How a place fell back on satellites, as lines of a terminal and as a table: by case and priority class."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from openleo.errors import counted
from openleo.instants import instant_text
from openleo.places.territories import display_name
from openleo.report.withdrawal_plot import percent_text
from openleo.study.fallback import Cut, Row
from openleo.study.fallback_run import Fallback, Room

HEADS = ("class", "asked", "terrestrial", "satellite", "lost", "time with all")


def text(found: Fallback) -> str:
    """All cases, Gbit/s; those in which links on the ground carry everything first, on a line each."""
    study = found.study
    places = ", ".join(display_name(name) for name in study.place)
    blocks = [[f"{places}, {counted(found.slots, 'computed slot')}, Gbit/s"]]
    easy = [room for room in found.rooms if found.on_the_ground(room.cut.name)]
    blocks += [[f"{room.cut.name}{when(room.cut)}: all carried, {room_text(room)}" for room in easy]] if easy else []
    blocks += [list(_case(room, found.of(room.cut.name))) for room in found.rooms if room not in easy]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def csv_text(found: Fallback) -> str:
    """Every row of the table."""
    out, rows = io.StringIO(), found.table()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def when(cut: Cut) -> str:
    """When a case holds that is not one of the whole run; empty for others."""
    begin = f" from {instant_text(cut.begin)}" if cut.begin else ""
    return begin + (f" until {instant_text(cut.end)}" if cut.end else "")


def room_text(room: Room) -> str:
    """What there is in a case: on the ground, and what satellites could bring."""
    mean, least, most = room.satellite_gbps
    span = f"{mean:.2f}" if least == most else f"{mean:.2f} ({least:.2f} to {most:.2f})"
    return f"{room.terrestrial_gbps:.2f} on the ground, satellites could bring {span}"


def _case(room: Room, rows: list[Row]) -> Iterator[str]:
    yield f"{room.cut.name}{when(room.cut)}: {room_text(room)}"
    cells = [
        (row.class_, *(f"{gbps:.3f}" for gbps in (row.asked_gbps, row.terrestrial_gbps, row.satellite_gbps,
                                                  row.lost_gbps)), percent_text(row.whole))
        for row in rows
    ]  # fmt: skip
    wide = [max(map(len, column)) for column in zip(HEADS, *cells, strict=True)]
    for line in (HEADS, *cells):
        others = (cell.rjust(width) for cell, width in zip(line[1:], wide[1:], strict=True))
        yield "  " + "  ".join([line[0].ljust(wide[0]), *others])
