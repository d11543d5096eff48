"""What the page does with a server that fails, lies or is cut off: it says so, goes on, and nothing is thrown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from console import stand_in
from console.browser import MAP, PLAN, Seen, opened
from console.stand_in import ARROW, Said, StandIn, problem, standing
from openleo.controller import plan_arrow, rounded

pytestmark = pytest.mark.slow
LIVE, NOT_LIVE = '#badge[data-live="true"]', '#badge[data-live="false"]'
WRONG, FORM, ALERT = "#wrong p", "form.token", "#console [role=alert]"
SMALL = {"width": 900, "height": 600}
SOME = stand_in.cells()[::97]
LOOKED_AT = "view=flat&at=20.000,10.000,2.00&colour=rtt_ms&place=20.0000,10.0000"
FAILS = problem(500, "our-fault")
GARBAGE = Said(b"\xff\x00 this is no table " * 20, ARROW)
FAILED, UNREADABLE, UNREACHABLE = "The server failed (500)", "cannot be read", "cannot be reached"


def thrown(seen: Seen) -> list[str]:
    """What the page did not see to itself: the browser writes down every answer that is no 200, whoever handles it."""
    theirs = ("Failed to load resource", "net::")
    return [one for one in seen.errors if not any(word in one for word in theirs)]


def said(page: Any, where: str, text: str) -> None:
    page.wait_for_selector(f"{where}:has-text('{text}')")


def cut() -> Said:
    """The first half of a plan that is right."""
    content = rounded.of_arrow(plan_arrow.of_plan(stand_in.plan(1, SOME)))
    return Said(content, ARROW, cut=len(content) // 2)


AT_START: list[tuple[str, Said, str]] = [
    ("v1/network", FAILS, FAILED),
    ("v1/network", Said(b'{"form": "openleo-'), UNREADABLE),
    ("v1/network", Said(b"null"), UNREADABLE),
    ("v1/network", Said(b'{"form": "openleo-scene@v1"}', cut=9), UNREACHABLE),
    ("v1/cells.arrow", FAILS, FAILED),
    ("v1/cells.arrow", GARBAGE, UNREADABLE),
]


def test_what_fails_at_the_start_is_named_and_the_page_comes_when_it_is_over(browser: Any) -> None:
    with standing(StandIn(stand_in.small(), SOME)) as server:
        page, seen = opened(browser, viewport=SMALL)
        for path, answer, word in AT_START:
            server.wrong = {path: lambda answer=answer: answer}  # type: ignore[misc]
            page.goto(server.url)
            said(page, ALERT, word)
        server.wrong = {"v1/events": lambda: FAILS}
        page.wait_for_selector(MAP)  # asked again by itself
        page.wait_for_selector(PLAN)
        page.wait_for_selector(NOT_LIVE, state="attached")
        server.wrong = {}
        page.wait_for_selector(LIVE)
        page.wait_for_selector(WRONG, state="detached")
        page.context.close()
    assert thrown(seen) == []


WHILE_OPEN: list[tuple[str, Callable[[], Said], str]] = [
    ("v1/slots/current", lambda: FAILS, FAILED),
    ("v1/slots/current", lambda: Said(b"[]"), UNREADABLE),
    ("v1/slots/current", lambda: problem(503, "no-plan"), "No plan is in force"),
    ("v1/slots/current", lambda: problem(503, "no-database"), "The server failed (503)"),
    ("v1/slots/1", lambda: FAILS, FAILED),
    ("v1/slots/1", lambda: GARBAGE, UNREADABLE),
    ("v1/slots/1", cut, UNREACHABLE),
]


def test_what_fails_while_it_is_looked_at_is_named_and_nothing_is_lost(browser: Any) -> None:
    with standing(StandIn(stand_in.small(), SOME)) as server:
        server.wrong = {"v1/places": lambda: FAILS}
        page, seen = opened(browser, viewport=SMALL)
        page.goto(f"{server.url}/#{LOOKED_AT}")
        page.wait_for_selector(MAP)
        page.wait_for_selector(PLAN)
        page.evaluate("() => { window.opened_once = true; }")
        for path, answer, word in WHILE_OPEN:
            server.wrong = {path: answer}
            said(page, WRONG, word)
            assert page.locator(PLAN).count() == 1  # the last one stays
        server.wrong, server.token = {}, "another"  # the token that this tab has is known no more
        page.wait_for_selector(FORM)
        page.locator(f"{FORM} input").fill("wrong")
        page.locator(f"{FORM} button").click()
        page.locator(f"{FORM} input").fill("another")
        page.wait_for_timeout(2_500)  # the banner tells each second how old the plan is: what was typed stays
        assert page.locator(f"{FORM} input").input_value() == "another"
        page.locator(f"{FORM} button").click()
        page.wait_for_selector(FORM, state="detached")
        kept = page.evaluate("() => [window.opened_once, location.hash]")
        page.context.close()
    assert kept == [True, f"#{LOOKED_AT}"]
    assert thrown(seen) == []


def test_a_network_without_satellites_and_gateways_is_a_map_all_the_same(browser: Any) -> None:
    with standing(StandIn(stand_in.small(0), SOME)) as server:
        assert json.loads(server.answer("/v1/network", "").content)["satellites"]["name"] == []
        page, seen = opened(browser, viewport=SMALL)
        page.goto(f"{server.url}/#isl=1&place=20,10")
        page.wait_for_selector(MAP)
        page.wait_for_selector(PLAN)
        page.locator("select").first.select_option("flat")
        page.wait_for_timeout(1_000)
        page.context.close()
    assert thrown(seen) == []
