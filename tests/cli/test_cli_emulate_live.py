"""`openleo emulate live`: what is wrong is said before anything starts, and nothing is asked of the kernel."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from command_line import Run
from openleo.emulator import namespaces

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "available", lambda: namespaces.Finding(True, "root", "as if"))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing may start")

    monkeypatch.setattr(namespaces, "endpoints", never)


def refused(run: Run, *words: object) -> str:
    done = run("emulate", "live", *words)
    assert done.code == 2
    return str(done.err)


def pem(path: Path, key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


def test_options_that_are_wrong_are_told_together(run: Run) -> None:
    told = refused(run, NOWHERE, "--at", "Taipei", "--for", "soon", "--id", "kit-1", "--", "no-such-command")
    assert "--for: " in told
    assert "--terminal, --id: go together: a key is of the terminal of one id. Give both, or neither." in told
    assert 'COMMAND: there is no command "no-such-command" on this machine.' in told


def test_a_place_that_nobody_knows_and_an_address_where_nobody_answers(run: Run) -> None:
    assert '--at: there is no place "Taipeh-on-Sea".' in refused(run, NOWHERE, "--at", "Taipeh-on-Sea", "--", "true")
    assert f"URL: {NOWHERE}: no controller answers: " in refused(run, NOWHERE, "--at", "Taipei", "--", "true")
    assert "URL: taiwan.toml: is no address." in refused(run, "taiwan.toml", "--at", "Taipei", "--", "true")


def test_keys_that_are_none_are_told_without_showing_them(run: Run, tmp_path: Path) -> None:
    def said(file: Path, id_: str = "kit-1") -> str:
        return refused(run, NOWHERE, "--at", "Taipei", "--terminal", file, "--id", id_, "--", "true")

    assert "cannot be read: No such file" in said(tmp_path / "none.pem")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    assert "holds no key that can be read" in said(broken)
    assert "c2VjcmV0" not in said(broken)
    other = pem(tmp_path / "other.pem", ec.generate_private_key(ec.SECP256R1()))
    assert "holds a key that is not Ed25519." in said(other)
    roll = tmp_path / "keys.csv"
    row = f"kit-1,{base64.b64encode(bytes(32)).decode()},a,TWN,24.0,121.0"
    roll.write_text(f"id,private_key,account,home_territory,latitude_deg,longitude_deg\n{row}\n")
    assert "--id: kit-2: is no terminal of " in said(roll, "kit-2")
    assert "no controller answers" in said(roll)
    assert "no controller answers" in said(pem(tmp_path / "good.pem", Ed25519PrivateKey.generate()))
