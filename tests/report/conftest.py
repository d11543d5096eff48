"""Small runs that the tests of the report share: Singapore under two rule sets, Fiji across the antimeridian."""

from __future__ import annotations

from pathlib import Path

import pytest

from openleo import Scenario
from openleo.results import Results

SCENARIO = """
name = "{name}"
start = 2026-11-20T00:00:00Z
duration = "2min"
[constellation]
catalogue = "starlink-gen1"
isl = "{isl}"
[ground]
area = [{area}]
resolution = {resolution}
gateways = "starlink-2026"
"""

POLICY = """
[policy]
rules = "before.toml"
compare = "after.toml"
classes = ["fixed", "maritime"]
"""

RULES = """
schema = 1
book = "regulator"
[[rule]]
id = "fji-1"
effect = "permit"
territory = { in = "FJI" }
authority = "a regulator"
reason = "licensed"
"""

ONE_MORE = """
[[rule]]
id = "sgp-1"
effect = "permit"
territory = { in = "SGP" }
who = { classes = ["fixed"] }
authority = "a regulator"
reason = "an example"
"""


CAPACITY = """
[links]
chain = true
[capacity]
enabled = true
every_slots = 2
[demand]
penetration = 0.05
"""


def scenario(
    folder: Path, name: str, area: str, *, policy: bool = False, resolution: int = 4, isl: str = "+grid",
    more: str = "",
) -> Scenario:  # fmt: skip
    said = ", ".join(f'"{word}"' for word in area.split())
    (folder / "before.toml").write_text(RULES)
    (folder / "after.toml").write_text(RULES + ONE_MORE)
    path = folder / f"{name}.toml"
    text = SCENARIO.format(name=name, area=said, resolution=resolution, isl=isl)
    path.write_text(text + (POLICY if policy else "") + more)
    return Scenario.load(path)


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Singapore is not permitted before, and permitted to fixed terminals after; its waters out to 12 miles with it."""
    folder = tmp_path_factory.mktemp("singapore")
    return scenario(folder, "singapore", "SGP SGP.sea12", policy=True).run()


@pytest.fixture(scope="session")
def fiji(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Without rules; on both sides of ±180°."""
    return scenario(tmp_path_factory.mktemp("fiji"), "fiji", "FJI FJI.sea12").run()


@pytest.fixture(scope="session")
def patchy(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Far from gateways and without lasers: some of Somalia cannot be served."""
    return scenario(tmp_path_factory.mktemp("somalia"), "somalia", "SOM ESH", isl="none", resolution=3).run()


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Fiji and Singapore as `compared` has it, with capacity, the chain, and more asked for than there is."""
    folder = tmp_path_factory.mktemp("crowded")
    return scenario(folder, "crowded", "SGP FJI SGP.sea12", policy=True, more=CAPACITY).run()


@pytest.fixture(scope="session")
def make_scenario():
    return scenario
