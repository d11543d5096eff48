"""`openleo serve`: the running controller of a scenario's network."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import ScenarioFile, note, tell_if_cold

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from openleo.controller.connections import Bounds
    from openleo.controller.runtime import Runtime
    from openleo.controller.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
GRACE_S = 10
TAKEN_AT_ONCE = 32  # new connections, in a turn of the event loop
ANSWERING_WAITS_S = 0.0005  # for a slot's work in another thread to give way; 5 ms unless told


def serve(
    scenario: ScenarioFile,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Its data; an empty or new folder is made ready.")],
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="postgresql://…; default: SQLite in the data folder.")
    ] = None,
    host: Annotated[str | None, typer.Option(metavar="H", help="Where to listen. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="P", min=0, max=65535, help="0 takes a free one. [default: 8600]")
    ] = None,
) -> None:
    """Run the network: every slot its plan, leases to terminals, answers to people and programs, until stopped.

    The scenario gives the satellites, the ground and the area; the rules in force are the ledger's. The first start on
    an empty folder prints a token, once, with which an administrator drafts the genesis of the ledger and nothing else.
    """
    settings = _settings(data, database, host, port)
    listening = _listen(settings)
    from openleo.controller.database import Unavailable
    from openleo.controller.runtime import open_runtime
    from openleo.errors import InputError, Problem

    tell_if_cold()
    try:
        runtime = open_runtime(scenario, data, settings)
    except Unavailable as error:
        listening.close()
        raise InputError(Problem("--database", "", f"cannot be used: {error}.")) from None
    try:
        _run(runtime, settings, listening)
    finally:
        runtime.close()
        listening.close()


def _settings(data: Path, database: str | None, host: str | None, port: int | None) -> Settings:
    """What is set, on the command line first of all. Raises InputError with every problem."""
    from openleo.cli.controller_common import settings_of
    from openleo.errors import InputError, Problem

    settings = settings_of(data, database=database, host=host, port=port)
    problems = []
    if settings.host not in LOOPBACK and not (settings.tls_certificate and settings.tls_key):
        rule = f"is {settings.host}, which others can reach, and there is no certificate."
        problems.append(Problem("settings", "host", rule, "Set tls_certificate and tls_key, or listen at 127.0.0.1."))
    if settings.oidc_issuer and settings.host not in LOOPBACK and not settings.public_url:
        rule = "is empty, and people who log in would be sent back to whatever host their request names."
        problems.append(Problem("settings", "public_url", rule, "Write the address that people reach it by."))
    for name in ("tls_certificate", "tls_key"):
        path = getattr(settings, name)
        if path is not None and not path.is_file():
            problems.append(Problem("settings", name, f"{path} is no file.", "Write the path of a PEM file."))
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        problems.append(Problem("settings", "tls_key", "goes with tls_certificate: one of them is missing."))
    if settings.device_certificates and not settings.tls_certificate:
        rule = "asks for certificates, which clients show within TLS alone."
        problems.append(Problem("settings", "device_certificates", rule, "Set tls_certificate and tls_key too."))
    if problems:
        raise InputError(problems)
    return settings


def _listen(settings: Settings) -> socket.socket:
    """A socket before anything else is done: who asks comes in once all is ready. Raises InputError."""
    import socket

    from openleo.errors import InputError, Problem

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen()  # who reads the address can connect, and waits
    except OSError as error:
        listening.close()
        rule = f"{settings.host}:{settings.port} cannot be listened at: {error.strerror}."
        raise InputError(Problem("--port", "", rule, "Choose another, or 0 for any free one.")) from None
    return listening


def _taken_at_once(listening: socket.socket) -> list[socket.socket]:
    """One socket, listened at so many times: libuv takes one connection a turn of its loop from each.

    From one alone, whoever comes anew waits through a turn for each who came before, while requests on connections that
    there are go on: beside other work, 256 terminals that came at once waited for over 15 s.
    """
    return [listening, *(listening.dup() for _ in range(TAKEN_AT_ONCE - 1))]


def _bounds(settings: Settings) -> Bounds:
    """As many connections as are set, but no more than this process may have files, with some left for others."""
    import resource

    from openleo.controller.connections import HEAD_BYTES, Bounds

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = (
        settings.connections_max if files == resource.RLIM_INFINITY else min(settings.connections_max, files * 3 // 4)
    )
    return Bounds(most, max(settings.body_bytes_max, settings.upload_bytes_max) + 2 * HEAD_BYTES)


def _of_devices(runtime: Runtime, settings: Settings) -> dict[str, Any]:
    """How uvicorn asks for devices' certificates, where that is set.

    Without one a client is let in all the same: people's browsers and programs show who they are by other means.
    """
    if not settings.device_certificates:
        return {}
    import ssl

    from openleo.controller import device_certificates
    from openleo.instants import instant_of

    device_certificates.authority(runtime.data, instant_of(runtime.clock.now_s()))  # made where there is none
    authority = runtime.data / device_certificates.CERTIFICATE
    return {"ssl_ca_certs": str(authority), "ssl_cert_reqs": ssl.CERT_OPTIONAL}


def _shorter(runtime: Runtime) -> str:
    """What is to be said where the roster lets leases hold for less than is set; "" where it does not."""
    from openleo.instants import instant_of

    in_force = runtime.read_in_force(instant_of(runtime.clock.now_s()))
    if not in_force.founded or runtime.lease_slots == runtime.settings.lease_slots:
        return ""
    return (
        f"lease_slots is {runtime.settings.lease_slots}, and leases hold for {runtime.lease_slots}: the roster's"
        " lease_slots_max, which a change of the roster sets."
    )


def _run(runtime: Runtime, settings: Settings, listening: socket.socket) -> None:
    import uvicorn

    from openleo.collecting import collect_rarely
    from openleo.controller import logs
    from openleo.controller.app import create_app
    from openleo.controller.connections import protocol

    logs.begin()
    sys.setswitchinterval(ANSWERING_WAITS_S)
    collect_rarely(lambda: runtime.current is not None, runtime.stopping)
    secured = settings.tls_certificate is not None
    where = f"[{settings.host}]" if ":" in settings.host else settings.host
    typer.echo(f"http{'s' if secured else ''}://{where}:{listening.getsockname()[1]}")
    if runtime.administrator:
        typer.echo(f"administrator token, shown once: {runtime.administrator}")
        note("It drafts the genesis of the ledger, and nothing else; until then nobody is served.")
    if said := _shorter(runtime):
        note(said)
    config = uvicorn.Config(
        create_app(runtime), loop="uvloop", http=protocol(_bounds(settings)), ws="none", log_config=None,
        access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=settings.tls_certificate, ssl_keyfile=settings.tls_key, **_of_devices(runtime, settings),
    )  # fmt: skip
    for ending in (signal.SIGTERM, signal.SIGINT):  # uvicorn stops at them, and then raises them once more
        signal.signal(ending, signal.SIG_IGN)

    class Server(uvicorn.Server):
        """Lets who listens to events go before it waits for requests to end."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            runtime.hub.end()
            super().handle_exit(sig, frame)

    Server(config).run(sockets=_taken_at_once(listening))
