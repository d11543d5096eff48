"""The file of a backup: one tar of plain members, so that it can be read when nobody has this program any more.

    manifest.json                 what it is of, and the sha256 of every other member
    database/TABLE.parquet        the controller's tables, all of one moment
    ledger/TABLE.parquet          the ledger's, of a moment after that
    artefacts/SHA256              what the ledger names, as it was a moment after that
    keys/…                        only where it was asked for: the log's private key, the private records

The ledger proves itself by its own signatures; the rest is as good as whoever kept the file.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Boolean, Connection, Float, Integer, LargeBinary, Table, insert, select

from openleo.governance.state import Refused

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE, LEDGER, ARTEFACTS, KEYS = "database", "ledger", "artefacts", "keys"
MEMBER = re.compile(r"(database|ledger)/[a-z_]{1,60}\.parquet|artefacts/[0-9a-f]{64}|keys/(log\.key|records\.sqlite)")
ROWS = 5_000  # read and written together
MANIFEST_BYTES_MAX = 2**28
OWNER_ALONE = 0o600


class Member(BaseModel):
    """One file in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    bytes: int
    private: bool = False  # readable by nobody but the owner of the folder


class LedgerHead(BaseModel):
    """How far the ledger in it goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int
    root: str  # hex
    checkpoint: str  # the signed note of the last one


class Manifest(BaseModel):
    """What a backup says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    made_at: str
    openleo: str
    version: str  # of the database's schema
    ledger: LedgerHead | None  # none: it was not founded yet
    members: Mapping[str, Member]

    @property
    def with_keys(self) -> bool:
        return any(name.startswith(KEYS) for name in self.members)


def pack(staging: Path, manifest: Manifest, out: Path) -> None:
    """Write the file, whole or not at all; an existing one is not written over. Raises OSError."""
    part = out.with_name(f".{out.name}.{os.getpid()}")
    made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ALONE)  # positions are in it
    try:
        with os.fdopen(made, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                said = manifest.model_dump_json(indent=1).encode()
                head = tarfile.TarInfo(MANIFEST)
                head.size, head.mode = len(said), OWNER_ALONE
                tar.addfile(head, io.BytesIO(said))
                for name in sorted(manifest.members):
                    tar.add(staging / name, arcname=name, recursive=False, filter=_plain)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, out)  # unlike a rename, it fails where there is one
    finally:
        part.unlink()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = OWNER_ALONE
    return member


def members(staging: Path) -> dict[str, Member]:
    """All files that were laid ready."""
    return {
        path.relative_to(staging).as_posix(): Member(
            sha256=sha256_of(path), bytes=path.stat().st_size, private=not path.stat().st_mode & 0o077
        )
        for path in sorted(staging.rglob("*"))
        if path.is_file()
    }


def sha256_of(path: Path) -> str:
    """Of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(path: Path, staging: Path) -> Manifest:
    """Lay its members ready, each found to be what the manifest says. Raises Refused, OSError."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            manifest = _manifest(tar, path)
            while (member := tar.next()) is not None:
                if (said := manifest.members.get(member.name)) is None or not member.isreg():
                    raise Refused(f"{path} holds {member.name[:100]!r}, which its manifest does not name")
                _lay(tar, member, said, staging, path)
    except tarfile.TarError as error:
        raise Refused(f"{path} is no backup, or is cut off: {error}") from None
    if lacking := sorted(name for name in manifest.members if not (staging / name).is_file()):
        raise Refused(f"{path} lacks {lacking[0]}, and its manifest names it: it is cut off")
    return manifest


def _manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    first = tar.next()
    file = tar.extractfile(first) if first is not None and first.name == MANIFEST and first.isreg() else None
    if file is None:
        raise Refused(f"{path} is no backup of a controller: it does not begin with {MANIFEST}")
    try:
        manifest = Manifest.model_validate_json(file.read(MANIFEST_BYTES_MAX))
    except ValidationError as error:
        raise Refused(f"{path}: its {MANIFEST} is at fault: {error.errors()[0]['msg']}") from None
    if manifest.format != FORMAT:
        raise Refused(f"{path} is of format {manifest.format}, and this version reads {FORMAT}")
    if strange := [name for name in manifest.members if not MEMBER.fullmatch(name)]:
        raise Refused(f"{path} holds {strange[0][:100]!r}, which is no part of a backup")
    return manifest


def _lay(tar: tarfile.TarFile, member: tarfile.TarInfo, said: Member, staging: Path, path: Path) -> None:
    file, target = tar.extractfile(member), staging / member.name
    if file is None or member.size != said.bytes:
        raise Refused(f"{path}: {member.name} is not of the size that the manifest says")
    target.parent.mkdir(parents=True, exist_ok=True)
    hashed = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE), "wb") as out:
        while data := file.read(2**20):
            hashed.update(data)
            out.write(data)
    if hashed.hexdigest() != said.sha256:
        raise Refused(f"{path}: {member.name} was altered: it is not what the manifest says")
    if not said.private:
        target.chmod(0o644)


# --- tables


def write_table(connection: Connection, table: Table, path: Path) -> None:
    """A table's rows, as Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = pa.schema([pa.field(column.name, _type(column.type)) for column in table.columns])
    found = connection.execution_options(stream_results=True, yield_per=ROWS).execute(select(table))
    with pq.ParquetWriter(path, form, compression="zstd") as writer:
        for rows in found.partitions():
            columns = {name: list(values) for name, values in zip(form.names, zip(*rows, strict=True), strict=True)}
            writer.write_table(pa.table(columns, schema=form))


def read_table(connection: Connection, table: Table, path: Path) -> None:
    """Fill a table that is empty. A column that the file has and the table has not is refused. Raises Refused."""
    with pq.ParquetFile(path) as file:
        if strange := set(file.schema_arrow.names) - set(table.columns.keys()):
            raise Refused(f"{path.parent.name}/{path.name} has a column {min(strange)!r} that its schema does not know")
        for rows in _batches(file):
            connection.execute(insert(table), rows)


def _batches(file: Any) -> Iterator[list[dict[str, Any]]]:
    for batch in file.iter_batches(ROWS):
        if batch.num_rows:
            yield batch.to_pylist()


def _type(of: object) -> Any:
    """Alike for both databases, so that a backup of one is restored to the other."""
    for kind, form in ((Boolean, pa.bool_()), (Integer, pa.int64()), (Float, pa.float64()), (LargeBinary, pa.binary())):
        if isinstance(of, kind):
            return form
    return pa.string()
