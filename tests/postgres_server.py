"""A PostgreSQL of our own for tests: a cluster in a temporary folder, from the programs that Debian installs.

    programs() ─► cluster() ─► Server.address (the cluster's own database), Server.database() (an empty one)

It listens on a socket in its folder alone, and nothing of it outlives the block. Writes are not forced to the disk: no
test here takes the machine's power away.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEBIAN = Path("/usr/lib/postgresql")  # VERSION/bin, which is not on the PATH
QUICK = "-c fsync=off -c full_page_writes=off -c shared_buffers=32MB"
NOT_INSTALLED = "initdb and pg_ctl are not installed: postgresql"


def program(name: str) -> str | None:
    """Where a program of PostgreSQL is: on the PATH, else of the newest version that Debian has installed."""
    found = shutil.which(name)
    if found is None:
        versions = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
        found = str(versions[-1]) if versions else None
    return found


@dataclass
class Server:
    """A cluster that runs."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def address(self) -> str:
        return self._address("postgres")

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The address of a database that nobody else has; it is dropped afterwards, whoever is still connected."""
        name = f"test_{next(self._numbers)}"
        self.run(f'create database {name} template "{template}"')
        try:
            yield self._address(name)
        finally:
            self.run(f"drop database {name} with (force)")

    def run(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """As when its machine goes: nobody is waited for."""
        self._control("-m", "immediate", "stop")

    def start(self, options: str = QUICK) -> None:
        listens = f"-k {self.folder} -c listen_addresses= {options}"
        self._control("-w", "-o", listens, "-l", str(self.folder / "log"), "start")

    def _control(self, *arguments: str) -> None:
        _run(self.folder, str(program("pg_ctl")), "-D", str(self.folder / "data"), *arguments)

    def _address(self, name: str) -> str:
        return f"postgresql://openleo@/{name}?host={self.folder}"


@contextlib.contextmanager
def cluster(options: str = QUICK) -> Iterator[Server]:
    """A new one, running. As root it is run by the user postgres, since it refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="openleo-postgres"))
    server = Server(folder)
    try:
        if _as_postgres():
            shutil.chown(folder, "postgres", "postgres")
        initdb = str(program("initdb"))
        _run(folder, initdb, "-D", str(folder / "data"), "-U", "openleo", "-A", "trust", "-E", "UTF8", "--no-sync")
        server.start(options)
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test stopped it
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def installed() -> bool:
    return all(map(program, ("initdb", "pg_ctl")))


def _as_postgres() -> dict[str, Any]:
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **_as_postgres())
