"""What all tests share: how Hypothesis draws, and what the garbage collector leaves alone."""

from __future__ import annotations

import gc

from hypothesis import HealthCheck, settings

# As the profile in force (under CI: the same examples each time), but no example is late: a busy machine is no fault.
settings.register_profile("unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it again and again took an eighth of the run.

    Garbage is collected as before among what the tests make; `gc.collect()` in a test still does.
    """
    gc.collect()
    gc.freeze()
