"""A place asked about, and things searched for, as people do it: by keyboard, on a controller that runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from console.browser import MAP, PLAN, Seen, until
from console.founded_console import Console
from controller.processes import AT
from openleo.controller.roles import Role

pytestmark = pytest.mark.slow
PICTURES = os.environ.get("OPENLEO_PICTURES")  # a folder to keep what was seen in, for people


@pytest.fixture(scope="module")
def shown(founded: Console) -> Iterator[tuple[Any, Seen]]:
    """A page on a place in Taiwan, where everybody is served."""
    page, seen = founded.page(Role.VIEWER, viewport={"width": 1280, "height": 1500})
    page.goto(f"{founded.url}/#view=flat&at=23.9,121,6&place={AT[0]},{AT[1]}")
    until(page, MAP, PLAN)
    yield page, seen
    page.context.close()


def says(page: Any, *texts: str) -> str:
    """What the panel says, once it says all of this."""
    for text in texts:
        page.wait_for_function("text => document.querySelector('#place').innerText.includes(text)", arg=text)
    return str(page.locator("#place").inner_text())


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


def search(page: Any, text: str, downs: int = 0) -> None:
    page.locator("#search").fill(text)
    for _ in range(downs):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def test_a_place_is_told_with_its_rule_its_round_trip_and_what_comes_next(shown: tuple[Any, Seen]) -> None:
    page, seen = shown
    said = says(page, "Served", "Permit · everywhere", "entry ", "What the round trip is made of", "Next hand-overs")
    assert "operator" in said
    page.locator("#day").click()
    says(page, "Served in 48 of 48 slots")
    rows = page.locator(".waterfall tbody tr").all_inner_texts()
    amounts = [float(row.split("\t")[1].removesuffix(" ms")) for row in rows]
    assert sum(amounts[:-1]) == pytest.approx(amounts[-1], abs=0.1 * len(amounts))
    picture(page, "place")
    page.locator(".ask-day summary").scroll_into_view_if_needed()
    picture(page, "day")
    assert seen.errors == []


def test_what_is_searched_for_by_keyboard_is_shown_and_is_a_link(shown: tuple[Any, Seen]) -> None:
    page, seen = shown
    page.locator("#search").fill("taip")
    page.wait_for_selector('#search[aria-expanded="true"]')
    page.keyboard.press("ArrowDown")
    assert page.locator("#search").get_attribute("aria-activedescendant") == "found-0"
    picture(page, "search")
    page.keyboard.press("Escape")
    search(page, "Taiwan", downs=1)
    says(page, "Territory", "on its land, class fixed")
    picture(page, "territory")
    search(
        page, page.evaluate("() => fetch('v1/network').then(one => one.json()).then(one => one.satellites.name[7])"), 1
    )
    says(page, "Satellite", "Height", "km")
    page.wait_for_function("() => location.hash.includes('item=satellite:')")
    picture(page, "satellite")
    search(page, "nobody-7")
    says(page, "Terminal")
    page.wait_for_selector('#place [role="alert"]')
    picture(page, "terminal")
    search(page, "23.97, 120.98")
    says(page, "Place", "Permit · everywhere")
    page.locator("#settings-open").click()
    page.locator("#pov").select_option("administered")
    page.wait_for_function("() => location.hash.includes('pov=administered')")
    page.wait_for_timeout(3_000)
    picture(page, "administered")
    assert "as one side sees them" in page.locator("#legend").inner_text()
    assert [one for one in seen.errors if "404" not in one] == []
