"""The ledger: durable appends, proofs, and a whole log verified, beside the least that could do the same.

`run` measures wall clock and counts fsyncs in the same run (strace), since a durable append waits for the disk.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from benchmarks.workloads import Baseline, Workload
from openleo.ledger import merkle, policy, store, tiles
from openleo.ledger.keys import ED25519, Signer
from openleo.ledger.mark import Mark
from openleo.ledger.store import Ledger, open_ledger

MANY, BATCH, SINGLE, PROOFS, WRITERS = 200_000, 5_000, 1_000, 1_000, 64
LOG = Signer("example.org/ledger", ED25519, b"l" * 32)


def entries(count: int, first: int = 0) -> list[bytes]:
    """Of some 350 bytes, as entries of changes are."""
    return [
        b'{"n":%010d,"reason":"%s"}' % (number, b"service is licensed " * 16) for number in range(first, first + count)
    ]


def empty(folder: Path) -> Ledger:
    """An empty ledger in a new file."""
    place = mkdtemp(dir=folder)
    store.create(f"{place}/ledger.sqlite", LOG.verifier)
    return open_ledger(f"{place}/ledger.sqlite", mark=Mark(Path(place) / "mark"))


@cache
def filled() -> tuple[TemporaryDirectory[str], Ledger]:
    """A ledger of 200,000 entries, made once."""
    folder = TemporaryDirectory()
    ledger = empty(Path(folder.name))
    for first in range(0, MANY, BATCH):
        ledger.append(entries(BATCH, first), LOG)
    return folder, ledger


def plain(folder: Path) -> sqlite3.Connection:
    """SQLite set as the ledger sets it."""
    connection = sqlite3.connect(f"{mkdtemp(dir=folder)}/plain.sqlite", isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("create table entry (number integer primary key, body blob)")
    return connection


def committed(connection: sqlite3.Connection, rows: list[tuple[int, bytes]]) -> None:
    connection.execute("begin immediate")
    connection.executemany("insert into entry values (?, ?)", rows)
    connection.execute("commit")


def _appends(name: str, batch: int, batches: int) -> Workload:
    folder = TemporaryDirectory()
    bodies = [entries(batch, turn * batch) for turn in range(batches)]

    def ours() -> Ledger:
        ledger = empty(Path(folder.name))
        for some in bodies:
            ledger.append(some, LOG)
        ledger.close()
        return ledger

    def by_sqlite() -> None:
        connection = plain(Path(folder.name))
        for turn, some in enumerate(bodies):
            committed(connection, [(turn * batch + at, body) for at, body in enumerate(some)])
        connection.close()

    def check() -> None:
        leaves = [merkle.leaf_hash(body) for some in bodies for body in some]
        assert ours().root == by_definition(leaves)

    return Workload(name, ours, (Baseline("sqlite3, entries alone", by_sqlite),), check)


def appended() -> Workload:
    """One entry and its signed checkpoint at a time, each on the disk before the next."""
    return _appends(f"{SINGLE} entries, each durable under its checkpoint", 1, SINGLE)


def batched() -> Workload:
    """Batches, each on the disk under its checkpoint."""
    return _appends(f"{10 * BATCH:,} entries in durable batches of {BATCH:,}", BATCH, 10)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, level by level: an odd last node goes up as it is."""
    row = leaves
    while len(row) > 1:
        pairs = [hashlib.sha256(b"\1" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)]
        row = [*pairs, *row[len(pairs) * 2 :]]
    return row[0]


def verified() -> Workload:
    """Every entry of a log from its signed checkpoint down, tiles and bundles read from the database."""
    _, ledger = filled()
    data = ledger.fetch("checkpoint")
    bodies = [body for _, body in ledger.entries()]

    def ours() -> int:
        made = policy.open_checkpoint(policy.of_log(LOG.verifier), data)[0].checkpoint
        return sum(len(some) for some in tiles.check_log(ledger.fetch, made.size, made.root))

    def by_hashlib() -> bytes:
        return by_definition([hashlib.sha256(b"\0" + body).digest() for body in bodies])

    def check() -> None:
        assert ours() == MANY
        assert by_hashlib() == ledger.root

    name = f"log of {MANY:,} entries verified whole"
    return Workload(name, ours, (Baseline("hashlib, entries in memory, root alone", by_hashlib),), check)


def proofs() -> Workload:
    """Inclusion proofs made from the database, encoded and verified as who receives them does."""
    _, ledger = filled()
    some = [number * 7919 % MANY for number in range(PROOFS)]
    rows = [[merkle.leaf_hash(body) for _, body in ledger.entries()]]
    while len(rows[-1]) > 1:
        last = rows[-1]
        pairs = [merkle.node_hash(last[at], last[at + 1]) for at in range(0, len(last) - 1, 2)]
        rows.append([*pairs, *last[len(pairs) * 2 :]])

    def ours() -> list[tuple[bytes, ...]]:
        return [ledger.prove(index, with_entry=False).hashes for index in some]

    def from_memory() -> list[tuple[bytes, ...]]:
        made = []
        for index in some:
            path = []
            for row in rows[:-1]:
                if index ^ 1 < len(row):
                    path.append(row[index ^ 1])
                index >>= 1
            made.append(tuple(path))
        return made

    def check() -> None:
        assert ours() == from_memory()

    name = f"inclusion proof in {MANY:,} entries"
    return Workload(name, ours, (Baseline("every hash of the tree in memory", from_memory),), check, 1)


# --- wall clock, with fsyncs counted --------------------------------------------------------------------------------


def run(out: Path) -> dict[str, object]:
    """Rates by the wall clock. Targets: 1,000 and 50,000 entries/s, proofs of 1 ms, 5 s for the whole log."""
    answer: dict[str, object] = {}
    with TemporaryDirectory(dir=out) as folder:
        command = [sys.executable, "-m", "benchmarks.ledger", folder]
        strace = shutil.which("strace")
        counted = Path(folder) / "counted"
        if strace:
            command = [strace, "-f", "--seccomp-bpf", "-e", "trace=fsync,fdatasync", "-o", str(counted), *command]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        answer |= json.loads(done.stdout)
        answer["fsyncs"] = len(re.findall(r"\b(?:fsync|fdatasync)\(", counted.read_text())) if strace else None
        connection, rows = plain(Path(folder)), list(enumerate(entries(SINGLE)))
        answer["sqlite_commits_per_s"] = SINGLE / seconds(lambda: [committed(connection, [row]) for row in rows])
        connection.close()
    _, ledger = filled()
    some = [1 + number * 7919 % (MANY - 1) for number in range(PROOFS)]
    answer["inclusion_ms"] = 1e3 * seconds(lambda: [ledger.prove(index) for index in some]) / PROOFS
    grown = seconds(lambda: [ledger.prove_consistency(size, MANY) for size in some])
    answer["consistency_ms"] = 1e3 * grown / PROOFS
    made = policy.open_checkpoint(policy.of_log(LOG.verifier), ledger.fetch("checkpoint"))[0].checkpoint
    answer["verify_s"] = seconds(lambda: tiles.check_all(ledger.fetch, made.size, made.root))
    for name, value in answer.items():
        print(f"ledger: {name:32} {value if value is None or isinstance(value, int) else round(float(str(value)), 3)}")
    if strace:
        assert int(str(answer["fsyncs"])) >= int(str(answer["checkpoints"])), "a checkpoint answered without an fsync"
    return answer


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _rates(folder: Path) -> dict[str, float]:
    """What a process of its own does under strace: single appends, then batches."""
    single, ready = entries(SINGLE), [entries(BATCH, first) for first in range(0, 20 * BATCH, BATCH)]
    with empty(folder) as ledger, ThreadPoolExecutor(WRITERS) as pool:
        one_by_one = seconds(lambda: [ledger.append([body], LOG) for body in single])
        by_many = seconds(lambda: list(pool.map(lambda body: ledger.append([body], LOG), single)))
        together = seconds(lambda: [ledger.append(some, LOG) for some in ready])
    connection = sqlite3.connect(next(folder.rglob("ledger.sqlite")))
    ((checkpoints,),) = connection.execute("select count(*) from ledger_checkpoint")
    connection.close()
    return {
        "appended_per_s": SINGLE / one_by_one,
        f"appended_per_s_by_{WRITERS}_threads": SINGLE / by_many,
        "batched_per_s": 20 * BATCH / together,
        "checkpoints": checkpoints,
    }


if __name__ == "__main__":
    print(json.dumps(_rates(Path(sys.argv[1]))))
