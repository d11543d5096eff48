"""Entries: one form, RFC 8785 by another's library, and no bytes that crash the reader."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from world_made import START, World

from openleo.governance.entries import (
    HOLDS_ANY_JSON,
    MOST_BYTES,
    TYPES,
    Act,
    EntryRefused,
    Proposed,
    entry,
    from_bytes,
)
from openleo.governance.moves import Move

GOOD = entry(START, World.founded().proposal()).to_bytes()


def test_an_entry_reads_back_and_is_canonical() -> None:
    read = from_bytes(GOOD)
    assert read.to_bytes() == GOOD == rfc8785.dumps(json.loads(GOOD))
    assert isinstance(read.body, Proposed)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ((b'"schema":1', b'"schema":2'), "schema is 2"),
        ((b'"schema":1', b'"schema":true'), "schema is True"),
        ((b"change.proposed", b"change.forged"), "does not know"),
        ((b'"requester"', b'"petitioner"'), "requester: Field required"),
        ((b"2026-03-01T12:00:00Z", b"2026-03-01T12:00:60Z"), "change.proposed"),
        ((b'"kind":"rules"', b'"kind":"rumours"'), "kind"),
        ((b'"reverts":null', b'"reverts":null,"reverts":null'), "canonical"),
        ((b"{", b"{ "), "canonical"),
        ((b"a licence", b"a \\u006cicence"), "canonical"),
        ((b"a licence", b"a\\u0000licence"), "reason"),
        ((b"a licence was given", b"  "), "reason"),
        ((b"a licence", "a \u202ecneci".encode()), "reason"),
    ],
)
def test_what_is_no_entry_is_refused_with_the_reason(change: tuple[bytes, bytes], why: str) -> None:
    data = GOOD.replace(*change, 1) if change[0] == b"{" else GOOD.replace(*change)
    assert data != GOOD
    with pytest.raises(EntryRefused, match=why):
        from_bytes(data)


texts = st.text(max_size=30) | st.sampled_from(['a\x00b\n\t\x1f\x7f"\\/', "\u20ac", "\U0001f600", "\ue000"])


@given(st.dictionaries(texts, st.integers(0, 2**53 - 1), max_size=5), st.text('a\u20ac\U0001f600\\"/ ', min_size=1))
def test_entries_are_canonical_whatever_they_hold_by_rfc8785(territories: dict[str, int], reason: str) -> None:
    move = Move(target="group:g", base=None, new="a" * 64)
    body = Act.model_construct(
        change=None, move=move, actor="a", reason=reason, terminals=2**53 - 1, territories=territories
    )
    said = {"schema": 1, "type": "group.changed", "at": "2026-03-01T12:00:00Z", "body": body.model_dump(mode="json")}
    assert entry(START, body, "group.changed").to_bytes() == rfc8785.dumps(said)


def test_numbers_that_json_writes_in_two_ways_stand_in_bodies_of_free_form_alone() -> None:
    """The shortcut of the canonical form rests on it: all other bodies hold texts, truths, nulls and small integers."""

    def forms(found: object) -> Iterator[dict[str, object]]:
        if isinstance(found, dict):
            yield found
            found = list(found.values())
        for one in found if isinstance(found, list) else ():
            yield from forms(one)

    for body in set(TYPES.values()) - set(HOLDS_ANY_JSON):
        for form in forms(body.model_json_schema()):
            assert form.get("type") != "number", body
            assert form.get("additionalProperties") is not True, body
            if form.get("type") == "integer":
                assert (form["minimum"], form["maximum"]) == (0, 2**53 - 1), body


def test_an_entry_has_at_most_64_kib() -> None:
    big = World.founded().proposal(documents={"a" * 64: {"x": "y" * MOST_BYTES}})
    with pytest.raises(EntryRefused, match="at most 65,535"):
        entry(START, big).to_bytes()
    with pytest.raises(EntryRefused, match="at most 65,535"):
        from_bytes(b" " * (MOST_BYTES + 1))


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with pytest.raises(EntryRefused):
        from_bytes(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(sorted(TYPES)), json_values)
def test_no_body_crashes_the_reader(type_: str, body: object) -> None:
    data = json.dumps({"schema": 1, "type": type_, "at": "2026-03-01T12:00:00Z", "body": body}).encode()
    with pytest.raises(EntryRefused):
        from_bytes(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_an_altered_byte_gives_another_entry_or_none(at: int, flip: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= flip
    try:
        assert from_bytes(bytes(data)).to_bytes() == bytes(data)
    except EntryRefused:
        return
