"""Receivers on this machine for tests: a web server that takes webhooks, and a mail server, both of the test's own."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOOPBACK = "127.0.0.1"
NAME = "hooks.regulator.example"


@dataclass
class Calls:
    """What a web server was sent. `statuses`: its answers, the last one for good."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=lambda: [204])
    location: str = ""
    retry_after: str = ""
    silent: threading.Event | None = None  # answers only after it is set
    drips: threading.Event | None = None  # answers without an end until it is set


@contextmanager
def web_server(tls: ssl.SSLContext | None = None) -> Iterator[Calls]:
    """On a free port of this machine."""
    calls = Calls()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            calls.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            calls.paths.append(self.path)
            if calls.silent is not None:
                calls.silent.wait(10)
            status = calls.statuses.pop(0) if len(calls.statuses) > 1 else calls.statuses[0]
            self.send_response(status)
            if calls.location:
                self.send_header("Location", calls.location)
            if calls.retry_after:
                self.send_header("Retry-After", calls.retry_after)
            self.send_header("Content-Length", "0")
            while calls.drips is not None and not calls.drips.wait(0.05):
                self.flush_headers()
                self.wfile.write(b"X-More: to come\r\n")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on stderr."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that did not like the certificate."""

    with Server((LOOPBACK, 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        calls.url = f"{'http' if tls is None else 'https'}://{LOOPBACK}:{server.server_port}/hook"
        with _served(server):
            yield calls


@dataclass
class Mails:
    """What a mail server took: (from, to, the bytes); and what it was told on the way."""

    port: int = 0
    got: list[tuple[str, str, bytes]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    password: str = ""
    refuses: dict[str, str] = field(default_factory=dict)  # by verb: the answer
    rude: bool = False  # hangs up after it took a mail


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None) -> Iterator[Mails]:
    """SMTP (RFC 5321) as far as one mail needs it; STARTTLS where there is a certificate, AUTH PLAIN."""
    mails = Mails()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            conversation = Conversation(self.request, mails, tls)
            with contextlib.suppress(OSError):
                conversation.go_on()
            with contextlib.suppress(OSError):
                conversation.lines.close()
                conversation.link.close()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server((LOOPBACK, 0), Handler) as server:
        mails.port = server.server_address[1]
        with _served(server):
            yield mails


class Conversation:
    """One client."""

    def __init__(self, link: socket.socket, mails: Mails, tls: ssl.SSLContext | None):
        self.link, self.mails, self.tls = link, mails, tls
        self.lines = link.makefile("rb")
        self.secure = False

    def say(self, text: str) -> None:
        self.link.sendall(text.encode() + b"\r\n")

    def go_on(self) -> None:
        self.say("220 here")
        sender = to = ""
        while line := self.lines.readline():
            said = line.decode().strip()
            verb = said.split(" ")[0].split(":")[0].upper()
            self.mails.heard.append(said)
            if verb in self.mails.refuses:
                self.say(self.mails.refuses[verb])
            elif verb == "EHLO":
                offers = ["250-here", *(["250-STARTTLS"] if self.tls and not self.secure else []), "250 AUTH PLAIN"]
                self.say("\r\n".join(offers))
            elif verb == "STARTTLS":
                assert self.tls is not None
                self.say("220 go ahead")
                self.lines.close()
                self.link = self.tls.wrap_socket(self.link, server_side=True, do_handshake_on_connect=False)
                self.link.do_handshake()
                self.lines, self.secure = self.link.makefile("rb"), True
            elif verb == "AUTH":
                right = base64.b64encode(f"\0openleo\0{self.mails.password}".encode()).decode()
                self.say("235 welcome" if said == f"AUTH PLAIN {right}" else "535 no")
            elif verb == "MAIL":
                sender = said.split("<")[1].split(">")[0]
                self.say("250 ok")
            elif verb == "RCPT":
                to = said.split("<")[1].split(">")[0]
                self.say("250 ok")
            elif verb == "DATA":
                self.take(sender, to)
                if self.mails.rude:
                    return
            else:
                self.say("221 bye" if verb == "QUIT" else "250 ok")

    def take(self, sender: str, to: str) -> None:
        self.say("354 go on")
        content = []
        while (line := self.lines.readline()) != b".\r\n":
            content.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.mails.got.append((sender, to, b"".join(content)))
        self.mails.encrypted.append(self.secure)
        self.say("250 taken")


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Certificates:
    """Of this machine: the server's side, and a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certificates(folder: Path) -> Certificates:
    """Self-signed, for the loopback address and one name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK)), x509.DNSName(NAME)]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    both = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    both.write_bytes(private + public)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return Certificates(server, ssl.create_default_context(cadata=public.decode()))
