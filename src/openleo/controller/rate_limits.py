"""How many requests anybody may make: a moving window of a minute, in memory, by principal, address or terminal.

Each controller counts for itself: one leads, and a take-over forgets a minute at most.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from openleo.controller.settings import Settings

HOME_BITS = 64  # of an IPv6 address: what one customer gets of a provider, so that more addresses are not more requests


@dataclass(frozen=True)
class Limits:
    """Each question counts the request, and gives the seconds to wait: 0 where it may go on."""

    settings: Settings
    window: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    def principal(self, id_: str) -> int:
        return self._hit(self.settings.requests_per_minute, "principal", id_)

    def anonymous(self, host: str) -> int:
        return self._hit(self.settings.anonymous_requests_per_minute, "address", neighbourhood(host))

    def terminal(self, id_: str) -> int:
        """For leases. Ask when the signature was checked: else anybody could use up another's."""
        return self._hit(self.settings.terminal_requests_per_minute, "terminal", id_)

    def is_told(self, who: str) -> bool:
        """Whether a refusal for too many requests is written down: once a minute of each is enough to know it."""
        return self.window.hit(RateLimitItemPerMinute(1), "told", who)

    def _hit(self, per_minute: int, kind: str, who: str) -> int:
        item: RateLimitItem = RateLimitItemPerMinute(per_minute)
        if self.window.hit(item, kind, who):
            return 0
        wait_s = self.window.get_window_stats(item, kind, who).reset_time - time.time()
        return max(1, math.ceil(wait_s))


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
