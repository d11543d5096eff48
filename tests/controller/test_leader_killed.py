"""A leader that is killed, or stopped and woken, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, select

from openleo.controller.clock import SystemClock
from openleo.controller.database import reading
from openleo.controller.leader import Leader
from openleo.controller.tables import known

BEAT_S, PATIENCE_S = 0.2, 2.0
LEADS = f"""
import sys, time
from openleo.controller import database
from openleo.controller.clock import SystemClock
from openleo.controller.leader import Leader
from openleo.controller.tables import known

engine = database.connect(sys.argv[1])
leader = Leader(engine, SystemClock(), "killed", {BEAT_S}, {PATIENCE_S})
token = leader.step().token
print(token, flush=True)
while True:
    leader.step()
    try:
        with database.writing(engine, token) as connection:
            database.put(connection, known, name="wrote", value=str(token))
    except database.Fenced:
        print("fenced", flush=True)
        break
    except database.Unavailable:
        pass
    time.sleep(0.01)
"""


@contextmanager
def leading(engine: Engine) -> Iterator[subprocess.Popen[str]]:
    address = engine.url.render_as_string(hide_password=False)
    with subprocess.Popen([sys.executable, "-c", LEADS, address], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "1\n"
            yield process
        finally:
            process.kill()


def takes_over(engine: Engine, stop: Callable[[], None]) -> float:
    """How long after the other was stopped; it has been seen alive before."""
    standing_by = Leader(engine, SystemClock(), "stands by", BEAT_S, PATIENCE_S)
    for _ in range(5):
        assert not standing_by.step().leading
        time.sleep(BEAT_S)
    stop()
    begun_s = time.monotonic()
    while not standing_by.step().leading:
        time.sleep(BEAT_S)
        assert time.monotonic() - begun_s < 30, standing_by.unavailable
    assert standing_by.role.token == 2
    return time.monotonic() - begun_s


def test_where_the_leader_is_killed_another_takes_over_within_twice_the_patience(engine: Engine) -> None:
    with leading(engine) as process:
        took_s = takes_over(engine, process.kill)
    assert took_s <= 2 * PATIENCE_S
    with reading(engine) as connection:
        assert connection.execute(select(known.c.value)).scalar_one() == "1"


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)  # SQLite's file would stay locked in its sleep
def test_who_sleeps_through_a_take_over_wakes_up_fenced(engine: Engine) -> None:
    with leading(engine) as process:
        takes_over(engine, lambda: os.kill(process.pid, signal.SIGSTOP))
        os.kill(process.pid, signal.SIGCONT)
        assert process.stdout is not None
        assert process.stdout.readline() == "fenced\n"
