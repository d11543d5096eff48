"""A ledger's storage: what it answers is on the disk, and what was altered there is found and named."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ledgers import LOG, ORIGIN, OTHER, entries, mth, new_ledger, opened, witness_key
from openleo.ledger import checkpoint, merkle, policy, proof, store, tiles
from openleo.ledger.cosignature import cosign
from openleo.ledger.faults import Malformed, Missing, NotProven, Unavailable
from openleo.ledger.mark import Mark
from openleo.ledger.note import Note

TESTS = Path(__file__).parents[1]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return new_ledger(tmp_path / "ledger")


def signed_of(note: Note) -> checkpoint.Checkpoint:
    return policy.open_checkpoint(policy.of_log(LOG.verifier), note.encode())[0].checkpoint


# --- what it does ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batches", [[1, 1, 1], [256], [255, 1, 1], [300, 700], [1, 511, 66_000, 3]])
def test_appended_in_any_batches_it_is_the_tree_of_its_entries(database: Path, batches: list[int]) -> None:
    bodies = entries(sum(batches))
    leaves = merkle.leaf_hashes(bodies)
    done = 0
    with opened(database) as ledger:
        for batch in batches:
            made = ledger.append(bodies[done : done + batch], LOG if batch % 2 else None)
            assert made == [store.Appended(done + at, leaves[done + at]) for at in range(batch)]
            done += batch
            assert (ledger.size, ledger.root) == (done, mth(leaves[:done]))
        signed = signed_of(ledger.checkpoint(LOG))
        assert (signed.origin, signed.size, signed.root) == (ORIGIN, done, mth(leaves))
        tiles.check_all(ledger.fetch, done, signed.root)
    with opened(database) as ledger:
        assert (ledger.size, ledger.root) == (done, mth(leaves))
        assert [body for _, body in ledger.entries()] == bodies
        assert list(ledger.entries(done - 2, done + 9)) == [(at, bodies[at]) for at in (done - 2, done - 1)]


def test_every_entry_is_proven_offline(database: Path) -> None:
    bodies = [b"", *entries(298), b"x" * tiles.ENTRY_BYTES_MAX]
    trust = policy.of_log(LOG.verifier)
    with opened(database) as ledger:
        ledger.append(bodies, LOG)
        ledger.append([b"after the checkpoint"])
        for index, body in enumerate(bodies):
            handed = ledger.prove(index).encode()
            proven = proof.check(proof.parse(handed), trust)
            assert (proven.index, proven.leaf) == (index, merkle.leaf_hash(body))
            assert proven.opened.warning == "unwitnessed: the operator can rewrite history"
            with pytest.raises(NotProven):
                proof.check(proof.parse(handed), trust, body + b"!")
            with pytest.raises(NotProven):
                proof.check(proof.parse(handed), policy.of_log(OTHER.verifier))
        bare = proof.parse(ledger.prove(7, with_entry=False).encode())
        assert bare.extra is None
        assert proof.check(bare, trust, bodies[7]).index == 7
        with pytest.raises(NotProven, match="does not carry its entry"):
            proof.check(bare, trust)
        with pytest.raises(Missing, match="entry 300 is not under a signed checkpoint"):
            ledger.prove(300)


def test_an_entry_too_long_refuses_the_whole_batch(database: Path) -> None:
    with opened(database) as ledger:
        with pytest.raises(Malformed, match="65536 bytes"):
            ledger.append([b"good", b"x" * 65_536])
        assert ledger.size == 0
        ledger.append([b"good"], LOG)
        assert ledger.size == 1


def test_a_checkpoint_is_signed_once_and_by_the_ledger_s_own_key(database: Path) -> None:
    with opened(database) as ledger:
        assert signed_of(ledger.checkpoint(LOG)).size == 0
        ledger.append(entries(3))
        assert ledger.checkpoint(LOG) == ledger.checkpoint(LOG)
        with pytest.raises(Malformed, match="not the key of this ledger"):
            ledger.checkpoint(OTHER)
        with pytest.raises(Malformed, match="not the key of this ledger"):
            ledger.append([b"x"], OTHER)
        assert ledger.size == 3


def test_cosignatures_are_kept(database: Path) -> None:
    with opened(database) as ledger:
        note = ledger.append(entries(3), LOG) and ledger.checkpoint(LOG)
        line = cosign(signed_of(note), witness_key(1), 1_700_000_000)
        ledger.add_cosignatures(3, [line])
        ledger.add_cosignatures(3, [line])
    with opened(database) as ledger:
        signed = ledger.signed()
        assert signed is not None
        assert signed.signatures == (*note.signatures, line)
        who = policy.Policy((policy.Log(LOG.verifier),), (policy.Witness("w", witness_key(1).verifier),), (), "w")
        proven = proof.check(proof.parse(ledger.prove(1).encode()), who)
        assert [seal.time_s for seal in proven.opened.witnesses] == [1_700_000_000]
        assert proven.opened.warning is None


def test_many_threads_append_without_losing_or_doubling(database: Path) -> None:
    made: list[store.Appended] = []
    with opened(database) as ledger:

        def work(number: int) -> None:
            for turn in range(20):
                made.extend(ledger.append([b"%d/%d" % (number, turn)], LOG))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(one.index for one in made) == list(range(160))
    with opened(database) as ledger:
        bodies = dict(ledger.entries())
        assert all(merkle.leaf_hash(bodies[one.index]) == one.leaf for one in made)
        assert len(set(bodies.values())) == 160


def test_a_reader_beside_the_writer_sees_one_state(database: Path) -> None:
    """Opened while entries are appended, a ledger is verified as it was at one moment.

    With each reading some batches are written, and not as many as the disk takes: a quick one would have the reader
    verify more and more, for as long.
    """
    stop, readings = threading.Event(), threading.Semaphore(0)
    with opened(database) as ledger:

        def write() -> None:
            while readings.acquire() and not stop.is_set():
                for _ in range(6):
                    ledger.append(entries(37, ledger.size), LOG)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for _ in range(40):
                readings.release()
                with store.open_ledger(str(database), write=False) as reading:
                    bodies = [body for _, body in reading.entries()]
                    assert merkle.Frontier().extended(merkle.leaf_hashes(bodies)).root == reading.root
                    if bodies:
                        at = len(bodies) - 1
                        proof.check(proof.parse(reading.prove(at).encode()), policy.of_log(LOG.verifier), bodies[at])
        finally:
            stop.set()
            readings.release()
            thread.join()


# --- killed ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from ledgers import LOG, entries, opened
turn = 0
def at(point):
    if point == {point!r} and turn == {turn}:
        print("reached", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
with opened(Path({database!r}), at=at) as ledger:
    for turn in range(5):
        for one in ledger.append(entries(100, turn * 100), LOG):
            pass
        print("answered", ledger.size, flush=True)
"""


@pytest.mark.parametrize("point", store.POINTS)
@pytest.mark.parametrize("turn", [0, 3])
def test_killed_at_any_point_what_was_answered_is_there_once(database: Path, point: str, turn: int) -> None:
    program = KILLED.format(tests=str(TESTS), point=point, turn=turn, database=str(database))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "reached" in done.stdout, f"{point} was not reached"
    answered = max([int(line.split()[1]) for line in done.stdout.splitlines() if line != "reached"], default=0)
    committed = store.POINTS.index(point) >= store.POINTS.index("append: committed")
    assert answered == turn * 100
    with opened(database) as ledger:
        assert ledger.size == answered + 100 * committed
        assert [body for _, body in ledger.entries()] == entries(ledger.size)
        signed = ledger.signed()
        assert (signed_of(signed).size if signed else 0) == ledger.size
        ledger.append(entries(700 - ledger.size, ledger.size), LOG)
        assert ledger.root == mth(merkle.leaf_hashes(entries(700)))


# --- altered --------------------------------------------------------------------------------------------------------


def alter(database: Path, *statements: str) -> None:
    connection = sqlite3.connect(database)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def rehash(database: Path, *indices: int) -> None:
    """Alter entries with all their hashes, as somebody would who knows the format: leaves and tiles fit again."""
    connection = sqlite3.connect(database)
    with connection:
        for index in indices:
            body = b'{"n":"altered","type":"note"}'
            row = (body, merkle.leaf_hash(body), index)
            connection.execute("update ledger_entry set body = ?, leaf = ? where number = ?", row)
        row = [leaf for (leaf,) in connection.execute("select leaf from ledger_entry order by number")]
        level = 0
        while row:
            for number in range(0, len(row), 256):
                data = b"".join(row[number : number + 256])
                sql = "update ledger_tile set hashes = ? where level = ? and number = ?"
                connection.execute(sql, (data, level, number // 256))
            row = [mth(row[n : n + 256]) for n in range(0, len(row) // 256 * 256, 256)]
            level += 1
    connection.close()


ALTERED: list[tuple[str, Callable[[Path], None], int | None, str]] = [
    ("a body", lambda db: alter(db, "update ledger_entry set body = x'00' where number = 77"), 77, "entry 77"),
    ("a body as text", lambda db: alter(db, "update ledger_entry set body = 5 where number = 77"), 77, "entry 77 was"),
    ("a leaf", lambda db: alter(db, "update ledger_entry set leaf = zeroblob(32) where number = 600"), 600, "entry"),
    ("no leaf", lambda db: alter(db, "update ledger_entry set leaf = null where number = 600"), 600, "entry 600"),
    ("dropped", lambda db: alter(db, "delete from ledger_entry where number = 300"), 300, "entry 300 is missing"),
    ("the first", lambda db: alter(db, "delete from ledger_entry where number = 0"), 0, "entry 0 is missing"),
    ("the last", lambda db: alter(db, "delete from ledger_entry where number = 699"), 699, "entry 699"),
    ("moved", lambda db: alter(db, "update ledger_entry set number = 900 where number = 5"), 5, "entry 5 is missing"),
    ("a tile", lambda db: alter(db, "update ledger_tile set hashes = zeroblob(8192) where level = 0 and number = 1"),
     256, "entry 256 and the tile tile/0/001"),
    ("no tile", lambda db: alter(db, "delete from ledger_tile where level = 1"), 0, "tile/1/000"),
    ("a tile too many", lambda db: alter(db, "insert into ledger_tile values (0, 9, x'00')"), 700, "4 tiles|5 tiles"),
    ("the root", lambda db: alter(db, "update ledger_checkpoint set root = zeroblob(32) where size = 700"), None,
     "is not what the ledger's key signed"),
    ("the note", lambda db: alter(db, "update ledger_checkpoint set note = replace(note, '700', '699')"), None,
     "checkpoint of size 700"),
    ("another origin", lambda db: alter(db, f"update ledger_about set value = '{OTHER.verifier}' where name = 'vkey'"),
     None, "is not what the ledger's key signed"),
    ("with its hashes", lambda db: rehash(db, 444), 400, "one of the entries 400 to 499 was altered"),
    ("two with hashes", lambda db: rehash(db, 444, 120), 100, "one of the entries 100 to 199 was altered"),
    ("cut", lambda db: alter(db, "delete from ledger_entry where number > 650"), 651, "entry 651|entries were dropped"),
]  # fmt: skip


@pytest.mark.parametrize(("how", "entry", "why"), [row[1:] for row in ALTERED], ids=[row[0] for row in ALTERED])
def test_a_database_altered_by_hand_is_not_opened(
    database: Path, how: Callable[[Path], None], entry: int | None, why: str
) -> None:
    with opened(database) as ledger:
        for first in range(0, 700, 100):
            ledger.append(entries(100, first), LOG)
    how(database)
    with pytest.raises(NotProven, match=why) as refused, opened(database):
        pass
    assert refused.value.entry == entry


WHAT_IS_NEW = ("a leaf", "the last", "no tile", "the root", "the note", "another origin", "with its hashes",
               "two with hashes", "cut")  # fmt: skip


@pytest.mark.parametrize("name", WHAT_IS_NEW)
def test_what_came_after_a_known_tree_is_verified(database: Path, name: str) -> None:
    with opened(database) as ledger:
        for first in range(0, 500, 100):
            ledger.append(entries(100, first), LOG)
        known = ledger.tree
        for first in range(500, 700, 100):
            ledger.append(entries(100, first), LOG)
    with opened(database, write=False, known=known) as ledger:
        assert [body for _, body in ledger.entries(known.size)] == entries(200, 500)
    next(row[1] for row in ALTERED if row[0] == name)(database)
    with pytest.raises(NotProven), opened(database, write=False, known=known):
        pass


def test_a_ledger_that_does_not_go_on_from_a_known_tree_is_not_opened(database: Path, tmp_path: Path) -> None:
    with opened(database) as ledger:
        ledger.append(entries(300), LOG)
        known = ledger.tree
    other = new_ledger(tmp_path / "other")
    with opened(other) as ledger:
        ledger.append(entries(299), LOG)
        with (
            pytest.raises(NotProven, match="does not go on from the 300 entries"),
            opened(other, write=False, known=known),
        ):
            pass
        ledger.append(entries(10), LOG)
    with pytest.raises(NotProven, match="does not go on"), opened(other, write=False, known=known):
        pass


def test_entries_cut_off_with_their_tiles_are_missed(database: Path) -> None:
    with opened(database) as ledger:
        ledger.append(entries(700), LOG)
    alter(database, "delete from ledger_entry where number > 650")
    rehash(database)
    with pytest.raises(NotProven, match=r"entry 651 is missing .* 700 entries were") as refused, opened(database):
        pass
    assert refused.value.entry == 651


def test_an_old_copy_of_the_database_does_not_get_a_second_history_signed(database: Path, tmp_path: Path) -> None:
    with opened(database) as ledger:
        ledger.append(entries(10), LOG)
    shutil.copy(database, tmp_path / "copy")
    with opened(database) as ledger:
        ledger.append(entries(10, 10), LOG)
    shutil.copy(tmp_path / "copy", database)
    with pytest.raises(NotProven, match="signed a checkpoint of size 20 that is not in") as refused, opened(database):
        pass
    assert refused.value.entry == 10


def test_a_checkpoint_taken_out_is_missed_by_the_key(database: Path) -> None:
    with opened(database) as ledger:
        for first in range(0, 700, 100):
            ledger.append(entries(100, first), LOG)
    alter(database, "delete from ledger_checkpoint where size > 300")
    rehash(database, 350)
    with pytest.raises(NotProven, match="old copy of the database, or another history"), opened(database):
        pass


def test_a_tree_that_does_not_continue_what_was_signed_is_not_signed(database: Path) -> None:
    """Even if opening did not look: the database is altered while the ledger is open."""
    with opened(database) as ledger:
        ledger.append(entries(300), LOG)
        ledger.append(entries(10, 300))
        rehash(database, 7)
    with store.open_ledger(str(database), verify=False) as ledger:
        with pytest.raises(NotProven, match="does not begin with the checkpoint of size 300"):
            ledger.checkpoint(LOG)
        with pytest.raises(NotProven, match="does not begin with the checkpoint of size 300"):
            ledger.append([b"more"], LOG)


def test_the_mark_survives_being_half_written(tmp_path: Path) -> None:
    mark = Mark(tmp_path / "mark")
    assert mark.read() is None
    for size in range(1, 6):
        mark.write(checkpoint.Checkpoint(ORIGIN, size, merkle.leaf_hash(b"%d" % size)))
        assert Mark(tmp_path / "mark").read() == (size, merkle.leaf_hash(b"%d" % size))
    whole = (tmp_path / "mark").read_bytes()
    for at in range(len(whole)):
        (tmp_path / "mark").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = Mark(tmp_path / "mark").read()
        assert found is not None
        assert found[0] in (4, 5)
    (tmp_path / "mark").write_bytes(b"x" * 512)
    with pytest.raises(Malformed, match="damaged"):
        Mark(tmp_path / "mark").read()


# --- full, read-only, locked ----------------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_nothing_is_written(database: Path) -> None:
    with opened(database) as ledger:
        ledger.append(entries(10), LOG)
        ledger._database._connection.execute("pragma max_page_count = 20")  # type: ignore[attr-defined]
        with pytest.raises(Unavailable, match=r"no space left: the disk is full\. Nothing was written"):
            ledger.append([b"x" * 60_000] * 10, LOG)
        assert ledger.size == 10
        with pytest.raises(Unavailable, match="Open the ledger again"):
            ledger.append([b"y"], LOG)
    with opened(database) as ledger:
        assert ledger.size == 10
        assert ledger.append([b"y"], LOG)[0].index == 10


def test_threads_that_share_a_full_disk_all_hear_of_it(database: Path) -> None:
    answered: list[store.Appended] = []
    refused: list[Unavailable] = []
    with opened(database) as ledger:
        ledger._database._connection.execute("pragma max_page_count = 200")  # type: ignore[attr-defined]

        def work(number: int) -> None:
            for _ in range(10):
                try:
                    answered.extend(ledger.append([b"%d" % number * 20_000], LOG))
                except Unavailable as error:
                    refused.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answered) + len(refused) == 160
    assert answered
    assert refused
    with opened(database) as ledger:
        assert sorted(one.index for one in answered) == list(range(ledger.size))


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from ledgers import LOG, entries, opened
from openleo.ledger.faults import Unavailable
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with opened(Path({database!r})) as ledger:
    ledger.append(entries(10), LOG)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    try:
        for turn in range(100):
            ledger.append([b"x" * 60_000], LOG)
            print("answered", ledger.size, flush=True)
    except Unavailable as error:
        print(error, file=sys.stderr)
        sys.exit(7)
"""


def test_a_write_that_the_kernel_refuses_is_said(database: Path) -> None:
    program = FULL.format(tests=str(TESTS), database=str(database))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 7, done.stderr
    assert "Nothing was written" in done.stderr
    answered = max(int(line.split()[1]) for line in done.stdout.splitlines())
    with opened(database) as ledger:
        assert ledger.size == answered > 10


READ_ONLY = """
import os, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from ledgers import opened
from openleo.ledger.faults import Unavailable
if os.geteuid() == 0:
    os.setuid(65534)  # root may write everything
try:
    with opened(Path({database!r})):
        pass
except Unavailable as error:
    print(error)
"""


@pytest.mark.parametrize("lock_mode", [0o444, 0o666])
def test_a_read_only_ledger_is_said(lock_mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        database = new_ledger(Path(folder) / "ledger")
        with opened(database) as ledger:
            ledger.append(entries(10), LOG)
        database.parent.chmod(0o555)
        database.chmod(0o444)
        database.with_name("ledger.sqlite.lock").chmod(lock_mode)
        program = READ_ONLY.format(tests=str(TESTS), database=str(database))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        database.parent.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert ("cannot be written: Permission denied" if lock_mode == 0o444 else "is read-only") in done.stdout


RACING = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from ledgers import LOG, entries, opened
from openleo.ledger.faults import Unavailable
try:
    with opened(Path({database!r})) as ledger:
        print("writing", flush=True)
        sys.stdin.readline()
        ledger.append([b"x"], LOG)
except Unavailable as error:
    print(error, flush=True)
"""


@pytest.mark.slow  # whoever comes second waits for its turn, twice
def test_of_two_processes_one_is_refused(database: Path) -> None:
    program = RACING.format(tests=str(TESTS), database=str(database))
    both = [
        subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = []
    for process in both:
        assert process.stdout is not None
        said.append(process.stdout.readline())
    assert sorted(line.startswith("writing") for line in said) == [False, True]
    assert any("another process writes to" in line for line in said)
    for process in both:
        process.communicate("\n", timeout=30)
    with opened(database) as ledger, store.open_ledger(str(database), write=False) as reading:
        assert ledger.size == reading.size == 1  # a reader is welcome beside the writer
        with pytest.raises(Unavailable, match="another process writes"), opened(database):
            pass


def test_what_is_no_ledger_is_said(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="is not there"):
        store.open_ledger(str(tmp_path / "nothing"))
    (tmp_path / "text").write_text("no database at all, but long enough to be looked at " * 30)
    with pytest.raises(Unavailable, match="is not a database"):
        store.open_ledger(str(tmp_path / "text"))
    sqlite3.connect(tmp_path / "other").execute("create table x (y)").connection.close()
    with pytest.raises(Unavailable, match="holds no ledger"):
        store.open_ledger(str(tmp_path / "other"))
    store.create(str(tmp_path / "ledger"), LOG.verifier)
    with pytest.raises(Unavailable, match="holds a ledger already"):
        store.create(str(tmp_path / "ledger"), OTHER.verifier)
    store.create(str(tmp_path / "ledger"), LOG.verifier)  # it is empty still: who made it was stopped then
    with store.open_ledger(str(tmp_path / "ledger")) as ledger:
        ledger.append([b"an entry"])
    with pytest.raises(Unavailable, match="holds a ledger already"):
        store.create(str(tmp_path / "ledger"), LOG.verifier)
