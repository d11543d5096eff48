"""What a run was, beside what was planned: pure functions of the table, the echoes and the engine's counts.

Planned round trips are of an empty link: what a run's own traffic waits for in its queues comes on top of them, so that
a run which fills its link measures more than was planned, and should.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.emulator.counts import CAUSES, LOSS, Seconds, Stats
from openleo.emulator.echoes import ITS_POP, planned_rtt_ms
from openleo.emulator.prober import Probes
from openleo.emulator.table import DOWN, NOBODY, UP, LinkTable
from openleo.errors import counted
from openleo.instants import instant_text

AROUND_S = 3.0  # before and after a hand-over, for what it changed
SECONDS_COLUMNS: dict[str, type] = {
    "t_s": int,
    "terminal": str,
    "served": bool,
    "why": str,
    "because": str,
    "satellite": int,
    "hand_over": bool,
    "planned_rtt_ms": float,
    "measured_rtt_ms": float,
    "sent": int,
    "lost": int,
    "planned_up_mbps": float,
    "planned_down_mbps": float,
    "up_mbps": float,
    "down_mbps": float,
}

Floats = NDArray[np.float64]


def summary(
    table: LinkTable,
    probes: Probes,
    stats: Stats,
    delivered: Seconds,
    ran_s: float,
    words: Mapping[str, object],
    unfed: str = "",
) -> dict[str, Any]:
    """All of summary.json. `words`: what the run says of itself (its name, scenario, command, exit code).

    `unfed`: how steps failed to be there in time, which makes a run invalid as much as a late engine does.
    """
    invalid = stats.invalid or unfed
    released = int(stats.lateness.sum())
    return {
        **words,
        "start": instant_text(table.begins),
        "ran_s": round(ran_s, 3),
        "step_s": table.step_s,
        "valid": not invalid,
        "invalid_because": invalid or None,
        "packets": int(stats.packets.sum()),
        "bytes": int(stats.bytes.sum()),
        "drops": {cause: stats.dropped(cause) for cause in CAUSES}
        | {"no_route": stats.dropped("no_route") + stats.no_route, "unread": int(stats.unread.sum())},
        "late": {
            "released": released,
            "share_over_5_ms": round(stats.late_share, 6),
            "ms_max": round(stats.late_max_ns / 1e6, 3),
            "share_unread_over_5_ms": round(stats.waited_share, 6),
            "without_a_step_s": round(stats.missed_ns / 1e9, 3),
        },
        "capture_failed": stats.capture_failed or None,
        "engine_cpu_s": round(stats.cpu_ns / 1e9, 3),
        "terminals": [
            _terminal(table, probes, n, ran_s) | {"links": _links(table, stats, delivered, n, ran_s)}
            for n in range(len(table.terminals))
        ],
        "between": [_between(table, probes, *pair) for pair in probes.between],
        "not_probed": _not_probed(table, probes),
    }


def _between(table: LinkTable, probes: Probes, one: int, other: int) -> dict[str, Any]:
    """Echoes from a terminal to another."""
    mine = probes.of(one, other)
    return {
        "from": table.terminals[one],
        "to": table.terminals[other],
        "over": "satellites alone" if {(one, other), (other, one)} & set(table.pairs) else "their PoPs",
        "rtt": _rtt(planned_rtt_ms(table, one, mine.sent_s, other), mine.rtt_ms),
    }


def _not_probed(table: LinkTable, probes: Probes) -> list[str]:
    """Terminals that no echo was sent from to their PoP."""
    probed = set(probes.terminal[probes.towards == ITS_POP].tolist())
    return [name for n, name in enumerate(table.terminals) if n not in probed]


def _terminal(table: LinkTable, probes: Probes, n: int, ran_s: float) -> dict[str, Any]:
    mine = probes.of(n)
    sent_s, measured = mine.sent_s, mine.rtt_ms
    planned = planned_rtt_ms(table, n, sent_s)
    steps = _steps_run(table, ran_s)
    served = table.served[:steps, n]
    reasons = table.why[:steps, n][~served]
    return {
        "terminal": table.terminals[n],
        "anchor": table.anchors[table.anchor[n]],
        "served": _rounded(float(served.mean())) if steps else None,
        "not_served_because": {str(why): _rounded(float((reasons == why).sum() / steps)) for why in np.unique(reasons)},
        "rtt": _rtt(planned, measured),
        "hand_overs": list(hand_overs(table, n, sent_s, measured, ran_s)),
        "steps": [_step(table, n, step, sent_s, measured, planned) for step in range(steps)],
    }


def _links(table: LinkTable, stats: Stats, delivered: Seconds, n: int, ran_s: float) -> dict[str, Any]:
    """Rate and loss of each direction, planned and as delivered.

    Planned rates are those of steps that served, null where nothing limits. Loss is of what came to be lost or to pass:
    what was not served, or found the queue full, is neither.
    """
    steps = _steps_run(table, ran_s)
    served = table.served[:steps, n]
    found = {}
    for direction, name in ((UP, "up"), (DOWN, "down")):
        rates = table.rate_mbps[:steps, n, direction][served]
        bits = delivered.bytes[: int(np.ceil(ran_s)), n, direction] * 8.0
        lost, passed = (float(of[n, direction]) for of in (stats.drops[..., LOSS], stats.packets))
        found[name] = {
            "planned_mbps_p50": _quantile(np.where(np.isfinite(rates), rates, np.nan), 0.5),
            "delivered_mbps_mean": _rounded(float(bits.sum()) / 1e6 / max(ran_s, 1e-9)),
            "delivered_mbps_max": _rounded(float(bits.max(initial=0.0)) / 1e6),
            "planned_loss": _rounded(float(table.loss[:steps, n, direction][served].mean())) if served.any() else None,
            "measured_loss": round(lost / (lost + passed), 6) if lost + passed else None,
        }
    return found


def _steps_run(table: LinkTable, ran_s: float) -> int:
    """How many steps the run saw any of."""
    return int(min(table.steps, max(1, np.ceil((ran_s + table.into_s) / table.step_s - 1e-9))))


def _rtt(planned: Floats, measured: Floats) -> dict[str, Any]:
    """Planned against measured, of echoes that both have."""
    came, due = ~np.isnan(measured), ~np.isnan(planned)
    error = (measured - planned)[came & due]
    return {
        "echoes": len(measured),
        "lost_of_planned": int((due & ~came).sum()),
        "came_unplanned": int((came & ~due).sum()),
        "planned_ms_p50": _quantile(planned, 0.5),
        "measured_ms_p50": _quantile(measured, 0.5),
        "measured_ms_p95": _quantile(measured, 0.95),
        "error_ms_p50": _quantile(error, 0.5),
        "absolute_error_ms_p95": _quantile(np.abs(error), 0.95),
    }


def _step(table: LinkTable, n: int, step: int, sent_s: Floats, measured: Floats, planned: Floats) -> dict[str, Any]:
    within = (sent_s >= table.begins_s(step)) & (sent_s < table.begins_s(step + 1))
    begins_s = max(0.0, table.begins_s(step))
    satellite = int(table.satellite[step, n])
    return {
        "start": instant_text(table.begins + timedelta(seconds=begins_s)),
        "t_s": _rounded(begins_s),
        "served": bool(table.served[step, n]),
        "why": str(table.why[step, n]) or None,
        "because": str(table.because[step, n]).split(),
        "satellite": None if satellite == NOBODY else satellite,
        "hand_over": bool(table.hand_over[step, n]),
        **_rtt(planned[within], measured[within]),
    }


def hand_overs(table: LinkTable, n: int, sent_s: Floats, measured: Floats, ran_s: float) -> Iterator[dict[str, Any]]:
    """Each change of the serving satellite that was planned, with what was measured around it."""
    for step in np.flatnonzero(table.hand_over[: _steps_run(table, ran_s), n]).tolist():
        at_s = table.begins_s(step)
        before = (sent_s >= at_s - AROUND_S) & (sent_s < at_s)
        after = (sent_s >= at_s) & (sent_s < at_s + AROUND_S)
        edges = np.array([at_s - 1e-6, at_s + table.outage_s[step, n]])
        planned = table.rtt_ms(n, edges)
        yield {
            "t_s": _rounded(at_s),
            "from": int(table.satellite[step - 1, n]) if step else None,
            "to": int(table.satellite[step, n]),
            "planned_ms": [_number(planned[0]), _number(planned[1])],
            "measured_ms": [_quantile(measured[before], 0.5), _quantile(measured[after], 0.5)],
            "lost": int(np.isnan(measured[after]).sum()),
        }


def seconds(table: LinkTable, probes: Probes, delivered: Seconds, ran_s: float) -> Iterator[tuple[object, ...]]:
    """Rows of seconds.csv, in the order of SECONDS_COLUMNS: second after second, terminal after terminal."""
    to_pops = probes.where(probes.towards == ITS_POP)
    for second in range(int(min(np.ceil(ran_s), np.ceil(table.duration_s)))):
        step = int(table.step_at(np.array(float(second))))
        now = to_pops.where((to_pops.sent_s >= second) & (to_pops.sent_s < second + 1))
        for n, name in enumerate(table.terminals):
            measured = now.of(n).rtt_ms
            planned = planned_rtt_ms(table, n, np.array([second + 0.5]))[0]
            yield (
                second,
                name,
                bool(table.served[step, n]),
                str(table.why[step, n]),
                str(table.because[step, n]),
                int(table.satellite[step, n]),
                bool(table.hand_over[step, n]) and second == int(np.ceil(table.begins_s(step))),
                _number(planned),
                _quantile(measured, 0.5),
                len(measured),
                int(np.isnan(measured).sum()),
                _limit(table.rate_mbps[step, n, UP]),
                _limit(table.rate_mbps[step, n, DOWN]),
                _mbps(delivered, second, n, UP),
                _mbps(delivered, second, n, DOWN),
            )


def _mbps(delivered: Seconds, second: int, terminal: int, direction: int) -> float:
    if second >= len(delivered.bytes):
        return 0.0
    return _rounded(float(delivered.bytes[second, terminal, direction]) * 8.0 / 1e6)


def spans_not_served(table: LinkTable, n: int, ran_s: float) -> list[tuple[float, float, str]]:
    """(from, to, why) of every unbroken time without service, in seconds of the run."""
    found: list[tuple[float, float, str]] = []
    for step in range(_steps_run(table, ran_s)):
        if table.served[step, n]:
            continue
        rules = str(table.because[step, n])
        why = f"{table.why[step, n]} ({rules})" if rules else str(table.why[step, n])
        begins, ends = max(0.0, table.begins_s(step)), min(table.begins_s(step + 1), ran_s)
        if found and found[-1][2] == why and abs(found[-1][1] - begins) < 1e-9:
            found[-1] = (found[-1][0], ends, why)
        else:
            found.append((begins, ends, why))
    return found


def told(found: Mapping[str, Any]) -> Sequence[str]:
    """A summary in lines for people."""
    lines = []
    for one in found["terminals"]:
        rtt = one["rtt"]
        said = f"{one['terminal']} ↔ PoP {one['anchor']}: served {one['served']:.0%} of the time"
        lines.append(f"{said}{_trips(rtt)}; {counted(len(one['hand_overs']), 'hand-over')}; {_lost(rtt)}")
    lines += [
        f"{one['from']} ↔ {one['to']} over {one['over']}{_trips(one['rtt'])}; {_lost(one['rtt'])}"
        for one in found["between"]
    ]
    if found["not_probed"]:
        lines.append(f"No echoes were sent from {counted(len(found['not_probed']), 'terminal')}: see not_probed")
    drops = ", ".join(f"{cause} {count:,}" for cause, count in found["drops"].items() if count)
    lines.append(f"{found['packets']:,} packets; dropped: {drops or 'none'}")
    if found["capture_failed"]:
        lines.append(f"The capture lacks packets: {found['capture_failed']}.")
    if not found["valid"]:
        lines.append(f"INVALID: {found['invalid_because']}. Do not use these times.")
    return lines


def _trips(rtt: Mapping[str, Any]) -> str:
    if rtt["error_ms_p50"] is None:
        return ""
    return (
        f"; RTT planned {rtt['planned_ms_p50']:.2f} ms, measured {rtt['measured_ms_p50']:.2f} ms (medians; error "
        f"{rtt['error_ms_p50']:+.2f} ms, 95 of 100 within {rtt['absolute_error_ms_p95']:.2f} ms)"
    )


def _lost(rtt: Mapping[str, Any]) -> str:
    unplanned = f", {rtt['came_unplanned']} came unplanned" if rtt["came_unplanned"] else ""
    return f"{rtt['lost_of_planned']} of {rtt['echoes']} echoes lost{unplanned}"


def _quantile(values: Floats, share: float) -> float | None:
    values = values[~np.isnan(values)]
    return _rounded(float(np.quantile(values, share))) if len(values) else None


def _limit(mbps: float) -> float | None:
    return _rounded(float(mbps)) if np.isfinite(mbps) else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else _rounded(float(value))


def _rounded(value: float) -> float:
    return round(value, 4)
