"""What the lists of people, tokens and audit share: a page, and instants as text."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request

from openleo.controller.pages import Page
from openleo.instants import instant_of, instant_text

__all__ = ["Page", "at_text", "next_page"]


def next_page(request: Request, after: str | None, limit: int) -> str | None:
    """The address of the next page, with what else was asked for."""
    if after is None:
        return None
    kept = {name: value for name, value in request.query_params.items() if name not in ("after", "limit")}
    return f"{request.url.path}?{urlencode({**kept, 'after': after, 'limit': limit})}"


def at_text(at_s: float | None) -> str | None:
    """An instant of a table as ISO text."""
    return None if at_s is None else instant_text(instant_of(at_s))
