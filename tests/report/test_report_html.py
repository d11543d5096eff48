"""The report: parses, loads nothing, and escapes whatever came from a file."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from openleo.places.expressions import Labels
from openleo.places.territories import contested_areas
from openleo.policy.rules import Rule, union
from openleo.report.html import render
from openleo.report.html_parts import NO_REQUESTS
from openleo.results import Source
from openleo.service.amounts import Amount, EffectRow

EMPTY = {"meta", "img"}
PNG = b"\x89PNG a picture"
HOSTILE = "<script>alert('x')</script>\"onload=\"y"


class Reader(HTMLParser):
    """Collects tags, attributes and texts; a tag that is not closed in order fails."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page(compared) -> str:
    return render(compared, PNG)


def test_page_is_well_formed_and_accessible(page):
    reader = read(page)
    assert page.startswith("<!doctype html>")
    assert dict(reader.tags)["html"] == {"lang": "en"}
    tables = sum(tag == "table" for tag, _ in reader.tags)
    assert tables >= 6
    assert sum(tag == "caption" for tag, _ in reader.tags) == tables
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in reader.tags if tag == "th")
    assert all(attrs.get("alt") for tag, attrs in reader.tags if tag == "img")
    anchors = {attrs["id"] for _, attrs in reader.tags if "id" in attrs}
    assert {attrs["href"] for tag, attrs in reader.tags if tag == "a"} == {f"#{anchor}" for anchor in anchors}


def test_page_loads_nothing(page):
    reader = read(page)
    for tag, attrs in reader.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base")
        assert not any(name.startswith("on") for name in attrs)
        for name in ("src", "srcset", "href", "action", "data", "poster"):
            value = attrs.get(name) or ""
            assert value.startswith(("data:image/png;base64,", "#")) or not value, f"{tag} {name}={value}"
    assert not re.search(r"url\(|@import", page)
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": NO_REQUESTS}) in reader.tags


def test_page_says_what_was_found(page, compared):
    text = " ".join(" ".join(read(page).text).split())
    assert "people can be served, none may be: not permitted." in text
    assert "If after.toml came into force: Singapore" in text
    assert "nobody loses service" in text
    assert "not computed" in text
    assert "sgp-1" in text
    assert compared.effect.sha256 in text
    for source in compared.case.inputs.values():
        assert source.sha256 in text
    assert "(filed)" in text
    assert "(assumed)" in text


def test_page_says_first_what_emergency_terminals_lose(compared):
    rows = [replace(row, gained=Amount(0, 0.0, 0), may_gain=Amount(0, 0.0, 0)) for row in compared.effect.rows]
    lost = EffectRow("SGP", "emergency", Amount(2, 700.0, 5_600_000), Amount(0, 0.0, 0), (20.0, None), ("x",))
    taken = replace(compared, effect=replace(compared.effect, rows=(*rows, lost)))
    text = " ".join(" ".join(read(render(taken, PNG)).text).split())
    assert "nobody loses service" not in text
    assert text.count("Singapore (5.6 million people) loses service for class emergency.") == 2  # header and section


def test_page_lists_the_rules_of_the_book_that_makes_the_difference(compared):
    """Both books' rules of one id were listed, whichever made the difference."""
    place = Labels(frozenset({"SGP"}))
    ours, theirs = (Rule("1", book, "permit", place, reason=f"reason of {book}") for book in ("operator", "court"))
    case = replace(compared.case, rules=union([ours]), compare=union([ours, theirs]))
    (first, *rest) = compared.effect.rows
    effect = replace(compared.effect, rows=(replace(first, because=("court/1",)), *rest))
    text = " ".join(read(render(replace(compared, case=case, effect=effect), PNG)).text)
    assert "reason of court" in text
    assert "reason of operator" not in text


def test_page_names_both_sides_of_contested_areas(patchy):
    text = " ".join(" ".join(read(render(patchy, PNG)).text).split())
    assert "Effect of the change" not in text
    area = contested_areas()["ESH"]
    assert area.name in text
    assert "Morocco" in text
    assert all(source.replace("  ", " ") in text for source in area.sources)


def test_a_hostile_name_is_text(compared):
    inputs = {**compared.case.inputs, HOSTILE: Source(HOSTILE, HOSTILE), "compare": Source(HOSTILE, "0" * 64)}
    hostile = replace(compared, case=replace(compared.case, name=HOSTILE, notes=(HOSTILE,) * 100, inputs=inputs))
    page = render(hostile, PNG)
    assert "<script" not in page
    reader = read(page)
    assert not any("onload" in attrs for _, attrs in reader.tags)
    assert "".join(reader.text).count(HOSTILE) > 40, "it is said, as text"
    assert "60 more notes stand in summary.json" in page
