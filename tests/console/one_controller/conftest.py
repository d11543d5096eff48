"""The controller and the browser that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.founded_console import Console, console
from openleo.console import pages


@pytest.fixture(scope="package")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    if not pages.files():
        pytest.skip("the page is not built here: make console")
    with console(tmp_path_factory.mktemp("console")) as made:
        yield made
