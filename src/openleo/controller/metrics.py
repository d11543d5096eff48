"""What a controller counts of itself, for Prometheus: GET /metrics. Names, labels and meanings stand here alone.

Labels hold no name of a terminal, an account or a person: their number is bounded, and metrics are read by many.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)  # a slot's length is the last that fits
ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)  # of a commit
_KINDS: dict[str, Any] = {
    "counter": Counter, "gauge": Gauge, "seconds": partial(Histogram, buckets=SECONDS),
    "rows": partial(Histogram, buckets=ROWS),
}  # fmt: skip


class Metrics:
    """The measures of one controller, in a registry of its own: several can run in one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._made: dict[str, Any] = {
            name: _KINDS[kind](f"openleo_{name}", said, labels, registry=self._registry)
            for name, (kind, said, labels) in MEASURES.items()
        }
        self._labelled: dict[tuple[object, ...], Any] = {}  # the library takes longer to find one than to count

    def count(self, name: str, by: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        self._of(name, labels).inc(by)

    def set(self, name: str, value: float, **labels: str) -> None:
        """What a gauge shows from now on."""
        self._of(name, labels).set(value)

    def only(self, name: str, label: str, values: Mapping[str, float]) -> None:
        """What a gauge shows from now on by its one label, and no others."""
        self._made[name].clear()
        self._labelled = {}
        for value, shown in values.items():
            self.set(name, shown, **{label: value})

    def took(self, name: str, observed: float, **labels: str) -> None:
        """One more observation, of a duration or of rows."""
        self._of(name, labels).observe(observed)

    def text(self) -> bytes:
        """All of them in Prometheus's text format 0.0.4."""
        return generate_latest(self._registry)

    def _of(self, name: str, labels: dict[str, str]) -> Any:
        if not labels:
            return self._made[name]
        key = (name, *labels.items())
        if (found := self._labelled.get(key)) is None:
            found = self._labelled[key] = self._made[name].labels(**labels)
        return found


MEASURES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "leading": ("gauge", "1 while this controller leads, 0 while it stands by.", ()),
    "leadership_changes_total": ("counter", "How often this controller took or lost the lead.", ("to",)),
    "slot_number": ("gauge", "The slot that is in force.", ()),
    "slot_seconds": ("seconds",
                     "What the steps of a slot took: read (the ledger), compute, enforce, store, apply.", ("step",)),
    "slots_total": ("counter", "Slots that began, by what their plan is: whole, degraded, or none.", ("plan",)),
    "slots_late_total": ("counter", "Slots whose plan was not stored before they began, or that had none.", ()),
    "cells": ("gauge", "Cells of the plan in force, by the reason that they are not served for; served otherwise.",
              ("reason",)),
    "leases": ("gauge", "Leases that hold in the slot in force.", ()),
    "lease_requests_total": ("counter",
                             "Requests for leases by outcome: given, refused, or why not decided.", ("outcome",)),
    "lease_seconds": ("seconds", "From a request for a lease to its answer.", ()),
    "commit_rows": ("rows", "Leases that one commit wrote.", ()),
    "ledger_size": ("gauge", "Entries of the ledger that were verified and followed.", ()),
    "ledger_age_seconds": ("gauge", "How long ago the ledger was last read and found in order.", ()),
    "witnessed": ("gauge", "1 where the checkpoint in force is witnessed as the roster asks, 0 where not.", ()),
    "alerts": ("gauge", "Alerts that stand, by kind.", ("kind",)),
    "database_up": ("gauge", "1 while the database answers.", ()),
    "clock_jump_seconds": ("gauge", "The jump of the wall clock that waits to be confirmed; 0: none.", ()),
    "ephemeris_age_seconds": ("gauge", "Middle age of the elements in use; 0 where orbits are filed shells.", ()),
    "evidence_open": ("gauge", "Evidence of misuse that nobody has reviewed, by kind.", ("kind",)),
    "events_clients": ("gauge", "Clients that listen to events.", ()),
    "http_requests_total": ("counter", "Requests, by route and status.", ("method", "route", "status")),
    "http_seconds": ("seconds", "From a request to its answer.", ("route",)),
}  # fmt: skip
