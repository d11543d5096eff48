"""Decisions as officers meet them: the list, what is refused, the ledger checked and found altered."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.browser import Seen
from console.founded_console import Console
from controller.faulty_place import Place
from controller.governed import VOTERS
from controller.processes import token
from openleo.controller.roles import Role

pytestmark = pytest.mark.slow
CHECKED, BROKEN, FAULT = "#verdict li", "#verdict .broken", "#entry-at-fault"
MANY = 1_000


@dataclass
class Held:
    """A console, and a change that waits for approvals."""

    console: Console
    change: str

    @contextmanager
    def page(self, *roles: Role, item: str = "") -> Iterator[tuple[Any, Seen]]:
        """Without satellites, which take a busy machine's time."""
        page, seen = self.console.page(*roles, viewport={"width": 1000, "height": 700})
        page.goto(f"{self.console.url}/#page=changes&view=flat&satellites=0&item={item}")
        try:
            yield page, seen
        finally:
            page.context.close()

    def told(self) -> dict[str, Any]:
        headers = token(self.console.place.engine, Role.VIEWER)
        asked = httpx.get(f"{self.console.url}/v1/changes/{self.change}", headers=headers)
        found: dict[str, Any] = asked.json()
        return found


@pytest.fixture(scope="module")
def held(founded: Console) -> Held:
    return Held(founded, proposed(founded.place, founded.url))


def proposed(place: Place, url: str) -> str:
    """An account is to be suspended: nothing is computed for it."""
    said = {
        "kind": "account", "accounts": list(place.governed.commit("account", "acme").values()), "becomes": "suspended",
        "terminals": {"PRY/fixed": 40}, "requester": "operator-1", "on_behalf_of": "operator", "reason": "unpaid",
        "legal_reference": "none",
    }  # fmt: skip
    headers = token(place.engine, Role.REQUESTER, Role.VIEWER)
    with httpx.Client(base_url=url, headers=headers) as client:
        where = client.post("/v1/changes", json=said).json()["location"]
        while (job := client.get(where).json())["state"] in ("waiting", "running"):
            time.sleep(0.05)
    id_: str = job["result"]["change"]
    return id_


def test_a_change_is_opened_from_the_list_and_what_another_signed_is_refused(held: Held, tmp_path: Path) -> None:
    with held.page(Role.VIEWER, Role.APPROVER, Role.REQUESTER) as (page, seen):
        page.locator("#changes a", has_text=held.change).click()
        page.wait_for_selector(CHECKED)
        assert "is signed by the key ledger.example/openleo+" in page.locator("#verdict").inner_text()
        assert page.locator("#timeline tbody tr:has-text('✓ yes')").count() == 2  # proposed, and its effect
        assert "regulator:TWN" in page.locator("#signatures").inner_text()
        assert page.locator("#activate").is_disabled()
        with page.expect_download() as download:
            page.locator("#to-sign").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        page.locator("#officer").fill(VOTERS[0].id)
        page.locator("#signature").fill(VOTERS[1].sign(file.read_bytes()))
        page.locator("#send-signature").click()
        page.wait_for_selector(f"#sign-told:has-text('no key of {VOTERS[0].id}')")
        assert page.locator("#signature").input_value().startswith("-----BEGIN SSH SIGNATURE")  # it stays
        page.locator("#settings-open").click()
        page.locator("#language").select_option("fr")
        page.wait_for_selector("#sign-name:has-text('Signer')")
        page.locator("#all-changes").click()
        page.locator("#changes a", has_text=held.change).click()
        page.wait_for_selector(CHECKED)
        assert page.locator("#officer").input_value() == VOTERS[0].id
        assert page.locator("#signature").input_value().startswith("-----BEGIN SSH SIGNATURE")
        assert held.told()["approved_by"] == []
        assert [one for one in seen.errors if "409" not in one] == []
        assert seen.elsewhere(held.console.url) == []


def test_one_byte_that_is_another_and_the_page_names_the_entry(held: Held) -> None:
    with held.page(Role.VIEWER, item=held.change) as (page, _):
        page.wait_for_selector(CHECKED)
        entry = held.told()["entries"]["effect"]

        def altered(route: Any) -> None:
            data, at = bytearray(route.fetch().body()), 0
            for _ in range(entry):
                at += 2 + int.from_bytes(data[at : at + 2], "big")
            data[at + 40] ^= 1
            route.fulfill(body=bytes(data), content_type="application/octet-stream")

        page.route(re.compile("/ledger/tile/entries/"), altered)
        for button in ("#check-entries", "#check-whole"):
            page.locator(button).click()
            page.wait_for_selector(f"{FAULT}:has-text('The entry: {entry}.')")
        assert page.locator("#timeline tbody tr:has-text('✗ no')").count() == 1
        page.unroute(re.compile("/ledger/tile/entries/"))
        page.route(re.compile("/ledger/tile/0/"), lambda route: route.fulfill(body=flipped(route.fetch().body(), 32)))
        page.locator("#check-whole").click()
        page.wait_for_selector(f"{FAULT}:has-text('The entry: 1.')")
        page.unroute(re.compile("/ledger/tile/0/"))
        page.locator("#trusted-keys").fill("ledger.example/openleo+00000000+AAAA")
        page.locator("#check form button").click()
        page.wait_for_selector("#verdict:has-text('no verifier key')")


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_what_one_may_not_do_is_shown_with_the_role_that_it_needs(held: Held) -> None:
    with held.page(Role.VIEWER, item="c-1") as (page, seen):
        page.wait_for_selector("#rules .difference")
        assert "everywhere" in page.locator("#rules").inner_text()
        assert "hash to what the proposal names" in page.locator("#rules").inner_text()
        assert page.locator("#send-signature").is_disabled()
        assert page.locator("#activate").is_disabled()
        assert seen.errors == []


def test_a_thousand_changes_scroll_and_a_server_that_fails_is_told(held: Held) -> None:
    with held.page(Role.VIEWER) as (page, _):
        page.wait_for_selector("#changes tbody tr")
        one = held.told()

        def made_up(route: Any) -> None:
            asked = httpx.URL(route.request.url).params
            first, limit = int(asked.get("after", MANY)), int(asked["limit"])
            items = [one | {"change": f"c-{number}"} for number in range(first, max(first - limit, 0), -1)]
            left = first - limit
            more = f"/v1/changes?order=newest&after={left}&limit={limit}" if left > 0 else None
            route.fulfill(json={"items": items, "next": more})

        listed = re.compile(r"/v1/changes\?")
        page.route(listed, lambda route: route.fulfill(status=500, json={"title": "Our fault", "detail": "It broke."}))
        page.locator("#changes-order").select_option("oldest")
        page.wait_for_selector(".sorry:has-text('It broke.')")
        page.unroute(listed)
        page.route(listed, lambda route: route.abort())
        page.locator(".sorry button").click()
        page.wait_for_selector(".sorry:has-text('cannot be reached')")
        page.unroute(listed)
        page.route(
            listed, lambda route: route.fulfill(status=401, json={"title": "Unauthorised", "detail": "Who asks?"})
        )
        page.locator(".sorry button").click()
        page.wait_for_selector(".sorry:has-text('Who asks?')")
        page.unroute(listed)
        page.route(listed, made_up)
        page.locator("#changes-order").select_option("newest")
        page.wait_for_selector("#changes tbody tr:has-text('c-1000')")
        rows = page.locator("#changes tbody tr")
        for shown in range(50, MANY, 50):
            page.evaluate("document.querySelector('#desk').scrollTop = 1e9")
            rows.nth(shown).wait_for(state="attached")
        assert rows.count() == MANY
        assert page.locator("#more-changes").is_hidden()
        rows.last.locator("a").click()
        page.wait_for_selector("#all-changes")
        page.locator("#all-changes").click()
        assert rows.count() == MANY  # nothing is asked again, and one is where one was
