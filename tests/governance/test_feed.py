"""Feeds, read back by xml.etree and held against what RFC 4287 requires of a feed, an entry and their parts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from test_notices import proposed
from world_made import START, TWN, World

from openleo.governance.entries import from_bytes
from openleo.governance.feed import MOST_ENTRIES, Source, feed, feeds, source_of
from openleo.governance.notices import Kind, Notice
from openleo.governance.noticing import notices
from openleo.places.territories import territories

ATOM = "{http://www.w3.org/2005/Atom}"
RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
# RFC 4151, section 2.1: tag:AUTHORITY,DATE:SPECIFIC, with the characters that a URI may hold.
TAG = re.compile(
    r"tag:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?,\d{4}(?:-\d{2}(?:-\d{2})?)?:[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*"
)
SOURCE = Source("ledger.example/openleo", START, "ab" * 32, "https://feeds.example/")


def once(element: ET.Element, name: str) -> ET.Element:
    (found,) = element.findall(ATOM + name)
    return found


def text_of(element: ET.Element, name: str) -> str:
    text = once(element, name).text
    assert text
    return text


def checked(data: bytes) -> ET.Element:
    """A feed that holds all that sections 4.1.1 and 4.1.2 say has to be there."""
    root = ET.fromstring(data)
    assert root.tag == ATOM + "feed"
    text_of(once(root, "author"), "name")  # an author for every entry
    ids = []
    for element in (root, *root.findall(ATOM + "entry")):
        assert TAG.fullmatch(text_of(element, "id")), text_of(element, "id")
        ids.append(text_of(element, "id"))
        assert RFC_3339.fullmatch(text_of(element, "updated"))
        assert once(element, "title").get("type", "text") == "text"
        text_of(element, "title")
    assert len(set(ids)) == len(ids)
    entries = root.findall(ATOM + "entry")
    for entry in entries:
        assert once(entry, "content").get("type") == "text"  # else a link rel=alternate would be needed
        assert not list(once(entry, "content"))
        assert all(category.get("term") for category in entry.findall(ATOM + "category"))
    if entries:
        assert text_of(root, "updated") == max(text_of(one, "updated") for one in entries)
    return root


def test_the_page_says_how_many_files_are_written() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "subscribers.md").read_text()
    assert f"writes {len(dict(feeds(SOURCE, [])))} files" in page
    assert f"{len(territories())} territories" in page


def test_feeds_of_a_ledger_are_what_rfc_4287_asks_for() -> None:
    world = World.founded()
    proposed(world)
    world.append(world.rejection("c-1", TWN[0]), "change.rejection")
    found = notices(world.entries, world.now)
    source = source_of(from_bytes(world.entries[0]), "https://feeds.example/")
    made = dict(feeds(source, found))
    assert {"all.atom", "high-seas.atom", *(f"{id_}.atom" for id_ in territories())} == set(made)
    roots = {name: checked(data) for name, data in made.items()}
    titles = [text_of(entry, "title") for entry in roots["TWN.atom"].findall(ATOM + "entry")]
    assert titles == [
        "rules change c-1: rejected by twn-1 (TWN)",
        "rules change c-1: proposed by operator-1 on behalf of operator (TWN)",
    ]
    assert not roots["JPN.atom"].findall(ATOM + "entry")
    assert text_of(roots["JPN.atom"], "updated") == "2026-03-01T12:00:00Z"
    link = once(roots["TWN.atom"], "link")
    assert (link.get("rel"), link.get("href")) == ("self", "https://feeds.example/TWN.atom")
    assert len({text_of(root, "id") for root in roots.values()}) == len(roots)
    assert dict(feeds(source, found)) == made


def notice(number: int, text: str = "a text\n", *territories: str) -> Notice:
    at = START + timedelta(hours=number)
    return Notice(f"notice_{number}", at, Kind.VOID, SOURCE.origin, number, "c-1", territories, "a title", text)


def test_the_waters_of_a_land_stand_in_its_feed_and_what_touches_nobody_in_all() -> None:
    made = dict(feeds(SOURCE, [notice(1, "a\n", "TWN.sea12"), notice(2, "b\n", "TWN.sea200"), notice(3)]))

    def numbers(name: str) -> list[str]:
        return [text_of(one, "id")[-1] for one in checked(made[f"{name}.atom"]).findall(ATOM + "entry")]

    assert (numbers("TWN"), numbers("TWN.sea12"), numbers("TWN.sea200")) == (["3", "1"], ["3", "1"], ["3", "2"])
    assert (numbers("JPN"), numbers("all")) == (["3"], ["3", "2", "1"])


def test_a_place_that_is_no_territory_names_no_file() -> None:
    assert not [
        name
        for name, _ in feeds(SOURCE, [notice(1, "a\n", "../../etc/passwd", "twn")])
        if "etc" in name or name == "twn.atom"
    ]


def test_a_long_feed_holds_the_newest() -> None:
    root = checked(feed(SOURCE, "all", "everywhere", [notice(number) for number in range(MOST_ENTRIES + 5)]))
    entries = root.findall(ATOM + "entry")
    assert len(entries) == MOST_ENTRIES
    assert text_of(entries[0], "id").endswith(f"notice_{MOST_ENTRIES + 4}")


Anything = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufffe\uffff"), max_size=50
)


@given(Anything, Anything)
def test_whatever_is_said_stays_text(said: str, origin: str) -> None:
    source = Source(origin or "x", datetime(2026, 1, 1, tzinfo=UTC), "cd" * 32)
    root = checked(feed(source, "all", "everywhere", [notice(1, said + "</content>&lt;\n")]))
    assert text_of(once(root, "entry"), "content").startswith(said + "</content>&lt;\n")
