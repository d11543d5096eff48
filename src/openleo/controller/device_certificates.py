"""Certificates of hours for enrolled keys: the operator's own small authority, and who a connection is.

    device signs a request ─► its registered key is put into a certificate ─► TLS asks for it ─► terminal of the scope

The authority's key is beside the ledger's. A certificate names its terminal in a URI and holds the key that is
registered, so nobody sends a signing request; there is no list of revoked ones, as they end within hours and the
registry is asked at every use: another key, or another state, and the certificate is good for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import Connection, insert, select

from openleo.controller.device_identity import message
from openleo.controller.device_keys import CERTIFICATE as CERTIFICATE_FOR
from openleo.controller.device_keys import KeyRefused, check_signature
from openleo.controller.key_files import kept_key, write_once
from openleo.controller.registry import NotPossible, RegisteredTerminal, State, Unknown, find
from openleo.controller.tables import nonces

KEY, CERTIFICATE = "device-ca.key", "device-ca.pem"
SCHEME = "urn:openleo:terminal:"
AUTHORITY_DAYS = 3_650
EARLY = timedelta(minutes=1)  # a device's clock may be behind ours
NONCE_S = 60.0  # a signed request is good for so long, before and after the instant that it names
TLS = "tls"  # the ASGI extension of this name


@dataclass(frozen=True)
class Authority:
    """Signs certificates of devices."""

    certificate: x509.Certificate
    key: Ed25519PrivateKey

    @property
    def pem(self) -> bytes:
        """What a server takes as `ssl_ca_certs`, and nothing secret."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, terminal: RegisteredTerminal, now: datetime, hours: float) -> bytes:
        """A certificate (PEM) of an enrolled terminal's key. Raises NotPossible."""
        if terminal.state not in (State.ENROLLED, State.ACTIVE):
            raise NotPossible(f"{terminal.id} is {terminal.state}: it gets no certificate")
        made = (
            _builder(now, now + timedelta(hours=hours))
            .subject_name(x509.Name([]))  # the name is in the URI: a common name has 64 characters at most
            .issuer_name(self.certificate.subject)
            .public_key(Ed25519PublicKey.from_public_bytes(terminal.public_key))
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri_of(terminal.id))]), True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(_usage(signs=True), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )
        return made.sign(self.key, None).public_bytes(serialization.Encoding.PEM)


def authority(data: Path, now: datetime, make_key: Callable[[], Ed25519PrivateKey] | None = None) -> Authority:
    """The authority of a data folder, made where there is none. Raises NotPossible where its key is open to others."""
    key, certificate = kept_key(data / KEY, make_key), data / CERTIFICATE
    if not certificate.exists():
        write_once(certificate, _self_signed(key, now).public_bytes(serialization.Encoding.PEM), 0o644)
    return Authority(x509.load_pem_x509_certificate(certificate.read_bytes()), key)


def _self_signed(key: Ed25519PrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "openleo devices")])
    return (
        _builder(now, now + timedelta(days=AUTHORITY_DAYS))
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(_usage(signs=False), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, None)
    )


def _builder(now: datetime, until: datetime) -> x509.CertificateBuilder:
    made = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return made.not_valid_before(now - EARLY).not_valid_after(until)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs, key_cert_sign=not signs, crl_sign=not signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


# --- asked for by a device ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CertificateClaim:
    """What a device signs to get a certificate. `at_s`: when, in seconds since the Unix epoch."""

    terminal: str
    at: str
    at_s: float
    nonce: str
    signature: str

    @property
    def message(self) -> bytes:
        """The bytes that are signed."""
        return message(CERTIFICATE_FOR, {"terminal": self.terminal, "at": self.at, "nonce": self.nonce})


def check_asked(connection: Connection, asked: CertificateClaim, now_s: float) -> RegisteredTerminal:
    """The terminal whose device asks, in time and for the first time. Raises KeyRefused: one reason, whatever it is.

    Whether there is such a terminal is told to nobody who does not hold its key.
    """
    try:
        found = find(connection, asked.terminal)
        check_signature(found.public_key, asked.message, asked.signature)
    except (Unknown, KeyRefused):
        raise KeyRefused("no terminal of this name signed this.") from None
    if abs(asked.at_s - now_s) > NONCE_S:
        raise KeyRefused(f"it was signed {abs(asked.at_s - now_s):.0f} s from now; {NONCE_S:.0f} s is the most.")
    said = select(nonces.c.nonce).where(nonces.c.terminal == asked.terminal, nonces.c.nonce == asked.nonce)
    if connection.execute(said).first() is not None:
        raise KeyRefused("its nonce was used before.")
    row = {"terminal": asked.terminal, "nonce": asked.nonce, "until": asked.at_s + NONCE_S}
    connection.execute(insert(nonces).values(row))
    return found


# --- who a connection is ------------------------------------------------------------------------------------------


def uri_of(terminal: str) -> str:
    """How a certificate names a terminal.

    >>> uri_of("kit-1@sea")
    'urn:openleo:terminal:kit-1%40sea'
    """
    return SCHEME + quote(terminal, safe="")


@dataclass(frozen=True)
class Presented:
    """A terminal and its key, as a certificate that TLS verified says."""

    terminal: str
    public_key: bytes

    def is_of(self, terminal: str, public_key: bytes) -> bool:
        """Whether it is this terminal, by the key that it has now."""
        return (self.terminal, self.public_key) == (terminal, public_key)


def presented(scope: Mapping[str, Any]) -> Presented | None:
    """Whose certificate a request came with (the ASGI extension `tls`); None: it came without one of ours."""
    chain = scope.get("extensions", {}).get(TLS, {}).get("client_cert_chain", ())
    if not chain:
        return None
    found = x509.load_pem_x509_certificate(chain[0].encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    key = found.public_key()
    if len(uris) != 1 or not uris[0].startswith(SCHEME) or not isinstance(key, Ed25519PublicKey):
        return None
    return Presented(unquote(uris[0].removeprefix(SCHEME)), key.public_bytes_raw())


def put_into(scope: MutableMapping[str, Any], der: bytes | None) -> None:
    """Tell an application by which certificate a connection came, in the words of ASGI's extension `tls`."""
    chain = []
    if der:
        chain.append(x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode())
    scope["extensions"] = {**scope.get("extensions", {}), TLS: {"client_cert_chain": chain}}
