"""A name server in each endpoint, for programs that ask one themselves and read no hosts file (dig, Go, Node).

Takes sockets that were opened within the endpoints' namespaces, and the text of their hosts file; answers from that and
from nothing else: a name that does not stand there does not exist. One thread serves all of them; `answer` is pure.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

ADDRESS, PORT = "127.0.0.53", 53  # of each namespace's own loopback
# Names are asked as they are written, whatever domain this machine is in.
RESOLV_CONF = f"nameserver {ADDRESS}\nsearch .\noptions ndots:0\n"
TTL_S = 60
LONGEST = 65_535  # bytes of a message (RFC 1035 §4.2.2)
MOST_WAITING, WAIT_S = 16, 0.2

Zone = Mapping[tuple[dns.name.Name, dns.rdatatype.RdataType], Sequence[str]]


def zone(hosts: str) -> Zone:
    """What a hosts file says: addresses of names, and names of addresses (the first of each line)."""
    found: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[str]] = {}
    for line in hosts.splitlines():
        address, *words = line.split()
        kind = dns.rdatatype.A if ip_address(address).version == 4 else dns.rdatatype.AAAA
        for word in words:
            with suppress(dns.exception.DNSException, UnicodeError):  # a name that DNS cannot have: hosts alone has it
                mine = found.setdefault((dns.name.from_text(word), kind), [])
                mine += [address] if address not in mine else []
        found.setdefault((dns.reversename.from_address(address), dns.rdatatype.PTR), [f"{words[0]}."])
    return found


def answer(asked: bytes, known: Zone) -> bytes | None:
    """The answer to a message; None where it is none, or is an answer itself."""
    try:
        question = dns.message.from_wire(asked, ignore_trailing=True)
    except dns.exception.DNSException:
        return None
    if question.flags & dns.flags.QR:
        return None
    said = dns.message.make_response(question, recursion_available=True)
    said.flags |= dns.flags.AA
    if question.opcode() != dns.opcode.QUERY or len(question.question) != 1:
        said.set_rcode(dns.rcode.NOTIMP)
        return said.to_wire()
    (one,) = question.question
    if values := known.get((one.name, one.rdtype)):
        said.answer.append(dns.rrset.from_text(one.name, TTL_S, one.rdclass, one.rdtype, *values))
    elif not any(name == one.name for name, _ in known):
        said.set_rcode(dns.rcode.NXDOMAIN)
    return said.to_wire()


def listening() -> tuple[socket.socket, socket.socket]:
    """A resolver's sockets, UDP and TCP, in the namespace of the thread that calls."""
    made = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    try:
        for one in made:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((ADDRESS, PORT))
            one.setblocking(False)
        made[1].listen(MOST_WAITING)
    except BaseException:
        for one in made:
            one.close()
        raise
    return made[0], made[1]


class Resolver:
    """A thread that answers on pairs of sockets, one of each namespace, until it is left."""

    def __init__(self, sockets: Sequence[tuple[socket.socket, socket.socket]], hosts: str) -> None:
        self._zone = zone(hosts)
        self._selector = selectors.DefaultSelector()
        self._open = {one for pair in sockets for one in pair}
        for datagrams, streams in sockets:
            self._selector.register(datagrams, selectors.EVENT_READ, self._datagrams)
            self._selector.register(streams, selectors.EVENT_READ, self._accept)
        self._come: dict[socket.socket, bytes] = {}  # of each connection, what is not yet a whole message
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="resolver", daemon=True)

    def __enter__(self) -> Resolver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        for one in self._open:
            one.close()
        self._selector.close()

    def _work(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(WAIT_S):
                with suppress(OSError):  # who asked is gone: nobody is left to be told
                    key.data(key.fileobj)

    def _datagrams(self, inside: socket.socket) -> None:
        asked, who = inside.recvfrom(LONGEST)
        if (said := answer(asked, self._zone)) is not None:
            inside.sendto(said, who)

    def _accept(self, inside: socket.socket) -> None:
        connection, _ = inside.accept()
        connection.setblocking(False)
        self._open.add(connection)
        self._come[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ, self._stream)

    def _stream(self, connection: socket.socket) -> None:
        """Messages with their length before them (RFC 1035 §4.2.2); it ends when its user does, or with an error."""
        try:
            come = connection.recv(LONGEST)
            if come:
                self._come[connection] = self._answered(connection, self._come[connection] + come)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._selector.unregister(connection)
        self._open.discard(connection)
        del self._come[connection]
        connection.close()

    def _answered(self, connection: socket.socket, come: bytes) -> bytes:
        """What is left after each whole message has its answer."""
        while len(come) >= 2 and len(come) >= (ends := 2 + int.from_bytes(come[:2], "big")):
            if (said := answer(come[2:ends], self._zone)) is not None:
                connection.sendall(len(said).to_bytes(2, "big") + said)
            come = come[ends:]
        return come
