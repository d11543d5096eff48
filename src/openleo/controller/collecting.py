"""When Python looks for garbage in a running controller: what is there for good is not walked through every second.

A network, its rules and the libraries are millions of objects. To walk through them takes most of a second, in which
nobody is answered, and left to itself Python does so every few seconds while leases come and go.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

YOUNG, MIDDLE, OLD = 20_000, 20, 1_000_000  # objects, and collections, until the next: of the old ones never by itself
EVERY_S = 3_600.0  # everything that is not there for good
LOOK_S = 1.0


def collect_rarely(begun: Callable[[], bool], stopping: threading.Event) -> threading.Thread:
    """From when `begun` says that what stays is made, until `stopping`: in a thread of its own, which is started."""

    def run() -> None:
        while not begun():
            if stopping.wait(LOOK_S):
                return
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, OLD)
        while not stopping.wait(EVERY_S):
            gc.collect()

    thread = threading.Thread(target=run, name="garbage", daemon=True)
    thread.start()
    return thread
