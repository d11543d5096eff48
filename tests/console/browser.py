"""Debian's Chromium, drawing in software, and all that a page does in it which it should not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from openleo.console import pages

CHROMIUM = Path("/usr/bin/chromium")
DRAWING = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NOBODY_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # who asks another machine gets no answer
HERE = ("blob", "data", "about", "file")
TELL = "addEventListener('securitypolicyviolation', one => console.error('policy: ' + one.violatedDirective));"

MAP, PLAN = '#console[data-ready="true"]', "#time:has-text('plan of')"  # the map is drawn; cells have a slot's plan
MOST_MS = 60_000  # that a page may take to show anything


@dataclass
class Seen:
    """What a page asked for, and what went wrong in it."""

    asked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def elsewhere(self, url: str) -> list[str]:
        """Requests that went anywhere but to this server."""
        host = urlsplit(url).netloc
        return [one for one in self.asked if urlsplit(one).scheme not in HERE and urlsplit(one).netloc != host]


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser. Skips where there is none, or no page to look at."""
    if not pages.files():
        pytest.skip("the page is not built here: make console")
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=[*DRAWING, NOBODY_ELSE])
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Any, cookies: Iterable[dict[str, Any]] = (), **how: Any) -> tuple[Any, Seen]:
    """A new page for who has these cookies, and what it does. `how`: as Playwright's contexts are made."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | how)
    context.add_cookies(list(cookies))
    page, seen = watched(context)
    page.set_default_timeout(MOST_MS)
    return page, seen


def until(page: Any, *selectors: str) -> None:
    """Until all of them are there, whether or not they can be seen."""
    for one in selectors:
        page.wait_for_selector(one, state="attached")


def watched(context: Any) -> tuple[Any, Seen]:
    """A new page of a browser's context, and what it does from its first request on."""
    page, seen = context.new_page(), Seen()
    page.add_init_script(TELL)
    page.on("request", lambda one: seen.asked.append(one.url))
    page.on("requestfailed", lambda one: seen.errors.append(f"{one.url}: {one.failure}"))
    page.on("pageerror", lambda one: seen.errors.append(str(one)))
    page.on("console", lambda one: seen.errors.append(one.text) if one.type == "error" else None)
    return page, seen
