"""What happens to each packet, with no kernel and no clock: stages, drops by their cause, and order."""

from dataclasses import replace

import pytest
from sorted_queue import SortedLines

from openleo.emulator.banks import NS, HeldStep
from openleo.emulator.carrier import Carrier
from openleo.emulator.counts import CAUSES

MS = 1_000_000
ROW = (1, 10 * MS, 10 * MS, 0.0, 0.0, 0)  # served, 10 ms, no limit, no loss, no outage
POP_A, POP_B = 3, 4  # after three terminals
FIBRE = 7 * MS


class Plan:
    """Steps of a second each, from 0."""

    def __init__(self, *steps):
        self.steps = {step.number: step for step in steps}

    def at(self, now_ns):
        return self.steps.get(now_ns // NS)

    def newest(self, held):
        return self.steps.get(held.number, held)


def held(n=0, rows=(), **every):
    fields = dict(zip(("served", "first", "last", "byte", "loss", "outage"), ROW, strict=True)) | every
    return HeldStep(n, n * NS, (n + 1) * NS, list(rows) or [tuple(fields.values())] * 6, [(3 * MS, 3 * MS), (-1, -1)])


def carrier(*steps, chance=lambda: 0.5, queue_ns=NS, **more):
    """Terminals 0 and 1 at PoP A, 2 at PoP B; 0 and 1 joined over satellites; 1 and 2 would be, had they a path."""
    backbone = [[0, FIBRE], [FIBRE, 0]]
    return Carrier(Plan(*steps), [0, 0, 1], backbone, [queue_ns, queue_ns], [[0, 1], [1, 2]], chance, **more)


def delivered(carries, until_ns=100 * NS):
    """(receiver, packet, release) in order; each at its very instant."""
    out = []
    while (next_ns := carries.lines.next_ns) is not None and next_ns <= until_ns:
        while (due := carries.due(next_ns)) is not None:
            receiver, packet, release_ns, _ = due
            out.append((receiver, packet, release_ns))
    return out


def dropped(carries):
    return {(shaper, CAUSES[cause]): count for (shaper, cause), count in carries.tally.drops.items()}


@pytest.mark.parametrize(
    ("sender", "receiver", "way_ms"),
    [
        (0, POP_A, 10),  # up to its own PoP
        (POP_A, 0, 10),
        (0, POP_B, 17),  # and on through fibre
        (POP_B, 0, 17),
        (POP_A, POP_B, 7),
        (0, 2, 27),  # up, fibre, down
        (0, 1, 3),  # over satellites alone
        (1, 0, 3),
    ],
)
def test_the_way_of_a_packet(sender, receiver, way_ms):
    carries = carrier(held())
    carries.accept(sender, receiver, b"x", 1000, 0)
    assert delivered(carries) == [(receiver, b"x", way_ms * MS)]


def test_terminals_of_one_pop_meet_there():
    carries = Carrier(Plan(held()), [0, 0, 0], [[0]], [NS, NS], [], lambda: 0.5)
    carries.accept(0, 1, b"x", 1000, 0)
    assert delivered(carries) == [(1, b"x", 20 * MS)]


def test_no_path_over_satellites_is_no_service():
    carries = carrier(held())
    carries.accept(1, 2, b"x", 1000, 0)
    assert delivered(carries) == []
    assert dropped(carries) == {(2, "not_served"): 1}


@pytest.mark.parametrize(
    ("cause", "step", "at_ns"),
    [
        ("not_served", held(served=0), 0),
        ("outage", held(outage=80 * MS), 79 * MS),
        ("loss", held(loss=0.51), 0),
        ("no_step", held(), 1 * NS),
    ],
)
def test_a_packet_that_does_not_pass_is_counted_by_its_cause(cause, step, at_ns):
    carries = carrier(step)
    carries.accept(0, POP_A, b"x", 1000, at_ns)
    assert delivered(carries) == []
    assert dropped(carries) == {(0, cause): 1}


def test_after_the_outage_and_with_luck_it_passes():
    carries = carrier(held(outage=80 * MS, loss=0.5))
    carries.accept(0, POP_A, b"x", 1000, 80 * MS)
    assert len(delivered(carries)) == 1


@pytest.mark.parametrize(("chance", "passed"), [(0.29, 0), (0.3, 1), (0.99, 1)])
def test_in_an_outage_that_is_no_silence_some_pass(chance, passed):
    carries = carrier(held(outage=80 * MS), chance=lambda: chance, outage_loss=0.3)
    carries.accept(0, POP_A, b"x", 1000, 79 * MS)
    assert len(delivered(carries)) == passed
    assert dropped(carries) == ({} if passed else {(0, "outage"): 1})


def test_the_queue_takes_what_departs_in_time():
    """100 Mbit/s and 10 ms of queue: 1500 bytes take 120 µs, so 84 of a burst begin within it."""
    carries = carrier(held(byte=80.0), queue_ns=10 * MS)
    for _ in range(200):
        carries.accept(0, POP_A, b"x", 1500, 0)
    out = delivered(carries)
    assert len(out) == 84
    assert [out[0][2], out[-1][2]] == [10 * MS + 120_000, 10 * MS + 84 * 120_000]
    assert dropped(carries) == {(0, "queue"): 116}


def test_denied_from_the_steps_first_instant_and_back_with_the_next():
    carries = carrier(held(0), held(1, served=0), held(2))
    for at_ns in (NS // 2, NS - 1, NS, 2 * NS - 1, 2 * NS):  # the second is on its way when service ends
        carries.accept(0, POP_A, str(at_ns).encode(), 100, at_ns)
    assert [packet for _, packet, _ in delivered(carries)] == [str(NS // 2).encode(), str(2 * NS).encode()]
    assert dropped(carries) == {(0, "not_served"): 3}


def test_who_waits_across_a_boundary_has_the_delay_of_its_departure():
    carries = carrier(held(0, byte=8000.0), held(1, first=20 * MS, last=20 * MS))  # 1 Mbit/s: 12 ms a packet
    carries.accept(0, POP_A, b"x", 1500, NS - MS)
    assert delivered(carries)[0][2] == NS - MS + 12 * MS + 20 * MS


def test_delay_follows_its_line_over_the_step():
    carries = carrier(held(first=10 * MS, last=30 * MS))
    carries.accept(0, POP_A, b"x", 100, NS // 2)
    assert delivered(carries)[0][2] == NS // 2 + 20 * MS


def falling(carries):
    """A packet each millisecond while the delay falls from 60 to 20 ms at a boundary: the order of their arrival."""
    for n in range(900, 1100):
        carries.accept(0, POP_A, n.to_bytes(2, "big"), 100, n * MS)
    return [packet for _, packet, _ in delivered(carries)]


STEPS = held(0, first=60 * MS, last=60 * MS), held(1, first=20 * MS, last=20 * MS)


def test_order_is_kept_when_the_delay_falls():
    arrived = falling(carrier(*STEPS))
    assert arrived == sorted(arrived)
    assert len(arrived) == 200


def test_a_sorted_queue_fails_the_same_check():
    carries = carrier(*STEPS)
    carries.lines = SortedLines(0)
    arrived = falling(carries)
    assert arrived != sorted(arrived)
    assert len(arrived) == 200


def test_lateness_is_the_writers_not_the_networks():
    carries = carrier(held())
    carries.accept(0, POP_A, b"x", 100, 0)
    assert carries.due(10 * MS + 700_000) is not None
    assert carries.tally.late_max_ns == 700_000
    assert carries.tally.lateness[4] == 1  # from 0.5 to 1 ms


def test_a_step_written_too_late_is_missed():
    plan = Plan(held(0))
    carries = carrier()
    carries._source = plan
    carries.look_ahead(0, 250 * MS)
    carries.look_ahead(900 * MS, 250 * MS)
    plan.steps[1] = held(1)
    carries.look_ahead(NS + 300 * MS, 250 * MS)
    assert carries.tally.missed_ns == 300 * MS
    plan.steps[2] = held(2)
    carries.look_ahead(2 * NS - 100 * MS, 250 * MS)
    assert carries.tally.missed_ns == 300 * MS


def test_both_directions_have_their_own_rate_and_delay():
    rows = list(held().rows)
    rows[0], rows[1] = replace_row(rows[0], byte=800.0), replace_row(rows[1], first=40 * MS, last=40 * MS)
    carries = carrier(replace(held(), rows=rows))
    carries.accept(0, POP_A, b"up", 1000, 0)
    carries.accept(POP_A, 0, b"down", 1000, 0)
    assert [row[1:] for row in delivered(carries)] == [(b"up", 10_800_000), (b"down", 40 * MS)]


def replace_row(row, **fields):
    names = ("served", "first", "last", "byte", "loss", "outage")
    return tuple((dict(zip(names, row, strict=True)) | fields).values())


def test_a_late_engine_delivers_nothing_into_a_step_that_denies():
    """Due in the last millisecond of a step that serves, looked at in the next one, which does not."""
    carries = carrier(held(0), held(1, served=0))
    carries.accept(0, POP_A, b"x", 1000, NS - 11 * MS)
    assert carries.lines.next_ns == NS - MS
    assert carries.due(NS + 200 * MS) is None
    assert dropped(carries) == {(0, "not_served"): 1}
    on_time = carrier(held(0), held(1, served=0))
    on_time.accept(0, POP_A, b"x", 1000, NS - 11 * MS)
    assert on_time.due(NS - MS) is not None


def test_a_step_that_is_corrected_holds_from_the_next_look_on():
    """What was on its way when the correction came is not delivered either."""
    plan = Plan(held(0))
    carries = Carrier(plan, [0, 0], [[0]], [NS, NS], [], lambda: 1.0)
    carries.look_ahead(0, 0)
    carries.accept(0, 2, b"x", 1000, 100 * MS)
    plan.steps[0] = held(0, served=0)
    carries.look_ahead(101 * MS, 0)
    assert carries.due(900 * MS) is None
    carries.accept(0, 2, b"x", 1000, 200 * MS)
    assert dropped(carries) == {(0, "not_served"): 2}
