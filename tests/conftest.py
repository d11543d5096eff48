"""What all tests share: how Hypothesis draws, what the garbage collector leaves alone, and a PostgreSQL."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import postgres_server

# As the profile in force (under CI: the same examples each time), but no example is late: a busy machine is no fault.
settings.register_profile("unhurried", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it again and again took an eighth of the run.

    Garbage is collected as before among what the tests make, all of that ten times more rarely. `gc.collect()` in a
    test still does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 100)


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.Server]:
    """A server of this process' own, started for the first test that asks for it."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install openleo[postgres]")
    if not postgres_server.installed():
        pytest.skip(postgres_server.NOT_INSTALLED)
    with postgres_server.cluster() as server:
        yield server
