"""What is said when an input is at fault.

A `Problem` names the file, the place in it, the value found, the rule it breaks and a way out. Readers collect
every problem of a file before they raise `InputError` once, so that a person mends a file in one go.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """One fault of an input, in the user's words."""

    file: str  # as the user named it
    where: str  # the key, row or line in that file; "" when it is the file itself
    rule: str  # what was found, and what is required instead
    way_out: str = ""  # what to do about it

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}: " if self.where else f"{self.file}: "
        return place + self.rule + (f" {self.way_out}" if self.way_out else "")

    def as_json(self) -> dict[str, str]:
        return {"file": self.file, "where": self.where, "rule": self.rule, "way_out": self.way_out}


class InputError(Exception):
    """The input is at fault (exit 2). Carries every problem found, not the first one."""

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        if not self.problems:
            raise ValueError("an InputError needs at least one problem")
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Together:
    """Collects the problems of several readings, so that they are raised together."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def read(self, reading: Callable[[], T]) -> T | None:
        """What a reading gives, or None and one more set of problems."""
        try:
            return reading()
        except InputError as error:
            self.found += error.problems
            return None

    def done(self) -> None:
        """Raise InputError if any reading found problems."""
        if self.found:
            raise InputError(self.found)


def given(value: T | None) -> T:
    """What a reading gave, after `Together.done`."""
    assert value is not None
    return value


def near_names(word: str, known: Iterable[str], *, most: int = 3) -> str:
    """A sentence that offers the known names closest to `word`, or nothing when none is close.

    >>> near_names("TAW", ["TWN", "JPN", "TUV"])
    'Did you mean TWN?'
    """
    close = closest(word, known, most=most)
    return f"Did you mean {join_or(close)}?" if close else ""


def closest(word: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """The known names that look most like `word`, the closest first."""
    by_folded = {name.casefold(): name for name in known}
    return [by_folded[name] for name in difflib.get_close_matches(word.casefold(), by_folded, n=most, cutoff=0.6)]


def counted(number: int, thing: str, things: str = "", form: str = "") -> str:
    """A number and what there are so many of; `form` is how the number is written.

    >>> counted(1, "row"), counted(12_345, "row", form=","), counted(0, "time to keep", "times to keep")
    ('1 row', '12,345 rows', '0 times to keep')
    """
    return f"{number:{form}} {thing if number == 1 else things or thing + 's'}"


def join_or(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]
