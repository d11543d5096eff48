"""How many requests anybody may make: a moving window of a minute, in memory, by principal, address or terminal.

Each controller counts for itself: one leads, and a take-over forgets a minute at most.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from openleo.controller.settings import Settings

MINUTE_S = 60.0
HOME_BITS = 64  # of an IPv6 address: what one customer gets of a provider, so that more addresses are not more requests


@dataclass(frozen=True)
class Limits:
    """Each question counts the request, and gives the seconds to wait: 0 where it may go on."""

    settings: Settings
    window: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))
    terminals: Minutes = field(default_factory=lambda: Minutes())

    def principal(self, id_: str) -> int:
        return self._hit(self.settings.requests_per_minute, "principal", id_)

    def anonymous(self, host: str) -> int:
        return self._hit(self.settings.anonymous_requests_per_minute, "address", neighbourhood(host))

    def terminal(self, id_: str) -> int:
        """For leases. Ask when the signature was checked: else anybody could use up another's."""
        return self.terminals.hit(self.settings.terminal_requests_per_minute, id_)

    def is_told(self, who: str) -> bool:
        """Whether a refusal for too many requests is written down: once a minute of each is enough to know it."""
        return self.window.hit(RateLimitItemPerMinute(1), "told", who)

    def _hit(self, per_minute: int, kind: str, who: str) -> int:
        item: RateLimitItem = RateLimitItemPerMinute(per_minute)
        if self.window.hit(item, kind, who):
            return 0
        wait_s = self.window.get_window_stats(item, kind, who).reset_time - time.time()
        return max(1, math.ceil(wait_s))


@dataclass
class Minutes:
    """The same moving window, for ten thousand names that each ask every few seconds, in a microsecond.

    The library's storage goes through all names whenever it forgets some. Here a name's instants are looked at when
    it asks, and names that ask no more are dropped in one go, at most once a minute.
    """

    now_s: Callable[[], float] = time.monotonic
    _hits: dict[str, deque[float]] = field(default_factory=dict)
    _swept_s: float = 0.0

    def hit(self, per_minute: int, who: str) -> int:
        """Count a request; the seconds to wait, 0 where it may go on. What has to wait is not counted."""
        now_s = self.now_s()
        if now_s - self._swept_s >= MINUTE_S:
            self._sweep(now_s)
        hits = self._hits.setdefault(who, deque())
        while hits and hits[0] <= now_s - MINUTE_S:
            hits.popleft()
        if len(hits) >= per_minute:
            return max(1, math.ceil(hits[0] + MINUTE_S - now_s))
        hits.append(now_s)
        return 0

    def _sweep(self, now_s: float) -> None:
        self._swept_s = now_s
        for who in [who for who, hits in self._hits.items() if not hits or hits[-1] <= now_s - MINUTE_S]:
            del self._hits[who]


def neighbourhood(host: str) -> str:
    """What is counted as one address.

    >>> neighbourhood("192.0.2.7"), neighbourhood("2001:db8:1:2:3::4"), neighbourhood("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8:1:2::', '192.0.2.7')
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:100]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> HOME_BITS << HOME_BITS))
