"""Masks over time: a rule set has a state between two changes of its windows, and each state has one mask.

Takes a rule set and an index of cells; gives the mask of any instant. Weekly periods come back to states that were
there before, and to their masks, as long as they are kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock

from openleo.places.cell_index import CellIndex
from openleo.policy.entries import timed_entries
from openleo.policy.mask_world import Entry, WorldMask, compute
from openleo.policy.rules import AppliesTo, RuleSet

MOST_KEPT = 8  # masks: one of resolution 5 and up to 64 classes takes 32 MB


class Masks:
    """The masks of a rule set for classes (default: all that it knows), the `most_kept` used last."""

    def __init__(
        self,
        rule_set: RuleSet,
        index: CellIndex,
        classes: Sequence[str] | None = None,
        applies_to: AppliesTo = "terminal",
        most_kept: int = MOST_KEPT,
    ):
        self.rule_set, self.index = rule_set, index
        self.classes = rule_set.classes if classes is None else tuple(classes)
        timed = timed_entries(rule_set, self.classes, applies_to)
        self._entries = tuple(one.entry for one in timed)
        # Bit w of a state: window w holds. Rules without a window have none of their own.
        self._windows = tuple(dict.fromkeys(one.window for one in timed if not one.window.always))
        number = {window: number for number, window in enumerate(self._windows)}
        self._window_of = tuple(number.get(one.window, -1) for one in timed)
        self._most_kept = max(most_kept, 1)
        self._kept: OrderedDict[int, WorldMask] = OrderedDict()
        self._lock = Lock()
        self._making: dict[int, Lock] = {}

    def at(self, instant: datetime) -> WorldMask:
        """Who may be served at an instant. Of several threads that ask for one state the first makes its mask."""
        state = self.state(instant)
        with self._lock:
            if (found := self._found(state)) is not None:
                return found
            making = self._making.setdefault(state, Lock())
        with making:
            with self._lock:
                if (found := self._found(state)) is not None:
                    return found
            made = compute(self.index, self._in_force(state), self.classes)
            with self._lock:
                self._kept[state] = made
                self._making.pop(state, None)
                while len(self._kept) > self._most_kept:
                    self._kept.popitem(last=False)
        return made

    def _found(self, state: int) -> WorldMask | None:
        if (found := self._kept.get(state)) is not None:
            self._kept.move_to_end(state)
        return found

    def state(self, instant: datetime) -> int:
        """Which of the windows hold, a bit each: equal states have one mask."""
        return sum(window.holds(instant) << number for number, window in enumerate(self._windows))

    def rules_in_force(self, instant: datetime) -> int:
        """How many rules speak to one of the classes at an instant."""
        return len(self._in_force(self.state(instant)))

    def next_change(self, instant: datetime) -> datetime | None:
        """The first instant after this one at which another rule is in force; None: nothing changes any more.

        Until then the mask is one and the same. It may be the same afterwards, too.
        """
        changes = (window.next_change(instant) for window in self._windows)
        return min((change for change in changes if change is not None), default=None)

    def _in_force(self, state: int) -> list[Entry]:
        chosen = zip(self._entries, self._window_of, strict=True)
        return [entry for entry, window in chosen if window < 0 or (state >> window) & 1]
