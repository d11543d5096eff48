"""What several verbs share: arguments, progress on stderr, places by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from openleo.instants import SlotGrid
    from openleo.network.constellation import Constellation
    from openleo.network.ephemeris import Failure
    from openleo.network.journeys import Point
    from openleo.network.pairs import Places
    from openleo.policy.rules import RuleSet
    from openleo.results import OnProgress
    from openleo.scenario import PairCase, Scenario

MOST_LOOKED_AT = 100  # instants, for satellites without a position
MOST_NAMED = 3  # of these
LONGEST_SENTENCE = 1_000  # characters of a verb's first sentence in a list of verbs
ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file (TOML); see `openleo init`.")]
RULES_HELP = "Rule files (TOML, or JSON by its ending), or folders of them; their union decides."
RuleFiles = Annotated[list[Path], typer.Argument(metavar="RULES…", help=RULES_HELP)]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads. [default: all processors]")]
Draws = Annotated[
    int, typer.Option(min=0, metavar="N", help="Draw what is not known N times: as many more runs. 0: no intervals.")
]
Seed = Annotated[int, typer.Option(min=0, metavar="S", help="Of the draws: the same seed gives the same intervals.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON on stdout.")]


class Verbs(TyperGroup):
    """A group whose help tells each verb by its whole first sentence, where Typer breaks it off at the line's end."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        verbs = [(name, verb) for name in self.list_commands(ctx) if (verb := self.get_command(ctx, name)) is not None]
        rows = [(name, verb.get_short_help_str(LONGEST_SENTENCE)) for name, verb in verbs if not verb.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def print_json(answer: object) -> None:
    """An answer as JSON. What does not exist is null, never NaN."""
    import json

    print(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))


def note(text: str) -> None:
    """A line for people, on stderr."""
    print(text, file=sys.stderr)


def tell_beams_apart(*rule_sets: RuleSet) -> None:
    """Say so where rules on beams are written, to whom is told of rules on terminals alone."""
    from openleo.policy.words import beams_apart

    if said := beams_apart(*rule_sets):
        note(said)


def compiled_kernels() -> tuple[Path, int]:
    """(where compiled kernels are kept, how many there are)."""
    from openleo.network.kernels import serving

    folder = Path(str(serving.serve.stats.cache_path))
    return folder, len(list(folder.glob("*.nbc"))) if folder.is_dir() else 0


def tell_if_cold() -> None:
    """Say beforehand why a first run takes longer."""
    if compiled_kernels()[1] == 0:
        note("The first run compiles the kernels for this machine, once (`openleo doctor --warm` does too).")


def load_scenario(path: Path, *, under_rules: bool = False, slots: int | None = None) -> Scenario:
    """Read a scenario, its first slots if so many are asked for, and tell what was set aside or assumed on the way.

    Of rules it is told, and they are refused if they would not be kept, only to who computes under them.
    """
    from openleo.scenario import Scenario

    read = Scenario.load(path, to_run=under_rules)
    read = read if slots is None else read.first_slots(slots)
    _tell(read.case.notes, under_rules)
    return read


def load_pair_case(path: Path) -> PairCase:
    """As `load_scenario`, for pairs of places."""
    from openleo.scenario import load_pairs

    case = load_pairs(path)
    _tell(case.notes, under_rules=False)
    return case


def places_of(case: PairCase, sites: Path | None) -> Places:
    """The places of `--sites`, or else the scenario's own. Raises InputError where there are none."""
    from openleo.errors import InputError, Problem
    from openleo.scenario import HYPATIA_LIMITS, read_sites

    if sites:
        return read_sites(sites, isinstance(case.sky.admitted, HYPATIA_LIMITS))
    if case.sites is None:
        raise InputError(Problem("--sites", "", "is needed: this scenario has no sites of its own.", "Give a CSV."))
    return case.sites


def pairs_of_places(case: PairCase, sites: Path | None) -> Places:
    """As `places_of`; two or more."""
    from openleo.errors import InputError, Problem

    places = places_of(case, sites)
    if len(places.names) < 2:
        raise InputError(Problem("--sites", "", "holds one place; a pair has two.", "Add another."))
    return places


def _tell(notes: Sequence[str], under_rules: bool) -> None:
    from openleo.scenario_rules import NO_RULES

    for said in notes:
        if said != NO_RULES or under_rules:
            note(said)


def tell_lost(lost: Sequence[Failure]) -> None:
    """Name satellites that could not be moved to every instant."""
    if lost:
        named = "; ".join(str(one).removesuffix(".") for one in lost[:MOST_NAMED])
        more = " …" if len(lost) > MOST_NAMED else ""
        note(f"Without a position at some time, and left out then: {named}{more} ({len(lost)} in all)")


def tell_lost_at(constellation: Constellation, start: datetime, seconds: Sequence[float]) -> None:
    """Name satellites without a position at some of `seconds` after `start`; of very many, MOST_LOOKED_AT are asked."""
    import numpy as np

    from openleo.network import ephemeris

    if constellation.shells or not seconds:
        return
    ordered = np.unique(seconds)
    some = np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_LOOKED_AT)).astype(int)  # the first and the last too
    tell_lost(ephemeris.positions(constellation, start, ordered[some]).failures)


def tell_lost_in(constellation: Constellation, window: SlotGrid) -> None:
    """Name satellites without a position at some slot of a window, as `tell_lost_at` does."""
    tell_lost_at(constellation, window.start, window.seconds(0, window.slots + 1).tolist())


@contextmanager
def progress(*, kernels: bool = True) -> Iterator[OnProgress]:
    """A progress bar on stderr, gone when done; silent where stderr is no terminal.

    A cold start is told first, where compiled kernels are used.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    if kernels:
        tell_if_cold()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


def check_png(target: Path | None, option: str, example: str) -> None:
    """Raise InputError unless a picture is named as a PNG file, or none is asked for."""
    from openleo.errors import InputError, Problem

    if target is not None and target.suffix.lower() != ".png":
        where = f"{option} {target}"
        raise InputError(Problem(where, "", "is not named as a PNG file.", f"Name it {example}, for example."))


def one_of(**options: object) -> None:
    """Raise InputError unless exactly one of some options (named with `_` for `-`) was given."""
    from openleo.errors import InputError, Problem, join_or

    names = ["--" + name.rstrip("_").replace("_", "-") for name in options]
    given = [name for name, value in zip(names, options.values(), strict=True) if value is not None]
    if len(given) != 1:
        rule = f"was given with {given[1]}; only one of them can be." if given else "is needed."
        raise InputError(Problem(given[0] if given else join_or(names), "", rule))


def point(words: str, option: str, scenario: Scenario) -> Point:
    """A place by its name (a gateway or PoP of the scenario, a town, a territory) or as latitude,longitude."""
    from openleo.errors import InputError, Problem
    from openleo.network.journeys import Point
    from openleo.places import gazetteer

    gateways = scenario.case.network.gateways
    for station in (*gateways.stations, *gateways.pops):
        if station.name.casefold() == words.strip().casefold():
            return Point(station.name, station.latitude_deg, station.longitude_deg)
    if found := gazetteer.find(words):
        where = f" ({found.territory})" if found.territory else ""
        note(f"{option} {words}: {found.name}{where} at {found.latitude_deg:.4f}, {found.longitude_deg:.4f}")
        return Point(found.name, found.latitude_deg, found.longitude_deg)
    raise InputError(Problem(option, "", f'there is no place "{words}".', gazetteer.offer(words)))


def read_classes(words: str, known: Sequence[str]) -> tuple[str, ...]:
    """The classes of --classes, each once. Raises InputError with all that rules do not know."""
    from openleo.errors import InputError, Problem, near_names

    names = tuple(dict.fromkeys(word.strip() for word in words.split(",")))
    problems = [
        Problem("--classes", "", f'there is no class "{name}".',
                near_names(name, known) or f"Classes of these rules: {', '.join(known)}.")
        for name in names if name not in known
    ]  # fmt: skip
    if problems:
        raise InputError(problems)
    return names


def read_instant(text: str, option: str) -> datetime:
    """An instant of the command line that rules can be decided for. Raises InputError."""
    from pydantic import TypeAdapter, ValidationError

    from openleo.errors import InputError, Problem
    from openleo.policy.request import Instant

    try:
        instant: datetime = TypeAdapter(Instant).validate_python(text)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(Problem(option, "", why)) from None
    return instant


def read_span(at: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The instants of --at and --until. Raises InputError for what is none, and for an end that is no later."""
    from openleo.errors import Together

    both = Together()
    when = None if at is None else both.read(lambda: read_instant(at, "--at"))
    end = None if until is None else both.read(lambda: read_instant(until, "--until"))
    both.done()
    check_later(end, when, "--at")
    return when, end


def check_later(until: datetime | None, start: datetime | None, begins: str) -> None:
    """Raise InputError unless --until, if it is given, comes after an instant; `begins` says what that is."""
    from openleo.errors import InputError, Problem
    from openleo.instants import instant_text

    if until is not None and start is not None and until <= start:
        rule = f"is {instant_text(until)}, which is not after {begins} {instant_text(start)}: there is nothing between."
        raise InputError(Problem("--until", "", rule, "Write a later instant, or leave it out."))
