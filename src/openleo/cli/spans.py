"""Time from options, by one rule: a span begins at its start and goes on up to, and without, its end.

Slots that are not whole within it are left out, with a note, as `plan` does; instants are start, start + step, … below
the end. An empty span is refused, and so is one that leaves the years for which orbits are computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from openleo.cli.common import note

if TYPE_CHECKING:
    from openleo.instants import SlotGrid

FROM = "From the slot that holds this instant, UTC. [default: the scenario's first slot]"
FOR = "For so long, without the end itself, in whole slots."
MOST_INSTANTS = 1_000_000  # of a range or span


def instant(text: str | None, option: str, default: datetime) -> datetime:
    """An instant from an option, or the default."""
    from openleo.errors import InputError, Problem
    from openleo.instants import parse_instant

    if text is None:
        return default
    try:
        found = parse_instant(text)
    except ValueError:
        raise InputError(
            Problem(option, "", f"{text!r} is not an instant.", "Write for example 2026-11-20T00:00:00Z.")
        ) from None
    check_years(option, found, [0.0])
    return found


def moment(text: str | None, option: str, start: datetime, default: datetime) -> datetime:
    """An instant from an option that takes seconds after `start` too, or the default."""
    from openleo.errors import InputError, Problem

    try:
        after_s = float(text or "")
    except ValueError:
        return instant(text, option, default)
    if not math.isfinite(after_s):
        raise InputError(Problem(option, "", f"{text!r} is no number of seconds.", "Write for example 15."))
    check_years(option, start, [after_s])
    return start + timedelta(seconds=after_s)


def duration_s(text: str, option: str) -> float:
    """Seconds from an option, more than none."""
    from openleo.errors import InputError, Problem
    from openleo.instants import parse_duration_s

    try:
        seconds = parse_duration_s(text)
    except ValueError as error:
        raise InputError(Problem(option, "", f"{error}.")) from None
    if seconds <= 0.0:
        raise InputError(Problem(option, "", f"is {text}; it must be more than nothing.", "Write for example 60s."))
    return seconds


def whole_s(duration: str | None, otherwise_s: float | None, example: str) -> float:
    """Seconds of `--duration`, or else the scenario's own. Raises InputError where it has none."""
    from openleo.errors import InputError, Problem

    if duration is not None:
        return duration_s(duration, "--duration")
    if otherwise_s is None:
        rule = "is needed: a Hypatia scenario says no duration."
        raise InputError(Problem("--duration", "", rule, f"Write for example {example}."))
    return otherwise_s


def check_years(option: str, start: datetime, seconds: Iterable[float]) -> None:
    """Raise InputError unless all instants, seconds after `start`, are ones for which orbits are computed."""
    from openleo.errors import InputError, Problem
    from openleo.instants import FIRST_YEAR, LAST_YEAR, instant_text

    after = list(seconds)
    for after_s in {min(after), max(after)}:
        try:
            within = FIRST_YEAR <= (start + timedelta(seconds=after_s)).year <= LAST_YEAR
        except OverflowError:
            within = False
        if not within:
            when = f"{after_s:g} s after {instant_text(start)}" if after_s else instant_text(start)
            rule = f"reaches {when}; orbits are computed from {FIRST_YEAR} to {LAST_YEAR}."
            raise InputError(Problem(option, "", rule, "Stay within these years."))


def instants(first: Decimal, end: Decimal, step: Decimal, option: str) -> list[Decimal]:
    """first, first + step, … below `end`. Raises InputError where they are too many."""
    from openleo.errors import InputError, Problem, counted

    count = math.ceil((end - first) / step)
    if count > MOST_INSTANTS:
        asked = f"{step.normalize():f} s apart up to {end.normalize():f} s are {counted(count, 'instant', form=',')}"
        rule = f"{asked}; up to {MOST_INSTANTS:,} are computed at once."
        raise InputError(Problem(option, "", rule, "Take a longer step, or a part of the time."))
    return [first + n * step for n in range(count)]


def seconds_over(start: datetime, span_s: float, step_s: float, option: str) -> list[float]:
    """Seconds after `start` of the instants of a span, in the shortest decimals: 0.3 and not 0.30000000000000004."""
    check_years(option, start, [0.0, span_s])
    return [float(one) for one in instants(Decimal(0), Decimal(str(span_s)), Decimal(str(step_s)), option)]


def window(grid: SlotGrid, start: str | None, for_: str | None) -> SlotGrid:
    """The whole slots of `--start` and `--for`, from the slot that holds the start on; tells what is left over.

    Without `--for` they go on up to the end of `grid`.
    """
    from openleo.errors import InputError, Problem
    from openleo.instants import instant_text
    from openleo.scenario_file import LONGEST_RUN_SLOTS

    first = grid.slot_at(instant(start, "--start", grid.start))
    if for_ is None:
        slots = grid.slots - first
        if slots < 1:
            rule = f"is {start}; the scenario's last slot ends at {instant_text(grid.instant(grid.slots))}."
            raise InputError(Problem("--start", "", rule, "Say with --for how long to go on, or start before it."))
        if slots > LONGEST_RUN_SLOTS:
            rule = f"is {start}; up to the scenario's end that is longer than {LONGEST_RUN_SLOTS:,} slots."
            raise InputError(Problem("--start", "", rule, "Say with --for how long to go on."))
        return replace(grid, start=grid.instant(first), slots=slots)
    seconds = duration_s(for_, "--for")
    slots = math.floor(seconds / grid.slot_s + 1e-9)
    if not 1 <= slots <= LONGEST_RUN_SLOTS:
        limit = (
            f"shorter than one slot of {grid.slot_s:g} s" if slots < 1 else f"longer than {LONGEST_RUN_SLOTS:,} slots"
        )
        raise InputError(Problem("--for", "", f"is {for_}, {limit}.", f"Write for example {4 * grid.slot_s:g}s."))
    check_years("--for", grid.instant(first), [0.0, seconds])
    left_s = seconds - slots * grid.slot_s
    if left_s > 1e-6:
        note(f"{left_s:g} s of --for make no whole slot and are left out.")
    return replace(grid, start=grid.instant(first), slots=slots)
