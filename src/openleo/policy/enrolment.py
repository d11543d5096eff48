"""Which terminals are admitted to an allow-list when a holder may enrol only so many.

Takes requests in the order in which they came, and a quota for each kind of request; gives an Enrolment. It knows no
rules: the terminals admitted become a group of the registry, and a rule permits the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

Quotas = Mapping[str, int | None]  # terminals of one holder, by the kind of request; None: no limit


class Refused(StrEnum):
    """Why a terminal is not admitted."""

    OVER_QUOTA = "over quota"
    HELD_BY_ANOTHER = "held by another"  # somebody else enrolled it before
    UNKNOWN_KIND = "unknown kind"  # no quota speaks of such a request


@dataclass(frozen=True)
class EnrolmentRequest:
    """One holder asks for one terminal. `kind` says who asks and how, such as a private user who shows it."""

    terminal: str
    holder: str
    kind: str


@dataclass(frozen=True)
class Enrolment:
    """`holder_of` each terminal admitted; `refused`: the requests that were not granted, in their order."""

    holder_of: Mapping[str, str]
    refused: tuple[tuple[EnrolmentRequest, Refused], ...]

    @property
    def terminals(self) -> frozenset[str]:
        """The allow-list."""
        return frozenset(self.holder_of)


def admitted(requests: Iterable[EnrolmentRequest], quotas: Quotas) -> Enrolment:
    """Grant requests in their order, so that no later one changes what an earlier one got.

    A request is granted while its holder has fewer terminals, of whatever kind, than the quota of its kind. Asking
    again for a terminal of one's own is granted and counts once.

    >>> asked = [EnrolmentRequest(terminal, "h1", "remote") for terminal in ("t1", "t2")]
    >>> sorted(admitted(asked, {"remote": 1}).terminals)
    ['t1']
    """
    holder_of: dict[str, str] = {}
    held: dict[str, int] = {}
    refused = []
    for request in requests:
        if (why := _refusal(request, quotas, holder_of, held)) is not None:
            refused.append((request, why))
        elif request.terminal not in holder_of:
            holder_of[request.terminal] = request.holder
            held[request.holder] = held.get(request.holder, 0) + 1
    return Enrolment(holder_of, tuple(refused))


def _refusal(
    request: EnrolmentRequest, quotas: Quotas, holder_of: Mapping[str, str], held: Mapping[str, int]
) -> Refused | None:
    if request.kind not in quotas:
        return Refused.UNKNOWN_KIND
    if request.terminal in holder_of:
        return None if holder_of[request.terminal] == request.holder else Refused.HELD_BY_ANOTHER
    most = quotas[request.kind]
    return Refused.OVER_QUOTA if most is not None and held.get(request.holder, 0) >= most else None
