"""Certificates of devices, over real TLS on loopback: who a connection is, and who gets none."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from openleo.controller.device_certificates import CERTIFICATE, KEY, Authority, Presented, authority, presented, uri_of
from openleo.controller.registry import NotPossible, RegisteredTerminal, State
from openleo.controller.tls_peer import PeerCertificates

NOW = datetime.now(UTC)


def device(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))


def terminal(number: int, id_: str = "", state: State = State.ACTIVE) -> RegisteredTerminal:
    key = device(number).public_key().public_bytes_raw()
    return RegisteredTerminal(id_ or f"kit-{number}@sea", "a", "fixed", "TWN", key, f"c{number}", state)


async def tells(scope: Any, _receive: Any, send: Any) -> None:
    """An application that says who it thinks asks."""
    if scope["type"] != "http":
        return
    found = presented(scope)
    body = json.dumps(None if found is None else [found.terminal, base64.b64encode(found.public_key).decode()]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("devices")
    authority(folder, NOW)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(NOW - timedelta(hours=1)).not_valid_after(NOW + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(pem_of(key))
    return folder


def pem_of(key: Any) -> bytes:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    written: bytes = key.private_bytes(*form)
    return written


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def port(place: Path, request: pytest.FixtureRequest) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        tells, http=PeerCertificates, loop=request.param, log_level="critical", ssl_certfile=place / "server.pem",
        ssl_keyfile=place / "server.key", ssl_ca_certs=str(place / CERTIFICATE), ssl_cert_reqs=ssl.CERT_OPTIONAL,
        lifespan="off",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def asked(place: Path, port: int, certificate: bytes | None = None, key: Any = None, times: int = 1) -> Any:
    """What the application says of a client with a certificate."""
    context = ssl.create_default_context(cafile=place / "server.pem")
    if certificate is not None:
        (place / "client.pem").write_bytes(certificate + pem_of(key))
        context.load_cert_chain(place / "client.pem")
    connection = HTTPSConnection("localhost", port, context=context, timeout=10)
    try:
        for _ in range(times):
            connection.request("GET", "/")
            said = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return said


def test_a_connection_is_the_terminal_of_its_certificate(place: Path, port: int) -> None:
    one = terminal(1)
    certificate = authority(place, NOW).issue(one, NOW, hours=8)
    said = asked(place, port, certificate, device(1), times=3)
    assert said == [one.id, base64.b64encode(one.public_key).decode()]
    found = Presented(said[0], base64.b64decode(said[1]))
    assert found.is_of(one.id, one.public_key)
    assert not found.is_of(one.id, terminal(2).public_key)  # its key was changed since
    assert not found.is_of("kit-9", one.public_key)
    assert asked(place, port) is None


@pytest.mark.parametrize("fault", ["another's key", "another authority", "ended", "not begun"])
def test_tls_takes_no_certificate_that_is_not_ours_in_time_and_held(
    place: Path, port: int, fault: str, tmp_path: Path
) -> None:
    ours: Authority = authority(place, NOW)
    by = authority(tmp_path, NOW) if fault == "another authority" else ours
    at = NOW + {"ended": -timedelta(hours=9), "not begun": timedelta(hours=2)}.get(fault, timedelta())
    certificate = by.issue(terminal(1), at, hours=8)
    if fault == "another's key":
        with pytest.raises(ssl.SSLError):
            asked(place, port, certificate, device(2))
        return
    with pytest.raises((ssl.SSLError, ConnectionError)):
        asked(place, port, certificate, device(1))


def test_a_certificate_says_no_more_than_it_should(place: Path) -> None:
    """Of hours, for clients, no authority, its terminal in the URI alone. Read by openssl's rules in `cryptography`."""
    made = x509.load_pem_x509_certificate(authority(place, NOW).issue(terminal(1), NOW, hours=8))
    assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(hours=8, minutes=1)
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [uri_of("kit-1@sea")]
    assert list(made.subject) == []
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    made.verify_directly_issued_by(authority(place, NOW).certificate)


@pytest.mark.parametrize("state", [State.SUSPENDED, State.LOST, State.REVOKED])
def test_who_is_cut_off_gets_no_certificate(place: Path, state: State) -> None:
    with pytest.raises(NotPossible, match="gets no certificate"):
        authority(place, NOW).issue(terminal(1, state=state), NOW, hours=8)


def test_the_authoritys_key_is_its_owners_alone(tmp_path: Path) -> None:
    first = authority(tmp_path, NOW)
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600
    assert authority(tmp_path, NOW).pem == first.pem
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(NotPossible, match="can be read by others"):
        authority(tmp_path, NOW)


@pytest.mark.parametrize("scope", [{}, {"extensions": {}}, {"extensions": {"tls": {"client_cert_chain": []}}}])
def test_without_a_certificate_a_connection_is_nobody(scope: dict[str, Any]) -> None:
    assert presented(scope) is None
