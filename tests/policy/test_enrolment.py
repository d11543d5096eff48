"""Quotas at enrolment."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.policy.enrolment import EnrolmentRequest, Refused, admitted

# As reported of Ukraine in February 2026; docs/scenarios/whom-does-a-speed-limit-cut.md names the sources.
QUOTAS = {"private": 1, "private, shown": 3, "firm": 10, "critical": None}


def asks(kind: str, number: int, holder: str = "h1") -> list[EnrolmentRequest]:
    return [EnrolmentRequest(f"{holder}-t{one}", holder, kind) for one in range(number)]


@pytest.mark.parametrize(("kind", "granted"), [("private", 1), ("private, shown", 3), ("firm", 10), ("critical", 500)])
def test_the_reported_quotas(kind, granted):
    found = admitted(asks(kind, 500), QUOTAS)
    assert found.terminals == {f"h1-t{one}" for one in range(granted)}
    assert Counter(why for _, why in found.refused) == ({Refused.OVER_QUOTA: 500 - granted} if granted < 500 else {})


def test_a_holder_s_terminals_count_together_whatever_their_kind():
    remote, shown = EnrolmentRequest("a", "h", "private"), asks("private, shown", 3, "h")
    assert len(admitted([remote, *shown], QUOTAS).terminals) == 3
    assert admitted([*shown, remote], QUOTAS).refused == ((remote, Refused.OVER_QUOTA),)


def test_a_terminal_has_one_holder_and_asking_twice_counts_once():
    first, again, other = (EnrolmentRequest("t", holder, "private") for holder in ("h1", "h1", "h2"))
    found = admitted([first, again, other], QUOTAS)
    assert found.holder_of == {"t": "h1"}
    assert found.refused == ((other, Refused.HELD_BY_ANOTHER),)
    assert "h2-t0" in admitted([first, other, *asks("private", 1, "h2")], QUOTAS).terminals


def test_what_no_quota_speaks_of_is_refused():
    (request,) = asks("whatever", 1)
    assert admitted([request], QUOTAS).refused == ((request, Refused.UNKNOWN_KIND),)
    assert admitted([request], {"whatever": 0}).refused == ((request, Refused.OVER_QUOTA),)


requests = st.lists(
    st.builds(
        EnrolmentRequest,
        st.sampled_from([f"t{one}" for one in range(12)]),
        st.sampled_from(["h1", "h2", "h3"]),
        st.sampled_from(["one", "three", "any", "unheard of"]),
    ),
    max_size=40,
)
SMALL = {"one": 1, "three": 3, "any": None}


@given(requests, requests)
def test_a_later_request_changes_nothing_that_an_earlier_one_got(early, late):
    before, after = admitted(early, SMALL), admitted([*early, *late], SMALL)
    assert after.holder_of.items() >= before.holder_of.items()
    assert after.refused[: len(before.refused)] == before.refused


@given(requests)
def test_nobody_holds_more_than_the_greatest_quota_that_they_asked_under(asked):
    found = admitted(asked, SMALL)
    for holder, number in Counter(found.holder_of.values()).items():
        kinds = {request.kind for request in asked if request.holder == holder}
        assert "any" in kinds or number <= (3 if "three" in kinds else 1)
    granted = [request for request in asked if (request, Refused.OVER_QUOTA) not in found.refused]
    assert found.terminals <= {request.terminal for request in granted}
    assert len(found.refused) + len(found.terminals) <= len(asked)
