"""The NAT that operators have before the Internet (CGNAT): many terminals behind a PoP's one public address.

Pure on bytes, with the clock as an argument. Mapping and filtering do not depend on the other end (RFC 4787, which RFC
6888 asks of a CGN): a terminal's port is one public port to whoever it speaks, and whoever knows it may answer.
Checksums are changed, not computed anew (RFC 1624): what was wrong stays wrong. ICMP errors follow what they speak of
(RFC 5508). Left out: fragments after the first, which carry no port, and packets from behind it to its own outside
(hairpinning).
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address

from openleo.emulator.packets import (
    ICMP,
    IPV4_HEADER,
    MORE_FRAGMENTS_OR_OFFSET,
    TCP,
    UDP,
    VERSION_4,
    changed_checksum,
    checksum,
)

NS = 1_000_000_000
# Without a packet outward: RFC 4787 REQ-5 (five minutes), RFC 5382 REQ-5 (2 h 4 min), RFC 5508 REQ-2 (a minute).
IDLE_NS = {UDP: 300 * NS, TCP: 7440 * NS, ICMP: 60 * NS}
PORTS = range(1024, 65_536)
PORTS_PER_TERMINAL = 2000  # RFC 6888 REQ-4: a limit there must be, so that one terminal does not take them all
CHECKSUM_AT = {UDP: 6, TCP: 16, ICMP: 2}  # from the beginning of the header above IP
SOURCE_PORT_AT, DESTINATION_PORT_AT, IDENTIFIER_AT = 0, 2, 4
SOURCE_AT, DESTINATION_AT, IP_CHECKSUM_AT = 12, 16, 10
ECHO_REQUEST, ECHO_REPLY = 8, 0
ICMP_ERRORS = (3, 11, 12)  # unreachable, time exceeded, parameter problem: with the packet that caused them inside
ICMP_HEADER = 8

Key = tuple[int, bytes, int]  # protocol, a terminal's address, its port


@dataclass
class Mapping:
    key: Key
    public: int  # port, or identifier of an echo
    used_ns: int


@dataclass(frozen=True)
class Fields:
    """Where things stand in a packet."""

    protocol: int
    header: int  # where what is above IP begins
    source_at: int  # of the sender's port
    destination_at: int


class Nat:
    """One public address, and who is behind it."""

    def __init__(self, public: IPv4Address, ports: range = PORTS, ports_per_terminal: int = PORTS_PER_TERMINAL) -> None:
        self._public, self._most = public.packed, ports_per_terminal
        self._ports = ports
        self._free = {protocol: OrderedDict.fromkeys(ports) for protocol in IDLE_NS}  # the longest free first
        self._by_inside: dict[Key, Mapping] = {}
        self._by_port: dict[tuple[int, int], Mapping] = {}
        self._held: dict[bytes, int] = {}

    def outward(self, packet: bytes, now_ns: int) -> bytes | None:
        """As the Internet sees it; None where it cannot leave."""
        if (inner := error_inside(packet)) is not None:
            return self._error_outward(packet, inner, now_ns)
        fields = fields_of(packet)
        if fields is None:
            return None
        key = (fields.protocol, packet[SOURCE_AT : SOURCE_AT + 4], port_at(packet, fields.source_at))
        mapping = self._live(self._by_inside.get(key), now_ns) or self._map(key, now_ns)
        if mapping is None:
            return None
        mapping.used_ns = now_ns
        return rewritten(packet, fields, SOURCE_AT, self._public, fields.source_at, mapping.public)

    def inward(self, packet: bytes, now_ns: int) -> bytes | None:
        """As its terminal sees it; None where nobody asked for it."""
        if (inner := error_inside(packet)) is not None:
            return self._error_inward(packet, inner, now_ns)
        fields = fields_of(packet)
        if fields is None:
            return None
        mapping = self._behind(fields.protocol, port_at(packet, fields.destination_at), now_ns)
        if mapping is None:
            return None
        _, address, port = mapping.key
        return rewritten(packet, fields, DESTINATION_AT, address, fields.destination_at, port)

    def _error_outward(self, packet: bytes, inner: bytes, now_ns: int) -> bytes | None:
        """A terminal complains of what it was sent: to its own address inside, to the public one outside."""
        fields = fields_of(inner, cut=True)
        if fields is None:
            return None
        key = (fields.protocol, inner[DESTINATION_AT : DESTINATION_AT + 4], port_at(inner, fields.destination_at))
        mapping = self._live(self._by_inside.get(key), now_ns)
        if mapping is None:
            return None
        told = rewritten(inner, fields, DESTINATION_AT, self._public, fields.destination_at, mapping.public)
        return with_error(packet, told, SOURCE_AT, self._public)

    def _error_inward(self, packet: bytes, inner: bytes, now_ns: int) -> bytes | None:
        """The Internet complains of what a terminal sent: from the public address outside, from its own inside."""
        fields = fields_of(inner, cut=True)
        if fields is None:
            return None
        mapping = self._behind(fields.protocol, port_at(inner, fields.source_at), now_ns)
        if mapping is None:
            return None
        _, address, port = mapping.key
        told = rewritten(inner, fields, SOURCE_AT, address, fields.source_at, port)
        return with_error(packet, told, DESTINATION_AT, address)

    def _behind(self, protocol: int, port: int, now_ns: int) -> Mapping | None:
        return self._live(self._by_port.get((protocol, port)), now_ns)

    def _map(self, key: Key, now_ns: int) -> Mapping | None:
        """The same port outside where it is free, as most NATs do; else the one that was free the longest."""
        protocol, address, port = key
        if self._held.get(address, 0) >= self._most or not self._free[protocol]:
            self._sweep(now_ns)
        free = self._free[protocol]
        if self._held.get(address, 0) >= self._most or not free:
            return None
        if port in self._ports and (protocol, port) not in self._by_port:
            public = port
            del free[port]
        else:
            public, _ = free.popitem(last=False)
        mapping = Mapping(key, public, now_ns)
        self._by_inside[key] = self._by_port[protocol, public] = mapping
        self._held[address] = self._held.get(address, 0) + 1
        return mapping

    def _live(self, mapping: Mapping | None, now_ns: int) -> Mapping | None:
        if mapping is None or now_ns - mapping.used_ns <= IDLE_NS[mapping.key[0]]:
            return mapping
        protocol, address, _ = mapping.key
        del self._by_inside[mapping.key], self._by_port[protocol, mapping.public]
        self._free[protocol][mapping.public] = None
        self._held[address] -= 1
        return None

    def _sweep(self, now_ns: int) -> None:
        for mapping in list(self._by_inside.values()):
            self._live(mapping, now_ns)


def fields_of(packet: bytes, cut: bool = False) -> Fields | None:
    """Where a packet's ports stand; None where it has none. `cut`: an ICMP error keeps eight bytes above IP."""
    if len(packet) < IPV4_HEADER or packet[0] >> 4 != VERSION_4:
        return None
    protocol, header = packet[9], (packet[0] & 15) * 4
    fragment = struct.unpack_from("!H", packet, 6)[0] & MORE_FRAGMENTS_OR_OFFSET
    if protocol not in CHECKSUM_AT or fragment & 0x1FFF or header < IPV4_HEADER:
        return None
    if len(packet) < header + (ICMP_HEADER if cut else CHECKSUM_AT[protocol] + 2):
        return None
    if protocol == ICMP:
        if packet[header] not in (ECHO_REQUEST, ECHO_REPLY) or len(packet) < header + ICMP_HEADER:
            return None
        return Fields(protocol, header, header + IDENTIFIER_AT, header + IDENTIFIER_AT)
    return Fields(protocol, header, header + SOURCE_PORT_AT, header + DESTINATION_PORT_AT)


def port_at(packet: bytes, at: int) -> int:
    """A port, or an echo's identifier."""
    return packet[at] << 8 | packet[at + 1]


def rewritten(packet: bytes, fields: Fields, address_at: int, address: bytes, port_at_: int, port: int) -> bytes:
    """With another address and port, and every checksum that covers them."""
    made = bytearray(packet)
    old_address, new_port = packet[address_at : address_at + 4], port.to_bytes(2, "big")
    old_port = packet[port_at_ : port_at_ + 2]
    made[address_at : address_at + 4] = address
    made[port_at_ : port_at_ + 2] = new_port
    _change(made, IP_CHECKSUM_AT, old_address, address)
    sum_at = fields.header + CHECKSUM_AT[fields.protocol]
    if sum_at + 2 > len(packet):  # cut short within an ICMP error
        return bytes(made)
    if fields.protocol == ICMP:  # covers no addresses
        _change(made, sum_at, old_port, new_port)
    elif fields.protocol == TCP or made[sum_at] or made[sum_at + 1]:  # 0 in UDP: the sender computed none
        _change(made, sum_at, old_address + old_port, address + new_port)
        if fields.protocol == UDP and not (made[sum_at] or made[sum_at + 1]):
            made[sum_at : sum_at + 2] = b"\xff\xff"
    return bytes(made)


def error_inside(packet: bytes) -> bytes | None:
    """The packet that an ICMP error speaks of; None where it is none."""
    if len(packet) < IPV4_HEADER or packet[0] >> 4 != VERSION_4 or packet[9] != ICMP:
        return None
    header = (packet[0] & 15) * 4
    if len(packet) < header + ICMP_HEADER + IPV4_HEADER or packet[header] not in ICMP_ERRORS:
        return None
    return packet[header + ICMP_HEADER :]


def with_error(packet: bytes, inner: bytes, address_at: int, address: bytes) -> bytes:
    """An ICMP error that speaks of another packet, from or to another address."""
    header = (packet[0] & 15) * 4
    made = bytearray(packet[: header + ICMP_HEADER] + inner)
    old = packet[address_at : address_at + 4]
    made[address_at : address_at + 4] = address
    _change(made, IP_CHECKSUM_AT, old, address)
    made[header + 2 : header + 4] = b"\0\0"
    made[header + 2 : header + 4] = checksum(bytes(made[header:])).to_bytes(2, "big")
    return bytes(made)


def _change(packet: bytearray, at: int, old: bytes, new: bytes) -> None:
    was = packet[at] << 8 | packet[at + 1]
    packet[at : at + 2] = changed_checksum(was, old, new).to_bytes(2, "big")
