"""What is out of order now, each thing by one name; told once when it begins, and once when it is over."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Alarm:
    """`why`: in one sentence; empty where it is over."""

    name: str
    why: str

    def as_json(self) -> dict[str, str | bool]:
        return {"alarm": self.name, "over": not self.why, "why": self.why}


class Alarms:
    """From any thread. What changes its words alone is not told again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: dict[str, str] = {}
        self._untold: dict[str, Alarm] = {}

    def set(self, name: str, why: str | None) -> None:
        """Something is out of order; nothing where there is no reason."""
        if not why:
            self.clear(name)
            return
        with self._lock:
            if name not in self._on:
                self._change(Alarm(name, why))
            self._on[name] = why

    def clear(self, name: str) -> None:
        """It is in order."""
        with self._lock:
            if self._on.pop(name, None) is not None:
                self._change(Alarm(name, ""))

    def _change(self, alarm: Alarm) -> None:
        """What began and was over before anybody was told is told all the same."""
        key = alarm.name if alarm.why else f"{alarm.name} over"
        self._untold.pop(key, None)
        self._untold[key] = alarm

    @property
    def now(self) -> dict[str, str]:
        """Those that are on, by name."""
        with self._lock:
            return dict(sorted(self._on.items()))

    def untold(self) -> Sequence[Alarm]:
        """What nobody was told yet, in order."""
        with self._lock:
            return tuple(self._untold.values())

    def told(self, those: Sequence[Alarm]) -> None:
        """It stands in the table of events."""
        with self._lock:
            self._untold = {key: one for key, one in self._untold.items() if one not in those}
