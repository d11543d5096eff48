"""The site that `make docs` makes of the pages: all of them are on it, and their links lead somewhere there too."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
SITE = DOCS / "_build" / "html"
on_the_site = runpy.run_path(str(DOCS / "conf.py"))["on_the_site"]


def test_every_page_has_its_place_in_the_order_of_the_site() -> None:
    listed: set[str] = set()
    for line in re.findall(r"^   ([\w./*-]+)$", (DOCS / "index.rst").read_text(encoding="utf-8"), re.MULTILINE):
        listed |= {
            str(path.relative_to(DOCS)) for ending in (".md", ".rst", ".ipynb") for path in DOCS.glob(line + ending)
        }
    pages = {str(path.relative_to(DOCS)) for ending in ("md", "rst", "ipynb") for path in DOCS.rglob(f"*.{ending}")}
    built = {page for page in pages if page.startswith("_build/")}
    assert listed == pages - built - {"index.rst"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[lists](../../src/openleo/data/ground/README.md)", "[lists](/reference/data-ground.rst)"),
        ("[lists](../../src/openleo/data/ground/README.md#gateways)", "[lists](/reference/data-ground.rst#gateways)"),
        ("[all of them](../../examples)", "all of them"),
        ("[the front page](../../README.md)", "the front page"),
        ("[test](../../tests/test_docs.py)", "[test](../../tests/test_docs.py)"),
        ("[limits](../limits.md#rates)", "[limits](../limits.md#rates)"),
        ("[rules](rules.md) and [web](https://example.org)", "[rules](rules.md) and [web](https://example.org)"),
    ],
)
def test_links_out_of_the_folder_lead_to_the_site_s_own_pages_or_are_words(written: str, shown: str) -> None:
    assert on_the_site(f"See {written}.", "how-to/planner") == f"See {shown}."


@pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="not built: `make docs` builds it, as CI does before")
def test_the_site_loads_nothing_from_elsewhere() -> None:
    for path in SITE.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert not re.findall(r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//[^\"]+", page), path.name
        assert not re.findall(r"<link[^>]+rel=\"(?:stylesheet|preconnect|icon)\"[^>]+href=\"(?:https?:)?//", page), (
            path.name
        )
    assert not [path for path in SITE.rglob("*.css") if re.search(r"url\([\"']?(?:https?:)?//", path.read_text())]
