"""What the lists of people, tokens and audit share: a page, and instants as text."""

from __future__ import annotations

from openleo.controller.pages import Page, next_page
from openleo.instants import instant_of, instant_text

__all__ = ["Page", "at_text", "next_page"]


def at_text(at_s: float | None) -> str | None:
    """An instant of a table as ISO text."""
    return None if at_s is None else instant_text(instant_of(at_s))
