"""A ledger followed from pass to pass tells what a whole replay tells, and believes nothing but the ledger."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from test_activate import EFFECT, approved
from world_made import START

from openleo.governance import following
from openleo.governance.activate import activate
from openleo.governance.entries import Expired, Published, entry, instant
from openleo.governance.following import Follower
from openleo.governance.house import Folder, House, NotInOrder
from openleo.governance.noticing import notices
from openleo.ledger.faults import NotProven, Unavailable

LATER = START + timedelta(days=60)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return approved(tmp_path / "data")


def whole(folder: Folder) -> tuple[list[bytes], object]:
    with House(folder, write=False) as house:
        entries = [data for _, data in house.ledger.entries()]
    return entries, notices(entries, LATER)


def summary(at: int) -> Published:
    said = {"sha256": "a" * 64, "from": instant(START), "until": instant(START + timedelta(hours=at)), "note": ""}
    return Published(**said)


def test_what_is_new_is_followed_and_the_rest_is_not_replayed(folder: Folder) -> None:
    follower = Follower(folder)
    before = follower.look()
    assert before == follower.size == 7
    assert follower.notices(LATER) == whole(folder)[1]
    assert follower.look() == 0
    with House(folder) as house:
        activate(house, "c-1", START + timedelta(hours=2), lambda _: EFFECT)
    assert follower.look() == 1
    entries, expected = whole(folder)
    assert follower.notices(LATER) == expected
    assert follower.genesis.to_bytes() == entries[0]


def test_what_passes_by_itself_is_not_kept(folder: Folder) -> None:
    """A look far ahead says that the change ran out; it was activated before that."""
    follower = Follower(folder)
    follower.look()
    assert follower.notices(LATER)[-1].kind == "change.expired"
    with House(folder) as house:
        activate(house, "c-1", START + timedelta(hours=2), lambda _: EFFECT)
    follower.look()
    assert [one.kind for one in follower.notices(LATER)][-1] == "change.activated"
    assert follower.notices(LATER) == whole(folder)[1]


def append(folder: Folder, *hours: int) -> None:
    with House(folder) as house:
        house.append([entry(START + timedelta(hours=at), summary(at), "enforcement.summary") for at in hours])


def test_an_entry_altered_among_the_new_ones_is_found_and_named(folder: Folder) -> None:
    follower = Follower(folder)
    follower.look()
    append(folder, 1, 2, 3)
    with sqlite3.connect(folder.ledger) as database:
        database.execute("update ledger_entry set body = x'00' where number = 8")
    for _ in range(2):
        with pytest.raises(NotProven, match="entry 8 was altered"):
            follower.look()
    assert (follower.size, follower.notices(LATER)) == (0, ())


def test_another_history_in_its_place_is_read_from_its_beginning(folder: Folder, tmp_path: Path) -> None:
    other = approved(tmp_path / "other")
    append(other, 1, 2)
    follower = Follower(folder)
    follower.look()
    for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
        (folder.path / name).unlink(missing_ok=True)
    shutil.copy(other.ledger, folder.ledger)
    assert follower.look() == 9
    entries, expected = whole(other)
    assert (follower.genesis.to_bytes(), follower.notices(LATER)) == (entries[0], expected)


def test_an_entry_that_should_not_follow_stops_it_until_it_is_gone(folder: Folder) -> None:
    follower = Follower(folder)
    follower.look()
    shutil.copy(folder.ledger, folder.path / "before")
    body = Expired(change="c-9", why="an example")
    with House(folder) as house:
        house.ledger.append([entry(START, body).to_bytes()], house.signer)
    for _ in range(2):
        with pytest.raises(NotInOrder, match="entry 7: no change c-9"):
            follower.look()
    shutil.copy(folder.path / "before", folder.ledger)
    assert follower.look() == 7
    assert follower.notices(LATER) == whole(folder)[1]


def test_a_ledger_that_cannot_be_read_is_gone_on_with_later(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(folder)
    follower.look()
    append(folder, 1)
    with monkeypatch.context() as patched:
        patched.setattr(following, "open_ledger", _unavailable)
        with pytest.raises(Unavailable):
            follower.look()
    assert follower.look() == 1
    assert follower.notices(LATER) == whole(folder)[1]


def _unavailable(*_: object, **__: object) -> None:
    raise Unavailable("the database is locked.")
