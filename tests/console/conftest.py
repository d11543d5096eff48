"""The browser of the tests of a page that no controller serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from console.browser import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one
