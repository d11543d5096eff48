"""Faults: kills at random moments, disks without room, folders that are read-only, and two who activate at once."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_activate import EFFECT, approved
from world_made import BOOK, START, A, World

from openleo.governance.activate import activate
from openleo.governance.entries import Act, entry, from_bytes
from openleo.governance.house import Folder, House
from openleo.governance.moves import Move
from openleo.governance.state import Refused
from openleo.ledger import export
from openleo.ledger.faults import LedgerError, Unavailable

HERE = Path(__file__).parent


@pytest.fixture
def ready(tmp_path: Path) -> Folder:
    return approved(tmp_path / "data")


def account(number: int) -> str:
    return f"account:hmac-sha256:{number:064x}"


def act(number: int) -> Any:
    """A suspension of one terminal; the number tells it apart."""
    move = Move(target=account(number), base="active", new="suspended")
    body = Act(change=None, move=move, actor="operator-1", reason="unpaid", terminals=1, territories={})
    return entry(START, body, "account.suspended")


def types(folder: Folder) -> list[str]:
    with House(folder, write=False) as house:
        return [from_bytes(data).type for _, data in house.ledger.entries()]


# --- kills ----------------------------------------------------------------------------------------------------------

WORKER = """
import sys
sys.path[:0] = [{here!r}]
from pathlib import Path
from test_faults import act
from test_activate import EFFECT
from world_made import START
from openleo.governance.activate import activate
from openleo.governance.house import Folder, House
with House(Folder(Path({path!r}))) as house:
    print("open", flush=True)
    number = sum(target.startswith("account:") for target in house.state.settled)
    while number < 20:
        house.artefacts.put(b"%d" % number * 10000)
        house.append([act(number)])
        print("act", number, flush=True)
        if number == 10:
            activate(house, "c-1", START, lambda _: EFFECT)
            print("active", flush=True)
        number += 1
"""


def killed(folder: Folder, after_s: float) -> list[str]:
    """What a worker answered until it was killed."""
    program = WORKER.format(here=str(HERE), path=str(folder.path))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    worker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "open\n"
    time.sleep(after_s)
    worker.send_signal(signal.SIGKILL)
    out, _ = worker.communicate()
    return [line for line in out.splitlines() if line]


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_random_nothing_is_lost_doubled_or_in_force_unlogged(tmp_path: Path, kills: int) -> None:
    chance = random.Random(5)
    answered: set[str] = set()
    folder, made = approved(tmp_path / "data-0"), 0
    for number in range(kills):
        answered |= set(killed(folder, chance.uniform(0.0, 0.06)))
        with House(folder) as house:  # replays, and refuses whatever should not follow
            entries = [from_bytes(data) for _, data in house.ledger.entries()]
            acts = [one.body.move.target for one in entries if isinstance(one.body, Act)]
            assert acts == [account(at) for at in range(len(acts))]  # none lost on the way, none doubled
            logged = [one.type for one in entries].count("change.activated")
            assert logged == (house.state.active(START).get(BOOK) == A)
            assert logged or "active" not in answered
            told = [int(line.split()[1]) for line in answered if line.startswith("act ")]
            assert len(acts) > max(told, default=-1)
            done = len(acts) == 20
        for file in (folder.path / "artefacts").iterdir():
            whole = hashlib.sha256(file.read_bytes()).hexdigest() == file.name
            assert whole or file.name.startswith(".")
        if done:
            made += 1
            folder, answered = approved(tmp_path / f"data-{made}"), set()
        assert number < kills


def test_power_lost_between_artefact_and_entry_loses_nothing(ready: Folder) -> None:
    """The artefact is on the disk before the entry that names it: alone it means nothing, and it may be kept again."""
    with House(ready) as house:
        sha256 = house.artefacts.put(b"a book")
    with House(ready) as house:
        assert house.artefacts.put(b"a book") == sha256
        assert house.artefacts.get(sha256) == b"a book"
    path = ready.artefacts.path(sha256)
    path.write_bytes(b"a bo")  # a disk that lied
    with pytest.raises(Refused, match="was altered"):
        ready.artefacts.get(sha256)
    assert ready.artefacts.put(b"a book") == sha256
    assert ready.artefacts.get(sha256) == b"a book"


# --- no room, no right ----------------------------------------------------------------------------------------------


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that is full: no file of this process grows beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_said_and_loses_nothing(ready: Folder) -> None:
    before = types(ready)
    with House(ready) as house, files_of_at_most(1024):
        with pytest.raises(Unavailable, match="disk"):
            house.append([act(0)])
        assert house.state.size == len(before)
        with pytest.raises(Unavailable, match="Open the ledger again"):
            house.append([act(0)])
    assert types(ready) == before
    with House(ready) as house:
        house.append([act(0)])
    assert types(ready) == [*before, "account.suspended"]


def test_artefacts_on_a_full_disk_are_whole_or_not_there(ready: Folder) -> None:
    with files_of_at_most(100), pytest.raises(OSError, match="File too large"):
        ready.artefacts.put(b"x" * 1000)
    assert [file.name for file in (ready.path / "artefacts").iterdir() if file.name.startswith(".")] == []
    with pytest.raises(Refused, match="is not in"):
        ready.artefacts.get(hashlib.sha256(b"x" * 1000).hexdigest())


def test_an_activation_on_a_full_disk_changes_nothing(ready: Folder) -> None:
    with House(ready) as house, files_of_at_most(1024), pytest.raises((LedgerError, OSError)):
        activate(house, "c-1", START, lambda _: EFFECT)
    assert types(ready)[-1] == "change.approval"
    with House(ready) as house:
        assert house.state.active(START).get(BOOK) is None
        activate(house, "c-1", START, lambda _: EFFECT)
    assert types(ready)[-1] == "change.activated"


def test_what_is_in_force_does_not_depend_on_its_written_list(ready: Folder) -> None:
    ready.active.mkdir()
    with House(ready) as house:
        made = activate(house, "c-1", START, lambda _: EFFECT)
        assert "was not written" in made.warnings[-1]
    with House(ready, write=False) as house:
        assert house.state.active(START)[BOOK] == A


def test_a_read_only_database_is_said_and_read(ready: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write everywhere is told the same by SQLite where the file is opened to be read."""
    with House(ready, write=False) as house:
        with pytest.raises(Unavailable, match="read-only"):
            house.ledger.append([act(0).to_bytes()])
        assert house.state.size == 7
    opened = os.open

    def refused(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if str(path).endswith(".lock"):
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(Unavailable, match=r"Read-only file system. The ledger needs its folder"):
        House(ready)


def test_an_export_without_room_leaves_what_was_published(ready: Folder, tmp_path: Path) -> None:
    with House(ready) as house:
        export.export(house.ledger.fetch, house.ledger.key, tmp_path / "public")
        before = (tmp_path / "public" / "checkpoint").read_bytes()
        activate(house, "c-1", START, lambda _: EFFECT)
        with files_of_at_most(64), pytest.raises(Unavailable, match="What was published before stays"):
            export.export(house.ledger.fetch, house.ledger.key, tmp_path / "public")
        assert (tmp_path / "public" / "checkpoint").read_bytes() == before


# --- two at once ----------------------------------------------------------------------------------------------------


def _activating(folder: Folder) -> int:
    """A process that activates; it exits with 3 where it is refused."""
    if child := os.fork():
        return child
    code = 1
    try:
        with House(folder) as house:
            activate(house, "c-1", START, lambda _: EFFECT)
            code = 0
    except (LedgerError, Refused):
        code = 3
    finally:
        os._exit(code)


def test_of_two_processes_that_activate_one_does(ready: Folder) -> None:
    children = [_activating(ready) for _ in range(2)]
    codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert codes == [0, 3]
    assert types(ready).count("change.activated") == 1


def test_of_two_threads_that_activate_one_does(ready: Folder) -> None:
    together = threading.Barrier(2)
    ends: list[str] = []
    with House(ready) as house:

        def recompute(_change: Any) -> Any:
            together.wait(10)
            return EFFECT

        def one() -> None:
            try:
                activate(house, "c-1", START, recompute)
                ends.append("active")
            except (Refused, LedgerError) as error:
                ends.append(str(error))

        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends.count("active") == 1, ends
    assert types(ready).count("change.activated") == 1


def test_a_thread_that_is_refused_forgets_nothing_that_another_wrote(ready: Folder) -> None:
    """One writes single acts, the other asks in vain for an activation: the state stays that of the ledger."""
    with House(ready) as house:

        def ask_in_vain() -> None:
            for _ in range(10):
                with pytest.raises(Refused):
                    house.append([entry(START, World.founded().activated("c-9"))])

        thread = threading.Thread(target=ask_in_vain)
        thread.start()
        for number in range(10):
            house.append([act(number)])
        thread.join()
        assert house.state.size == house.ledger.size == 17
        assert all(house.state.value(account(number)) == "suspended" for number in range(10))
