"""A controller with a fleet and evidence, and a browser: what many tests look at, who leave it as it is.

What one of them changes, no other looks at: evidence 1 is reviewed by test_page_operate alone, and test_page_changes
proposes a change of its own. A test that stops the controller, or alters its ledger, has one of its own.
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

from console.browser import chromium
from controller.faulty_place import Place, placed
from controller.processes import Controller, enrolled, running
from controller.security.secured import House
from openleo.controller.database import writing
from openleo.controller.roles import Role
from openleo.controller.tables import evidence

FLEET, EVIDENCE = 300, 2  # terminals of account b-1, beside those of the place; pieces that nobody has reviewed


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
        """Of a session of somebody new, who has these roles."""
        named, _ = self.house.session(self.house.person(person or secrets.token_hex(4), *roles))
        return [{"name": name, "value": value, "url": self.url} for name, value in named.items()]


@contextmanager
def console(folder: Path) -> Iterator[Console]:
    place = placed(folder)
    enrolled(place.engine, FLEET, "b-1")
    _found(place.engine)
    with chromium() as browser, running(place.scenario, place.data, "one") as (controller,):
        controller.until_ready()
        yield Console(place, controller, browser)
    place.engine.dispose()


def _found(engine: Engine) -> None:
    inputs = {"hours": 130.0, "lat_deg": 24.1, "lon_deg": 121.4, "uncertainty_m": 4000.0, "cell": "844ba0dffffffff"}
    body = json.dumps({"rule": "asks for service outside its permitted area", "inputs": inputs})
    rows = [
        {
            "id": f"{number:032x}", "at": time.time(), "terminal": f"a-1-t{number}", "kind": "outside", "score": 0.77,
            "holds_renewal": False, "body": body, "state": "open",
        }
        for number in range(EVIDENCE)
    ]  # fmt: skip
    with writing(engine) as connection:
        connection.execute(insert(evidence), rows)
