"""One rule from first look to last proof, in one browser: asked, tried, filed, signed, in force, seen, verified."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ssh_made import NAMESPACE, keygen

from console.browser import MAP, Seen, until
from console.founded_console import console
from controller.faulty_place import Place
from controller.governed import VOTERS, Person
from controller.processes import AT, Controller, wait_for
from openleo.controller.roles import Role

pytestmark = pytest.mark.slow
OUTLINE = "24.60, 120.70\n24.60, 121.40\n23.40, 121.20\n23.40, 120.30"  # AT is within
PICTURES = os.environ.get("OPENLEO_PICTURES", "")  # a folder, to look at what the page shows
FAULT = "#entry-at-fault"

Started = tuple[Place, Controller, Any, Seen]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A place in Taiwan where everybody is permitted, looked at by somebody who may ask, file and hand in."""
    with console(tmp_path_factory.mktemp("whole")) as made:
        roles = (Role.VIEWER, Role.REQUESTER, Role.APPROVER)
        page, seen = made.page(*roles, viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
        yield made.place, made.controller, page, seen


def says(page: Any, *texts: str) -> str:
    """What the panel says, once it says all of this."""
    said = "texts => texts.every(text => document.querySelector('#place')?.innerText.includes(text))"
    page.wait_for_function(said, arg=list(texts))
    return str(page.locator("#place").inner_text())


def picture(page: Any, name: str) -> None:
    if PICTURES:
        page.wait_for_timeout(1_000)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def bluer(page: Any) -> float:
    """By how much, of 1, most of the map's middle is bluer than red: the place asked about is there."""
    box = page.locator("#map canvas").first.bounding_box()
    middle = {"x": box["x"] + box["width"] / 2 - 15, "y": box["y"] + box["height"] / 2 - 15, "width": 30, "height": 30}
    pixels = matplotlib.image.imread(io.BytesIO(page.screenshot(clip=middle)))
    red, _, blue, *_ = np.median(pixels.reshape(-1, pixels.shape[2]), axis=0)
    return float(blue - red)


def test_a_rule_is_tried_filed_signed_and_in_force_and_one_byte_of_it_changed_is_found(
    started: Started, tmp_path: Path
) -> None:
    place, controller, page, seen = started
    page.goto(f"{controller.url}/#view=flat&satellites=0&ground=0&at={AT[0]},{AT[1]},7&place={AT[0]},{AT[1]}")
    until(page, MAP)
    said = says(page, "Served", "Permit · everywhere", "Authority", "operator", "entry ")
    assert "change c-1" in said
    wait_for(lambda: bluer(page) > 0.3, 20.0)  # as the legend has who is served
    picture(page, "1-asked")

    lost = try_rule(page)
    assert lost["people"] > 100_000
    picture(page, "2-tried")
    change = file_proposal(page)
    picture(page, "3-filed")
    page.click("#try-filed")

    page.wait_for_selector("#verdict li")
    assert "tried-1" in page.inner_text("#rules")
    assert f"{lost['people']:,}" in page.inner_text("#effect")
    for person in VOTERS:  # two of the operator, one of the regulator
        assert page.is_disabled("#activate")
        sign(page, person, change, tmp_path)
    picture(page, "4-signed")
    page.click("#activate:enabled")
    page.wait_for_selector("#act-told:has-text('It is in force')")
    page.wait_for_selector("#timeline tr:has-text('Took effect'):has-text('✓ yes')")
    entries = page.request.get(f"{controller.url}/v1/changes/{change}").json()["entries"]

    page.click("#to-place")
    said = says(page, "Not permitted", "Forbid · tried-1", f"entry {entries['activated']}, change {change}")
    assert "Served" not in said.split("The rules")[0]
    wait_for(lambda: bluer(page) < -0.3, 20.0)  # orange
    picture(page, "5-in-force")
    page.click(f"#place a:has-text('change {change}')")
    page.wait_for_selector("#verdict li")
    assert "view=flat" in page.url  # what is looked at stays as it is
    page.click("#check-whole")
    page.wait_for_selector("#verdict li:has-text('entries were hashed again')")
    assert "is signed by the key ledger.example/openleo+" in page.inner_text("#verdict")
    page.locator("#verdict").scroll_into_view_if_needed()
    picture(page, "6-verified")
    assert seen.errors == []
    assert seen.elsewhere(controller.url) == []

    change_one_byte(place, entries["proposed"])
    page.click("#check-whole")
    page.wait_for_selector(f"{FAULT}:has-text('The entry: {entries['proposed']}.')")
    page.locator("#verdict").scroll_into_view_if_needed()
    picture(page, "7-found")
    assert seen.errors == []


def try_rule(page: Any) -> dict[str, int]:
    """The outline's effect: who loses service, in all of it."""
    page.click("#to-trying")
    page.wait_for_selector("#try-book option[value=operator]", state="attached")
    page.select_option("#try-where", "drawn")
    page.fill("#try-outline", OUTLINE)
    page.fill("#try-reason", "an exercise")
    page.click("#try-form button.main")
    row = page.locator("#try-changes tr[data-territory=TWN][data-class=fixed][data-kind=lost] [data-field]")
    row.first.wait_for()
    shown = row.evaluate_all("all => all.map(one => [one.dataset.field, one.textContent])")
    return {name: int(float(text.replace(",", ""))) for name, text in shown if text[:1].isdigit()}


def file_proposal(page: Any) -> str:
    for name, text in (("on_behalf_of", "the operator"), ("reason", "an exercise"), ("legal_reference", "none")):
        page.fill(f"#propose-{name}", text)
    page.click("#propose")
    return str(page.wait_for_selector("#try-filed").get_attribute("href")).rpartition("item=")[2]


def sign(page: Any, person: Person, change: str, folder: Path) -> None:
    """As an officer does: the bytes downloaded and read, signed with ssh-keygen, and handed in."""
    with page.expect_download() as download:
        page.click("#to-sign")
    file = folder / person.id / download.value.suggested_filename
    download.value.save_as(file)
    assert json.loads(file.read_bytes())["change"] == change
    page.wait_for_selector(f"#sign-bytes:has-text('{hashlib.sha256(file.read_bytes()).hexdigest()}')")
    page.fill("#officer", person.id)
    page.set_input_files("#sig-file", signed(person, file))
    page.wait_for_function("() => document.querySelector('#signature').value !== ''")
    page.click("#send-signature")
    page.wait_for_selector(f"#signatures caption:has-text('{person.id}')")
    assert re.search(r"entry \d+\.", page.inner_text("#sign-told"))


def signed(person: Person, file: Path) -> Path:
    """What ssh-keygen writes beside a file, with the key of an officer."""
    key = file.with_name(f"{person.id}.key")
    private = person._key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    key.touch(0o600)
    key.write_bytes(private)
    made = keygen("-Y", "sign", "-n", NAMESPACE, "-f", key, file)
    assert made.returncode == 0, made.stderr
    return file.with_name(f"{file.name}.sig")


def change_one_byte(place: Place, entry: int) -> None:
    """Of an entry, in the file of the controller that runs, as a failing disk might."""
    with sqlite3.connect(place.governed.folder.ledger) as ledger:
        (body,) = ledger.execute("select body from ledger_entry where number = ?", (entry,)).fetchone()
        altered = body[:40] + bytes([body[40] ^ 1]) + body[41:]
        ledger.execute("update ledger_entry set body = ? where number = ?", (altered, entry))
    ledger.close()
