"""`openleo emulate live`: a command at a terminal of a running controller's network, as its slots go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, note
from openleo.cli.emulate_run import Out, Parquet, servers

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from openleo.emulator.live import Told
    from openleo.places.gazetteer import Place

USER, INTERNET = "user", "internet"
UP = f"The network is up. Enter it from another terminal: openleo emulate shell {USER}. Ctrl-C ends it."
LONGEST_S = 86_400.0  # that a run without --for goes on
TOKEN = "OPENLEO_TOKEN"  # noqa: S105 - the name of a variable


def live(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where `openleo serve` answers: http://127.0.0.1:8600.")],
    at: Annotated[str, typer.Option("--at", metavar="PLACE", help="A town, a territory, or latitude,longitude.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND…", help="What runs at `user`; the far end is `internet`.")
    ] = None,
    class_: Annotated[str, typer.Option("--class", help="The terminal's class, which rules ask for.")] = "fixed",
    terminal: Annotated[
        Path | None,
        typer.Option(
            metavar="F", help="An enrolled terminal's private key (PEM), or a fleet's keys: it then asks for leases."
        ),
    ] = None,
    id_: Annotated[str | None, typer.Option("--id", metavar="ID", help="The terminal's id; with --terminal.")] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="For so long at most. [default: a day]")
    ] = None,
    serve: Annotated[list[str] | None, typer.Option(metavar="CMD", help="A server at `internet`. Repeatable.")] = None,
    token: Annotated[
        Path | None,
        typer.Option(
            metavar="F", help=f"A file with a token of the role viewer. [default: {TOKEN} of the environment]"
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="F", help="With https: the authority of its certificate (PEM).")
    ] = None,
    out: Out = None,
    parquet: Parquet = False,
    as_json: AsJson = False,
) -> None:
    """Run a command at a terminal of the network that a controller serves now: as its plans are, slot by slot.

    `openleo emulate live http://127.0.0.1:8600 --at Taipei -- ping internet`. It goes dark with the slot from which on
    its territory, its class or the terminal itself is not served, and comes back when it is. With the key of an
    enrolled terminal it asks for leases, and without one in hand it is dark.
    """
    from openleo.cli import emulate_common
    from openleo.cli.spans import duration_s
    from openleo.emulator.experiment import Command, Experiment, Terminal
    from openleo.emulator.live_controller import Controller
    from openleo.emulator.live_follower import following
    from openleo.emulator.live_lease import Device
    from openleo.emulator.preparing import check_commands, ready
    from openleo.emulator.running import run
    from openleo.errors import Together, given
    from openleo.report.staging import check_writable

    together = Together()
    seconds = together.read(lambda: None if for_ is None else duration_s(for_, "--for"))
    behind = together.read(lambda: servers([f"{INTERNET}:{words}" for words in serve or []]))
    shown = together.read(lambda: _token(token))
    key = together.read(lambda: _key(terminal, id_))
    where = together.read(lambda: _place(at))
    asked = Experiment(
        name="live",
        scenario=Path("live"),
        terminals=(Terminal(USER, at, class_),),
        pops=(INTERNET,),
        servers=behind or (),
        commands=(Command(0.0, USER, tuple(command)),) if command else (),
        duration_s=seconds,
    )
    together.read(lambda: check_commands(asked, lambda name: ("COMMAND" if name[0] == "c" else "--serve", "")))
    together.done()
    emulate_common.check_machine_or_enter()
    target = out or Path("out") / asked.name / "emulate"
    check_writable(target)
    where = given(where)
    device = Device(id_, key, where.latitude_deg, where.longitude_deg) if key is not None and id_ is not None else None
    with Controller(url, given(shown) or None, ca) as controller:
        at_deg = where.latitude_deg, where.longitude_deg
        follower = following(controller, *at_deg, class_, device, lambda told: _tell(told, where.name))
        prepared = ready(asked, follower.table(USER, INTERNET), seconds or LONGEST_S, (INTERNET,), ())
        slot_s = prepared.table.step_s
        note(f"Waiting for the next slot of {controller.url}, where slots last {slot_s:g} s.")
        outcome = run(
            prepared, note, foreground=True, aside=as_json, live=follower,
            began=lambda: None if command else note(UP),
        )  # fmt: skip
    lived = replace(prepared, table=follower.table(USER, INTERNET))
    words = _words(controller.url, where.name, class_, id_, follower.lived)
    code = emulate_common.finish(lived, outcome, target, parquet=parquet, as_json=as_json, more=words)
    raise typer.Exit(code)


def _tell(now: Told, place: str) -> None:
    """That service came or went, when a slot has begun."""
    rules = f" ({now.because})" if now.because else ""
    state = f"served, {now.rtt_ms:.1f} ms" if now.served else f"dark: {now.why}{rules}"
    note(f"Slot {now.number}: {USER} at {place} is {state}")


def _words(url: str, place: str, class_: str, id_: str | None, lived: Sequence[Told]) -> dict[str, object]:
    """What the summary says of itself; each slot with what the controller's own tables name it by."""
    plans = [
        {
            "slot": str(one.number), "plan": one.plan or None, "rule_set": one.rule_set or None,
            "gateway": one.gateway, "pop": one.pop,
        }
        for one in lived
    ]  # fmt: skip
    return {"scenario": None, "controller": url, "place": place, "class": class_, "terminal": id_, "plans": plans}


def _place(words: str) -> Place:
    """Raises InputError."""
    from openleo.errors import InputError, Problem
    from openleo.places import gazetteer

    found = gazetteer.find(words)
    if found is None:
        rule = f'there is no place "{words}".'
        raise InputError(Problem("--at", "", rule, 'Name a town or a territory, or write "25.03,121.56".'))
    return found


def _token(file: Path | None) -> str:
    """Of a file, or of the environment; "" for none. Raises InputError."""
    return os.environ.get(TOKEN, "") if file is None else _read(file, "--token").strip()


def _key(file: Path | None, id_: str | None) -> Ed25519PrivateKey | None:
    """Of a PEM file, or of the terminal of that id in a fleet's keys; None where none asks. Raises InputError."""
    from openleo.errors import InputError, Problem, near_names
    from openleo.fleet import roll

    if (file is None) != (id_ is None):
        rule = "go together: a key is of the terminal of one id."
        raise InputError(Problem("--terminal, --id", "", rule, "Give both, or neither."))
    if file is None or id_ is None:
        return None
    text = _read(file, "--terminal")
    if file.stat().st_mode & 0o077:
        note(f"{file} can be read by others than you: chmod 600 {file}")
    if text.startswith("-----BEGIN"):
        return _of_pem(text, file)
    kits = {one.id: one for one in roll.read(text, str(file))}
    if id_ not in kits:
        raise InputError(Problem("--id", id_, f"is no terminal of {file}.", near_names(id_, kits)))
    return kits[id_].device.key


def _of_pem(text: str, file: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from openleo.errors import InputError, Problem

    try:
        found = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError) as error:
        raise InputError(Problem("--terminal", str(file), f"holds no key that can be read: {error}.")) from None
    if not isinstance(found, Ed25519PrivateKey):
        way_out = "openssl genpkey -algorithm ed25519 makes one."
        raise InputError(Problem("--terminal", str(file), "holds a key that is not Ed25519.", way_out))
    return found


def _read(file: Path, option: str) -> str:
    from openleo.errors import InputError, Problem

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise InputError(Problem(option, str(file), f"cannot be read: {why}.")) from None
