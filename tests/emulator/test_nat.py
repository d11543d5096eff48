"""The NAT on bytes: mappings as the RFCs have them, and packets that a receiver still believes."""

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.emulator.nat import IDLE_NS, NS, Nat
from openleo.emulator.packets import ICMP, TCP, UDP, checksum

INSIDE, OTHER, PUBLIC, SERVER = "100.64.0.1", "100.64.0.2", "198.18.0.1", "10.200.0.1"


def packed(address):
    return IPv4Address(address).packed


def ip(protocol, source, to, above):
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(above), 7, 0x4000, 64, protocol, 0, *map(packed, (source, to))
    )
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + above


def pseudo(protocol, source, to, above):
    return packed(source) + packed(to) + struct.pack("!HH", protocol, len(above)) + above


def udp(source, port, to, to_port, data=b"hello", summed=True):
    above = struct.pack("!HHHH", port, to_port, 8 + len(data), 0) + data
    total = (checksum(pseudo(UDP, source, to, above)) or 0xFFFF) if summed else 0
    return ip(UDP, source, to, above[:6] + total.to_bytes(2, "big") + above[8:])


def tcp(source, port, to, to_port, data=b"hello"):
    above = struct.pack("!HHIIBBHHH", port, to_port, 1, 2, 0x50, 0x10, 1000, 0, 0) + data
    return ip(TCP, source, to, above[:16] + checksum(pseudo(TCP, source, to, above)).to_bytes(2, "big") + above[18:])


def echo(source, to, identifier, kind=8):
    above = struct.pack("!BBHHH", kind, 0, 0, identifier, 1) + b"payload."
    return ip(ICMP, source, to, above[:2] + checksum(above).to_bytes(2, "big") + above[4:])


def unreachable(source, to, about):
    above = struct.pack("!BBHI", 3, 3, 0, 0) + about[:28]
    return ip(ICMP, source, to, above[:2] + checksum(above).to_bytes(2, "big") + above[4:])


def ends(packet):
    """(source, port, destination, port) of a packet whose every checksum is right."""
    assert checksum(packet[:20]) == 0
    source, to, above = str(IPv4Address(packet[12:16])), str(IPv4Address(packet[16:20])), packet[20:]
    if packet[9] == ICMP:
        assert checksum(above) == 0
        return source, struct.unpack_from("!H", above, 4)[0], to, None
    if packet[9] == TCP or above[6:8] != b"\0\0":
        assert checksum(pseudo(packet[9], source, to, above)) == 0
    return source, *struct.unpack_from("!H", above), to, *struct.unpack_from("!H", above, 2)


@pytest.fixture
def nat():
    return Nat(IPv4Address(PUBLIC))


@pytest.mark.parametrize("made", [udp, tcp])
def test_out_and_back(nat, made):
    out = nat.outward(made(INSIDE, 40_000, SERVER, 53), 0)
    assert ends(out) == (PUBLIC, 40_000, SERVER, 53)
    back = nat.inward(made(SERVER, 53, PUBLIC, 40_000), 1)
    assert ends(back) == (SERVER, 53, INSIDE, 40_000)


def test_a_ping_comes_back(nat):
    assert ends(nat.outward(echo(INSIDE, SERVER, 4242), 0))[:3] == (PUBLIC, 4242, SERVER)
    assert ends(nat.inward(echo(SERVER, PUBLIC, 4242, kind=0), 1))[:3] == (SERVER, 4242, INSIDE)


def test_two_terminals_with_one_port_are_told_apart(nat):
    first = ends(nat.outward(udp(INSIDE, 5000, SERVER, 53), 0))
    second = ends(nat.outward(udp(OTHER, 5000, SERVER, 53), 0))
    assert first[1] != second[1]
    assert ends(nat.inward(udp(SERVER, 53, PUBLIC, second[1]), 1))[2:] == (OTHER, 5000)


def test_mapping_does_not_depend_on_the_other_end_rfc_4787(nat):
    ports = {ends(nat.outward(udp(INSIDE, 80, to, port), 0))[1] for to, port in ((SERVER, 1), ("10.200.1.1", 2))}
    assert len(ports) == 1
    assert ports != {80}, "a port below 1024 is not given"


def test_nobody_comes_in_who_was_not_asked(nat):
    assert nat.inward(udp(SERVER, 53, PUBLIC, 40_000), 0) is None
    nat.outward(tcp(INSIDE, 40_000, SERVER, 80), 0)
    assert nat.inward(udp(SERVER, 53, PUBLIC, 40_000), 0) is None, "another protocol"


@pytest.mark.parametrize(("made", "protocol"), [(udp, UDP), (tcp, TCP)])
def test_a_mapping_ends_when_it_idles(nat, made, protocol):
    nat.outward(made(INSIDE, 40_000, SERVER, 53), 0)
    assert nat.inward(made(SERVER, 53, PUBLIC, 40_000), IDLE_NS[protocol]) is not None
    assert nat.inward(made(SERVER, 53, PUBLIC, 40_000), IDLE_NS[protocol] + 1) is None


def test_ports_run_out_and_come_back():
    nat = Nat(IPv4Address(PUBLIC), range(2000, 2002))
    outs = [nat.outward(udp(INSIDE, port, SERVER, 53), 0) for port in (1, 2, 3)]
    assert [out is None for out in outs] == [False, False, True]
    assert nat.outward(udp(INSIDE, 3, SERVER, 53), 301 * NS) is not None


def test_one_terminal_does_not_take_every_port():
    nat = Nat(IPv4Address(PUBLIC), ports_per_terminal=2)
    assert [nat.outward(udp(INSIDE, port, SERVER, 53), 0) is None for port in (1, 2, 3)] == [False, False, True]
    assert nat.outward(udp(OTHER, 1, SERVER, 53), 0) is not None


def test_no_sum_stays_no_sum(nat):
    assert nat.outward(udp(INSIDE, 40_000, SERVER, 53, summed=False), 0)[26:28] == b"\0\0"


def test_a_wrong_sum_stays_wrong(nat):
    broken = udp(INSIDE, 40_000, SERVER, 53)[:-1] + b"!"
    with pytest.raises(AssertionError):
        ends(nat.outward(broken, 0))


def test_an_error_finds_the_terminal_that_caused_it(nat):
    out = nat.outward(udp(OTHER, 5000, SERVER, 53), 0)
    told = nat.inward(unreachable(SERVER, PUBLIC, out), 1)
    assert checksum(told[:20]) == checksum(told[20:]) == 0
    assert str(IPv4Address(told[16:20])) == OTHER
    inner = told[28:]
    assert checksum(inner[:20]) == 0
    assert (str(IPv4Address(inner[12:16])), struct.unpack_from("!H", inner, 20)[0]) == (OTHER, 5000)


def test_an_error_from_a_terminal_speaks_of_the_public_address(nat):
    nat.outward(udp(INSIDE, 5000, SERVER, 53), 0)
    received = nat.inward(udp(SERVER, 53, PUBLIC, 5000), 1)
    told = nat.outward(unreachable(INSIDE, SERVER, received), 2)
    assert checksum(told[20:]) == 0
    assert str(IPv4Address(told[12:16])) == str(IPv4Address(told[28 + 16 : 28 + 20])) == PUBLIC


def test_a_later_fragment_has_no_port_and_does_not_pass(nat):
    packet = bytearray(udp(INSIDE, 5000, SERVER, 53))
    packet[6:8] = (100).to_bytes(2, "big")
    assert nat.outward(bytes(packet), 0) is None


@given(st.binary(max_size=80))
def test_rubbish_does_no_harm(data):
    nat = Nat(IPv4Address(PUBLIC))
    for packet in (data, b"\x45" + data, ip(ICMP, INSIDE, PUBLIC, data), ip(UDP, INSIDE, PUBLIC, data)):
        nat.outward(packet, 0)
        nat.inward(packet, 0)


@given(st.integers(0, 65_535), st.binary(max_size=30), st.sampled_from([udp, tcp]))
def test_every_sum_is_right_after_both_ways(port, data, made):
    nat = Nat(IPv4Address(PUBLIC))
    _, public, _, _ = ends(nat.outward(made(INSIDE, port, SERVER, 53, data), 0))
    assert ends(nat.inward(made(SERVER, 53, PUBLIC, public, data), 1)) == (SERVER, 53, INSIDE, port)
