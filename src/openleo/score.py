"""How believable: modelled round-trip times and rates of territories beside measured ones.

Takes modelled and measured rows; gives a Score: the errors, a naive model of distance alone fitted on the same rows,
the same network with nearest PoPs, and the rows that miss by most with the likely reason. A territory without a result
keeps its row and says why. Rates are compared where the model has any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.errors import InputError, Problem
from openleo.places.territories import territory_id
from openleo.reading import csv_rows

Floats = NDArray[np.float64]

NEEDED = ("iso3", "latency_p50_ms")
RATES = ("down_p50_mbps", "up_p50_mbps")
WAYS = ("down", "up")
SLOW_MS = 35.0  # the border between a territory served by bent pipe and one served over lasers or from far
WORST = 10
FAR_KM, LOADED_MBPS = 2000.0, 150.0
FEWEST = 5
FULL = 0.5  # a load from which others are felt
KM = 1000.0


@dataclass(frozen=True)
class Measured:
    """What users of a territory measured, medians; None where the table has nothing."""

    iso3: str
    rtt_ms: float
    down_mbps: float | None
    up_mbps: float | None


@dataclass(frozen=True)
class Modelled:
    """What the model says of a territory, and what is known of the ways there.

    rtt_ms: median over its people and the run, None with the reason in `why_missing`; nearest_pop_rtt_ms: the same with
    every gateway joined to its nearest PoP; centre_km: from the territory's centre to the nearest PoP; pop_km: from its
    people to their PoPs, in the mean; pops: those, the one that serves most people first.
    """

    iso3: str
    rtt_ms: float | None
    why_missing: str | None
    nearest_pop_rtt_ms: float | None
    centre_km: float
    pop_km: float = 0.0
    pops: tuple[str, ...] = ()
    fallback: bool = False
    down_mbps: float | None = None  # what a user's test of the line finds, median over subscribers and a day's hours
    up_mbps: float | None = None
    subscribers: float | None = None  # who are assumed; None: rates are not computed
    load: float | None = None  # asked for down over what can be brought, busiest hour, median over subscribers' cells
    terminal_mbps: tuple[float, float] | None = None  # the most that one terminal takes and sends
    bound_by: str | None = None  # what stops most subscribers' cells from having more, over the day


@dataclass(frozen=True)
class Row:
    """One territory, both sides."""

    measured: Measured
    modelled: Modelled

    @property
    def error_ms(self) -> float | None:
        """Modelled minus measured."""
        return None if self.modelled.rtt_ms is None else self.modelled.rtt_ms - self.measured.rtt_ms

    def rates_mbps(self, way: str) -> tuple[float, float] | None:
        """(modelled, measured) "down" or "up"; None where either is not known."""
        one, other = getattr(self.modelled, f"{way}_mbps"), getattr(self.measured, f"{way}_mbps")
        return None if one is None or other is None else (one, other)

    def as_json(self) -> dict[str, Any]:
        model = self.modelled
        return {
            "iso3": model.iso3,
            "rtt_ms": model.rtt_ms,
            "measured_rtt_ms": self.measured.rtt_ms,
            "error_ms": None if self.error_ms is None else round(self.error_ms, 3),
            "nearest_pop_rtt_ms": model.nearest_pop_rtt_ms,
            "down_mbps": model.down_mbps,
            "measured_down_mbps": self.measured.down_mbps,
            "up_mbps": model.up_mbps,
            "measured_up_mbps": self.measured.up_mbps,
            "subscribers": None if model.subscribers is None else round(model.subscribers, 1),
            "load": None if model.load is None or not np.isfinite(model.load) else round(model.load, 3),
            "bound_by": model.bound_by,
            "pops": list(model.pops),
            "why_missing": model.why_missing,
        }


@dataclass(frozen=True)
class Score:
    """The rows in the order of the measured table; `notes`: what was assumed on the way."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    intervals: Mapping[str, Any] | None = None  # of draws of what is not known, as in the JSON; None: nothing was drawn

    @cached_property
    def found(self) -> tuple[Row, ...]:
        """The rows with a result."""
        return tuple(row for row in self.rows if row.modelled.rtt_ms is not None)

    @cached_property
    def error_ms(self) -> Floats:
        """Of the rows with a result, modelled minus measured."""
        return np.array([row.error_ms for row in self.found], dtype=np.float64)

    @cached_property
    def naive(self) -> tuple[float, float]:
        """(ms, ms per 1,000 km): the line of least squares over the distance from centre to nearest PoP."""
        return least_squares_line(self._centre_1000km, self._measured_ms)

    @property
    def naive_error_ms(self) -> Floats:
        return self._off_line(*self.naive)

    def _off_line(self, at_zero: float, slope: float) -> Floats:
        return at_zero + slope * self._centre_1000km - self._measured_ms

    @property
    def _centre_1000km(self) -> Floats:
        return np.array([row.modelled.centre_km for row in self.found]) / KM

    @property
    def _measured_ms(self) -> Floats:
        return np.array([row.measured.rtt_ms for row in self.found])

    @property
    def worst(self) -> tuple[Row, ...]:
        """The rows that miss by most."""
        return tuple(sorted(self.found, key=lambda row: (-abs(row.error_ms or 0.0), row.modelled.iso3))[:WORST])

    def as_json(self) -> dict[str, Any]:
        return {
            **self.figures(),
            "worst": [
                {"iso3": row.modelled.iso3, "error_ms": round(row.error_ms or 0.0, 3), "likely": likely_reason(row)}
                for row in self.worst
            ],
            **{f"worst_{way}": self._worst_rates_json(way) for way in WAYS},
            "territories": [row.as_json() for row in self.rows],
            "intervals": self.intervals,
            "notes": list(self.notes),
        }

    def figures(self) -> dict[str, dict[str, Any]]:
        """How round trips and rates compare: of "rtt", "down", "up"."""
        return {"rtt": self._rtt_json(), **{way: self._rate_json(way) for way in WAYS}}

    def _rtt_json(self) -> dict[str, Any]:
        if not self.found:
            names = ("mae_ms", "median_abs_ms", "bias_ms", "naive_mae_ms", "nearest_pop_mae_ms", "p90_abs_ms",
                     "mae_ms_95", "spearman", "spearman_95", "balanced_accuracy_35_ms", "naive_ms",
                     "naive_ms_per_1000_km", "naive_least_absolute_mae_ms")  # fmt: skip
            return {"n": 0, **dict.fromkeys(names)}
        size = np.abs(self.error_ms)
        nearest = [(row.modelled.nearest_pop_rtt_ms, row.measured.rtt_ms) for row in self.found]
        apart = [abs(near - measured) for near, measured in nearest if near is not None]
        modelled = self.error_ms + self._measured_ms
        best = least_absolute_line(self._centre_1000km, self._measured_ms)  # no line over distance does better
        return {
            "n": len(self.found),
            "mae_ms": _rounded(size.mean()),
            "median_abs_ms": _rounded(np.median(size)),
            "bias_ms": _rounded(self.error_ms.mean()),
            "naive_mae_ms": _rounded(np.abs(self.naive_error_ms).mean()),
            "nearest_pop_mae_ms": _rounded(np.mean(apart)) if apart else None,
            "p90_abs_ms": _rounded(np.quantile(size, 0.9)),
            "mae_ms_95": _between(self._intervals["mae_ms"]),
            "spearman": _rounded(spearman(modelled, self._measured_ms)),
            "spearman_95": _between(self._intervals["rtt"]),
            "balanced_accuracy_35_ms": _rounded(balanced_accuracy(modelled > SLOW_MS, self._measured_ms > SLOW_MS)),
            "naive_ms": _rounded(self.naive[0]),
            "naive_ms_per_1000_km": _rounded(self.naive[1]),
            "naive_least_absolute_mae_ms": _rounded(np.abs(self._off_line(*best)).mean()),
        }

    def rates_mbps(self, way: str) -> Floats:
        """(modelled, measured) of the rows that have both, axes (row, side)."""
        pairs = [pair for row in self.rows if (pair := row.rates_mbps(way)) is not None]
        return np.array(pairs, dtype=np.float64).reshape(-1, 2)

    def worst_rates(self, way: str) -> tuple[tuple[Row, float], ...]:
        """(row, modelled minus measured in Mbit/s) of the rows whose rate misses by most."""
        both = [(row, pair[0] - pair[1]) for row in self.rows if (pair := row.rates_mbps(way)) is not None]
        return tuple(sorted(both, key=lambda one: (-abs(one[1]), one[0].modelled.iso3))[:WORST])

    def _worst_rates_json(self, way: str) -> list[dict[str, Any]]:
        return [
            {
                "iso3": row.modelled.iso3,
                "error_mbps": round(error, 3),
                "likely": likely_reason_of_rate(row, way, error),
            }
            for row, error in self.worst_rates(way)
        ]

    def _rate_json(self, way: str) -> dict[str, Any]:
        pairs = self.rates_mbps(way)
        if not len(pairs):
            return {"n": 0, **dict.fromkeys(("spearman", "spearman_95", "mae_mbps", "bias_mbps"))}
        error = pairs[:, 0] - pairs[:, 1]
        return {
            "n": len(pairs),
            "spearman": _rounded(spearman(*pairs.T)),
            "spearman_95": _between(self._intervals[way]),
            "mae_mbps": _rounded(np.abs(error).mean()),
            "bias_mbps": _rounded(error.mean()),
        }

    @cached_property
    def _intervals(self) -> dict[str, tuple[float, float] | None]:
        """Of the rank correlations and the mean error, over territories drawn anew."""
        modelled = self.error_ms + self._measured_ms
        return {
            "rtt": bootstrap(spearman, modelled, self._measured_ms),
            "mae_ms": bootstrap(mean_size, self.error_ms),
            **{way: bootstrap(spearman, *self.rates_mbps(way).T) for way in WAYS},
        }


def _between(ends: tuple[float, float] | None) -> list[float] | None:
    return None if ends is None else [round(end, 3) for end in ends]


def _rounded(value: float | np.floating[Any] | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 3)


# --- statistics ---------------------------------------------------------------------------------------------------


def ranks(values: Floats) -> Floats:
    """From 1; equal values share the mean of their ranks."""
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2.0)[code], dtype=np.float64)


def spearman(one: Floats, other: Floats) -> float | None:
    """The rank correlation; None where either side has no two values."""
    if len(one) < 2 or np.ptp(one) == 0.0 or np.ptp(other) == 0.0:
        return None
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1])


def mean_size(error: Floats) -> float:
    """The mean absolute error."""
    return float(np.abs(error).mean())


def bootstrap(
    figure: Callable[..., float | None], *columns: Floats, draws: int = 2000, seed: int = 0, percent: float = 95.0
) -> tuple[float, float] | None:
    """The middle `percent` of a figure over rows drawn anew, with replacement; columns: axes (row,).

    None where the figure has no value, and for fewer than FEWEST rows, of which draws are too much alike.
    """
    rows = len(columns[0])
    if rows < FEWEST:
        return None
    drawn = np.random.default_rng(seed).integers(0, rows, (draws, rows))
    found = [value for some in drawn if (value := figure(*(column[some] for column in columns))) is not None]
    if len(found) < draws / 2:
        return None
    low, high = np.percentile(found, [50.0 - percent / 2.0, 50.0 + percent / 2.0])
    return float(low), float(high)


def balanced_accuracy(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> float | None:
    """The mean of the shares that are told rightly of either kind; None where there is only one kind."""
    if true.all() or not true.any():
        return None
    return float((said[true].mean() + (~said[~true]).mean()) / 2.0)


def least_squares_line(x: Floats, y: Floats) -> tuple[float, float]:
    """(value at 0, slope); a level line where all x are equal."""
    if len(x) < 2 or np.ptp(x) == 0.0:
        return (float(y.mean()) if len(y) else 0.0), 0.0
    slope = float(np.cov(x, y, bias=True)[0, 1] / x.var())
    return float(y.mean() - slope * x.mean()), slope


def least_absolute_line(x: Floats, y: Floats) -> tuple[float, float]:
    """(value at 0, slope) of the line with the least sum of absolute errors: one of those through two of the points."""
    if len(x) == 0 or np.ptp(x) == 0.0:
        return (float(np.median(y)) if len(y) else 0.0), 0.0
    i, j = np.triu_indices(len(x), 1)
    apart = x[i] != x[j]
    i, j = i[apart], j[apart]
    slope = (y[j] - y[i]) / (x[j] - x[i])
    at_zero = y[i] - slope * x[i]
    total = np.concatenate(
        [
            np.abs(at_zero[some, np.newaxis] + slope[some, np.newaxis] * x - y).sum(axis=1)
            for some in np.array_split(np.arange(len(slope)), max(1, len(slope) * len(x) // 1_000_000))
        ]
    )
    best = int(total.argmin())
    return float(at_zero[best]), float(slope[best])


def likely_reason(row: Row) -> str:
    """Why a territory may miss, from what is known of its ways: the first that applies. No proof."""
    model, error = row.modelled, row.error_ms or 0.0
    if model.fallback:
        return "no row in the table of serving PoPs: the nearest PoP is taken"
    if len(model.pops) > 1:
        return f"several PoPs ({', '.join(model.pops)}): which of them serves how many is known by addresses alone"
    slow = error < 0.0 and row.measured.down_mbps is not None
    if slow and (row.measured.down_mbps or 0.0) < LOADED_MBPS:
        return f"{row.measured.down_mbps:g} Mbit/s down: waiting under load is not modelled"
    if model.pop_km > FAR_KM:
        far = f"{model.pop_km:,.0f} km to {', '.join(model.pops)} over lasers"
        return f"{far}: the ways in use are longer than modelled" if error < 0.0 else f"{far}: shorter in use"
    if error < 0.0:
        return "measured slower than a bent pipe to the PoP: users land farther off, or at a PoP that is not listed"
    return "measured faster: a gateway or PoP nearer than those listed, or less waiting than elsewhere"


def likely_reason_of_rate(row: Row, way: str, error_mbps: float) -> str:
    """Why a territory's rate may miss, from what the model says of it: the first that applies. No proof."""
    model = row.modelled
    rate, most = getattr(model, f"{way}_mbps"), (model.terminal_mbps or (np.inf, np.inf))[WAYS.index(way)]
    who = f"{model.subscribers or 0.0:,.0f} subscribers are assumed"
    if rate >= most:
        slower = "plans sold there may be slower, terminals older, or more may subscribe"
        return f"modelled is the most of a terminal: {slower if error_mbps > 0.0 else 'terminals in use take more'}"
    if way == "up" or model.load is None or not np.isfinite(model.load):
        return f"{who}: {'more' if error_mbps > 0.0 else 'fewer'} would fit"
    bound = f", bound by {model.bound_by}" if model.bound_by not in (None, "demand", "terminal") else ""
    full = f"load {model.load:.2g} in the busiest hour{bound}, where {who}"
    if error_mbps > 0.0:
        return f"{full}: more would fit, or slower plans"
    return (
        f"{full}: fewer would fit, or more capacity" if model.load > FULL else f"{full}: fewer satellites than in use"
    )


# --- the table ----------------------------------------------------------------------------------------------------


def read_measured(path: Path, option: str = "--measured") -> tuple[Measured, ...]:
    """The rows of a CSV: iso3, latency_p50_ms, and, if there, down_p50_mbps and up_p50_mbps.

    Raises InputError with every fault.
    """
    file = str(path)
    rows = csv_rows(path, option, NEEDED, f"Measurements need {', '.join(NEEDED)}; {', '.join(RATES)} may be left out.")
    problems: list[Problem] = []
    first: dict[str, int] = {}
    found = []
    for line, row in rows:
        iso3 = str(row["iso3"] or "").strip()
        faults = []
        if territory_id(iso3) != iso3 or "." in iso3:
            faults.append((f'there is no territory "{iso3}".', "Write ISO 3166-1 alpha-3, such as TWN."))
        elif iso3 in first:
            faults.append((f"{iso3} is there twice: line {first[iso3]} has it.", "Keep one row."))
        first.setdefault(iso3, line)
        rtt, fault = _positive(row, NEEDED[1], needed=True)
        down, up = (_positive(row, name, needed=False) for name in RATES)
        faults += [(one, "") for one in (fault, down[1], up[1]) if one]
        problems += [Problem(file, f"line {line}", rule, out) for rule, out in faults]
        found.append(Measured(iso3, rtt or 0.0, down[0], up[0]))
    if not rows:
        problems.append(Problem(file, "", "holds no territory."))
    if problems:
        raise InputError(problems)
    return tuple(found)


def _positive(row: Mapping[str, str | None], name: str, *, needed: bool) -> tuple[float | None, str]:
    """(a number above 0 or None where there is none, what is wrong with it)."""
    words = str(row.get(name) or "").strip()
    if not words and not needed:
        return None, ""
    try:
        value = float(words)
    except ValueError:
        return None, f"has {name} {words!r}, which is no number."
    if not 0.0 < value < np.inf:
        return None, f"has {name} {words}; it is a number above 0."
    return value, ""


def as_rows(measured: Sequence[Measured], modelled: Mapping[str, Modelled]) -> tuple[Row, ...]:
    """Both sides of each territory, in the order of the measurements."""
    return tuple(Row(one, modelled[one.iso3]) for one in measured)
