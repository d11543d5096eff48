"""The page for who uses a keyboard, a screen reader, a dark screen or a tablet; axe-core finds nothing serious."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from console.axe import AXE, NOT_INSTALLED, serious, wrong
from console.browser import MAP, PLAN, Seen, opened, until
from console.founded_console import Console
from controller.processes import AT
from openleo.controller.roles import Role

pytestmark = pytest.mark.slow
ROLES = (Role.VIEWER, Role.PLANNER, Role.REQUESTER, Role.APPROVER)
TABLET = {"width": 820, "height": 1180}
VIEW = "view=flat&at=23.9,121,6&satellites=0"
# What is looked at, by its address, and what it waits for.
LOOKED_AT = {
    "place": (f"place={AT[0]},{AT[1]}", ".waterfall"),
    "try a rule": ("page=trying", "#try-book option[value=operator]"),
    "decisions": ("page=changes", "#changes tbody tr"),
    "a change": ("page=changes&item=c-1", "#verdict li"),
    "fleet": ("page=operate&item=terminal:a-1-t3", "#terminal dl"),
    "review": (f"page=operate&item=evidence:{0:032x}", "#evidence dl"),
    "health": ("page=operate&item=health", ".beats"),
}
# What Tab ought to reach, in the document's order; of radio buttons one at most.
CONTROLS = """() => [...document.querySelectorAll('a[href], button, select, input, textarea, summary, [tabindex="0"]')]
    .filter(one => one.tabIndex >= 0 && !one.disabled && one.type !== 'radio' && !one.closest('[inert]'))
    .filter(one => one.checkVisibility({visibilityProperty: true}))
    .map((one, number) => { one.dataset.tab = number; return number; })"""
BEGIN = """() => { const [body] = document.getElementsByTagName('body');
    body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }"""
FOCUSED = """() => { const one = document.activeElement, style = getComputedStyle(one);
    return [one === document.body ? '' : one.dataset.tab ?? one.type,
        style.outlineStyle !== 'none' || style.boxShadow !== 'none']; }"""


@dataclass
class Shown:
    url: str
    browser: Any
    cookies: list[dict[str, Any]]

    def page(self, fragment: str = "", known: bool = True, **how: Any) -> tuple[Any, Seen]:
        page, seen = opened(self.browser, self.cookies if known else (), reduced_motion="reduce", **how)
        page.goto(f"{self.url}/#{VIEW}&{fragment}")
        if known:
            until(page, MAP, PLAN)
        return page, seen


@pytest.fixture(scope="module")
def shown(founded: Console) -> Shown:
    if not AXE.exists():
        pytest.skip(NOT_INSTALLED)
    return Shown(founded.url, founded.browser, founded.cookies(*ROLES))


def go(page: Any, fragment: str, selector: str) -> None:
    page.evaluate("hash => { location.hash = hash; }", f"{VIEW}&{fragment}")
    page.wait_for_selector(selector, state="attached")


def test_axe_finds_nothing_serious_on_any_page_light_or_dark(shown: Shown) -> None:
    page, _ = shown.page()
    said = []
    for name, (fragment, selector) in LOOKED_AT.items():
        go(page, fragment, selector)
        said += [f"{name}: {one}" for one in wrong(page)]
    page.click("#settings-open")
    said += wrong(page)
    page.evaluate("() => document.body.append(new Image())")
    assert any("image-alt" in one for one in wrong(page))  # so that nothing found means that there is nothing
    page.context.close()
    page, _ = shown.page(known=False)
    page.wait_for_selector("form.token")
    page.evaluate("document.documentElement.dataset.shade = 'light'")
    said += serious(page)
    page.context.close()
    assert said == []


def tabbed(page: Any) -> list[str]:
    """What Tab reaches from the page's beginning until it leaves the page."""
    page.evaluate(BEGIN)
    reached: list[str] = []
    for _ in range(200):
        page.keyboard.press("Tab")
        name, seen = page.evaluate(FOCUSED)
        if name == "" or (len(reached) > 1 and name == reached[0]):
            return reached
        assert seen, f"no focus is seen on {page.evaluate('document.activeElement.outerHTML.slice(0, 200)')}"
        if name not in reached[-1:]:  # a date has stops within it
            reached.append(name)
    raise AssertionError(f"Tab does not come to an end: {reached[-5:]}")


def test_tab_reaches_every_control_in_order_and_is_caught_by_none(shown: Shown) -> None:
    page, _ = shown.page()
    go(page, *LOOKED_AT["place"])  # while it follows the slots: of a past one, under other rules, no terms are told
    page.click("#play")  # so that nothing is made anew meanwhile
    for name in ("place", "try a rule", "a change", "fleet", "review"):
        go(page, *LOOKED_AT[name])
        for _ in range(3):  # what was still being read may have been made anew meanwhile
            wanted = [str(one) for one in page.evaluate(CONTROLS)]
            found = [one for one in tabbed(page) if one != "radio"]
            if found == wanted:
                break
        assert found == wanted, name
    page.context.close()


def test_keys_skip_open_shut_and_lose_no_place(shown: Shown) -> None:
    page, _ = shown.page(LOOKED_AT["place"][0])
    page.wait_for_selector(LOOKED_AT["place"][1])
    focused = "document.activeElement.id"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "place"
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('#place .close') && !location.hash.includes('place=')")
    assert page.evaluate(focused) == "place"
    page.focus("#settings-open")
    page.keyboard.press("Enter")
    page.focus("#language")
    page.select_option("#language", "fr")
    page.wait_for_function("() => document.documentElement.lang === 'fr'")
    assert page.evaluate(focused) == "language"  # the page is in another language, and one is where one was
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "settings-open"
    page.focus("#to-operate")
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "to-operate"
    go(page, "page=changes&lang=fr", "#changes tbody a")
    page.focus("#changes tbody a")
    page.keyboard.press("Enter")
    page.wait_for_selector("#change")
    assert page.evaluate(focused) == "desk"
    page.context.close()


def test_what_does_not_change_is_not_read_out_again_with_each_slot(shown: Shown) -> None:
    page, _ = shown.page(LOOKED_AT["place"][0])
    page.wait_for_selector(LOOKED_AT["place"][1])
    page.evaluate("""() => { window.told = []; new MutationObserver(seen => seen.forEach(one => {
        const element = one.target.nodeType === 1 ? one.target : one.target.parentElement;
        const live = element?.closest('[aria-live], [role=status], [role=alert], output');
        const off = live?.getAttribute('aria-live') === 'off' || live?.id === 'clock';
        if (live && !off) told.push(live.id + ' ' + live.className);
    })).observe(document.body, {childList: true, characterData: true, subtree: true}); }""")
    before = page.locator("#of-plan").inner_text()
    for _ in range(2):
        page.wait_for_function("said => document.querySelector('#of-plan').innerText !== said", arg=before)
        before = page.locator("#of-plan").inner_text()
    told = page.evaluate("told")
    page.context.close()
    assert told == []


def test_on_a_tablet_nothing_is_beside_the_screen(shown: Shown) -> None:
    page, seen = shown.page(viewport=TABLET, has_touch=True)
    wide = []
    for name, (fragment, selector) in LOOKED_AT.items():
        for language in ("en", "fr"):
            go(page, f"{fragment}&lang={language}", selector)
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > TABLET["width"]:
                wide.append((name, language, width))
    page.context.close()
    assert wide == []
    assert seen.errors == []
