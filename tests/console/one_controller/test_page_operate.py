"""The operator's desk in a browser: a fleet of fifty thousand rows, and a server that fails meanwhile."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from console.browser import Seen, opened
from console.founded_console import FLEET, Console
from controller.faulty_place import Place
from openleo.controller.database import writing
from openleo.controller.roles import Role
from openleo.controller.tables import evidence

pytestmark = pytest.mark.slow
MANY, PAGE = 50_000, 500
MOST_ROWS = 120  # in the document, of however many
ROWS, STATUS, WRONG = ".grid .rows [role=row]", ".tab [role=status]", ".tab .wrong p"


@dataclass
class Shown:
    """A controller with a fleet, and a browser of somebody of the operator's."""

    place: Place
    url: str
    browser: Any
    cookies: list[dict[str, Any]]

    def page(self, item: str = "", *, dark: bool = False) -> tuple[Any, Seen]:
        page, seen = opened(self.browser, self.cookies, color_scheme="dark" if dark else "light")
        page.goto(f"{self.url}/#page=operate&item={item}")
        page.wait_for_selector(".operate")
        return page, seen


@pytest.fixture(scope="module")
def shown(founded: Console) -> Shown:
    cookies = founded.cookies(Role.VIEWER, Role.REQUESTER, person="reviewer")
    return Shown(founded.place, founded.url, founded.browser, cookies)


def says(page: Any, selector: str, text: str) -> None:
    page.wait_for_function(
        "([where, text]) => [...document.querySelectorAll(where)].some((one) => one.innerText.includes(text))",
        arg=[selector, text],
    )


def many(route: Any) -> None:
    """A page of the registry, as the API gives it, of very many terminals."""
    asked = parse_qs(urlsplit(route.request.url).query)
    first = int(asked.get("after", ["m-00000"])[0][2:]) + 1
    items = [_terminal(number) for number in range(first, min(first + PAGE, MANY + 1))]
    last = first + PAGE - 1
    following = f"/v1/terminals?limit={PAGE}&after=m-{last:05}" if last < MANY else None
    route.fulfill(content_type="application/json", body=json.dumps({"items": items, "next": following}))


def _terminal(number: int) -> dict[str, Any]:
    return {
        "id": f"m-{number:05}", "account": '=HYPERLINK("x")' if number == 1 else f"ship, {number % 7}",
        "subscription": None, "class": "maritime" if number % 2 else "fixed", "home_territory": "TWN",
        "groups": [], "public_key": "", "commitment": f"c{number}", "state": "active",
        "enrolled_at": "2026-11-20T00:00:00Z", "version": 1,
    }  # fmt: skip


def test_fifty_thousand_terminals_scroll_are_asked_and_saved_and_a_cut_goes_on(shown: Shown, tmp_path: Path) -> None:
    page, seen = shown.page("health")
    failing = {"m-20000"}

    def answered(route: Any) -> None:
        if any(f"after={one}" in route.request.url for one in failing):
            failing.clear()
            route.fulfill(status=500, content_type="application/problem+json", body='{"detail": "The disk is full."}')
        else:
            many(route)

    page.route("**/v1/terminals?*", answered)
    page.click("#tab-fleet")
    says(page, WRONG, "The disk is full.")
    page.wait_for_function("() => document.querySelector('.grid').getAttribute('aria-rowcount') === '20001'")
    page.click(".tab .wrong button")
    says(page, STATUS, "50,000 terminals, 50,000 shown")
    assert page.locator(WRONG).count() == 0
    assert page.locator(ROWS).count() <= MOST_ROWS
    page.focus(".grid")
    page.keyboard.press("End")
    page.wait_for_selector(f"{ROWS}[aria-rowindex='50001']")
    assert page.locator(ROWS).count() <= MOST_ROWS
    assert page.locator(ROWS).last.inner_text().startswith("m-50000")
    active = page.locator(".grid").get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-rowindex") == "50001"
    page.fill("#ask-id", "m-0000")
    says(page, STATUS, "9 shown")
    page.click("#sort-class")
    assert page.locator(ROWS).first.inner_text().startswith("m-00002")
    assert page.locator("[aria-sort=ascending]").inner_text() == "Class"
    with page.expect_download() as saving:
        page.click("#save-csv")
    saving.value.save_as(tmp_path / "fleet.csv")
    with (tmp_path / "fleet.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"m-0000{n}" for n in (2, 4, 6, 8, 1, 3, 5, 7, 9)]
    assert [row["account"] for row in rows if row["id"] in ("m-00001", "m-00002")] == ["ship, 2", '\'=HYPERLINK("x")']
    page.context.close()
    assert [one for one in seen.errors if "500" not in one] == []


def test_a_terminal_opens_by_the_keyboard_with_its_lease_and_history(shown: Shown) -> None:
    page, seen = shown.page()
    says(page, STATUS, f"{FLEET + len(shown.place.devices)} terminals")
    page.focus(".grid")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    says(page, "#terminal", "None holds in this slot")
    page.wait_for_function("() => location.hash.includes('item=terminal:')")
    opened = page.locator("#terminal h2").inner_text()
    assert opened in page.locator(".grid [aria-selected=true]").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector("#terminal", state="hidden")
    assert page.evaluate("document.activeElement.className") == "grid"
    page.context.close()
    assert seen.errors == []


def test_evidence_is_reviewed_and_what_was_written_outlives_a_failure(shown: Shown) -> None:
    page, seen = shown.page("review")
    says(page, "#tab-review", "2 to review")
    page.click(f"#piece-{1:032x}")
    says(page, "#evidence", "asks for service outside its permitted area")
    says(page, "#evidence", "77 % of what holds back a renewal")
    page.route("**/review", lambda route: route.fulfill(status=500, body='{"detail": "The disk is full."}'))
    page.check("#evidence input[value=upheld]")
    page.fill("#finding", "Seen at sea.")
    page.click("#tab-health")
    page.wait_for_selector("#now")
    page.click("#tab-review")
    page.click(f"#piece-{1:032x}")
    page.wait_for_selector("#finding")
    page.click("#evidence button[type=submit]")  # what was typed, and chosen, before something else was looked at
    says(page, "#evidence [role=alert]", "The disk is full.")
    assert page.input_value("#finding") == "Seen at sea."
    page.unroute("**/review")
    page.click("#evidence button[type=submit]")
    says(page, "#evidence", "To end its service, suspend a-1-t1")
    says(page, "#tab-review", "1 to review")
    page.context.close()
    assert [one for one in seen.errors if "500" not in one] == []
    with writing(shown.place.engine) as connection:
        row = connection.execute(evidence.select().where(evidence.c.terminal == "a-1-t1")).mappings().one()
    assert (row["state"], row["finding"], row["reviewer"]) == ("upheld", "Seen at sea.", "person:reviewer")


def test_who_may_not_review_is_told_the_role_and_a_cut_leaves_what_was_read(shown: Shown) -> None:
    page, seen = shown.page("health")
    said = {"id": "x", "party": "operator", "roles": ["auditor"], "officer": None, "via": "session", "csrf": None}
    page.route("**/v1/session", lambda route: route.fulfill(content_type="application/json", body=json.dumps(said)))
    says(page, "#now", "leading")
    says(page, "#beats", "had a whole plan")
    page.wait_for_selector("svg.beats .applied", state="attached")
    page.click("#tab-review")
    page.click(f"#piece-{0:032x}")
    says(page, "#evidence", "takes the role requester")
    assert page.is_disabled("#finding")
    page.click("#tab-health")
    says(page, "#beats", "had a whole plan")
    page.route("**/readyz", lambda route: route.abort())
    page.click("#read-health")
    says(page, WRONG, "cannot be reached")
    assert "leading" in page.inner_text("#now")
    not_ready = {"ready": False, "role": "leading", "checks": {"plan": "no plan is in force"}, "warnings": []}
    told = json.dumps(not_ready | {"alarms": {"ledger": "it cannot be read"}, "ephemeris": None})
    page.unroute("**/readyz")
    page.route("**/readyz", lambda route: route.fulfill(status=503, content_type="application/json", body=told))
    says(page, "#now .standing", "ledger: it cannot be read")
    says(page, "#tab-health", "1 standing")
    page.context.close()
    assert [one for one in seen.errors if "503" not in one and "readyz" not in one and "ERR_FAILED" not in one] == []
