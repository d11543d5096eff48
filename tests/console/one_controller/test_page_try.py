"""A rule tried in the page: of an outline it shows what `openleo policy effect` says, and what may not be is said."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select

from console.browser import MAP, Seen, until
from console.founded_console import Console
from controller.governed import PERMIT
from leasing import instant
from openleo.controller.database import writing
from openleo.controller.lease_records import time_ordered_id
from openleo.controller.roles import Role
from openleo.controller.tables import refusals, terminals

pytestmark = pytest.mark.slow
OUTLINE = "24.60, 120.70\n24.60, 121.40\n23.40, 121.20\n23.40, 120.30"
INSIDE = (24.0, 121.0)
PICTURES = os.environ.get("OPENLEO_PICTURES", "")  # a folder, to look at what the page shows
AMOUNTS = ("lost", "gained", "may_lose", "may_gain")
FEW = 9
READ = """rows => rows.map(row => [row.dataset.territory, row.dataset.class, row.dataset.kind, Object.fromEntries(
    [...row.querySelectorAll('[data-field]')].map(one => [one.dataset.field, one.textContent]))])"""


@dataclass
class Shown:
    console: Console

    def page(self, *roles: Role, view: str = "flat") -> tuple[Any, Seen]:
        page, seen = self.console.page(*roles, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        page.goto(f"{self.console.url}/#page=trying&view={view}&at=23.9,121,6")
        until(page, MAP, "#try-book option[value=operator]")
        return page, seen


@pytest.fixture(scope="module")
def shown(founded: Console) -> Shown:
    return Shown(founded)


def fill(page: Any, outline: str, reason: str = "an example") -> None:
    page.select_option("#try-where", "drawn")
    page.fill("#try-outline", outline)
    page.fill("#try-reason", reason)


def said(place: tuple[float, float], at_s: float) -> str:
    """A refusal's record, as far as it says where."""
    position = {"lat_deg": place[0], "lon_deg": place[1], "uncertainty_m": 30.0, "age_s": 0.0, "source": "gnss"}
    told = {"position": position, "at": instant(at_s)}
    return json.dumps({"signed": told, "request": {"at": told["at"], "days_abroad": None}, "answer": {}})


def said_to_be_inside(shown: Shown, path: Path) -> int:
    """Every terminal was refused a minute ago within the outline; the same as a table. How many they are."""
    at_s = time.time() - 60.0
    with writing(shown.console.place.engine) as connection, path.open("w", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(["id", "class", "lat_deg", "lon_deg", "uncertainty_m", "age_s"])
        rows = connection.execute(select(terminals.c.id, terminals.c["class"])).all()
        for id_, class_ in rows:
            row = {"id": time_ordered_id(at_s), "terminal": id_, "at": at_s, "rule_set": "", "ledger_size": 1}
            connection.execute(insert(refusals).values(row | {"body": said(INSIDE, at_s)}))
            table.writerow([id_, class_, *INSIDE, 30, 60])
    return len(rows)


def number(text: str) -> int | float | None:
    """What a cell of the table says: a count, 9 for fewer than 10, None for one that was not made."""
    if text == "<10":
        return FEW
    plain = text.replace(",", "")
    return (float(plain) if "." in plain else int(plain)) if re.fullmatch(r"[\d.]+", plain) else None


def told(page: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The page's table, by territory, class and what happens."""
    rows = page.locator("#try-changes tbody tr").evaluate_all(READ)
    return {(a, b, c): {name: number(text) for name, text in said.items()} for a, b, c, said in rows}


def of_command(effect: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The same of an effect as the command tells it, with few people as everybody may read them."""
    found = {}
    for row in effect["territories"] + [one | {"territory": ""} for one in effect["totals"]]:
        for kind in AMOUNTS:
            amount = row[kind]
            if any(amount.values()):
                few = {name: FEW if amount[name] and amount[name] < 10 else amount[name] for name in ("people",)}
                found[row["territory"], row["class"], kind] = amount | few
    return found


def test_the_effect_of_an_outline_is_what_the_command_says_to_the_last_integer(shown: Shown, tmp_path: Path) -> None:
    table = tmp_path / "terminals.csv"
    inside = said_to_be_inside(shown, table)
    page, seen = shown.page(Role.REQUESTER)
    asked: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    page.on("request", lambda one: asked.append(one.post_data_json) if "/v1/policy/effect" in one.url else None)
    page.on("response", lambda one: answers.append(one.json()) if "/v1/jobs/" in one.url and one.ok else None)
    fill(page, OUTLINE)
    page.click("#try-form button.main")
    page.wait_for_selector("#try-changes")
    shows = told(page)
    picture(page, "effect-light")
    result = next(one["result"] for one in answers if one["result"])
    (book,) = asked[0]["books"]
    assert {one["id"] for one in book["rule"]} == {"everywhere", "tried-1"}

    old, new = tmp_path / "old.json", tmp_path / "new.json"
    for path, document in ((old, PERMIT), (new, book)):
        path.write_text(json.dumps({key: value for key, value in document.items() if key != "files"}))
    command = [sys.executable, "-m", "openleo", "policy", "effect", str(old), str(new), "--at", result["at"], "--json"]
    ran = subprocess.run(
        [*command, "--scenario", str(shown.console.place.scenario), "--terminals", str(table)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    effect = json.loads(ran.stdout)

    assert shows == of_command(effect)
    assert [one["terminals"] for (of, _, kind), one in shows.items() if of == "" and kind == "lost"] == [inside]
    assert f"within a day: {inside}" in page.inner_text("#try-result")
    assert any(one["people"] > 100_000 for (_, _, kind), one in shows.items() if kind == "lost")
    assert effect["network"] == result["network"]
    for key in ("territories", "base", "new", "beam_km", "edges"):
        assert _public(effect[key]) == _public(result[key]), key

    page.select_option("#try-map-kind", "swipe")
    page.focus("#try-swipe")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#try-swipe", "aria-valuetext") == "line at 49 % of the map's width"
    page.wait_for_timeout(500)
    picture(page, "swipe-light")
    assert seen.errors == []

    page.click("#propose")
    assert "On behalf of" in page.inner_text("#try-wrong")
    for name in ("on_behalf_of", "reason", "legal_reference"):
        page.fill(f"#propose-{name}", "an example")
    page.fill("#propose-sponsor", "nobody")
    page.click("#propose")
    page.wait_for_selector("#try-failed:has-text('nobody is no officer')")
    page.click("#to-changes")
    page.click("#to-trying")
    page.click("#settings-open")
    page.select_option("#language", "fr")
    page.wait_for_selector("h2:has-text('Essayer')")
    assert page.input_value("#propose-reason") == "an example"
    page.context.close()


def _public(value: Any) -> str:
    """With people from 1 to 9 as 9, whoever tells of them."""
    from openleo.governance.public_effect import in_public

    return json.dumps(in_public({"value": value}), sort_keys=True)


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(1_000)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_a_server_that_fails_and_a_token_that_has_run_out_lose_nothing_that_was_typed(shown: Shown) -> None:
    page, _ = shown.page(Role.REQUESTER, view="globe")
    page.select_option("#try-where", "coast")
    page.select_option("#try-territory", "TWN")
    page.fill("#try-km", "-30")  # of land, along the coast
    page.fill("#try-reason", "typed once")
    fault = {"title": "Our fault", "detail": "This is our fault (ValueError).", "status": 500}
    page.route("**/v1/policy/effect**", lambda one: one.fulfill(status=500, json=fault))
    page.click("#try-form button.main")
    page.wait_for_selector("#try-failed:has-text('This is our fault (ValueError).')")
    page.unroute("**/v1/policy/effect**")
    page.route("**/v1/policy/effect**", lambda one: one.fulfill(status=401, json={"title": "Unauthorised"}))
    page.click("#try-form button.main")
    page.wait_for_selector("#try-failed form.token")
    assert (page.input_value("#try-km"), page.input_value("#try-reason")) == ("-30", "typed once")
    page.unroute("**/v1/policy/effect**")
    picture(page, "expired")
    made = shown.console.house.token(Role.PLANNER)["Authorization"].removeprefix("Bearer ")
    page.fill("#try-failed form.token input", made)
    page.click("#try-failed form.token button")
    page.wait_for_selector("#try-changes")
    assert page.is_disabled("#propose")  # a planner's token
    assert "requester" in page.inner_text("#propose-needs")
    picture(page, "coast")
    page.context.close()


def test_an_outline_is_drawn_by_clicks_and_keys_and_its_corners_can_be_read_and_taken_away(shown: Shown) -> None:
    page, seen = shown.page(Role.PLANNER, view="globe")
    page.select_option("#try-where", "drawn")
    page.click("#try-draw")
    for x, y in ((300, 250), (500, 250), (500, 450)):
        page.mouse.click(x, y)
        page.wait_for_timeout(400)  # two clicks at once zoom the map
    page.locator("#map canvas").first.focus()
    page.keyboard.press("Enter")
    corners = page.input_value("#try-outline").split()
    assert len(corners) == 2 * 4
    assert [float(one.rstrip(",")) for one in corners[-2:]] == pytest.approx([23.9, 121.0], abs=0.01)
    picture(page, "drawing")
    page.click("#try-undo")
    page.click("#try-draw")  # closed: clicks ask about places again
    page.mouse.click(300, 250)
    page.wait_for_function("() => location.hash.includes('place=')")
    page.goto(f"{shown.console.url}/#page=trying")
    assert len(page.input_value("#try-outline").split()) == 2 * 3
    page.context.close()
    assert seen.errors == []


def test_outlines_that_are_none_are_refused_before_anything_is_sent_and_others_go_as_they_are_meant(
    shown: Shown,
) -> None:
    page, _ = shown.page(Role.PLANNER)
    sent: list[Any] = []

    def taken(route: Any) -> None:
        sent.append(route.request.post_data_json["books"][0]["rule"])
        route.fulfill(status=422, json={"title": "No", "detail": "not in this test"})

    page.route("**/v1/policy/effect**", taken)
    for outline, said in (
        ("", "three corners"),
        ("24, 121\n25, 122\n24, 122\n25, 121", "crosses or touches itself"),
        ("80, 0\n80, 180\n70, 90", "could take either way"),
        ("10, 0\n-10, 90\n10, 180\n-10, -90", "which pole it holds"),
        ("24, 121\nhere\n25, 122", "no latitude and longitude (such as 25.04, 121.56): 2"),
    ):
        fill(page, outline)
        page.click("#try-form button.main")
        assert said in page.inner_text("#try-wrong")
    assert sent == []
    for outline in ("10, 175\n10, -175\n20, -175\n20, 175", "70, 0\n65, 90\n70, 180\n65, -90"):
        fill(page, outline)
        page.click("#try-form button.main")
        page.wait_for_selector("#try-failed:has-text('not in this test')")
        page.wait_for_function("count => count", arg=len(sent))
    page.context.close()
    rings = [one["territory"]["geojson"]["coordinates"][0] for rules in sent for one in rules if one["id"] == "tried-1"]
    assert [max(x for x, _ in ring) for ring in rings] == [185, 360]
    assert httpx.get(f"{shown.console.url}/healthz").status_code == 200
