"""The controller and the browser that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.founded_console import EVIDENCE, FLEET, Console, console


@pytest.fixture(scope="package")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with console(tmp_path_factory.mktemp("console"), FLEET, EVIDENCE) as made:
        yield made
