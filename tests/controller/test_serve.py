"""`openleo serve` as a process: what it prints, how it stops, and what it refuses to begin with."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from planned import scenario
from running import shows_token
from sqlalchemy import create_engine, text

from openleo.cli.serve import serve
from openleo.controller.database import FILE, address_of, connect
from openleo.errors import InputError

SERVE = [sys.executable, "-m", "openleo", "serve"]


def viewer(data: Path) -> dict[str, str]:
    """The header that shows a new token."""

    class Held:
        engine = connect(address_of(data))

    try:
        return shows_token(Held(), "viewer")  # type: ignore[arg-type]
    finally:
        Held.engine.dispose()


def ready(address: str, process: subprocess.Popen[str]) -> httpx.Response:
    """The first answer that says that it is ready."""
    for _ in range(300):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        try:
            answer = httpx.get(f"{address}/readyz", timeout=5.0)
            if answer.status_code == 200:
                return answer
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("it was not ready within half a minute")


def test_on_an_empty_folder_it_prints_its_address_and_a_token_once_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    asked = [*SERVE, str(scenario(tmp_path)), "--data", str(tmp_path / "data"), "--port", "0"]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address, token = process.stdout.readline().strip(), process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        assert token.startswith("administrator token, shown once: ")
        said = ready(address, process).json()
        assert any("nobody is served" in one for one in said["warnings"])
        assert httpx.get(f"{address}/v1/slots/current").status_code == 401
        shown = viewer(tmp_path / "data") | {"Last-Event-ID": "0"}
        with httpx.stream("GET", f"{address}/v1/events", headers=shown, timeout=20.0) as stream:
            lines = stream.iter_lines()
            assert "event: slot" in [next(lines) for _ in range(6)]
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert list(lines) is not None  # the stream ends, and nobody waits for who listens
            assert time.monotonic() - begun < 9.0
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    engine = create_engine(f"sqlite:///{tmp_path / 'data' / FILE}")
    with engine.connect() as connection:
        assert connection.execute(text("select holder from leadership")).scalar_one() == ""  # laid down: nobody waits
        assert connection.execute(text("select count(*) from slots where applied_at is not null")).scalar_one() >= 1
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "set_", "named"),
    [
        ({"host": "0.0.0.0"}, "", ["host: is 0.0.0.0", "certificate"]),
        ({}, 'keep_plans = 1\nlease_slots = 21\nhosts = "x"', ["keep_plans", "lease_slots", "hosts"]),
        ({}, "port = 70000", ["port"]),
        ({}, "port = ", ["settings.toml"]),
        ({}, 'tls_key = "nowhere.pem"', ["nowhere.pem is no file", "goes with"]),
    ],
)
def test_settings_that_are_wrong_end_it_with_every_problem_named(
    tmp_path: Path, given: dict[str, str], set_: str, named: list[str]
) -> None:
    (tmp_path / "settings.toml").write_text(set_)
    with pytest.raises(InputError) as found:
        serve(scenario(tmp_path), tmp_path, **given)  # type: ignore[arg-type]
    for one in named:
        assert one in str(found.value)
    assert not (tmp_path / FILE).exists()


def test_an_address_that_is_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match="cannot be listened at"):
            serve(scenario(tmp_path), tmp_path, port=port)
