"""Addresses, and sums that stay right."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openleo.emulator.packets import (
    POP_RANGES,
    PUBLIC_RANGE,
    TERMINAL_RANGES,
    changed_checksum,
    checksum,
    destination,
    endpoints_by_address,
    is_multicast,
    pop_addresses,
    public_address,
    terminal_addresses,
)


def test_every_endpoint_is_found_by_both_its_addresses():
    numbers = endpoints_by_address(300, 3)
    assert len(numbers) == 2 * 303
    for i in (0, 255, 299):
        assert [numbers[address.packed] for address in terminal_addresses(i)] == [i, i]
    assert [numbers[address.packed] for address in pop_addresses(2)] == [302, 302]


@pytest.mark.parametrize("i", [0, 1000, 2**22 - 3])
def test_terminals_stay_in_their_ranges(i):
    assert all(a in ip_network(range_) for a, range_ in zip(terminal_addresses(i), TERMINAL_RANGES, strict=True))


@pytest.mark.parametrize("j", [0, 255])
def test_pops_stay_in_their_ranges(j):
    assert all(a in ip_network(range_) for a, range_ in zip(pop_addresses(j), POP_RANGES, strict=True))
    assert public_address(j) in ip_network(PUBLIC_RANGE)


def test_more_than_the_ranges_hold_is_refused():
    with pytest.raises(ValueError, match="terminals"):
        terminal_addresses(2**22)
    with pytest.raises(ValueError, match="PoPs"):
        pop_addresses(256)


def test_destination_of_either_version_and_of_rubbish():
    four = bytes([0x45, *bytes(15), 10, 200, 0, 1])
    six = bytes([0x60, *bytes(23)]) + ip_address("fd00::7").packed
    assert destination(four) == ip_address("10.200.0.1").packed
    assert destination(b"\0" * 10 + six, 10) == ip_address("fd00::7").packed
    assert [destination(rubbish) for rubbish in (b"", b"\x10", b"\x45")] == [b"", b"", b""]


def test_what_a_kernel_says_of_its_own_accord():
    assert is_multicast(ip_address("ff02::2").packed)
    assert is_multicast(ip_address("224.0.0.22").packed)
    assert not is_multicast(ip_address("10.200.0.1").packed)


@given(st.binary(min_size=20, max_size=60), st.integers(0, 8), st.binary(min_size=2, max_size=2))
def test_a_changed_sum_is_the_sum_of_what_was_changed(data, word, new):
    data = data[: len(data) // 2 * 2]
    assume(any(data[: 2 * word] + data[2 * word + 2 :]))  # all zeros have two sums, 0 and −0
    changed = data[: 2 * word] + new + data[2 * word + 2 :]
    assert changed_checksum(checksum(data), data[2 * word : 2 * word + 2], new) == checksum(changed)
