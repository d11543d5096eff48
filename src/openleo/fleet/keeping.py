"""A fleet that keeps its leases, looked at once a slot: who holds one, who was refused and why, whose lapsed.

devices + controllers ─► client.Fleet ─► answers ─┐
                         slots of the clock ──────┴─► Look, one a slot ─► what is printed, and a summary
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from openleo.fleet.client import Fleet, Kept


@dataclass(frozen=True)
class Look:
    """A fleet at the end of a slot. `lapsed`: their last lease ran out and nobody answered since.

    `unasked`: no answer yet at all. `answers`: of this slot by status; latencies are of its leases and refusals.
    """

    at_s: float
    held: int
    refused: Mapping[str, int]  # by reason
    lapsed: int
    unasked: int
    answers: Mapping[str, int]
    faults: Mapping[str, int]
    p50_ms: float | None
    p99_ms: float | None

    @property
    def line(self) -> str:
        """The slot in one line."""
        at = datetime.fromtimestamp(self.at_s, UTC).strftime("%H:%M:%S")
        whys = ", ".join(f"{name} {count:,}" for name, count in sorted(self.refused.items()))
        refused = f"refused {sum(self.refused.values()):,}" + (f" ({whys})" if whys else "")
        parts = [f"{at}Z", f"held {self.held:,}", refused, f"lapsed {self.lapsed:,}"]
        if self.unasked:
            parts.append(f"not answered yet {self.unasked:,}")
        parts.append(f"answers {sum(self.answers.values()):,}")
        if self.p50_ms is not None:
            parts.append(f"p50 {self.p50_ms:.0f} ms  p99 {self.p99_ms:.0f} ms")
        if self.faults:
            parts.append("faults: " + ", ".join(f"{name} {count:,}" for name, count in sorted(self.faults.items())))
        return "  ".join(parts)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"at": datetime.fromtimestamp(self.at_s, UTC).isoformat(timespec="seconds")}


@dataclass(frozen=True)
class Told:
    """A whole run: its slots, and all of them together."""

    looks: Sequence[Look]
    kept: Kept

    def as_json(self) -> dict[str, Any]:
        middle_ms, late_ms = _percentiles(self.kept.latency_s)
        return {
            "slots": [look.as_json() for look in self.looks],
            "answers": dict(self.kept.answers),
            "whys": dict(self.kept.whys),
            "lapses": self.kept.lapses,
            "lapsed_s": round(self.kept.lapsed_s, 3),
            "p50_ms": middle_ms,
            "p99_ms": late_ms,
        }


async def keep(
    fleet: Fleet, slots: int, slot_s: float, now_s: Callable[[], float], tell: Callable[[Look], None]
) -> Told:
    """Run a fleet for some slots; `tell` hears of each when it ends. First requests are spread over one slot."""
    looks: list[Look] = []
    begins_s = now_s()
    running = asyncio.create_task(fleet.run(slots * slot_s, begin_over_s=slot_s))
    before = _Before(Counter(), Counter(), 0)
    for number in range(1, slots + 1):
        await asyncio.wait([running], timeout=max(0.0, begins_s + number * slot_s - now_s()))
        look, before = _looked(fleet, before, now_s())
        looks.append(look)
        tell(look)
    return Told(looks, await running)


@dataclass(frozen=True)
class _Before:
    """What had been counted at the last look."""

    answers: Counter[str]
    faults: Counter[str]
    timed: int


def _looked(fleet: Fleet, before: _Before, now_s: float) -> tuple[Look, _Before]:
    kept, standing = fleet.kept, fleet.standing(now_s)
    after = _Before(Counter(kept.answers), Counter(kept.faults), len(kept.latency_s))
    middle_ms, late_ms = _percentiles(kept.latency_s[before.timed :])
    look = Look(
        now_s, standing.held, dict(standing.refused), standing.lapsed, standing.unasked,
        dict(after.answers - before.answers), dict(after.faults - before.faults), middle_ms, late_ms,
    )  # fmt: skip
    return look, after


def _percentiles(latency_s: Sequence[float]) -> tuple[float | None, float | None]:
    if not len(latency_s):
        return None, None
    middle, late = np.percentile(np.asarray(latency_s), (50, 99))
    return round(1e3 * float(middle), 1), round(1e3 * float(late), 1)
