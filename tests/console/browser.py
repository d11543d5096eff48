"""Debian's Chromium, drawing in software, and all that a page does in it which it should not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = Path("/usr/bin/chromium")
DRAWING = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NOBODY_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"  # who asks another machine gets no answer
HERE = ("blob", "data", "about", "file")
TELL = "addEventListener('securitypolicyviolation', one => console.error('policy: ' + one.violatedDirective));"


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
def chromium() -> Iterator[object]:
    """A browser. Skips where there is none."""
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=[*DRAWING, NOBODY_ELSE])
        try:
            yield browser
        finally:
            browser.close()


def watched(context: object) -> tuple[object, Seen]:
    """A new page of a browser's context, and what it does from its first request on."""
    page, seen = context.new_page(), Seen()  # type: ignore[attr-defined]
    page.add_init_script(TELL)
    page.on("request", lambda one: seen.asked.append(one.url))
    page.on("requestfailed", lambda one: seen.errors.append(f"{one.url}: {one.failure}"))
    page.on("pageerror", lambda one: seen.errors.append(str(one)))
    page.on("console", lambda one: seen.errors.append(one.text) if one.type == "error" else None)
    return page, seen
