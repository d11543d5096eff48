"""Names as a name server gives them: messages made by dnspython's own hands, and what glibc and Node make of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from devices import needs, needs_devices

from openleo.emulator.names import hosts
from openleo.emulator.namespaces import Endpoints, endpoints
from openleo.emulator.resolver import ADDRESS, RESOLV_CONF, Resolver, answer, listening, zone

HOSTS = hosts(["São Paulo", "25.03, 121.56"], ["Tokyo"], [["100.64.0.1", "fd6f::1"], ["100.64.0.2"]], [["10.200.0.1"]])


def asked(name: str, kind: str = "A") -> dns.message.Message:
    found = answer(dns.message.make_query(name, kind).to_wire(), zone(HOSTS))
    assert found is not None
    return dns.message.from_wire(found)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("tokyo", "A", ["10.200.0.1"]),
        ("TOKYO.", "A", ["10.200.0.1"]),
        ("pop-tokyo", "A", ["10.200.0.1"]),
        ("sao-paulo", "AAAA", ["fd6f::1"]),
        ("São-Paulo", "A", ["100.64.0.1"]),  # as people write it: xn--so-paulo-rza on the wire (RFC 3490)
        ("25.03-121.56", "A", ["100.64.0.2"]),
        ("tokyo", "AAAA", []),  # there, and without such an address
        ("tokyo", "MX", []),
        ("localhost", "A", ["127.0.0.1"]),
        ("1.0.64.100.in-addr.arpa", "PTR", ["sao-paulo."]),
    ],
)
def test_names_have_the_addresses_of_the_hosts_file(name: str, kind: str, said: list[str]) -> None:
    found = asked(name, kind)
    assert found.rcode() == dns.rcode.NOERROR
    assert [str(value) for rrset in found.answer for value in rrset] == said


@pytest.mark.parametrize("name", ["openleo.org", "1.1.1.1.in-addr.arpa", "tokyo.example", "."])
def test_other_names_do_not_exist(name: str) -> None:
    assert asked(name).rcode() == dns.rcode.NXDOMAIN


def test_what_is_no_question_has_no_answer() -> None:
    known, query = zone(HOSTS), dns.message.make_query("tokyo", "A")
    assert answer(b"", known) is None
    assert answer(b"\xff" * 40, known) is None
    assert answer(dns.message.make_response(query).to_wire(), known) is None  # else two servers could talk for ever
    update = dns.message.make_query("tokyo", "A")
    update.set_opcode(dns.opcode.NOTIFY)
    said = answer(update.to_wire(), known)
    assert said is not None
    assert dns.message.from_wire(said).rcode() == dns.rcode.NOTIMP


# --- with the kernel ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    folder = tmp_path_factory.mktemp("etc")
    (folder / "hosts").write_text("127.0.0.1 localhost\n")  # without the places: only a name server knows them
    (folder / "resolv.conf").write_text(RESOLV_CONF)
    with endpoints(2, 1) as made:
        made.hosts = folder / "hosts"
        inside = [made.inside("terminal", n, listening) for n in range(2)] + [made.inside("pop", 0, listening)]
        with Resolver(inside, HOSTS):
            yield made


def told(ends: Endpoints, *argv: str) -> str:
    """What a program at the second terminal prints."""
    process = ends.run("terminal", 1, argv, stdout=subprocess.PIPE, text=True)
    return str(process.communicate(timeout=20)[0])


@needs_devices
@needs("getent")
def test_glibc_asks_it_where_it_is_told_to_ask_nobody_else(ends: Endpoints) -> None:
    assert "10.200.0.1" in told(ends, "getent", "-s", "hosts:dns", "ahostsv4", "Tokyo")
    assert "fd6f::1" in told(ends, "getent", "-s", "hosts:dns", "ahostsv6", "sao-paulo")
    assert "sao-paulo" in told(ends, "getent", "-s", "hosts:dns", "hosts", "100.64.0.1")
    assert told(ends, "getent", "-s", "hosts:dns", "ahosts", "openleo.org") == ""
    assert RESOLV_CONF not in Path("/etc/resolv.conf").read_text()


@needs_devices
@needs("node")
@pytest.mark.slow
def test_node_which_reads_no_hosts_file_finds_names(ends: Endpoints) -> None:
    script = (
        'const d = require("dns").promises;'
        'Promise.all([d.resolve4("tokyo"), d.resolve6("sao-paulo"), d.resolve4("nowhere").catch(e => e.code)])'
        ".then(found => console.log(JSON.stringify(found)))"
    )
    assert json.loads(told(ends, shutil.which("node") or "node", "-e", script)) == [
        ["10.200.0.1"], ["fd6f::1"], "ENOTFOUND",
    ]  # fmt: skip


@needs_devices
@needs("dig")
def test_dig_finds_names_by_both_transports(ends: Endpoints) -> None:
    for how in ("+notcp", "+tcp"):
        assert told(ends, "dig", how, "+short", "tokyo", "A") == "10.200.0.1\n"


@needs_devices
def test_a_long_connection_takes_questions_in_pieces(ends: Endpoints) -> None:
    query = dns.message.make_query("tokyo", "A").to_wire()
    framed = len(query).to_bytes(2, "big") + query

    def over_tcp() -> list[str]:
        with socket.create_connection((ADDRESS, 53), timeout=5) as connection:
            connection.sendall(framed[:5])
            connection.sendall(framed[5:] + framed)
            found = [dns.query.receive_tcp(connection)[0] for _ in range(2)]
        return [str(value) for one in found for rrset in one.answer for value in rrset]

    for n in range(2):
        assert ends.inside("terminal", n, over_tcp) == ["10.200.0.1", "10.200.0.1"]


@needs_devices
def test_one_that_sends_nonsense_disturbs_nobody(ends: Endpoints) -> None:
    def nonsense() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(os.urandom(300), (ADDRESS, 53))
        with socket.create_connection((ADDRESS, 53), timeout=5) as connection:
            connection.sendall(b"\x00\x04junk\x00")

    ends.inside("terminal", 0, nonsense)
    found = ends.inside("terminal", 0, lambda: dns.query.udp(dns.message.make_query("tokyo", "A"), ADDRESS, timeout=5))
    assert found.answer
