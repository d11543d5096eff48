"""What is there for good is not looked through for garbage again; garbage that comes later still goes."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest

from openleo import collecting


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class Ring:
    """Garbage that counting references does not find."""

    def __init__(self) -> None:
        self.itself = self


def test_what_stays_is_frozen_once_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LOOK_S", 0.01)
    monkeypatch.setattr(collecting, "EVERY_S", 0.05)
    made, stopping, asked = threading.Event(), threading.Event(), threading.Event()
    before = gc.get_freeze_count()

    def begun() -> bool:
        asked.set()
        return made.is_set()

    thread = collecting.collect_rarely(begun, stopping)
    assert asked.wait(5.0)
    assert gc.get_freeze_count() == before
    made.set()
    later = None
    for _ in range(500):
        if gc.get_freeze_count() > before and later is None:
            later = weakref.ref(Ring())
        if later is not None and later() is None:
            break
        stopping.wait(0.01)
    stopping.set()
    thread.join(5.0)
    assert later is not None
    assert later() is None
    assert gc.get_threshold() == (collecting.YOUNG, collecting.MIDDLE, collecting.OLD)
