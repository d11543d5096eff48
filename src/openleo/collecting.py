"""When Python looks for garbage where it must not pause: what is there for good is not walked through every second.

A network, its rules and the libraries are millions of objects. To walk through them takes most of a second, in which
nobody is answered, and left to itself Python does so every few seconds while leases come and go.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

# Objects, and collections, until the next. A thousand are still in the processor's caches, and are looked through in
# a millisecond; of twenty thousand that took 0.1 s, and of those that had stayed 0.2 s: these never by themselves.
YOUNG, MIDDLE, OLD = 1_000, 1_000_000, 1_000_000
EVERY_S = 3_600.0  # everything that is not there for good
LOOK_S = 1.0


def leave_what_is_there() -> None:
    """What is there now is looked through once more and never again; what comes after it is, while it is young."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def collect_rarely(begun: Callable[[], bool], stopping: threading.Event) -> threading.Thread:
    """From when `begun` says that what stays is made, until `stopping`: in a thread of its own, which is started."""

    def run() -> None:
        while not begun():
            if stopping.wait(LOOK_S):
                return
        leave_what_is_there()
        while not stopping.wait(EVERY_S):
            gc.collect()

    thread = threading.Thread(target=run, name="garbage", daemon=True)
    thread.start()
    return thread
