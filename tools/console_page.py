"""Part of the package's build: a wheel carries the console's page, and is not made without it.

The page is built by `make console` into src/openleo/console/built, which git does not keep. Editable installs serve it
from there, and a source distribution takes along what there is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = Path("src", "openleo", "console", "built")
NAMED = re.compile(r'(?:src|href)="\./?([^":]+)"')


class ConsolePage(BuildHookInterface):  # type: ignore[type-arg]
    """What hatchling asks before it makes a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 # as hatchling calls it
        """Raises FileNotFoundError where the page, or something that it names, is not there."""
        if version != "editable":
            check(Path(self.root) / BUILT)


def check(built: Path) -> None:
    """Raises FileNotFoundError."""
    page = built / "index.html"
    if not page.is_file():
        raise FileNotFoundError(f"{page} is not there: a wheel carries the console's page. Build it: make console")
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    missing = [name for name in named if not (built / name).is_file()]
    if missing or not named:
        said = f"names {', '.join(missing)}, not there" if missing else "names no script"
        raise FileNotFoundError(f"{page} {said}. Build it again: make console")
