"""The two demo scenarios are one question, asked with and without inter-satellite links."""

from __future__ import annotations

import tomllib
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_two_demo_scenarios_differ_in_their_links_alone() -> None:
    with_links, without = (
        tomllib.loads((EXAMPLES / name).read_text()) for name in ("taiwan.toml", "taiwan-no-isl.toml")
    )
    assert (with_links.pop("name"), without.pop("name")) == ("taiwan", "taiwan-no-isl")
    assert with_links["constellation"].pop("isl") == "+grid"
    assert without["constellation"].pop("isl") == "none"
    assert with_links == without
