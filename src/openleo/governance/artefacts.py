"""Documents named by the sha256 of their bytes: rule books, effects, lists; beside the ledger, which holds the names.

An artefact is on the disk before an entry names it, and is never written over. What is read back is hashed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rfc8785

from openleo.governance.state import Refused

# Of a document. The largest honest ones are effects on the world: 750 territories and strips in 6 classes, at half
# a kilobyte a row, are 2 MB, and so is each side of every change of rules ahead (up to 100) that moves them all. A book
# has files of up to 50 MB. A hostile one costs an auditor a few times as much memory, when it is read as JSON.
MOST_BYTES = 2**27
MOST_HELD = 2**28  # bytes of published documents that are kept at hand; beyond, they are read again
FOR_OTHERS = 0o077  # what a file's mode gives to others than its owner

_NAME = re.compile(r"[0-9a-f]{64}")


class Artefacts:
    """A folder of them."""

    with_lists = True  # whether lists of groups, which are opened to auditors alone, may be among them

    def __init__(self, folder: Path):
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Where one is or would be."""
        return self._folder / sha256

    def put(self, data: bytes, *, private: bool = False) -> str:
        """Keep bytes; when this returns they are on the disk. Gives their name. Raises OSError, or Refused.

        `private`: at no time can anybody but the owner of the folder read them.
        """
        if len(data) > MOST_BYTES:
            raise Refused(
                f"a document of it takes {len(data):,} bytes, and auditors read {MOST_BYTES:,} of one: "
                "split the change, or propose fewer windows"
            )
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        if path.exists() and path.read_bytes() == data and not (private and path.stat().st_mode & FOR_OTHERS):
            return sha256
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{sha256}.{os.getpid()}")
        try:
            beside.unlink(missing_ok=True)  # of a process of this number that was killed
            made = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if private else 0o666)
            with os.fdopen(made, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync(self._folder)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        return sha256

    def put_json(self, document: Any, *, private: bool = False) -> str:
        """Keep a document as its RFC 8785 bytes."""
        return self.put(rfc8785.dumps(document), private=private)

    def get(self, sha256: str) -> bytes:
        """Raises Refused where it is not there, or is not what its name says."""
        if not _NAME.fullmatch(sha256):
            raise Refused(f"{sha256[:80]!r} names no artefact")
        data = self.read(sha256)
        if data is None:
            raise Refused(f"the artefact {sha256} is not in {self}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Refused(f"the artefact {sha256} in {self} was altered: its bytes have another sha256")
        return data

    def read(self, sha256: str) -> bytes | None:
        """The bytes under a name, whatever they are; None if there are none."""
        try:
            with self.path(sha256).open("rb") as file:
                return file.read(MOST_BYTES + 1)  # more of it fits no name, as nothing so large is kept
        except FileNotFoundError:
            return None

    def has(self, sha256: str) -> bool:
        """Whether there is anything under a name."""
        return self.path(sha256).exists()

    def __str__(self) -> str:
        return str(self._folder)

    def get_json(self, sha256: str) -> Any:
        """Raises Refused."""
        data = self.get(sha256)
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Refused(f"the artefact {sha256} is no JSON") from error

    def book(self, name: str, sha256: str) -> dict[str, Any]:
        """A book of rules under its own name: else its rules would take another book's place. Raises Refused."""
        found = self.get_json(sha256)
        if not isinstance(found, dict) or found.get("book") != name:
            raise Refused(f"the artefact {sha256} is not the book {name}")
        return found


class Shown(Artefacts):
    """Those that are shown beside a published ledger. `fetch` gives the file of a path below it, or None."""

    with_lists = False

    def __init__(self, fetch: Callable[[str], bytes | None], where: str):
        super().__init__(Path(where))
        self._fetch, self._where = fetch, where
        self._known: dict[str, bytes | None] = {}
        self._held = 0  # bytes

    def read(self, sha256: str) -> bytes | None:
        if sha256 not in self._known:
            data = self._fetch(sha256)
            self._held += len(data or b"")
            if self._held > MOST_HELD:
                self._known, self._held = {}, len(data or b"")
            self._known[sha256] = data
        return self._known[sha256]

    def has(self, sha256: str) -> bool:
        return self.read(sha256) is not None

    def __str__(self) -> str:
        return self._where


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
