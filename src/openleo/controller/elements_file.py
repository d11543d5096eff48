"""The file of element sets that a scenario names: looked at again while the network runs, and kept by hash.

    the file ─► look ─► Twin.renewed ─► taken by the loop with the next slot
    twin in use ─► keep (with the plan that was computed from it) ─► restored after a restart

Somebody else renews the file. Nothing here asks anybody on the Internet: sources block who asks too often, and of
several controllers of one network each would ask.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, select

from openleo.controller import twin as twins
from openleo.controller.database import put, reading
from openleo.controller.elements import NotTaken, in_use, merged
from openleo.controller.tables import known
from openleo.controller.twin import Twin
from openleo.errors import InputError
from openleo.network.constellation import omm
from openleo.network.constellation.elements import ElementSets, read_elements
from openleo.reading import read_toml
from openleo.scenario import Scenario

LOG = logging.getLogger("openleo.controller")
OF_NETWORK, CONTENT = "elements of ", "elements "  # rows of `known`, each with a sha256 behind it


def named_by(scenario: Path) -> Path | None:
    """The file of element sets that a scenario names, if it names one. Raises InputError."""
    said = read_toml(scenario).get("constellation", {})
    name = said.get("elements") if isinstance(said, dict) else None
    return scenario.parent / name if isinstance(name, str) else None


# --- looked at again ------------------------------------------------------------------------------------------------


@dataclass
class ElementsFile:
    """A file that is looked at now and then, by one thread at a time.

    approved: the bytes that the approved network was computed from; fault: why the last elements go on, "" where all is
    well; taken: a network with newer ones, until the loop fetches it; others: satellites of the file that the network
    has not.
    """

    path: Path
    approved: bytes
    every_s: float
    least_share: float
    fault: str = ""
    taken: Twin | None = None
    others: int = 0
    _seen: str = ""  # sha256 of the file that was judged last
    _judged: str = ""  # what was found wrong with it
    _due_s: float = field(default=0.0)

    def due(self, now_s: float) -> bool:
        """Whether it is to be looked at now; if so, the next time is `every_s` later."""
        if not self.every_s or now_s < self._due_s:
            return False
        self._due_s = now_s + self.every_s
        return True

    def look(self, twin: Twin, at: datetime) -> None:
        """Read the file, if it is another than the last; `fault` and `taken` say what came of it."""
        try:
            with self.path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if sha256 != self._seen:
                found = read_elements(self.path)  # the file may be replaced meanwhile: its own hash counts
                self._judged, self._seen = self._judge(twin, found, at), found.sha256
            self.fault = self._judged
        except OSError as error:
            self.fault = f"the file of element sets cannot be read: {error.strerror}"
        except InputError as error:
            self.fault = f"the file of element sets is not taken: {error.problems[0].rule}"
        if self.fault:
            LOG.warning("%s", self.fault)

    def _judge(self, twin: Twin, found: ElementSets, at: datetime) -> str:
        held = twin.case.network.constellation.elements
        try:
            newer = merged(held, found.sets, at, self.least_share * in_use(held, twin.case.network.oldest_days))
        except NotTaken as error:
            return f"the file of element sets is not taken: {error}"
        self.others = newer.others
        if newer.moved:
            self.taken = twin.renewed(newer.sets, hashlib.sha256(omm.written(newer.sets)).hexdigest())
            LOG.info("%s of %s satellites have newer elements", newer.moved, len(held))
        return ""

    def take(self) -> Twin | None:
        """A network with newer elements, once."""
        taken, self.taken = self.taken, None
        return taken


# --- kept, and found again --------------------------------------------------------------------------------------------


def keep(connection: Connection, twin: Twin, approved: bytes, now_s: float, keep_s: float) -> None:
    """Remember what moves the satellites, and what the approved network was computed from.

    Elements that were in use last before `keep_s` go; those that were approved stay.
    """
    name = OF_NETWORK + twin.network
    said = _row(connection, name) or {"approved": hashlib.sha256(approved).hexdigest(), "used": {}}
    last = said.get("last")
    if last is not None:
        said["used"][last] = now_s
    said["used"][twin.elements], said["last"] = now_s, twin.elements
    for sha256, content in ((said["approved"], approved), (twin.elements, _content(twin, approved))):
        put(connection, known, name=CONTENT + sha256, value=base64.b64encode(zlib.compress(content)).decode())
    gone = [one for one, used_s in said["used"].items() if used_s < now_s - keep_s]
    said["used"] = {one: used_s for one, used_s in said["used"].items() if one not in gone}
    gone = [CONTENT + one for one in gone if one != said["approved"]]
    connection.execute(delete(known).where(known.c.name.in_(gone)))
    put(connection, known, name=name, value=json.dumps(said))


def kept(engine: Engine, sha256: str) -> bytes | None:
    """The element sets of a hash, as a slot's plan names them; None: they are no longer kept. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(known.c.value).where(known.c.name == CONTENT + sha256)).scalar_one_or_none()
    content = None if row is None else zlib.decompress(base64.b64decode(row))
    return content if content is not None and hashlib.sha256(content).hexdigest() == sha256 else None


def _content(twin: Twin, approved: bytes) -> bytes:
    if hashlib.sha256(approved).hexdigest() == twin.elements:
        return approved
    return omm.written(twin.case.network.constellation.elements)


def _row(connection: Connection, name: str) -> dict[str, Any] | None:
    row = connection.execute(select(known.c.value).where(known.c.name == name)).scalar_one_or_none()
    return None if row is None else dict(json.loads(row))


def restored(scenario: Path, engine: Engine, network: str) -> tuple[Twin, bytes] | None:
    """(the network that was approved, with the elements used last; the bytes that it was approved with).

    None where those are not kept, or the scenario is another network in more than its elements. Raises InputError,
    Unavailable.
    """
    with reading(engine) as connection:
        said = _row(connection, OF_NETWORK + network)
    approved = None if said is None else kept(engine, said["approved"])
    if said is None or approved is None:
        return None
    found = with_elements(scenario, approved)
    if found.network != network:
        return None
    last = kept(engine, said["last"])
    if last is None or said["last"] == said["approved"]:
        return found, approved
    return with_sets(found, last), approved


def with_sets(twin: Twin, content: bytes) -> Twin:
    """A network moved by element sets that were kept. Raises InputError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "elements"
        file.write_bytes(content)
        found = read_elements(file)
    return twin.renewed(found.sets, found.sha256)


def with_elements(scenario: Path, content: bytes) -> Twin:
    """A scenario's network with a file of element sets in place of the one that it names. Raises InputError."""
    raw: dict[str, Any] = read_toml(scenario)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(raw["constellation"]["elements"]).name
        file.write_bytes(content)
        raw["constellation"] = {**raw["constellation"], "elements": str(file)}
        return twins.ready(Scenario.of(raw, scenario, [], own_rules=False).case)


def first(scenario: Path, engine: Engine, in_force: str | None) -> tuple[Twin, bytes | None]:
    """The network that a controller starts with, and the bytes of its approved elements, if it has any.

    That of the scenario as it is; where another is in force which differs by its elements alone, that one: its file
    was renewed, or is gone. Raises InputError, Unavailable.
    """
    file = named_by(scenario)
    if file is None:
        return twins.load(scenario), None
    try:
        found: Twin | None = twins.load(scenario)
        content = file.read_bytes()
    except (InputError, OSError):
        before = restored(scenario, engine, in_force) if in_force else None
        if before is None:
            raise
        return before
    assert found is not None
    if in_force not in (None, found.network):
        before = restored(scenario, engine, in_force) if in_force else None
        if before is not None:
            return before
    if hashlib.sha256(content).hexdigest() != found.elements:  # renewed while it was read
        found = with_elements(scenario, content)
    return found, content


def said_of(twin: Twin, at_s: float, file: ElementsFile | None) -> Mapping[str, Any] | None:
    """What everybody may read of where satellites are known from; None where there are no element sets."""
    ages = twin.ages(at_s)
    if ages is None:
        return None
    return {**ages.as_json(), "not_in_network": file.others if file else 0, "fault": file.fault if file else ""}
