"""The form of a rule file: every key, what it may hold, and what it means.

The file reference and the JSON Schema are made from these records; rule_making makes rules of them. TOML and JSON
write the same keys: instants, dates and times may stand as texts in both.
"""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from openleo.policy.request import SOURCES, End, Group, Instant, Name, Source, Text
from openleo.policy.rules import CLASSES, SCHEMA
from openleo.policy.when import DAY_S
from openleo.reading import Record

_CLOCK = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?")
CLOCK_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$|^24:00(:00)?$"
MOST_NAMES = 1_000  # of one list of territories
LARGEST = 1e9  # of a bound: 30 years in seconds


def _day(value: Any) -> Any:
    """A date of TOML, or its text."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"is {value!r}; write a date such as 2027-01-31.") from None
    return value


def _second_of_day(value: Any) -> Any:
    """Seconds since the day began, of a local time of TOML or of its text."""
    if isinstance(value, time) and value.tzinfo is None and value.microsecond == 0:
        return value.hour * 3600 + value.minute * 60 + value.second
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    hour, minute, second = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
    if minute > 59 or second > 59 or hour * 3600 + minute * 60 + second > DAY_S:
        raise ValueError(f"is {str(value)!r}; write a time of day from 00:00 to 24:00, such as 08:30.")
    return hour * 3600 + minute * 60 + second


def _not_too_many(value: Any) -> Any:
    if isinstance(value, list) and len(value) > MOST_NAMES:
        raise ValueError(f"names {len(value):,} areas; at most {MOST_NAMES:,} are read. Write several rules.")
    return value


def _one_or_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Clock = Annotated[int, BeforeValidator(_second_of_day), WithJsonSchema({"type": "string", "pattern": CLOCK_PATTERN})]
Words = Annotated[
    list[Name],
    BeforeValidator(_one_or_list),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"\S"},
                   {"type": "array", "items": {"type": "string", "pattern": r"\S"}, "minItems": 1}]}
    ),
]  # fmt: skip
Sources = Annotated[
    list[Source],
    BeforeValidator(_one_or_list),
    WithJsonSchema(
        {"anyOf": [{"enum": list(SOURCES)}, {"type": "array", "items": {"enum": list(SOURCES)}, "minItems": 1}]}
    ),
]
DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Names = Annotated[list[Name], Field(json_schema_extra={"minItems": 1})]


class TerritoryRecord(Record):
    """`territory`: `{in = "TWN", include = ["kinmen"], exclude = []}`, or `geojson` or `cells` in place of `in`."""

    in_: Annotated[Text | list[Text] | None, BeforeValidator(_not_too_many)] = Field(
        None,
        alias="in",
        description='Territories, contested areas, strips of sea, high-seas, world, or expressions: "UKR - crimea", '
        '"coast(JPN, 50)"; one or a list.',
    )
    include: Annotated[list[Text] | None, BeforeValidator(_not_too_many)] = Field(
        None, description="The contested areas of `in` that come along. Given, it says all: every other one stays out."
    )
    exclude: Annotated[list[Text] | None, BeforeValidator(_not_too_many)] = Field(
        None, description="The contested areas of `in` that stay out. Without `include` it must name every one."
    )
    geojson: Text | dict[str, Any] | None = Field(
        None, description="A GeoJSON file of polygons, or GeoJSON written here, in place of `in`."
    )
    cells: Text | list[Text] | None = Field(
        None, description="H3 cells, or a text file with one a line, in place of `in`."
    )


class WhoRecord(Record):
    """`who`: whose terminals; a key left out means any."""

    classes: Names | None = Field(None, description=f"Classes: {', '.join(CLASSES)}, or the file's own.")
    groups: Annotated[list[Group], Field(json_schema_extra={"minItems": 1})] | None = Field(
        None, description="Groups of the registry; accounts and terminals are selected through them alone."
    )


class ConditionsRecord(Record):
    """`conditions`: in what state; all that is said has to hold, and an input that is not known decides nothing."""

    speed_kmh_max: float | None = Field(None, description="Speed up to this, km/h.", ge=0.0, le=LARGEST)
    speed_kmh_min: float | None = Field(None, description="Speed above this, km/h.", ge=0.0, le=LARGEST)
    altitude_m_max: float | None = Field(
        None, description="Altitude up to this, m above mean sea level.", ge=-LARGEST, le=LARGEST
    )
    altitude_m_min: float | None = Field(
        None, description="Altitude above this, m above mean sea level.", ge=-LARGEST, le=LARGEST
    )
    days_abroad_max: float | None = Field(
        None, description="Days outside the home territory, up to this.", ge=0.0, le=LARGEST
    )
    days_abroad_min: float | None = Field(
        None, description="Days outside the home territory, more than this.", ge=0.0, le=LARGEST
    )
    home_territory: Words | None = Field(None, description="Registered in one of these territories; one or a list.")
    location_source: Sources | None = Field(
        None, description=f"The position comes from one of these: {', '.join(SOURCES)}; one or a list."
    )
    location_age_s_max: float | None = Field(None, description="The position is up to this old, s.", ge=0.0, le=LARGEST)
    location_age_s_min: float | None = Field(
        None, description="The position is older than this, s.", ge=0.0, le=LARGEST
    )
    location_uncertainty_m_max: float | None = Field(
        None, description="The position's 95 % radius is up to this, m.", ge=0.0, le=LARGEST
    )
    location_uncertainty_m_min: float | None = Field(
        None, description="The position's 95 % radius is above this, m.", ge=0.0, le=LARGEST
    )


class ExceptRecord(WhoRecord, ConditionsRecord):
    """`except`: whom the rule does not speak to; the keys of `who` and `conditions`, all of which have to hold."""


class PeriodRecord(Record):
    """One period of `weekly`; a terminal is in it while a clock on the wall of `zone` shows a time within it."""

    days: list[DayName] | None = Field(
        None, description="Days of the beginning. Default: every day.", json_schema_extra={"minItems": 1}
    )
    from_: Clock = Field(alias="from", description="The first second, such as 08:00.")
    until: Clock = Field(
        description="The end, not included; 24:00 is midnight. Before `from`: on the next day. Never the "
        "same as `from`: a whole day is 00:00 to 24:00."
    )
    zone: Text = Field(description='The IANA zone of the clock, such as "Asia/Taipei" or "UTC".')


class RuleRecord(Record):
    """One `[[rule]]`."""

    id: Text = Field(description="Names the rule in reasons and records; once in a book.")
    effect: Literal["permit", "forbid", "suspend"] = Field(
        description="A forbid or suspend outranks every permit; a suspend ends by itself, and keeps the entitlement."
    )
    territory: TerritoryRecord = Field(description="Where.")
    authority: Text | None = Field(None, description="Who made the rule. Default: the book's name.")
    reason: Text = Field(description="Why; shown wherever the rule decides.")
    who: WhoRecord = Field(WhoRecord(), description="Whose terminals. Default: any.")
    conditions: ConditionsRecord = Field(ConditionsRecord(), description="In what state. Default: any.")
    except_: ExceptRecord | None = Field(None, alias="except", description="Whom the rule does not speak to.")
    from_: Instant | None = Field(None, alias="from", description="The first instant, with its zone. Default: always.")
    until: End | None = Field(None, description="The end, not included. Required of a suspend.")
    weekly: list[PeriodRecord] | None = Field(
        None, description="Only within one of these periods of the week.", json_schema_extra={"minItems": 1}
    )
    emergency: Literal["keep", "cut"] | None = Field(
        None, description="Required of a forbid or suspend: whether emergency terminals go on being served."
    )
    applies_to: Literal["terminal", "beam", "gateway"] = Field(
        "terminal", description="What is permitted or not: to serve a terminal, to illuminate, to use a gateway."
    )
    land_in: Names | None = Field(
        None, description="Of a permit: traffic leaves by gateways and PoPs in these territories alone."
    )
    legal_reference: Text = Field("", description="A law, licence or order.")
    review_by: Day | None = Field(None, description="When to look at the rule again. It stays in force.")


class FileRecord(Record):
    """One file: a part of one authority's book."""

    schema_: int = Field(alias="schema", strict=True, description=f"{SCHEMA}.", json_schema_extra={"const": SCHEMA})
    book: Text = Field(description='Whose rules: "operator", "regulator:TWN".', pattern=r"\S")
    classes: list[Name] = Field(default_factory=list, description="Classes of terminals of the file's own.")
    rule: list[dict[str, Any]] = Field(
        default_factory=list, description="The rules, each a table as below; their order has no meaning."
    )


class WholeFileRecord(FileRecord):
    """A file with its rules checked in one go: the form that the JSON Schema publishes."""

    rule: list[RuleRecord] = Field(default_factory=list)  # type: ignore[assignment]
