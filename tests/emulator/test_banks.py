"""Two banks in shared memory: the step of an instant, whole or not at all."""

import os
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from openleo.emulator.banks import NS, Banks, Feeder, InPlace, may_write_ns
from openleo.emulator.table import Step


def step(terminals=2, delay_ms=10.0, rate_mbps=100.0, pairs=0, **other):
    made = Step(
        served=np.ones(terminals, bool),
        delay_ns=np.full((terminals, 2, 2), round(delay_ms * 1e6)),
        rate_mbps=np.full((terminals, 2), rate_mbps),
        loss=np.zeros((terminals, 2)),
        outage_s=np.zeros(terminals),
        direct_ns=np.full((pairs, 2), -1),
    )
    return replace(made, **other)


@pytest.fixture
def banks():
    made = Banks.create(2, pairs=1)
    yield made
    made.close()


def test_nothing_is_held_before_anything_is_written(banks):
    assert banks.at(0) is None
    assert banks.at(10**18) is None


def test_a_step_round_trips(banks):
    delays = np.arange(8).reshape(2, 2, 2)
    banks.write(
        3, 100, 200, step(pairs=1, delay_ns=delays, outage_s=np.array([0.0, 0.5]), served=np.array([True, False]))
    )
    held = banks.at(150)
    assert (held.number, held.begins_ns, held.ends_ns) == (3, 100, 200)
    assert held.rows[1] == (1, 2, 3, 80.0, 0.0, 0)  # terminal 0 down: 80 ns a byte is 100 Mbit/s
    assert held.rows[2] == (0, 4, 5, 0.0, 0.0, NS // 2)
    assert held.pairs == [(-1, -1)]
    assert banks.at(99) is None
    assert banks.at(200) is None, "the end belongs to the next step"


def test_two_steps_stand_side_by_side_and_a_third_takes_the_first_ones_place(banks):
    for n in (0, 1):
        banks.write(n, 100 * n, 100 * n + 100, step(pairs=1))
    assert (banks.at(50).number, banks.at(150).number) == (0, 1)
    banks.write(2, 200, 300, step(pairs=1))
    assert banks.at(50) is None
    assert banks.at(250).number == 2


def test_no_rate_is_no_service_and_infinite_rate_takes_no_time(banks):
    banks.write(0, 0, 1, step(pairs=1, rate_mbps=np.array([[0.0, np.inf], [1.0, 1.0]])))
    rows = banks.at(0).rows
    assert rows[0][0] == 0
    assert (rows[1][0], rows[1][3]) == (1, 0.0)


def test_a_step_that_was_written_again_is_found_again(banks):
    banks.write(3, 100, 200, step(pairs=1))
    held = banks.at(150)
    assert banks.newest(held) is held
    banks.write(3, 100, 200, step(pairs=1, served=np.array([True, False])))
    assert [row[0] for row in banks.newest(held).rows] == [1, 1, 0, 0]
    banks.write(5, 300, 400, step(pairs=1))
    assert banks.newest(held) is held, "another step stands there by now"


def test_another_mapping_of_the_same_memory_reads_the_same(banks):
    banks.write(0, 0, 10, step(pairs=1))
    other = Banks(os.dup(banks.fileno()), 2, 1)
    assert other.at(5) == banks.at(5)
    other.close()


def test_a_bank_that_is_being_written_is_not_believed(banks):
    banks.write(0, 0, 10, step(pairs=1))
    banks._tags[0]["sequence"] += 1
    assert banks.at(5) is None


def test_no_reader_sees_half_a_step():
    """A writer changes every number of a bank at once, over and over; a reader never finds two values in it."""
    banks = Banks.create(50)
    steps = [step(50, delay_ms=ms) for ms in (1.0, 2.0)]
    ended = threading.Event()

    def write():
        n = 0
        while not ended.is_set():
            banks.write(2 * n, 0, 10, steps[n % 2])  # even: always the same bank
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        held = banks.at(5)
        if held is not None:
            seen += 1
            assert len({row[1] for row in held.rows} | {row[2] for row in held.rows}) == 1
    ended.set()
    writer.join()
    banks.close()
    assert seen > 10


def test_the_feeder_is_half_a_step_ahead():
    banks = Banks.create(2)
    step_ns = NS // 5
    feeder = Feeder(banks, [step(delay_ms=n + 1) for n in range(4)], time.monotonic_ns() + step_ns, step_ns)
    feeder.start()
    ahead = []
    for n in range(4):
        middle = feeder.begins_ns + (n - 1) * step_ns + step_ns // 2
        time.sleep(max(0, middle - time.monotonic_ns()) / NS)
        held = banks.at(feeder.begins_ns + n * step_ns)
        ahead.append(held is not None and held.number == n)
    feeder.stop()
    banks.close()
    assert ahead == [True] * 4
    assert (feeder.written, feeder.late, feeder.error) == (4, 0, None)


@pytest.mark.parametrize(("from_s", "late"), [(0.0, 1), (5.0, 0)])
def test_a_step_that_began_before_the_run_is_not_late(from_s, late):
    banks, now_ns = Banks.create(2), time.monotonic_ns()
    feeder = Feeder(banks, [step()], now_ns - NS, 10 * NS, now_ns - NS + int(from_s * NS))
    feeder.run()
    held = banks.at(time.monotonic_ns())
    banks.close()
    assert held is not None
    assert (held.begins_ns, feeder.written, feeder.late) == (now_ns - NS, 1, late)


def test_a_correction_takes_the_place_of_the_step_before_it(banks):
    told = threading.Event()

    def steps():
        yield step(pairs=1)
        told.wait(5.0)
        yield InPlace(step(pairs=1, served=np.zeros(2, bool)))
        yield step(pairs=1)

    begins_ns = time.monotonic_ns() + NS // 10
    feeder = Feeder(banks, steps(), begins_ns, NS // 2)
    feeder.start()
    time.sleep(0.2)
    assert banks.at(begins_ns).rows[0][0] == 1
    told.set()
    feeder.join(2.0)
    assert banks.at(begins_ns).rows[0][0] == 0
    assert banks.at(begins_ns + NS // 2).number == 1
    assert (feeder.written, feeder.late) == (2, 0)


def test_a_step_that_nobody_knows_is_not_there():
    banks = Banks.create(2)
    feeder = Feeder(banks, [step(), None, step()], time.monotonic_ns() + NS // 20, NS // 20)
    feeder.start()
    feeder.join(5)
    held = [banks.at(feeder.begins_ns + n * feeder.step_ns) for n in range(3)]
    banks.close()
    assert [each and each.number for each in held] == [None, None, 2]  # 0 gave its bank to 2


def test_what_the_steps_raise_is_kept_for_the_run():
    def steps():
        yield step()
        raise RuntimeError("the controller has gone")

    banks = Banks.create(2)
    feeder = Feeder(banks, steps(), time.monotonic_ns(), NS)
    feeder.start()
    feeder.join(5)
    banks.close()
    assert str(feeder.error) == "the controller has gone"


@pytest.mark.parametrize("n", [2, 3, 10])
def test_a_bank_is_written_after_the_step_it_held_and_half_a_step_before_the_next(n):
    begins, length = 10**12, 15 * NS
    assert begins + (n - 1) * length < may_write_ns(n, begins, length) < begins + n * length - length // 2
