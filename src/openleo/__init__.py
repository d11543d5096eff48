"""OpenLEO: a low-Earth-orbit satellite internet access system in software.

>>> import openleo
>>> results = openleo.Scenario.load("examples/taiwan.toml").run()   # doctest: +SKIP
>>> results.summary()["territories"][0]["served"]                   # doctest: +SKIP
0.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openleo.errors import InputError
    from openleo.results import Results
    from openleo.scenario import Scenario

__version__ = "0.1.0"
__all__ = ["InputError", "Results", "Scenario", "__version__"]

_HOMES = {"InputError": "openleo.errors", "Results": "openleo.results", "Scenario": "openleo.scenario"}


def __getattr__(name: str) -> Any:
    # Lazily: `openleo --help` must not wait for numpy and numba.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'openleo' has no attribute {name!r}")
