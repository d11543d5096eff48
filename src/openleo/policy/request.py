"""A request to be served, as it is decided: what is known of a terminal at an instant.

Takes JSON (a file, a body); gives a Request. What is left out, or null, is unknown, and unknown inputs never open a
door. What is there has to be of its kind: a number that is none, or a class nobody knows, is refused with its place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from openleo.errors import InputError, Problem, near_names
from openleo.instants import civil_instant
from openleo.places.territories import territories, territory_id, unknown_territory
from openleo.reading import Record, examine

FIRST_YEAR, LAST_YEAR = 1972, 9998
FARTHEST_M = 20_037_508.0  # half the equator: a radius beyond it says nothing
# A position of known age counts for a day: terminals tell theirs several times a day, and in 24 h a lorry or a ship is
# in another country. Rules that need it fresher say so (`location_age_s_max`).
STALE_AFTER_S = 86_400.0


def _within_utc(value: Any) -> datetime:
    """An instant whose day exists in every zone: UTC began in 1972, and the calendar ends with 9999."""
    instant = civil_instant(value)
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(f"is {value}; the years {FIRST_YEAR} to {LAST_YEAR} can be decided for.")
    return instant


DATE_TIME = WithJsonSchema({"type": "string", "format": "date-time"})
Instant = Annotated[datetime, BeforeValidator(_within_utc), DATE_TIME]
End = Annotated[datetime, BeforeValidator(civil_instant), DATE_TIME]


def _plain(text: str) -> str:
    """A text without characters that command terminals and pages, or turn the order of what is read."""
    for at, letter in enumerate(text, 1):
        if unicodedata.category(letter) in COMMANDS or letter in TURNING:
            code = f"U+{ord(letter):04X}"
            raise ValueError(
                f"holds the control character {code}, as its character {at}; write it in one line, without."
            )
    return text


COMMANDS = ("Cc", "Cs", "Zl", "Zp")  # Unicode's categories: controls, halves of pairs, separators of lines
TURNING = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # marks of UAX #9
Text = Annotated[str, AfterValidator(_plain)]
Name = Annotated[str, Field(pattern=r"\S"), AfterValidator(_plain)]
Source = Literal["gnss", "network", "registered", "stated"]
SOURCES: tuple[Source, ...] = get_args(Source)  # measured by the terminal, by the network; by address; by its user


def group_name(word: str) -> str:
    """A group as it is compared: without outer blanks, in lower case."""
    return word.strip().casefold()


Group = Annotated[Name, AfterValidator(group_name)]


@dataclass(frozen=True)
class Request:
    """None: not known. Numbers carry their units; `groups` are the registry's, as is the class."""

    at: datetime | None = None
    terminal: str | None = None
    account: str | None = None
    class_: str | None = None
    subscription: str | None = None
    groups: frozenset[str] | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    uncertainty_m: float | None = None  # radius that holds the terminal with 95 %
    age_s: float | None = None  # of the position, at `at`
    source: str | None = None  # of the position
    speed_kmh: float | None = None
    altitude_m: float | None = None
    days_abroad: float | None = None
    home_territory: str | None = None

    def stale(self, after_s: float = STALE_AFTER_S) -> bool:
        """Whether the position is known to be too old to tell where the terminal is. One without age is as of `at`."""
        return self.age_s is not None and self.age_s > after_s


class PositionRecord(Record):
    """`position`."""

    lat_deg: float = Field(description="Latitude, WGS 84.", ge=-90.0, le=90.0)
    lon_deg: float = Field(description="Longitude, WGS 84.", ge=-180.0, le=180.0)
    uncertainty_m: float | None = Field(
        None, description="Radius that holds the terminal with 95 %; 0 for a surveyed point.", ge=0.0, le=FARTHEST_M
    )
    age_s: float | None = Field(
        None,
        description="How old the position is at `at`. Above 86400, 24 h, the position counts as unknown; left out, the "
        "position is taken as of `at`.",
        ge=0.0,
    )
    source: Source | None = Field(
        None, description="Who measured it: the terminal (gnss), the network; or an address registered, or its user."
    )


class RequestRecord(Record):
    """One request. A key left out, or null, is unknown."""

    at: Instant | None = Field(None, description="The instant to decide for, with its zone.")
    terminal: Name | None = Field(None, description="The terminal's id.")
    account: Name | None = Field(None, description="The account's id.")
    class_: Name | None = Field(None, alias="class", description="The terminal's class in the registry.")
    subscription: Name | None = Field(None, description="What the account buys.")
    groups: list[Group] | None = Field(None, description="The groups that terminal and account are in; [] for none.")
    position: PositionRecord | None = Field(None, description="Where the terminal is.")
    speed_kmh: float | None = Field(None, description="Over ground.", ge=0.0)
    altitude_m: float | None = Field(None, description="Above mean sea level.")
    days_abroad: float | None = Field(
        None,
        description="Days since the terminal was first decided on outside its home territory, and not in it again:"
        " a controller counts them.",
        ge=0.0,
    )
    home_territory: Name | None = Field(None, description="The territory that the terminal is registered in.")


def read_requests(data: Any, file: str, classes: Collection[str] | None) -> list[Request]:
    """The requests of a JSON value: one object, or a list of them. Raises InputError with every fault of all.

    `classes` are those that there are; None: not known, so none is refused.
    """
    tables = data if isinstance(data, list) else [data]
    requests: list[Request] = []
    problems: list[Problem] = []
    for number, table in enumerate(tables):
        try:
            requests.append(_request(table, file, f"[{number}]" if isinstance(data, list) else "", classes))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return requests


def _request(table: Any, file: str, under: str, classes: Collection[str] | None) -> Request:
    if not isinstance(table, dict):
        rule = f"is {table!r:.60}; a request is an object." if under else "holds no request, which is an object."
        raise InputError(Problem(file, under, rule, 'For example {"class": "fixed"}.'))
    record, problems = examine(RequestRecord, table, file, under)
    problems += _unknown_names(table, file, under, classes)
    if problems or record is None:
        raise InputError(problems)
    position = record.position
    return Request(
        at=record.at,
        terminal=record.terminal,
        account=record.account,
        class_=record.class_,
        subscription=record.subscription,
        groups=None if record.groups is None else frozenset(record.groups),
        latitude_deg=position.lat_deg if position else None,
        longitude_deg=position.lon_deg if position else None,
        uncertainty_m=position.uncertainty_m if position else None,
        age_s=position.age_s if position else None,
        source=position.source if position else None,
        speed_kmh=record.speed_kmh,
        altitude_m=record.altitude_m,
        days_abroad=record.days_abroad,
        home_territory=None if record.home_territory is None else territory_id(record.home_territory),
    )


def _unknown_names(table: dict[str, Any], file: str, under: str, classes: Collection[str] | None) -> list[Problem]:
    """The class and the territory that nobody knows, however the rest of the request reads."""
    problems = []
    class_, home = table.get("class"), table.get("home_territory")
    if isinstance(class_, str) and class_.strip() and classes is not None and class_ not in classes:
        near = near_names(class_, classes) or f"Classes of these rules: {', '.join(classes)}."
        problems.append(Problem(file, _at(under, "class"), f'there is no class "{class_}".', near))
    if isinstance(home, str) and home.strip() and territory_id(home) not in territories():
        problems.append(Problem(file, _at(under, "home_territory"), *unknown_territory(home)))
    return problems


def _at(under: str, key: str) -> str:
    return f"{under}.{key}" if under else key
