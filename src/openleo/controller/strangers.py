"""Terminals that were heard and that no registry knows: so many of them, as anybody can make ids up.

Ids that nobody signed are no proof of anything: they are noted for people to look at, and hold nothing.
"""

from __future__ import annotations

import threading

MOST = 500  # in a look
MOST_NAMES = 5_000  # ever, by one process: detectors remember each


class Strangers:
    """Ids, and when each was heard last."""

    def __init__(self, most: int = MOST, most_names: int = MOST_NAMES):
        self._most, self._most_names = most, most_names
        self._heard: dict[str, float] = {}
        self._names: set[str] = set()
        self.left_out = 0  # heard, and not noted as there was no room
        self._lock = threading.Lock()

    def note(self, terminal: str, at_s: float) -> None:
        """One was heard."""
        with self._lock:
            known = terminal in self._names or len(self._names) < self._most_names
            if not known or (terminal not in self._heard and len(self._heard) >= self._most):
                self.left_out += 1
                return
            self._names.add(terminal)
            self._heard[terminal] = at_s

    def take(self) -> list[tuple[str, float]]:
        """Those since the last time."""
        with self._lock:
            found, self._heard = self._heard, {}
        return sorted(found.items())
