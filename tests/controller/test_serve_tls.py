"""`openleo serve` over TLS, as a process: who connects, and that nobody carries what another terminal signed."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from planned import scenario
from processes import Device, wait_for
from sqlalchemy import insert

from openleo.cli.serve import serve
from openleo.controller.database import address_of, connect, writing
from openleo.controller.device_certificates import authority
from openleo.controller.registry import RegisteredTerminal, State
from openleo.controller.tables import accounts, terminals
from openleo.errors import InputError
from self_signed import self_signed

PLAIN = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def enrolled(data: Path, *devices: Device) -> None:
    usual = {"account": "a", "class": "fixed", "home_territory": "POL", "groups": "[]", "state": "active"}
    engine = connect(address_of(data))
    with writing(engine) as connection:
        connection.execute(insert(accounts).values(id="a", created_at=0.0, commitment="a"))
        for one in devices:
            said = {"id": one.id, "public_key": one.public_key, "enrolled_at": 0.0, "commitment": one.id}
            connection.execute(insert(terminals).values(usual | said))
    engine.dispose()


def shows(data: Path, server: Path, device: Device | None) -> httpx.Client:
    """A client that takes the server's certificate alone, and shows a device's where one is given."""
    context = ssl.create_default_context(cafile=str(server))
    if device is not None:
        now = datetime.now(UTC)
        terminal = RegisteredTerminal(device.id, "a", "fixed", "POL", device.public_key, device.id, State.ACTIVE)
        file = data.parent / f"{device.id}.pem"
        file.write_bytes(authority(data, now).issue(terminal, now, 1.0) + device.key.private_bytes(*PLAIN))
        context.load_cert_chain(file)
    return httpx.Client(verify=context, timeout=10.0)


@pytest.mark.slow
def test_over_tls_a_certificate_speaks_for_its_own_terminal_alone(tmp_path: Path) -> None:
    server, key = self_signed(tmp_path)
    data = tmp_path / "data"
    set_ = {"TLS_CERTIFICATE": str(server), "TLS_KEY": str(key), "DEVICE_CERTIFICATES": "true"}
    environment = {f"OPENLEO_{name}": value for name, value in set_.items()}
    one, other = Device("t-1", at=(52.2, 21.0)), Device("t-2", at=(52.2, 21.0))
    asked = [sys.executable, "-m", "openleo", "serve", str(scenario(tmp_path)), "--data", str(data), "--port", "0"]
    with (tmp_path / "log").open("w") as log:
        made = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | environment)
    try:
        assert made.stdout is not None
        address = made.stdout.readline().strip()
        url = address.replace("127.0.0.1", "localhost")
        assert url.startswith("https://")
        enrolled(data, one, other)
        with shows(data, server, None) as nobody, shows(data, server, one) as client:

            def decides(who: httpx.Client, device: Device) -> tuple[int, str] | None:
                """(status, what it is about) once the controller leads and has a plan."""
                answer = who.post(f"{url}/v1/leases", json=device.request())
                return None if answer.status_code == 503 else (answer.status_code, answer.json()["type"])

            wait_for(lambda: nobody.get(f"{url}/readyz").status_code == 200, 60.0)
            no_rule = (403, "urn:openleo:problem:no-lease")  # heard, and decided: no ledger is founded here
            assert wait_for(lambda: decides(client, one), 30.0) == no_rule
            assert decides(nobody, one) == no_rule  # signed, and no certificate shown
            assert decides(client, other) == (401, "urn:openleo:problem:other-certificate")
            assert nobody.get(f"{url}/metrics").status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(address.replace("https", "http") + "/healthz")
        with pytest.raises(httpx.TransportError, match="certificate"):
            httpx.get(f"{url}/healthz")  # whose authority nobody knows
        made.terminate()
        made.communicate(timeout=30)
        assert made.returncode == 0
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        made.kill()
        made.communicate()


def test_certificates_of_devices_need_tls(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("device_certificates = true")
    with pytest.raises(InputError, match="device_certificates"):
        serve(scenario(tmp_path), tmp_path)
