"""Notices as Atom feeds (RFC 4287): one a territory and one of everything, for any feed reader and any web server.

Ids are `tag:` URIs (RFC 4151) of the ledger's name and the year of its genesis. The same notices give the same bytes:
a feed that did not change is not written again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from xml.etree import ElementTree as ET

from openleo.governance.entries import Entry, Genesis, instant
from openleo.governance.notices import Notice, concerns
from openleo.governance.roster import ANY
from openleo.places.territories import HIGH_SEAS, display_name, territories, territory_id

ATOM = "http://www.w3.org/2005/Atom"
ENDING = ".atom"
EVERYTHING = "all"
MOST_ENTRIES = 200  # of a feed, the newest; the ledger has them all


@dataclass(frozen=True)
class Source:
    """The ledger that feeds tell of. `address`: of the folder of feeds, ending in a slash, or empty."""

    origin: str
    founded: datetime
    ledger: str  # sha256 of entry 0
    address: str = ""

    @property
    def tag(self) -> str:
        """What ids begin with (RFC 4151): an authority, a date on which it was one, and this ledger."""
        host = re.sub(r"[^A-Za-z0-9.-]", "-", self.origin.partition("/")[0]).strip(".-") or "openleo"
        return f"tag:{host},{self.founded:%Y-%m-%d}:openleo/{self.ledger[:16]}"


def source_of(genesis: Entry, address: str = "") -> Source:
    """Of the ledger that an entry founds."""
    assert isinstance(genesis.body, Genesis)
    return Source(genesis.body.origin, genesis.at, hashlib.sha256(genesis.to_bytes()).hexdigest(), address)


def feeds(source: Source, found: Sequence[Notice]) -> Iterator[tuple[str, bytes]]:
    """(file name, content) of the feed of everything, and of every territory, whether there is anything to tell or not.

    Strips of sea have one when something is told of them; what is told of a land's waters stands with the land as well.
    """
    yield EVERYTHING + ENDING, feed(source, EVERYTHING, "everywhere", found)
    told_of = {place for notice in found for place in notice.territories if territory_id(place) == place}
    for id_ in sorted({*territories(), HIGH_SEAS, *told_of}):
        yield id_ + ENDING, feed(source, id_, display_name(id_), [one for one in found if concerns([id_], one)])


def feed(source: Source, name: str, title: str, found: Iterable[Notice]) -> bytes:
    """One feed, the newest notice first."""
    newest = sorted(found, key=lambda one: one.at)[::-1][:MOST_ENTRIES]  # of one second, the later entry first
    root = ET.Element("feed", xmlns=ATOM)
    _text(root, "id", f"{source.tag}/feed/{quote(name)}")
    _text(root, "title", f"OpenLEO: changes of service, {title}")
    _text(root, "updated", instant(newest[0].at if newest else source.founded))
    _text(ET.SubElement(root, "author"), "name", source.origin)
    if source.address:
        ET.SubElement(root, "link", rel="self", href=source.address + quote(name + ENDING))
    for notice in newest:
        _entry(root, source, notice)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _entry(root: ET.Element, source: Source, notice: Notice) -> None:
    entry = ET.SubElement(root, "entry")
    _text(entry, "id", f"{source.tag}/{notice.id}")
    _text(entry, "title", notice.title)
    _text(entry, "updated", instant(notice.at))
    ET.SubElement(entry, "category", term=str(notice.kind))
    for place in notice.territories or (ANY,):
        ET.SubElement(entry, "category", term=place, scheme=f"{source.tag}/territory")
    _text(entry, "content", f"{notice.text}Entry {notice.entry} of {notice.ledger}\n", type="text")


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text
