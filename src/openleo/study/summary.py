"""A study in a few numbers: over all runs, where each figure of a territory lies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.study import dataset

FIGURES = ("can_serve", "served", "rtt_ms_p50", "rtt_ms_p95", "down_mbps_p50", "up_mbps_p50")
GROUP = ("territory", "under", "class")
QUANTILES = {"min": 0.0, "p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
DECIMALS = 6


def summary_of(path: Path) -> dict[str, Any]:
    """The figures of a dataset, as study.json has them."""
    table = dataset.read(path)
    said = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in (*GROUP, *FIGURES)}
    keys = list(zip(*(columns[name] for name in GROUP), strict=True))
    number = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    group = np.array([number[key] for key in keys], np.intp)
    return {
        **said,
        "runs": len(np.unique(table.column("run").to_numpy())),
        "factors": dataset.factors_of(table),
        "territories": [
            {
                **dict(zip(GROUP, key, strict=True)),
                "runs": int((group == own).sum()),
                **{name: spread(columns[name][group == own].astype(np.float64)) for name in FIGURES},
            }
            for key, own in number.items()
        ],
    }


def spread(values: NDArray[np.float64]) -> dict[str, float] | None:
    """Least, 5th percentile, median, 95th, greatest and mean of the values that exist; None where there are none.

    >>> spread(np.array([1.0, 3.0, np.nan]))
    {'min': 1.0, 'p5': 1.1, 'p50': 2.0, 'p95': 2.9, 'max': 3.0, 'mean': 2.0}
    """
    there = values[~np.isnan(values)]
    if not len(there):
        return None
    found: Sequence[float] = np.quantile(there, list(QUANTILES.values())).tolist()
    rounded = {name: round(value, DECIMALS) for name, value in zip(QUANTILES, found, strict=True)}
    return {**rounded, "mean": round(float(there.mean()), DECIMALS)}
