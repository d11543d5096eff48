"""Values as files of several kinds write them: instants, durations, one text or a list of texts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator

from openleo.instants import parse_duration_s, stated_instant


def _seconds(value: object) -> object:
    return parse_duration_s(value) if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _instant(value: object) -> object:
    if not isinstance(value, datetime | str):
        # pydantic reports a ValueError with its place, and lets a TypeError through
        raise ValueError(f"is {value}; write an instant such as 2026-11-20T00:00:00Z.")  # noqa: TRY004
    return stated_instant(value)


Instant = Annotated[datetime, BeforeValidator(_instant)]
Duration = Annotated[float, BeforeValidator(_seconds)]
Words = Annotated[list[str], BeforeValidator(_listed)]
