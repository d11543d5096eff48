"""Moves: what a change sets, one named thing at a time.

A target is named by text, its value is text: mostly the sha256 of a document. A move is a compare-and-swap: it takes
place only where the target still has the value that its proposer saw. Nothing here knows what a value means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

ROSTER, NETWORK, LOG_KEY = "roster", "network", "log_key"
RECOVERY = "recovery"  # a kind of change: of the roster, by the keys of recovery
SUSPENDED, ACTIVE = "suspended", "active"  # of accounts; one that was never moved is active


_KIND_OF = {
    "book": "rules",
    "network": "network",
    "roster": "roster",
    "account": "account",
    "class": "class",
    "group": "group",
    "log_key": "log_key",
}
TARGET = r"^(network|roster|log_key|(book|account|class|group):[!-~]([ -~]{0,198}[!-~])?)$"
VALUE = r"^[!-~]{1,4096}$"


class Move(BaseModel):
    """A target goes from `base` to `new`; null: it has no value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    target: Annotated[str, Field(pattern=TARGET)]
    base: Annotated[str, Field(pattern=VALUE)] | None
    new: Annotated[str, Field(pattern=VALUE)] | None

    @property
    def kind(self) -> str:
        return kind_of(self.target)

    @property
    def inverse(self) -> Move:
        return Move(target=self.target, base=self.new, new=self.base)


def kind_of(target: str) -> str:
    """The kind of change that moves a target.

    >>> kind_of("book:regulator:TWN"), kind_of("network")
    ('rules', 'network')
    """
    return _KIND_OF[target.partition(":")[0]]


SHA256 = r"[0-9a-f]{64}"
COMMITTED = ("account", "class")  # kinds whose targets are accounts or terminals; a group's name is of public rules
COMMITMENT = r"hmac-sha256:[0-9a-f]{64}"  # as commitments.py makes them


def named(target: str) -> str:
    """Why a target names somebody openly, for good, on a public ledger; "" where it does not."""
    kind, _, about = target.partition(":")
    if kind not in COMMITTED or re.fullmatch(COMMITMENT, about):
        return ""
    return (
        f"what follows {kind}: is no commitment (hmac-sha256: and 64 hexadecimal digits), and a ledger that is public "
        "for good holds no names. Make one with `openleo change commit account NAME`, or terminal, and write that"
    )


def fault_of(move: Move) -> str:
    """What is wrong with a move, by its target and the value that it leads to; nothing where it can stand."""
    kind, new = move.kind, move.new
    if fault := named(move.target):
        return fault
    if kind == "account":
        return "" if new in (ACTIVE, SUSPENDED) else f"an account is {ACTIVE} or {SUSPENDED}"
    if kind in ("network", "roster", "log_key") and new is None:
        return f"the {kind} can be replaced, and not taken away"
    if kind in ("rules", "network", "roster", "group") and new is not None and not re.fullmatch(SHA256, new):
        return f"{move.target} is named by a sha256"
    return ""


def book_target(book: str) -> str:
    """The target of a book of rules. Raises ValueError where its name cannot stand on the ledger."""
    if not re.match(TARGET, target := f"book:{book}"):
        raise ValueError(f"the book {book!r} has no name of 1 to 200 printable ASCII characters")
    return target


def stale(moves: tuple[Move, ...], active: Mapping[str, str | None]) -> tuple[str, ...]:
    """The targets that are not any more what the moves start from."""
    return tuple(move.target for move in moves if active.get(move.target) != move.base)
