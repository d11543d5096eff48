"""The pictures of docs/how-to/console.md, made of a controller that runs and of a run's report.

    python tools/console_pictures.py [--out DIR] [--language LANG] [NAME…]

A controller is founded in a folder that is thrown away, with terminals, evidence and a change that waits for approvals,
by what tests make theirs of; Debian's Chromium looks at it, light and dark. Everything is on loopback. The page is the
one that is built: `make console` first.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h3
import httpx
from PIL import Image
from sqlalchemy import Engine, insert

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "governance")]

from console.browser import MAP, chromium, opened  # noqa: E402
from console.founded_console import session_cookies  # noqa: E402
from controller.governed import Governed  # noqa: E402
from controller.processes import Asking, enrolled, running, token  # noqa: E402
from controller.security.secured import House  # noqa: E402
from openleo.console import pages  # noqa: E402
from openleo.controller import database  # noqa: E402
from openleo.controller.roles import Role  # noqa: E402
from openleo.controller.tables import evidence  # noqa: E402

OUT = ROOT / "docs" / "pictures" / "console"
RULES = ROOT / "examples" / "rules"
IN_FORCE, PROPOSED = RULES / "taiwan-not-activated.toml", RULES / "taiwan-activated.toml"
RUN, RUN_SLOTS = ROOT / "examples" / "taiwan.toml", 480  # two hours
WIDTH, HEIGHT, TALL = 1280, 800, 1250  # px
SHADES = ("light", "dark")
COLOURS, EXACT = 256, 128  # of a palette
ACCOUNTS, TERMINALS, ASKING = ("a-1", "b-2", "c-3"), 80, 15  # terminals of each, and how many ask for leases
SETTLES_MS = 2_500  # until the map has drawn what it was told
ROLES = (Role.VIEWER, Role.PLANNER, Role.REQUESTER, Role.APPROVER)

# The network of examples/taiwan.toml, in slots short enough to wait for.
SCENARIO = f"""
name = "example"
start = 2026-11-20T00:00:00Z
duration = "10min"
slot = "5s"

[constellation]
catalogue = "starlink-gen1"
isl = "+grid"

[ground]
area = {json.dumps(tomllib.loads(RUN.read_text())["ground"]["area"])}
resolution = 4
gateways = "starlink-2026"
"""
OUTLINE = "18.8, 119.6\n18.8, 123.2\n16.2, 123.2\n16.2, 119.6"
SERVED_AT = (35.68, 139.76)
AT = "place=35.68,139.76"
FOUND = (
    ("outside", 0.77, "asks for service outside its permitted area", {"hours": 130.0}),
    ("travel", 0.52, "was in two places farther apart than anybody travels", {"kilometres": 1900.0, "minutes": 41.0}),
    ("speed", 0.31, "moved faster than its class may", {"speed_kmh": 212.0}),
)


@dataclass
class Shown:
    """Where the console is, and how to be known there. `report`: the file of a run; `change`: one that is open."""

    url: str
    cookies: list[dict[str, Any]]
    change: str
    report: Path


def book(path: Path) -> dict[str, Any]:
    return {"classes": [], "files": {}} | tomllib.loads(path.read_text())


def evidence_found(engine: Engine) -> None:
    at = {"lat_deg": 15.6, "lon_deg": 120.7, "uncertainty_m": 4000.0, "cell": h3.latlng_to_cell(15.6, 120.7, 4)}
    rows = [
        {
            "id": f"{number:032x}", "at": time.time() - 3600 * (3 - number), "state": "open",
            "terminal": f"{ACCOUNTS[number]}-t{17 * number + 3}", "kind": kind, "score": score, "holds_renewal": False,
            "body": json.dumps({"rule": rule, "inputs": inputs | at}),
        }
        for number, (kind, score, rule, inputs) in enumerate(FOUND)
    ]  # fmt: skip
    with database.writing(engine) as connection:
        connection.execute(insert(evidence), rows)


def proposed(engine: Engine, url: str) -> str:
    """The id of a change of rules whose effect is computed and frozen."""
    asked = {
        "kind": "rules", "books": [book(PROPOSED)], "slots": 12, "requester": "operator-1", "on_behalf_of": "operator",
        "reason": "service in Taiwan, as an example", "legal_reference": "none: an example",
    }  # fmt: skip
    with httpx.Client(base_url=url, headers=token(engine, Role.REQUESTER, Role.VIEWER), timeout=30.0) as client:
        where = client.post("/v1/changes", json=asked).raise_for_status().json()["location"]
        while (job := client.get(where).json())["state"] in ("waiting", "running"):
            time.sleep(0.2)
    if job["state"] != "done":
        sys.exit(f"the change was not proposed: {job['problem']}")
    id_: str = job["result"]["change"]
    return id_


@contextmanager
def running_controller(folder: Path) -> Iterator[Shown]:
    """A controller on which something happens."""
    data, scenario = folder / "data", folder / "example.toml"
    governed = Governed.founded(data)
    (data / "settings.toml").write_text("terminal_requests_per_minute = 100000\n")
    governed.now = datetime.now(UTC)
    governed.rules(book(IN_FORCE))
    scenario.write_text(SCENARIO)
    engine = database.connect(database.address_of(data))
    database.upgrade(engine)
    asked = []
    for account in ACCOUNTS:
        asked += enrolled(engine, TERMINALS, account, time.time() - 40 * 86_400)[:ASKING]
    for one in asked:
        one.at = SERVED_AT
    evidence_found(engine)
    subprocess.run(
        [sys.executable, "-m", "openleo", "plan", RUN, "--slots", str(RUN_SLOTS), "--out", folder / "run"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with running(scenario, data, "one") as (controller,):
        controller.until_ready()
        asking = Asking(asked, controller.url)
        asking.start()
        try:
            cookies = session_cookies(House(engine), controller.url, *ROLES)
            yield Shown(controller.url, cookies, proposed(engine, controller.url), folder / "run" / "report.html")
        finally:
            asking._ending.set()
            asking.join()
    engine.dispose()


# --- what is looked at ----------------------------------------------------------------------------------------------


def ready(page: Any) -> None:
    page.wait_for_selector(MAP)
    page.wait_for_function("document.querySelector('#of-plan').innerText !== ''")


def told(page: Any) -> None:
    page.wait_for_selector(".waterfall")
    page.evaluate("document.querySelector('#place').scrollTop = document.querySelector('.ask-plan').offsetTop - 130")


def tried(page: Any) -> None:
    page.wait_for_selector("#try-book option[value=operator]", state="attached")
    page.select_option("#try-book", "operator")
    page.select_option("#try-where", "drawn")
    page.fill("#try-outline", OUTLINE)
    page.select_option("#try-effect", "forbid")
    page.fill("#try-reason", "an example")
    page.click("#try-form button.main")
    page.wait_for_selector("#try-changes")
    page.select_option("#try-map-kind", "swipe")
    page.evaluate("document.querySelector('#desk').scrollTop = document.querySelector('#try-map').offsetTop - 40")


def checked(page: Any) -> None:
    page.wait_for_selector("#verdict li")


def listed(page: Any) -> None:
    page.wait_for_selector("#terminal table")
    page.wait_for_function("!document.querySelector('.operate progress')")


def reviewed(page: Any) -> None:
    page.wait_for_selector("#evidence dl")


def beats(page: Any) -> None:
    page.wait_for_selector(".beats")


LINKS = "satellites=1&isl=1"
Wait = Callable[[Any], None]
# By name: the address after `#` ({change}: the open one), how tall, and what is done once the map is there.
PICTURES: dict[str, tuple[str, int, Wait]] = {
    "globe": (f"at=22,122,1.9&{LINKS}", HEIGHT, ready),
    "map": ("view=flat&at=27,128,3.2", HEIGHT, ready),
    "place": (f"view=flat&at=33,137,4&satellites=0&{AT}", TALL, told),
    "effect": ("page=trying&view=flat&at=17.5,121.5,4.6&satellites=0", HEIGHT, tried),
    "decision": ("page=changes&item={change}&view=flat&at=24,121,3.6&satellites=0", TALL, checked),
    "fleet": ("page=operate&item=terminal:a-1-t3&view=flat&at=27,128,2.6", HEIGHT, listed),
    "review": ("page=operate&item=evidence:{piece}&view=flat&at=15,121,6&satellites=0", 960, reviewed),
    "health": ("page=operate&item=health&view=flat&at=27,128,2.6", HEIGHT, beats),
    "offline": (f"compared=1&view=flat&at=27,128,3.2&colour=rtt_ms&satellites=0&{AT}", HEIGHT, ready),
}


def picture(browser: Any, shown: Shown, name: str, shade: str, language: str) -> bytes:
    fragment, height, wait = PICTURES[name]
    how = {"viewport": {"width": WIDTH, "height": height}, "color_scheme": shade, "reduced_motion": "reduce"}
    page, _ = opened(browser, shown.cookies, **how)
    address = shown.report.as_uri() if name == "offline" else f"{shown.url}/"
    page.goto(f"{address}#{fragment.format(change=shown.change, piece='0' * 32)}&lang={language}")
    ready(page)
    wait(page)
    page.wait_for_timeout(SETTLES_MS)
    made: bytes = page.screenshot()
    page.context.close()
    return made


def small(png: bytes) -> Image.Image:
    """With a palette, and without dithering, which costs bytes and blurs letters.

    Half of the palette are the most frequent colours as they are, so that a legend's are the map's; the others are
    spread over what else there is.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB")
    found = sorted(image.getcolors(image.width * image.height) or (), reverse=True)
    exact = [channel for _, colour in found[:EXACT] for channel in colour]
    spread = image.quantize(COLOURS - EXACT, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(exact + spread)
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--language", default="en")
    asked = parser.parse_args()
    if not pages.files():
        sys.exit("the page is not built here: make console")
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, running_controller(Path(folder)) as shown:
        for name in asked.names or PICTURES:
            for shade in SHADES:
                file = asked.out / f"{name}-{shade}.png"
                small(picture(browser, shown, name, shade, asked.language)).save(file, optimize=True)
                print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
