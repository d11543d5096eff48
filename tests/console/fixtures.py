"""The tool that writes what the page is tested against."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

TOOL = Path(__file__).parents[2] / "tools" / "build_console_fixture.py"


@cache
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_console_fixture", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
