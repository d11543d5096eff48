"""The form of a roster file: every key, what it may hold, and what it means. TOML and JSON write the same keys."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from openleo.governance.quorum import PARTY, ROLE
from openleo.governance.roster import (
    ANY,
    LEASE_SLOTS_MAX,
    LEAST_LEASE_SLOTS,
    LOSS_DAYS,
    MILLION,
    MOST_LEASE_SLOTS,
    SCHEMA,
    Kind,
    Requests,
)
from openleo.reading import Record

LONGEST_ID = 64
MOST_HOURS, MOST_DAYS = 8_784, 366  # a leap year
MOST_COUNT = 10**9
LEAST_RECOVERY = 2  # keys: no single one changes who decides


def _neutral(pattern: str, example: str) -> AfterValidator:
    def check(word: str) -> str:
        if not re.fullmatch(pattern, word) or len(word) > LONGEST_ID:
            raise ValueError(
                f"is {word[:100]!r}; ids are public and neutral: lower-case letters, digits and hyphens, such as "
                f"{example}, at most {LONGEST_ID} characters; no name of a person."
            )
        return word

    return AfterValidator(check)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"is {text[:100]!r}; it must be one line of printable characters.")
    return text


PartyId = Annotated[str, _neutral(PARTY, "operator or regulator:TWN")]
OfficerId = Annotated[str, _neutral(ROLE, "operator-1")]
Role = Annotated[str, _neutral(ROLE, "legal")]
Ppm = Annotated[int, Field(ge=0, le=MILLION)]
Count = Annotated[int, Field(ge=0, le=MOST_COUNT)]
Hours = Annotated[int, Field(ge=0, le=MOST_HOURS)]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]
Lasting = Annotated[int, Field(ge=1, le=MOST_HOURS)]


class PartyRecord(Record):
    """One `[[party]]`."""

    id: PartyId = Field(description='The institution, as quorums name it: "operator", "regulator:TWN".')
    name: Annotated[str, Field(max_length=200), AfterValidator(_one_line)] = Field("", description="Its public name.")


class OfficerRecord(Record):
    """One `[[officer]]`."""

    id: OfficerId = Field(description="Public and neutral; not the person's name.")
    party: PartyId = Field(description="The one party that the officer belongs to.")
    roles: list[Role] = Field(default_factory=list, description='Roles within the party: ["legal"].')
    keys: Annotated[list[str], Field(min_length=1, max_length=20)] = Field(
        description="OpenSSH public-key lines: ssh-ed25519, or sk-ssh-ed25519@openssh.com of a hardware token."
    )


class AboveRecord(Record):
    """`above`: the line holds only where a territory loses more than this; one key."""

    people_share_ppm: Ppm | None = Field(None, description="Share of the people served, in parts per million.")
    emergency_terminals: Count | None = Field(None, description="Terminals of class emergency.")


class QuorumRecord(Record):
    """One `[[quorum]]`; a change has to satisfy all that match it."""

    territory: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)] = Field(
        ANY, description='A territory that gains or loses by the change; "*": any change.'
    )
    kind: Literal["*", Kind] = Field("*", description='The kind of change; "*": any.')
    above: AboveRecord | None = Field(None, description="Only for losses above this. Default: always.")
    quorum: str = Field(description='Such as "all(2 of operator, 1 of regulator:TWN)".')


class SingleActsRecord(Record):
    """`[settings.single_acts]`: up to here acts need no quorum, summed over all actors."""

    terminals: Count = Field(20, description="Terminals that may lose service.")
    share_ppm: Ppm = Field(10_000, description="Of a territory's terminals, in parts per million.")
    hours: Lasting = Field(24, description="The time over which they are summed.")


class BreakGlassRecord(Record):
    """`[settings.break_glass]`."""

    max_hours: Lasting = Field(24, description="The longest that it may last.")
    review_days: Days = Field(14, description="By when it has to be reviewed.")


class SettingsRecord(Record):
    """`[settings]`."""

    single_acts: SingleActsRecord = Field(SingleActsRecord(), description="Acts that need no quorum.")
    break_glass: BreakGlassRecord = Field(BreakGlassRecord(), description="Acts of two keys, at once.")
    tolerance_ppm: Ppm = Field(
        10_000, description="How much more than was signed an effect computed again may take, in parts per million."
    )
    notice_hours: dict[str, Hours] = Field(
        default_factory=dict, description='By territory, or "*": hours between the effect and the activation.'
    )
    storage_outage_hours: Lasting = Field(24, description="How long what is in force stays without storage.")
    lease_slots_max: Annotated[int, Field(ge=LEAST_LEASE_SLOTS, le=MOST_LEASE_SLOTS)] = Field(
        LEASE_SLOTS_MAX, description="The most slots that a lease may hold, whatever its controller has set."
    )
    recovery_notice_days: Days = Field(7, description="Public notice of a recovery.")
    loss_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] = Field(
        LOSS_DAYS,
        description="Losses of the changes of so many days together are compared with `above`; 0: each by itself.",
    )
    requests: Requests = Field(
        "named",
        description='"signed": an officer signs each request, the requester or a sponsor; "named": none has to.',
    )


class RecoveryRecord(Record):
    """`[recovery]`."""

    threshold: Annotated[int, Field(ge=LEAST_RECOVERY, le=100)] = Field(description="How many of the keys, at least 2.")
    keys: Annotated[list[str], Field(max_length=100)] = Field(description="Public-key lines; none of an officer.")


class RosterRecord(Record):
    """A roster file."""

    schema_: Literal[1] = Field(alias="schema", description=f"{SCHEMA}.")
    party: list[PartyRecord] = Field(description="The institutions.")
    officer: list[OfficerRecord] = Field(description="The people who can approve.")
    quorum: list[QuorumRecord] = Field(description="How many of whom have to approve what.")
    settings: SettingsRecord = Field(SettingsRecord(), description="Bounds and times.")
    witnesses: Annotated[str, Field(max_length=10_000)] = Field(
        "", description="A tlog-policy: which witnesses have to have seen the ledger. Empty: none."
    )
    recovery: RecoveryRecord = Field(description="What can set a new roster when the officers no longer can.")
