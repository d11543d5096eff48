"""Which machines a webhook may reach: those of the open Internet, and others only where the operator says so.

A receiver's name is its owner's to point anywhere, at a machine inside our own network too, and to point elsewhere
between two questions (DNS rebinding). So a name is resolved once, all its addresses are looked at, and the one that
was looked at is connected to; the certificate is still that of the name.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.request import getproxies, proxy_bypass

Resolve = Callable[[str, int], Sequence[str]]
CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("2002::/16"))  # IPv4 inside IPv6


class NotOutward(Exception):
    """An address that is not called. Names none: it may be logged."""


def addresses_of(host: str, port: int) -> list[str]:
    """What the system's resolver says. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def outward_address(host: str, port: int, resolve: Resolve = addresses_of) -> str:
    """The address to connect to. Raises NotOutward where any of the name's is inside; OSError where it has none."""
    found = list(resolve(host, port))
    if not found:
        raise OSError("the name has no address")
    if not all(is_outward(address) for address in found):
        raise NotOutward("its name leads to a machine of a private network, which is not called")
    return found[0]


def is_outward(address: str) -> bool:
    """Whether an address is one of the open Internet.

    >>> [is_outward(one) for one in ("93.184.215.14", "10.0.0.1", "169.254.169.254", "127.0.0.1", "100.64.0.1")]
    [True, False, False, False, False]
    >>> [is_outward(one) for one in ("2606:2800::1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "224.0.0.1")]
    [True, False, False, False, False, False]
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_outward(str(ip.ipv4_mapped))
        if any(ip in net for net in CARRIERS):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def goes_by_proxy(scheme: str, host: str) -> bool:
    """Whether the environment sends such a request through a proxy: it resolves the name, and it is its guard."""
    return scheme in getproxies() and not proxy_bypass(host)
