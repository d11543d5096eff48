"""How often a terminal may ask: exact over any minute, and nothing is kept of those that ask no more."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from openleo.controller.rate_limits import MINUTE_S, Minutes


@given(st.lists(st.floats(0.1, 40.0), max_size=60), st.integers(1, 6))
def test_no_minute_has_more_than_the_limit(steps_s: list[float], per_minute: int) -> None:
    now = SimpleNamespace(s=1_000.0)
    minutes, taken = Minutes(lambda: now.s), []
    for step_s in steps_s:
        now.s += step_s
        within = [at_s for at_s in taken if at_s > now.s - MINUTE_S]
        wait_s = minutes.hit(per_minute, "t-1")
        assert (wait_s == 0) == (len(within) < per_minute), "neither more nor fewer"
        if wait_s:
            assert 0 <= wait_s - (within[0] + MINUTE_S - now.s) < 1.0 or wait_s == 1
        else:
            taken.append(now.s)


def test_a_terminal_does_not_use_up_anothers() -> None:
    minutes = Minutes(lambda: 0.0)
    assert [minutes.hit(2, name) > 0 for name in ("t-1", "t-1", "t-1", "t-2")] == [False, False, True, False]


def test_as_the_library_counts() -> None:
    """limits 5: its moving window, on the real clock, within one instant."""
    theirs, ours, item = MovingWindowRateLimiter(MemoryStorage()), Minutes(), RateLimitItemPerMinute(5)
    assert [ours.hit(5, "t") == 0 for _ in range(9)] == [theirs.hit(item, "t") for _ in range(9)]


def test_who_asks_no_more_is_forgotten() -> None:
    now = SimpleNamespace(s=0.0)
    minutes = Minutes(lambda: now.s)
    for number in range(1_000):
        minutes.hit(30, f"t-{number}")
    now.s = 2 * MINUTE_S
    minutes.hit(30, "t-0")
    assert len(minutes._hits) == 1
