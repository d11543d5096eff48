"""`openleo policy explain`: what the rules say of a place, or why a lease was given, in plain words."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import RULES_HELP, AsJson, note, print_json, tell_beams_apart
from openleo.cli.controller_common import By, DatabaseUrl, holding, person

if TYPE_CHECKING:
    from openleo.controller.explain_lease import Explained
    from openleo.places.gazetteer import Place
    from openleo.policy.request import Request
    from openleo.policy.rules import RuleSet

OPTIONS = {  # what gives each input of a request here
    "at": "--time",
    "class": "--class",
    "groups": "--group",
    "position.uncertainty_m": "--uncertainty-m",
    "position.age_s": "--age-s",
    "position.source": "--source",
    "speed_kmh": "--speed-kmh",
    "altitude_m": "--altitude-m",
    "days_abroad": "--days-abroad",
    "home_territory": "--home-territory",
}


def explain(
    rules: Annotated[
        list[Path], typer.Argument(metavar="RULES…", help=f"{RULES_HELP} With --data: the id of one lease.")
    ],
    at: Annotated[
        str | None, typer.Option(metavar="PLACE", help="A town, a territory, or latitude,longitude. Needed with rules.")
    ] = None,
    class_: Annotated[str | None, typer.Option("--class", help="The terminal's class. Needed with rules.")] = None,
    time: Annotated[str | None, typer.Option(metavar="T", help="An instant with its zone. [default: now]")] = None,
    speed_kmh: Annotated[float | None, typer.Option(help="Over ground. [default: not known]")] = None,
    altitude_m: Annotated[float | None, typer.Option(help="Above mean sea level. [default: not known]")] = None,
    days_abroad: Annotated[float | None, typer.Option(help="[default: not known]")] = None,
    home_territory: Annotated[str | None, typer.Option(help="[default: not known]")] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group that it is in; repeat it for several. [default: not known]")
    ] = None,
    no_group: Annotated[bool, typer.Option("--no-group", help="It is in no group.")] = False,
    uncertainty_m: Annotated[float, typer.Option(help="Radius that holds the terminal with 95 %.")] = 0.0,
    age_s: Annotated[float | None, typer.Option(help="Age of the position. [default: not known]")] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Source of the position: gnss, network, registered or stated. [default: not known]"),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A controller's data folder: explain a lease or refusal of it.")
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(
            metavar="F", help="With --data: the scenario that was served; makes the network's part again too."
        ),
    ] = None,
    by: By = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Explain what the rules say of a terminal at a place: who says what, why, until when, and what would change it.

    With --data it explains a past decision on a lease: it is made again from the ledger and the record, and compared
    with what was answered. Exits 3 where it cannot be made again, or comes out otherwise, and says why. A lease tells
    where its terminal was, so who asked stands in the audit (--by).

    What the network gave is taken from the record, unless --scenario names the network: then it is looked up in the
    slot's plan. Exits 3 where that is not kept any more (`keep_plans`), or is of another network.
    """
    if data is not None:
        _lease(rules, data, database, person(by), as_json, scenario)
        return
    from openleo.errors import InputError, Problem, Together
    from openleo.policy import explain as explaining
    from openleo.policy import explain_words
    from openleo.policy.answer import answer, where_of
    from openleo.policy.rule_file import read_rules
    from openleo.policy.words import beams_apart

    if scenario is not None:
        raise InputError(Problem("--scenario", "", "goes with --data alone.", "Leave it out: rules need no network."))
    if group and no_group:
        raise InputError(Problem("--no-group", "", "was given with --group; only one of them can be."))
    if at is None or class_ is None:
        given = {"--at": at, "--class": class_}
        raise InputError([Problem(name, "", "is needed with rules.") for name in given if given[name] is None])
    both = Together()
    rule_set = both.read(lambda: read_rules(rules))
    place = both.read(lambda: _place(at))
    asked: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds") if time is None else time,
        "class": class_,
        "groups": [] if no_group else group or None,
        "speed_kmh": speed_kmh,
        "altitude_m": altitude_m,
        "days_abroad": days_abroad,
        "home_territory": home_territory,
        "position": {
            "lat_deg": place.latitude_deg if place else 0.0,
            "lon_deg": place.longitude_deg if place else 0.0,
            "uncertainty_m": uncertainty_m,
            "age_s": age_s,
            "source": source,
        },
    }
    request = both.read(lambda: _request(asked, rule_set))
    both.done()
    assert rule_set is not None
    assert place is not None
    assert request is not None
    found = explaining.explain(rule_set, request, where_of(rule_set, request))
    explanation = replace(found, decision=answer(rule_set, request))  # the same, with how far a refusal goes
    if as_json:
        tell_beams_apart(rule_set)
        print_json({"place": place.name, "request": asked, **explain_words.as_json(explanation)})
        return
    typer.echo(_head(place, request))
    typer.echo()
    typer.echo(explain_words.text(explanation, OPTIONS), nl=False)
    if said := beams_apart(rule_set):
        typer.echo(f"\n{said}")


def _lease(named: list[Path], data: Path, database: str | None, by: str, as_json: bool, scenario: Path | None) -> None:
    """A past decision, made again."""
    from functools import partial

    from openleo.cli.ledger_common import ANSWER_IS_NO
    from openleo.controller import audit
    from openleo.controller.database import Unavailable, address_of, connect, writing
    from openleo.controller.explain_lease import NotReproduced, network_of
    from openleo.controller.explain_lease import explain as explain_lease
    from openleo.controller.roles import OPERATOR, Principal
    from openleo.errors import InputError, Problem

    if len(named) != 1:
        raise InputError(Problem("--data", "", f"is for one lease, and {len(named)} names were given."))
    if not data.is_dir():
        raise InputError(Problem("--data", "", f"{data} is no folder.", "Name the one that `openleo serve` was given."))
    folder = holding(data, database)
    engine = connect(address_of(folder.path, folder.database))
    try:
        with writing(engine) as connection:  # before anything is told, a fault's words too
            reader = Principal(by, OPERATOR, frozenset(), None, "admin")
            audit.read_position(connection, reader, f"lease {named[0]}", time.time())
        networks = None if scenario is None else partial(network_of, scenario, engine)
        found = explain_lease(str(named[0]), engine, folder, networks)
    except NotReproduced as error:
        if as_json:
            print_json({"ok": False, "entry": None, "why": str(error)})
        note(f"{named[0]}: cannot be reproduced: {error}.")
        raise typer.Exit(ANSWER_IS_NO) from None
    except Unavailable as error:
        raise InputError(Problem(str(data), "", f"its database cannot be read: {error}.")) from None
    finally:
        engine.dispose()
    _tell(found, as_json)


def _tell(found: Explained, as_json: bool) -> None:
    from openleo.controller.leases import at_text
    from openleo.policy import explain_words

    if as_json:
        print_json({"ok": True, **found.as_json(), **explain_words.as_json(found.explanation)})
        return
    answer = found.record.answer
    lease = "lease" in answer
    what = f"Lease {found.id}, valid until {answer['valid_until']}" if lease else f"Refusal {found.id}: {answer['why']}"
    path = [f"  served by satellite {answer['satellite']}, {answer['gateway']}, {answer['pop']}"] if lease else []
    lines = [
        f"{what}, of terminal {found.record.terminal.id}",
        f"Decided {at_text(found.record.at_s)}, and made again now: the same answer comes out.",
        f"  signed by the terminal's key of then, {found.record.terminal.public_key.hex()}",
        *([f"  given under the controller's key {found.signed_by}, whose signature holds"] if lease else []),
        f"  rules {found.rule_set}, from the first {found.ledger_size} entries of the ledger",
        f"  plan: {found.plan}",
        *(f"  because {one['rule']}: {one['reason']}" for one in answer.get("because", ())),
        *path,
    ]
    typer.echo("\n".join(lines))
    typer.echo()
    typer.echo(explain_words.text(found.explanation), nl=False)


def _place(words: str) -> Place:
    from openleo.errors import InputError, Problem
    from openleo.places import gazetteer

    found = gazetteer.find(words)
    if found is None:
        raise InputError(Problem("--at", "", f'there is no place "{words}".', gazetteer.offer(words)))
    return found


def _request(asked: dict[str, Any], rule_set: RuleSet | None) -> Request:
    """The request; its faults are told by option."""
    from openleo.errors import InputError, Problem
    from openleo.policy.request import read_requests

    try:
        return read_requests(asked, "--class", None if rule_set is None else rule_set.classes)[0]
    except InputError as error:
        raise InputError(
            [
                Problem(OPTIONS.get(problem.where.partition("[")[0], problem.where), "", problem.rule, problem.way_out)
                for problem in error.problems
            ]
        ) from None


def _head(place: Place, request: Request) -> str:
    """What is asked: the place, the class, the instant, and what is known of the terminal."""
    from openleo.instants import instant_text
    from openleo.policy.words import number_text

    there = f"{place.latitude_deg:.4f}, {place.longitude_deg:.4f}"
    where = there if "," in place.name and place.name[0] in "+-0123456789" else f"{place.name} ({there})"
    exact = f"within {number_text(request.uncertainty_m)} m" if request.uncertainty_m else "exactly there"
    known = {
        "speed": None if request.speed_kmh is None else f"{number_text(request.speed_kmh)} km/h",
        "altitude": None if request.altitude_m is None else f"{number_text(request.altitude_m)} m",
        "days abroad": None if request.days_abroad is None else f"{number_text(request.days_abroad)}",
        "home territory": request.home_territory,
        "groups": None if request.groups is None else ", ".join(sorted(request.groups)) or "none",
        "position's age": None if request.age_s is None else f"{number_text(request.age_s)} s",
        "position's source": request.source,
    }
    said = [f"{name} {value}" for name, value in known.items() if value is not None]
    unknown = [name for name, value in known.items() if value is None]
    assert request.at is not None
    lines = [
        f"A terminal of class {request.class_} at {where}, {exact}, at {instant_text(request.at)}",
        *([f"Known: {'; '.join(said)}."] if said else []),
        *([f"Not known: {', '.join(unknown)}."] if unknown else []),
    ]
    return "\n".join(lines)
