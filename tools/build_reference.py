"""Write docs/reference from the program itself: the file forms, the results, the command line, the catalogue.

    python tools/build_reference.py            write the pages
    python tools/build_reference.py --check    exit 1 if a page is not what this would write

Words about a key stand beside the key in the source; this file only lays them out, so that a page cannot say something
else than the program does.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
import typer
from pydantic import AwareDatetime, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.core import TyperOption

from openleo.attributes import Attribute, attributes
from openleo.cli import app
from openleo.controller.app import described
from openleo.controller.settings import FILE as SETTINGS_FILE
from openleo.controller.settings import Settings
from openleo.emulator.experiment import Argv, ExperimentRecord, RulesAtRecord
from openleo.failures_file import StationKind
from openleo.file_values import Duration, Words
from openleo.network.constellation import catalogue, shells
from openleo.network.constellation.shells import Shell, closest_approach_km
from openleo.policy import rule_records
from openleo.policy.request import Name, PositionRecord, RequestRecord
from openleo.policy.rules import CLASSES
from openleo.report import slots, write
from openleo.scenario_file import (
    HypatiaConstellationRecord,
    HypatiaRecord,
    ScenarioRecord,
)
from openleo.study import columns
from openleo.study.fallback_file import FallbackRecord
from openleo.study.study_file import StudyRecord
from openleo.study.withdrawal_file import WithdrawalRecord

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made by tools/build_reference.py: change the source it reads, then run `make docs`. -->\n"

Row = Sequence[str]


def page(title: str, *blocks: str) -> str:
    return "\n\n".join([f"# {title}", MADE.strip(), *(block.strip("\n") for block in blocks)]) + "\n"


def table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


def code(word: object) -> str:
    return f"`{word}`"


# --- keys of a file, from its pydantic model ----------------------------------------------------------------------

KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path of a file",
    SecretStr: "text, secret",
    date: "date",
    datetime: "instant",
    AwareDatetime: "instant with its zone",
    Duration: 'duration ("15s", "90m", "24h", "7d", or seconds)',
    Words: "text, or a list of texts",
    Argv: "text, or a list of texts",
    Words | list[RulesAtRecord]: "text, a list of texts, or tables",
    rule_records.Words: "text, or a list of texts",
    rule_records.Clock: 'time of day ("08:30", 08:30:00)',
    list[rule_records.DayName]: "list of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`",
    list[Name]: "list of texts",
    list[StationKind]: 'list of `"gateway"` and `"pop"`',
    list[str]: "list of texts",
    str | list[str]: "text, or a list of texts",
    str | dict[str, Any]: "text, or a table",
    list[Any]: "list of values",
    list[int | float]: "list of two numbers",
    dict[str, dict[str, Any]]: "table of tables",
    dict[str, str]: "table of texts",
}


def bare(annotation: Any) -> Any:
    """A type without what its parts are checked for, and without None."""
    if annotation in KINDS:
        return annotation
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return bare(inner[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(bare(one) for one in inner if one is not type(None))]  # noqa: UP007
    return list[bare(inner[0])] if origin is list else annotation


def kind(annotation: Any) -> str:
    """What may stand there, in a person's words."""
    annotation = bare(annotation)
    if annotation in KINDS:
        return KINDS[annotation]
    if get_origin(annotation) is Literal:
        return " or ".join(
            code(f'"{word}"' if isinstance(word, str) else str(word).lower()) for word in get_args(annotation)
        )
    if get_origin(annotation) is list:
        return "tables"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    raise TypeError(f"say in KINDS what {annotation!r} is in a person's words")


def records_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from records_in(inner)


def inside(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The records that a record holds, and those in them."""
    for field in model.model_fields.values():
        for part in records_in(field.annotation):
            yield part
            yield from inside(part)


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel):
        return ""
    if isinstance(value, str):
        return code(f'"{value}"')
    return code(str(value).lower() if isinstance(value, bool) else str(value).replace("'", '"'))


SIGNS = (
    (annotated_types.Ge, "ge", "≥"),
    (annotated_types.Gt, "gt", ">"),
    (annotated_types.Le, "le", "≤"),
    (annotated_types.Lt, "lt", "<"),
)


def limits(field: FieldInfo) -> str:
    said = [
        f"{sign} {getattr(one, name):g}"
        for one in field.metadata
        for type_, name, sign in SIGNS
        if isinstance(one, type_)
    ]
    said += ["not empty" for one in field.metadata if isinstance(one, annotated_types.MinLen)]
    said += [code(one.pattern) for one in field.metadata if getattr(one, "pattern", None)]
    return ", ".join(said)


def keys(model: type[BaseModel]) -> str:
    hints = get_type_hints(model, include_extras=True)
    return table(
        ("key", "holds", "default", "limits", "meaning"),
        [
            (
                code(field.alias or name),
                kind(hints[name]),
                default(field),
                limits(field),
                field.description or inner(field),
            )
            for name, field in model.model_fields.items()
        ],
    )


def inner(field: FieldInfo) -> str:
    """A key that holds a table is explained by the table's own words."""
    return next((sentences(model) for model in records_in(field.annotation)), "")


def sentences(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").replace("\n", " ")


def meaning(model: type[BaseModel]) -> str:
    """The words after the table's name."""
    words = sentences(model).partition(": ")[2]
    return words[:1].upper() + words[1:]


# --- scenario -----------------------------------------------------------------------------------------------------

SHELL_KEYS = {
    "name": "Names the shell; satellites are called after it.",
    "altitude_km": "SGP4's mean semi-major axis minus the equatorial radius, 6378.137 km. From "
    f"{shells.LOWEST_ALTITUDE_KM:g} to {shells.HIGHEST_ALTITUDE_KM:g}.",
    "inclination_deg": "From 0 to 180; above 90 the orbit is retrograde.",
    "planes": "How many planes.",
    "per_plane": "Satellites in each plane. Either this or `satellites`.",
    "satellites": "Satellites of the whole shell; the planes must divide them.",
    "phasing": "Walker's F, from 0 to planes − 1. Left out: the one that keeps the satellites farthest apart.",
    "raan_span_deg": "What the planes span: 360 for a Walker delta, 180 for a star.",
    "raan_offset_deg": "Right ascension of the first plane's ascending node at the epoch.",
    "laser_share": "Share of the satellites that have lasers, spread evenly.",
    "mean_motion_rev_per_day": f"Only checked: must be the altitude's, within {shells.SAME_ALTITUDE_KM:g} km.",
}


def shell_keys() -> str:
    if tuple(SHELL_KEYS) != shells.KEYS:
        raise SystemExit(f"say here what these keys of a shell mean: {set(shells.KEYS) ^ set(SHELL_KEYS)}")
    required = {key for key, needed, _ in shells._KEYS if needed} | {"name"}
    whole = {key for key, _, counted in shells._KEYS if counted}
    standard = {field.name: field.default for field in fields(Shell) if field.default is not MISSING}

    def row(key: str, meaning: str) -> Row:
        holds = "text" if key == "name" else "whole number" if key in whole else "number"
        without = "**required**" if key in required else code(standard[key]) if key in standard else ""
        return code(key), holds, without, meaning

    return table(("key", "holds", "default", "meaning"), [row(*pair) for pair in SHELL_KEYS.items()])


SCENARIO_LEAD = """
A scenario says what to compute. It is one TOML file; `openleo init` writes one with comments. Paths in it are relative
to the file. A key that is not known is refused, with the nearest known names. Every fault of the file, and of the files
it names, is reported at once.
"""


def scenario() -> str:
    blocks = [
        SCENARIO_LEAD,
        "## Top level",
        keys(ScenarioRecord),
    ]
    for name, field in ScenarioRecord.model_fields.items():
        for model in records_in(field.annotation):
            blocks += [f"## `[{name}]`", meaning(model), keys(model)]
            for part in dict.fromkeys(inside(model)):
                blocks += [f"### {sentences(part).partition(':')[0]}", meaning(part), keys(part)]
            if name == "constellation":
                blocks += ["### `[[constellation.shell]]`: Walker shells of your own", shell_keys(), AREA_NOTE]
    blocks += [
        '## `conventions = "hypatia"`',
        meaning(HypatiaRecord),
        keys(HypatiaRecord),
        "### `[constellation]`",
        keys(HypatiaConstellationRecord),
    ]
    return page("The scenario file", *blocks)


AREA_NOTE = """
Systems that `catalogue` knows: [the catalogue](catalogue.md). Element sets that do not read, or fail to propagate,
are set aside and named in the summary; the rest of the file is used.
"""


# --- rules --------------------------------------------------------------------------------------------------------

RULES_LEAD = """
A rule file holds rules of one *book*: what one authority says. The rule set is the union of all files; the order of
rules and of files has no meaning. **No rule, no service**: where no rule permits, nothing is served. A forbid
outranks every permit; an exception is written inside the rule, never by a stronger one.
"""

RULES_EXAMPLE = """
```toml
schema = 1
book = "operator"

[[rule]]
id = "kor-1"
effect = "permit"
territory = { in = "KOR", include = [], exclude = ["dokdo"] }
who = { classes = ["fixed", "maritime"] }
authority = "operator"
reason = "service licensed in South Korea"
```
"""

RULES_PLACES = """
A rule on a country covers its land and its waters to 12 nautical miles. `ID.sea12` and `ID.sea200` name a
strip of sea alone, `high-seas` what lies beyond all strips. `openleo territory list` lists the territories.

`in` takes [expressions](../concepts.md#areas-as-expressions) as well: `"UKR - crimea"`, `"coast(JPN, 50)"`,
`"buffer(MDA, 20)"`, `"zone.geojson & UKR"`. A country named on its own in one has its waters to 12 nautical
miles; inside `buffer`, `coast`, `edge` and `shore` its name stands for its land, whose outline they follow.
`openleo territory show` shows any of them beforehand. `geojson` may be a table with GeoJSON in it.

A contested area is a territory of its own. A rule on a country that touches one must say what it means. `include`
names the areas that come along: given, it says all, and every other one stays out. `exclude` alone must name every
one. A rule that says nothing is refused, and the refusal lists each area with who administers it and who claims it.
`openleo territory show UKR` shows them beforehand.
"""

WINDOWS = """
A rule is in force from `from` on until before `until`, within one of the periods of `weekly` if it has any. Instants
say their zone: `2026-11-20T00:00:00Z`. A leap second belongs to the day that it ends.

```toml
from = 2026-11-20T00:00:00Z
until = 2027-01-01T00:00:00Z
weekly = [{ days = ["mon", "tue", "wed", "thu", "fri"], from = "22:00", until = "06:00", zone = "Europe/Kyiv" }]
```

A period that ends at or before its beginning ends on the next day. It holds while a clock on the wall of its zone
shows a time within it: an hour that the clock shows twice counts twice, an hour that it leaps over not at all.
"""

BOUNDS = """
In `who`, `conditions` and `except` all keys have to hold, and one of the entries of a list. A key left out means any.
`_max` holds for a value up to the bound and `_min` for one above it, so that a permit and a forbid on one bound never
meet. An input that a request does not state is unknown: it never opens a door.
"""

DECIDING = """
The first that applies:

| if | the decision is | served? |
| --- | --- | --- |
| a forbid matches | `FORBIDDEN`, because of every such rule | no |
| a suspend matches | `SUSPENDED`, because of every such rule | no |
| no permit matches or might | `NOT_PERMITTED` | no |
| a forbid or suspend might match | `INDETERMINATE`, with what is `missing` | no |
| permits match wherever the terminal may be | `PERMITTED`, because of every such rule | where the network can |
| else | `INDETERMINATE`, with what is `missing` | no |

A rule matches by its territory and `who` and `conditions` and window, and not by its `except`. Each of them is true,
false or unknown, and unknown stays unknown unless something else decides. A forbid or suspend with
`emergency = "keep"` does not speak to terminals of the class `emergency`; they still need a permit. The circle of
`uncertainty_m` around a position has to lie within the permits that hold, taken together; a forbid that it touches
only in part might match. A position without `uncertainty_m` is not known; a surveyed point states 0.

A plan decides places and classes, at its start. Rules on groups or states of terminals are unknown to it, so nothing
counts as permitted where they would decide, and a note says so; `land_in` it refuses.

Rules on beams (`applies_to = "beam"`) say which places may be lit. In a plan and an effect, a place may be served only
if every place within `beam_km` of it may be lit. Without such a rule all may; forbids and suspends alone keep dark what
they name; where some beams are permitted, all others are not.

Rules on gateways (`applies_to = "gateway"`) say which gateways a plan may use, where they stand. Without one, all may
be used; where some are permitted, the others may not; where there are only forbids and suspends, those alone withhold.
A withheld gateway takes no satellite. Where `compare` withholds others than `rules`, the reach is computed under both.
"""

REQUEST_LEAD = """
`openleo policy decide RULES… --request F.json` decides one request, or a list of them. A key left out is unknown.

```text
{"at": "2026-11-20T12:00:00Z", "class": "fixed", "groups": [],
 "position": {"lat_deg": 49.61, "lon_deg": 6.13, "uncertainty_m": 30, "age_s": 12, "source": "gnss"}, "speed_kmh": 0}
```

A position whose age is more than 24 h counts as unknown, whatever the rules say: there is no place, and `missing` names
the position. A position without age is taken as of `at`: leave `age_s` out of an address that was registered once.
Rules that need positions fresher than a day say so by `location_age_s_max`.

`--applies-to beam` asks whether the place may be illuminated, `--applies-to gateway` whether a gateway that stands
there may be used: the rules with that `applies_to` decide, and no others. Here as everywhere, what no rule permits is
not permitted; a plan is looser with gateways and beams, and leaves them alone where no rule permits any.
"""

ANSWER = """
The answer: `decision`; `because`, the rules with their authority and reason (`rule` is the rule's id, or book/id where
two books use that id, as everywhere); `missing`, the inputs that would have to
be known; `valid_until`, before which time alone changes nothing (null: it never does), never later than when the
position is 24 h old; and for a request that is not
served the `refusal`, in the shape of 3GPP's cause 78: `cause`, `territory` (where the terminal may be),
`retry_not_before` (no window of a rule lets it through before; null: no window ever does, or it is not known; a change
of the rules may, and nobody tells a terminal of it, so it asks again now and then all the same),
`radius_km` (so far it can move and have the same answer; null: not known). `land_in`, where a permit says so: the
territories in which the traffic of a permitted request has to leave.
"""


def rules() -> str:
    return page(
        "Rule files",
        RULES_LEAD,
        RULES_EXAMPLE,
        "The same keys stand in a file of JSON. `openleo policy schema` prints the JSON Schema.",
        "## The file",
        keys(rule_records.FileRecord),
        "## `[[rule]]`",
        keys(rule_records.RuleRecord),
        "## `territory`",
        keys(rule_records.TerritoryRecord),
        RULES_PLACES,
        "## `who`",
        keys(rule_records.WhoRecord),
        f"Classes that every file knows: {', '.join(code(name) for name in CLASSES)}.",
        "## `conditions`",
        keys(rule_records.ConditionsRecord),
        BOUNDS,
        "## `except`",
        "The keys of `who` and of `conditions`. An exception is written inside the rule, never as a stronger one.",
        "## `weekly`",
        keys(rule_records.PeriodRecord),
        WINDOWS,
        "## How a decision is made",
        DECIDING,
        "## A request",
        REQUEST_LEAD,
        keys(RequestRecord),
        "### `position`",
        keys(PositionRecord),
        ANSWER,
    )


# --- results ------------------------------------------------------------------------------------------------------

FILES = {
    "summary.json": "the figures by territory, the effect, and where every input came from",
    "territories.csv": "the figures by territory, for a spreadsheet",
    "cells.parquet": "one row a cell",
    "effect.json": "what going from `rules` to `compare` changes; only where the scenario compares two rule sets",
    "map.png": "the map",
    "rates.png": "round-trip time, rates down and up, and what binds each cell; only with `[capacity]` enabled",
    "rates-after.png": "the same under `compare`; only where the scenario compares two rule sets besides",
    "report.html": "the run on a map that turns, by slot and as a whole, over its report: one page that opens offline",
    "slots.zarr": "every slot of every cell; only with `--slots-out`",
}


RESULTS_LEAD = """
`openleo plan` writes these to its output folder, all or none of them. A share has the unit `1`. What does not exist is
null (empty in CSV), never NaN and never 0.
"""

REASONS_LEAD = """
A place that is not served has one reason, the first that applies in this order. A cell shows the reason that takes
most of its people × time.
"""


def attribute_rows(rows: Iterable[Attribute]) -> str:
    return table(
        ("name", "type", "unit", "meaning"),
        [(code(one.name), one.type, one.unit and code(one.unit), one.meaning) for one in rows],
    )


def results() -> str:
    written = {*write.FILES, write.REPORT_HTML, slots.SLOTS_ZARR}
    if set(FILES) != written:
        raise SystemExit(f"say here what these files are: {written ^ set(FILES)}")
    return page(
        "Results",
        RESULTS_LEAD,
        table(("file", "what it holds"), [(code(name), what) for name, what in FILES.items()]),
        "## Reasons",
        REASONS_LEAD,
        table(("reason", "meaning"), [(code(one.name), one.meaning) for one in attributes("reasons")]),
        "## `summary.json`",
        attribute_rows(attributes("summary")),
        "## `territories.csv`",
        attribute_rows(attributes("territories")),
        "## `cells.parquet`",
        "Units and meanings stand in the schema's field metadata as well.",
        attribute_rows(attributes("cells")),
        "## `openleo diff --json`",
        "What two folders of results have to tell of each other; printed, and written nowhere.",
        attribute_rows(attributes("diff")),
        "## `slots.zarr`",
        "Variables over (slot, cell):",
        table(
            ("name", "type", "unit", "meaning"),
            [
                (code(name), type_, unit and code(unit), meaning)
                for name, (type_, unit, meaning) in slots.VARIABLES.items()
            ],
        ),
    )


# --- command line -------------------------------------------------------------------------------------------------

CLI_LEAD = """
Answers go to stdout; progress, notes and errors to stderr. `--json` prints the answer as JSON, for scripts.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | our fault, or `doctor` found something missing |
| 2 | the input or the arguments are at fault; every problem found is named |

A place is a town of 15,000 people or more, with or without its territory ("Taipei", "San Juan, PRI"), a territory
(its largest town), a gateway or PoP of the scenario, or `latitude,longitude` in degrees. An instant is ISO 8601, UTC
unless it says otherwise.
"""
COMPLETION = ("install_completion", "show_completion")  # typer's own


def verbs(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every verb with its whole name, in the order of the help."""
    for word, inner_command in getattr(command, "commands", {}).items():
        whole = f"{name} {word}"
        if hasattr(inner_command, "commands"):
            yield from verbs(inner_command, whole)
        else:
            yield whole, inner_command


def argument_name(one: Any) -> str:
    return (one.metavar or one.name.upper()).strip("[]")


def usage(name: str, command: Any) -> str:
    words = [name]
    for one in command.params:
        if not isinstance(one, TyperOption):
            words.append(argument_name(one) if one.required else f"[{argument_name(one)}]")
        elif one.required:
            words.append(f"{one.opts[0]} {one.metavar or one.name.upper()}")
    if any(isinstance(one, TyperOption) and not one.required for one in command.params):
        words.append("[OPTIONS]")
    return f"```text\n{' '.join(words)}\n```"


def option_rows(command: Any) -> Iterator[Row]:
    hints = get_type_hints(inspect.unwrap(command.callback))
    kinds = {Path: "PATH", int: "N", float: "X", str: "TEXT"}
    for one in command.params:
        if one.name in COMPLETION:
            continue
        if not isinstance(one, TyperOption):
            yield code(argument_name(one)), "**required**" if one.required else code(one.default), one.help or ""
            continue
        types_of = [hint for hint in get_args(hints[one.name]) or (hints[one.name],) if hint is not type(None)]
        types_of = [get_args(hint)[0] if get_origin(hint) is list else hint for hint in types_of]  # may be repeated
        words = [hint for hint in types_of if isinstance(hint, str)]  # those of a Literal
        value = "" if types_of[0] is bool else " " + (one.metavar or "|".join(words) or kinds[types_of[0]])
        plain = one.default is None or one.default is False
        without = "**required**" if one.required else "" if plain else code(one.default)
        yield (
            code(", ".join(one.opts) + value),
            without,
            (one.help or "").replace("[default: ", "(default: ").replace("]", ")"),
        )


def verb(name: str, command: Any) -> str:
    rows = list(option_rows(command))
    parts = [f"## `{name}`", usage(name, command), inspect.cleandoc(command.help or "")]
    return "\n\n".join([*parts, table(("argument", "default", "meaning"), rows)] if rows else parts)


def cli() -> str:
    command = typer.main.get_command(app)
    head = table(("option", "default", "meaning"), option_rows(command))
    every = [verb(name, inner_command) for name, inner_command in verbs(command, "openleo")]
    return page("The command line", CLI_LEAD, "## `openleo`", command.help or "", head, *every)


# --- catalogue ----------------------------------------------------------------------------------------------------

CATALOGUE_LEAD = """
Systems as filed, as flown, or as guessed; each says which. Every number says where it comes from: **f**iled by the
operator, **i**nferred from what flies or from the filing's own words, or **a**ssumed by us. No filing says where the
first plane crosses which meridian at what time: the epoch's angles are ours, so a run on a filed system is right on
the average and not for a given minute. For that, use element sets.

*Nearest pass* is the least distance that two satellites of the shell ever have, from the closed form of
`shells.closest_approach_km`. Where phasing is assumed, it is the one that makes this distance largest.
"""

SHELL_COLUMNS = (
    ("altitude_km", "altitude (km)"),
    ("inclination_deg", "inclination (°)"),
    ("planes", "planes"),
    ("per_plane", "per plane"),
    ("phasing", "phasing F"),
    ("raan_span_deg", "RAAN span (°)"),
    ("raan_offset_deg", "RAAN offset (°)"),
    ("laser_share", "laser share"),
)


def shell_row(shell: Shell) -> Row:
    def value(key: str) -> str:
        basis = shell.basis.get(key)
        return f"{getattr(shell, key):g} {basis[0]}" if basis else f"{getattr(shell, key):g}"

    values = [value(key) for key, _ in SHELL_COLUMNS]
    return code(shell.name), *values, f"{shell.satellites:,}", f"{closest_approach_km(shell):.1f}"


def system(name: str) -> str:
    one = catalogue.load(name)
    head = ("shell", *(words for _, words in SHELL_COLUMNS), "satellites", "nearest pass (km)")
    said = [
        f"{one.title}.",
        f"Operator: {one.operator}.",
        f"{one.satellites:,} satellites.",
        f"Angles hold at {one.epoch:%Y-%m-%d %H:%M} UTC.",
    ]
    return "\n\n".join(
        [
            f"## `{one.name}`",
            " ".join(said),
            " ".join(one.note.split()),
            "Filings: " + "; ".join(one.filing) + ".",
            table(head, [shell_row(shell) for shell in one.shells]),
        ]
    )


def systems() -> str:
    return page("The catalogue", CATALOGUE_LEAD, *(system(name) for name in catalogue.names()))


HTTP = """
What `openleo serve` answers. The same is told as OpenAPI 3.1 by `/v1/openapi.json`, with the schema of every answer.

Whatever is refused is answered as `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`. Lists
come in pages: `next` is the address of the rest. Terminals, accounts and people have an `ETag`; who changes
one says `If-Match`. A request that changes a terminal, an account or a change, or reviews evidence, takes an
`Idempotency-Key`: sent again, it is answered as the first time and not done again.
Slots' numbers and cells are strings, as JSON's integers end at 2⁵³.
"""


def http() -> str:
    document = described()
    blocks = [HTTP]
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            rows = [
                (code(said["name"]), said["in"], "yes" if said.get("required") else "", said.get("description", ""))
                for said in one.get("parameters", [])
            ]
            kinds = [code(kind) for answer in one["responses"].values() for kind in answer.get("content", {})]
            answers = f"Answers {', '.join(dict.fromkeys(kinds))}." if kinds else ""
            blocks += [f"## `{method.upper()} {path}`", one.get("description", ""), answers]
            blocks += [table(("parameter", "in", "needed", "meaning"), rows)] if rows else []
    return page("HTTP", *(block for block in blocks if block))


SETTINGS = f"""
What can be set about a controller, `openleo serve` and the verbs of `openleo controller`. Read from `{SETTINGS_FILE}`
in the data folder, then from the environment (`OPENLEO_` and the name in capitals: `OPENLEO_LEASE_SLOTS=8`), then from
the command line; the later wins. A key that is not known is refused. A setting is read at the start. What is secret is
better in the environment, and shown nowhere. Controllers on one database have the same settings, but for where they
listen. [How to operate a controller](../how-to/operate.md) says when to change what.
"""


def settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        secret = field.annotation is SecretStr
        meant = code('""') if secret else default(field)
        rows.append((code(name), kind(field.annotation), meant, limits(field), field.description or ""))
    return page("Settings", SETTINGS, table(("setting", "holds", "default", "limits", "meaning"), rows))


EXPERIMENT_LEAD = """
An experiment says who is joined over the network of a scenario, and what runs where and when; see
[how to emulate](../how-to/emulate.md). It is one TOML file; paths in it are relative to the file. A key that is not
known is refused, with the nearest known names, and every fault is reported at once.
"""


def experiment() -> str:
    blocks = [EXPERIMENT_LEAD, "## Top level", keys(ExperimentRecord)]
    for part in dict.fromkeys(inside(ExperimentRecord)):
        blocks += [f"## {sentences(part).partition(':')[0]}", meaning(part), keys(part)]
    return page("The experiment file", *blocks)


STUDY_LEAD = """
A study computes one scenario many times, with some of its keys set to other values in each run. `openleo study FILE`
computes it: [how to](../how-to/studies.md). A value is written as it would stand in [the scenario](scenario.md), so
paths in it are relative to the scenario's file.
"""

STUDY_RESULTS = """
`dataset.parquet` has a row for each run, territory, rule set and class. The columns are `run`, the factors by their
names, and what follows. Parquet's own fields have unit and meaning too.
"""


FALLBACK_LEAD = """
A study that says `kind = "fallback"` asks what of a place's traffic its links and satellites carry, class by class:
[how to](../how-to/fallback.md). The scenario's path is relative to the file.
"""


def fallback() -> Iterator[str]:
    yield from ('## `kind = "fallback"`', FALLBACK_LEAD, keys(FallbackRecord))
    for part in dict.fromkeys(inside(FallbackRecord)):
        yield from (f"### {sentences(part).partition(':')[0]} of falling back", meaning(part), keys(part))


def study() -> str:
    blocks = [STUDY_LEAD, "## Top level", keys(StudyRecord)]
    for part in dict.fromkeys(inside(StudyRecord)):
        blocks += [f"## {sentences(part).partition(':')[0]}", meaning(part), keys(part)]
    rows = [(code(one.name), one.type, one.unit, one.meaning) for one in (columns.RUN, *columns.RECORDED)]
    blocks += ["## The dataset", STUDY_RESULTS, table(("column", "type", "unit", "meaning"), rows)]
    blocks += fallback()
    return page("The study file", *blocks)


WITHDRAWAL_LEAD = """
A study of withdrawals asks what each territory depends on. `openleo study FILE` computes it where the file says
`kind = "withdrawal"`: [how to](../how-to/withdrawal.md). Paths in it are relative to the file.
"""


def withdrawal() -> str:
    blocks = [WITHDRAWAL_LEAD, "## Top level", keys(WithdrawalRecord)]
    for part in dict.fromkeys(inside(WithdrawalRecord)):
        blocks += [f"## {sentences(part).partition(':')[0].removesuffix('.')}", meaning(part), keys(part)]
    return page("The file of a study of withdrawals", *blocks)


PAGES: dict[str, Callable[[], str]] = {
    "scenario.md": scenario,
    "experiment.md": experiment,
    "study.md": study,
    "withdrawal.md": withdrawal,
    "rules.md": rules,
    "results.md": results,
    "cli.md": cli,
    "catalogue.md": systems,
    "http.md": http,
    "settings.md": settings,
}


def main() -> None:
    made = {name: make() for name, make in PAGES.items()}
    old = [
        name
        for name, text in made.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        if old:
            sys.exit(f"out of date in docs/reference: {', '.join(old)}. Run `make docs`.")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in old:
        (FOLDER / name).write_text(made[name], encoding="utf-8")
    print(f"docs/reference: {', '.join(old) or 'nothing'} written")


if __name__ == "__main__":
    main()
