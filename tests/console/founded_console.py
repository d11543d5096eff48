"""A controller that serves everybody in Taiwan, a browser, and people's sessions: what tests of the page look at.

The one of one_controller/ is left as it is by the many tests that look at it. What one of them changes, no other looks
at: evidence 1 is reviewed by test_page_operate alone, and test_page_changes proposes a change of its own. A test that
stops the controller, or alters its ledger, has one of its own.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from console.browser import Seen, chromium, opened
from controller.faulty_place import Place, placed
from controller.processes import Controller, enrolled, running
from controller.security.secured import House
from openleo.controller.database import writing
from openleo.controller.roles import Role
from openleo.controller.tables import evidence

FLEET, EVIDENCE = 300, 2  # of the controller that many look at


@dataclass
class Console:
    place: Place
    controller: Controller
    browser: Any

    @property
    def url(self) -> str:
        return self.controller.url

    @property
    def house(self) -> House:
        return House(self.place.engine)

    def cookies(self, *roles: Role, person: str = "") -> list[dict[str, Any]]:
        return session_cookies(self.house, self.url, *roles, person=person)

    def page(self, *roles: Role, **how: Any) -> tuple[Any, Seen]:
        """A page for somebody new, who has these roles; without any, for somebody whom nobody knows."""
        return opened(self.browser, self.cookies(*roles) if roles else (), **how)


def session_cookies(house: House, url: str, *roles: Role, person: str = "") -> list[dict[str, Any]]:
    """Of a session of somebody new, who has these roles, as a browser takes them."""
    named, _ = house.session(house.person(person or secrets.token_hex(4), *roles))
    return [{"name": name, "value": value, "url": url} for name, value in named.items()]


@contextmanager
def console(folder: Path, fleet: int = 0, pieces: int = 0) -> Iterator[Console]:
    """With this many terminals of account b-1 beside those of the place, and pieces that nobody has reviewed."""
    with chromium() as browser:
        place = placed(folder)
        if fleet:
            enrolled(place.engine, fleet, "b-1")
        if pieces:
            _found(place.engine, pieces)
        with running(place.scenario, place.data, "one") as (controller,):
            controller.until_ready()
            yield Console(place, controller, browser)
        place.engine.dispose()


def _found(engine: Engine, pieces: int) -> None:
    inputs = {"hours": 130.0, "lat_deg": 24.1, "lon_deg": 121.4, "uncertainty_m": 4000.0, "cell": "844ba0dffffffff"}
    body = json.dumps({"rule": "asks for service outside its permitted area", "inputs": inputs})
    rows = [
        {
            "id": f"{number:032x}", "at": time.time(), "terminal": f"a-1-t{number}", "kind": "outside", "score": 0.77,
            "holds_renewal": False, "body": body, "state": "open",
        }
        for number in range(pieces)
    ]  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(evidence), rows)
