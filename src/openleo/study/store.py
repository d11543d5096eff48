"""Results of runs on disk, each a file under its address: there whole, or not there.

    FOLDER/runs/VERSION/ab/abcdef….json      {"sha256": of the rest, "address": …, "version": …, "rows": [ … ], …}

A file is written beside its place and renamed, so whoever is ended on the way leaves nothing that could be taken for
a result; a file that does not match its own hash is not there. Each version of the programme has a folder: results of
two are never mixed. Several processes may write at once: what they write under one address is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from openleo.errors import InputError, Problem
from openleo.study.compute import Outcome

RUNS = "runs"
PARTIAL = ".partial-"
ABANDONED_S = 3600.0  # no write takes so long: who began an older partial file was ended on the way
HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Store:
    """The results of one version, below a study's folder."""

    folder: Path
    version: str

    @property
    def own(self) -> Path:
        return self.folder / RUNS / self.version

    def path(self, address: str) -> Path:
        return self.own / address[:2] / f"{address}.json"

    def __contains__(self, address: str) -> bool:
        return self.get(address) is not None

    def get(self, address: str) -> Outcome | None:
        """What is kept under an address, or None where there is nothing whole."""
        try:
            said = json.loads(self.path(address).read_bytes())
            claimed = said.pop("sha256")
            whole = claimed == _sha256_of(said) and (said["address"], said["version"]) == (address, self.version)
            return Outcome(address, tuple(said["rows"]), said["seconds"]) if whole else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, outcome: Outcome) -> None:
        """Keep the results of a run. Raises InputError where the folder cannot be written."""
        said: dict[str, Any] = {
            "address": outcome.address,
            "version": self.version,
            "seconds": round(outcome.seconds, 3),
            "rows": list(outcome.rows),
        }
        path = self.path(outcome.address)
        partial = path.with_name(f".{outcome.address[:16]}{PARTIAL}{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(rfc8785.dumps({"sha256": _sha256_of(said), **said}))
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            rule = f"cannot be written: {error.strerror or error}."
            way_out = "Make room, or give write access there, and go on with the same command: what is done is kept."
            raise InputError(Problem(str(self.folder), "", rule, way_out)) from error

    def addresses(self) -> Iterator[str]:
        """All that there are files of, whole or not, in order."""
        for path in sorted(self.own.glob("??/*.json")):
            if len(path.stem) == 64 and HEX.issuperset(path.stem):
                yield path.stem

    def others(self) -> dict[str, int]:
        """How many files there are of each other version."""
        folders = [one for one in sorted((self.folder / RUNS).glob("*")) if one.is_dir() and one.name != self.version]
        found = {one.name: sum(1 for _ in one.glob("??/*.json")) for one in folders}
        return {name: count for name, count in found.items() if count}

    def clear_abandoned(self) -> None:
        """Remove what writers that were ended left half-written."""
        for path in self.own.glob(f"??/.*{PARTIAL}*"):
            with contextlib.suppress(OSError):  # another process was first
                if path.stat().st_mtime < time.time() - ABANDONED_S:
                    path.unlink()


def _sha256_of(said: dict[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(said)).hexdigest()
