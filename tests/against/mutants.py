"""Faults put into functions of ours one by one, for tests that ask whether anybody would notice.

A mutant is one function with one piece of its text replaced: the mistake that a tired hand makes. One whose text is no
longer there is told: whoever rewrites the function says what its mistakes are now. The loops that numba compiles are
run as Python while one of their module is mutated, so that the mutated text is what runs.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType, ModuleType
from typing import Any

import pytest


@dataclass(frozen=True)
class Mutant:
    """In `function` (`module:name` under openleo), `old` becomes `new`."""

    name: str
    function: str
    old: str
    new: str


def put_in(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the mutant in the place of the original, wherever modules of ours have it by name."""
    module_name, _, path = mutant.function.partition(":")
    module = importlib.import_module(f"openleo.{module_name}")
    interpret(module, monkeypatch)
    *holders, name = path.split(".")
    holder: Any = module
    for one in holders:
        holder = getattr(holder, one)
    original = inspect.getattr_static(holder, name)
    made = _with_text_replaced(_function(original), mutant)
    if holder is not module:
        monkeypatch.setattr(holder, name, _as(original, made, name))
        return
    for other in [one for key, one in sys.modules.items() if key.startswith("openleo.")]:
        if other.__dict__.get(name) is original:
            monkeypatch.setattr(other, name, made)


def interpret(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the compiled functions of a module as Python; they find each other by their names there."""
    for name, one in list(vars(module).items()):
        if hasattr(one, "py_func"):
            monkeypatch.setattr(module, name, one.py_func)


def noticed(check: Callable[[], None]) -> bool:
    """Whether a check objects."""
    try:
        check()
    except AssertionError:
        return True
    return False


def _function(original: Any) -> FunctionType:
    if isinstance(original, property):
        original = original.fget
    return original.func if isinstance(original, cached_property) else original  # type: ignore[no-any-return]


def _as(original: Any, made: Any, name: str) -> Any:
    if isinstance(original, cached_property):
        kept = cached_property(made)
        kept.__set_name__(object, name)
        return kept
    return property(made) if isinstance(original, property) else made


def _with_text_replaced(original: FunctionType, mutant: Mutant) -> Any:
    text = textwrap.dedent(inspect.getsource(original))
    text = text[text.index("def ") :]  # without decorators: a property is put together again above
    assert text.count(mutant.old) == 1, f"{mutant.function} has no single {mutant.old!r} any more"
    code = compile(
        text.replace(mutant.old, mutant.new), f"<mutant: {mutant.name}>", "exec"
    )  # our imports of __future__
    made: dict[str, Any] = {}
    exec(code, sys.modules[original.__module__].__dict__, made)
    return made[original.__name__]
