"""What a ledger says when it refuses: the text is at fault, the proof does not hold, or the storage failed."""

from __future__ import annotations


class LedgerError(Exception):
    """Any refusal of the ledger."""


class Malformed(LedgerError):
    """Bytes that are not in the format they should be in."""


class NotProven(LedgerError):
    """What was claimed does not follow from what was signed. `entry` is the index at fault, if one can be named."""

    def __init__(self, why: str, entry: int | None = None):
        super().__init__(why)
        self.why = why
        self.entry = entry


class Missing(LedgerError):
    """A file of a ledger that is not there."""


class Unavailable(LedgerError):
    """The storage or the network cannot do it now: full, read-only, locked by another process, unreachable."""
