"""What axe-core finds wrong with a page. It runs from outside of the page, so that its policy stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
NOT_INSTALLED = "axe-core is not installed here: make console"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SERIOUS = ("serious", "critical")
RUN = """rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']}).then(
    found => found.violations.map(one => [one.impact, one.id,
        ...one.nodes.slice(0, 4).map(node => node.html + ' ' + node.failureSummary)]))"""


def serious(page: Any) -> list[str]:
    """What it finds as the page is now."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text())
    return [str(one) for one in page.evaluate(RUN, RULES) if one[0] in SERIOUS]


def wrong(page: Any) -> list[str]:
    """What it finds light and dark."""
    told = []
    for shade in ("light", "dark"):
        page.emulate_media(color_scheme=shade)
        page.wait_for_function("shade => document.documentElement.dataset.shade === shade", arg=shade)
        told += [f"{shade}: {one}" for one in serious(page)]
    return told
