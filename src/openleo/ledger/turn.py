"""A ledger's one writer at a time: whoever comes second waits a moment for the first to end."""

from __future__ import annotations

import time
from collections.abc import Callable

TURN_S = 3.0  # a writer that is still there then is one that stays; an append takes milliseconds
AGAIN_S = 0.02


def in_turn(locks: Callable[[], bool]) -> bool:
    """Try until it succeeds or the wait is over."""
    ends = time.monotonic() + TURN_S
    while not (mine := locks()) and time.monotonic() < ends:
        time.sleep(AGAIN_S)
    return mine
