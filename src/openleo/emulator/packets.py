"""Packets as bytes: whose they are, where they go, and sums that stay right when a field changes.

Knows the emulator's addresses (who has which), the two headers of IP, and the Internet checksum; knows no queues.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

# Terminals have the addresses that operators give behind a CGNAT (RFC 6598); in IPv6, addresses of a site of our own
# (RFC 4193; its identifier spells "oleo"). The public side of the NAT is the range for measurements (RFC 2544).
TERMINAL_RANGES = ("100.64.0.0/10", "fd6f:6c65:6f00:1::/64")
POP_RANGES = ("10.200.0.0/16", "fd6f:6c65:6f00:2::/64")
PUBLIC_RANGE = "198.18.0.0/15"
TERMINAL_BASE = (IPv4Address("100.64.0.1"), IPv6Address("fd6f:6c65:6f00:1::1"))
TERMINALS_MAX = 2**22 - 2
POPS_MAX = 256

ICMP, TCP, UDP = 1, 6, 17
VERSION_4, VERSION_6 = 4, 6
IPV4_HEADER, IPV6_HEADER = 20, 40
MORE_FRAGMENTS_OR_OFFSET = 0x3FFF


def terminal_addresses(i: int) -> tuple[IPv4Address, IPv6Address]:
    """Of terminal i.

    >>> [str(address) for address in terminal_addresses(299)]
    ['100.64.1.44', 'fd6f:6c65:6f00:1::12c']
    """
    if not 0 <= i < TERMINALS_MAX:
        raise ValueError(f"terminal {i}: 100.64.0.0/10 holds {TERMINALS_MAX:,} terminals")
    return TERMINAL_BASE[0] + i, TERMINAL_BASE[1] + i


def pop_addresses(j: int) -> tuple[IPv4Address, IPv6Address]:
    """Of PoP j.

    >>> [str(address) for address in pop_addresses(0)]
    ['10.200.0.1', 'fd6f:6c65:6f00:2::1']
    """
    if not 0 <= j < POPS_MAX:
        raise ValueError(f"PoP {j}: 10.200.0.0/16 holds {POPS_MAX} PoPs")
    return IPv4Address(f"10.200.{j}.1"), IPv6Address("fd6f:6c65:6f00:2::1") + j


def public_address(j: int) -> IPv4Address:
    """What the Internet sees of the terminals behind PoP j, where there is a NAT.

    >>> str(public_address(1))
    '198.18.1.1'
    """
    return IPv4Address("198.18.0.1") + 256 * j


def endpoints_by_address(terminals: int, pops: int) -> dict[bytes, int]:
    """Every endpoint's number by its packed address: terminals from 0, PoPs after them."""
    numbered = [terminal_addresses(i) for i in range(terminals)] + [pop_addresses(j) for j in range(pops)]
    return {address.packed: number for number, both in enumerate(numbered) for address in both}


def destination(packet: bytes, at: int = 0) -> bytes:
    """The packed address that an IP packet at an offset goes to; empty where it is no packet."""
    version = packet[at] >> 4 if len(packet) > at else 0
    if version == VERSION_4:
        return packet[at + 16 : at + 20]
    if version == VERSION_6:
        return packet[at + 24 : at + 40]
    return b""


def is_multicast(address: bytes) -> bool:
    """What a kernel says to its neighbours of its own accord, as for listeners: nobody else is on this wire."""
    return not address or address[0] == 0xFF or (len(address) == 4 and address[0] >= 224)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071).

    >>> hex(checksum(bytes.fromhex("0001f203f4f5f6f7")))   # the example of its section 3: the sum is ddf2
    '0x220d'
    """
    words = data + b"\0" if len(data) % 2 else data
    return ~folded(sum(struct.unpack(f"!{len(words) // 2}H", words))) & 0xFFFF


def changed_checksum(old_sum: int, old: bytes, new: bytes) -> int:
    """A checksum after a field of even length changed: HC' = ~(~HC + ~m + m') (RFC 1624, equation 3).

    >>> hex(changed_checksum(0xDD2F, bytes.fromhex("5555"), bytes.fromhex("3285")))   # the example of its section 4
    '0x0'
    """
    words = len(old) // 2
    out = sum(word ^ 0xFFFF for word in struct.unpack(f"!{words}H", old))
    return ~folded((old_sum ^ 0xFFFF) + out + sum(struct.unpack(f"!{words}H", new))) & 0xFFFF


def folded(total: int) -> int:
    """A sum of 16-bit words with its carries added in: one's complement."""
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total
