"""What runs of the emulator share: checked, carried out, written, told."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from openleo.cli.common import note, print_json, progress

if TYPE_CHECKING:
    from openleo.emulator.experiment import Experiment, Terminal
    from openleo.emulator.preparing import Place, Prepared
    from openleo.emulator.running import Outcome

SUMMARY, SECONDS, PICTURE, PARQUET = "summary.json", "seconds.csv", "emulation.png", "seconds.parquet"
OURS = (SUMMARY, SECONDS, PICTURE, PARQUET)
DRAWN_EVERY_S = 0.1  # of what was planned


def check_machine_or_enter() -> None:
    """Return where this machine can emulate; become root of a user namespace where that is the way.

    Raises InputError where neither is possible, with what to do.
    """
    from openleo.emulator import namespaces
    from openleo.errors import InputError, Problem

    found = namespaces.available()
    if found.ok:
        return
    if found.way == "user namespace":
        argv = [*namespaces.as_root(), sys.executable, "-P", "-m", "openleo", *sys.argv[1:]]
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(argv[0], argv)  # noqa: S606 - ourselves again, with the same arguments
    raise InputError(Problem("openleo emulate", "", found.reason, found.way_out))


def ends(scenario: Path, between: tuple[str, str], class_: str) -> tuple[tuple[Terminal, ...], tuple[str, ...]]:
    """(terminals, PoPs) of --between; tells what a town's name was taken for."""
    from openleo.emulator.preparing import joined
    from openleo.scenario import Scenario

    network = Scenario.load(scenario, own_rules=False).case.network
    terminals, pops, notes = joined(between, network, "--between", class_)
    for said in notes:
        note(said)
    return terminals, pops


def carry_out(
    asked: Experiment,
    place: Place,
    target: Path,
    *,
    parquet: bool,
    threads: int | None,
    as_json: bool,
    foreground: bool,
) -> int:
    """Prepare, run, write to a folder, tell. The exit code of what ran."""
    from openleo.emulator.preparing import prepare
    from openleo.report.staging import check_writable

    check_writable(target)
    with progress():
        prepared = prepare(asked, place, threads)
    return run_prepared(prepared, target, parquet=parquet, as_json=as_json, foreground=foreground)


def run_prepared(prepared: Prepared, target: Path, *, parquet: bool, as_json: bool, foreground: bool) -> int:
    """Run, write to a folder, tell. The exit code of what ran."""
    from openleo.emulator.running import run

    outcome = run(prepared, note, foreground=foreground, aside=as_json, began=lambda: tell_begun(prepared))
    return finish(prepared, outcome, target, parquet=parquet, as_json=as_json)


def tell_begun(prepared: Prepared) -> None:
    """What people should know before packets move."""
    from openleo.instants import instant_text

    table = prepared.table
    for said in prepared.notes:
        note(said)
    of_terminals, of_pops = prepared.host_names
    pairs = [f"{name} at the PoP {of_pops[anchor]}" for name, anchor in zip(of_terminals, table.anchor, strict=True)]
    note(f"Emulating from {instant_text(table.begins)}: {', '.join(pairs)}")
    if not prepared.commands:
        enter = f"openleo emulate shell {of_terminals[0]}"
        note(f"The network is up. Enter it from another terminal: {enter}. Ctrl-C ends it.")


def finish(
    prepared: Prepared, outcome: Outcome, target: Path, *, parquet: bool, as_json: bool,
    more: Mapping[str, object] = MappingProxyType({}),
) -> int:  # fmt: skip
    """Write what was measured, and tell it. more: what the run says of itself besides."""
    from openleo.emulator import summary

    words = {**_words(prepared, outcome), **more}
    found = summary.summary(
        prepared.table, outcome.probes, outcome.stats, outcome.seconds, outcome.ran_s, words, outcome.unfed
    )
    _write(prepared, outcome, found, target, parquet)
    if outcome.why_ended:
        note(f"The run ended after {outcome.ran_s:.1f} s: {outcome.why_ended}.")
    for line in summary.told(found):
        note(line)
    note(f"Written to {target}: {SUMMARY}, {SECONDS}, {PICTURE}")
    if as_json:
        print_json(found)
    # A capture was asked for, so what ran did not go as asked without one.
    return outcome.exit_code or int(found["capture_failed"] is not None)


def _words(prepared: Prepared, outcome: Outcome) -> dict[str, object]:
    import openleo

    asked = prepared.experiment
    return {
        "name": asked.name,
        "openleo": openleo.__version__,
        "scenario": str(asked.scenario),
        "rules": [{"at_s": one.at_s, "files": [str(file) for file in one.files]} for one in asked.rules],
        "via": asked.via,
        "nat": asked.nat,
        "vnet": asked.vnet,
        "outage_s": asked.outage_s,
        "outage_loss": asked.outage_loss,
        "exit_code": outcome.exit_code,
        "ended": outcome.why_ended or "its commands had ended",
        "commands": [
            {
                "where": one.host, "command": shlex.join(one.argv), "from_s": one.from_s, "until_s": one.until_s,
                "exit_code": one.exit_code, "stopped": one.stopped,
            }
            for one in outcome.commands
        ],
    }  # fmt: skip


def _write(prepared: Prepared, outcome: Outcome, found: dict[str, Any], target: Path, parquet: bool) -> None:
    """Everything, or nothing."""
    from openleo.emulator import summary
    from openleo.report import emulation_plot
    from openleo.report.rows import RowsWriter
    from openleo.report.staging import Staging, blaming

    with blaming(target), Staging(target) as staging:
        text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
        (staging.path / SUMMARY).write_text(text + "\n", encoding="utf-8")
        rows = list(summary.seconds(prepared.table, outcome.probes, outcome.seconds, outcome.ran_s))
        for name in (SECONDS, *([PARQUET] if parquet else [])):
            with RowsWriter(staging.path / name, summary.SECONDS_COLUMNS) as writer:
                writer.write(rows)
        said = (
            f"{found['start']} · {found['packets']:,} packets · through "
            + ("satellites alone" if prepared.experiment.via == "isl" else "PoPs")
            + " · measured by echoes"
        )
        title = f"{prepared.experiment.name}: round trips, planned and measured"
        panels = list(_panels(prepared, outcome))
        emulation_plot.draw(panels, title, said, found["invalid_because"] or "", outcome.ran_s, staging.path / PICTURE)
        staging.commit(OURS)


def _panels(prepared: Prepared, outcome: Outcome) -> Iterator[Any]:
    """Each terminal and its PoP, then terminals that were asked by others."""
    table = prepared.table
    for n, name in enumerate(table.terminals):
        yield _panel(prepared, outcome, f"{name} ↔ PoP {table.anchors[table.anchor[n]]}", n)
    for one, other in outcome.probes.between:
        yield _panel(prepared, outcome, f"{table.terminals[one]} ↔ {table.terminals[other]}", one, other)


def _panel(prepared: Prepared, outcome: Outcome, name: str, *ends: int) -> Any:
    import numpy as np

    from openleo.emulator import summary
    from openleo.emulator.echoes import planned_rtt_ms
    from openleo.report.emulation_plot import Panel

    table, mine = prepared.table, outcome.probes.of(*ends)
    came = ~np.isnan(mine.rtt_ms)
    at_s = np.arange(0.0, outcome.ran_s, DRAWN_EVERY_S)
    changes = [table.begins_s(step) for step in np.flatnonzero(table.hand_over[:, list(ends)].any(axis=1)).tolist()]
    return Panel(
        name=name,
        planned_s=at_s,
        planned_ms=planned_rtt_ms(table, ends[0], at_s, *ends[1:]),
        measured_s=mine.sent_s[came],
        measured_ms=mine.rtt_ms[came],
        lost_s=mine.sent_s[~came],
        hand_overs_s=[at for at in changes if at < outcome.ran_s],
        dark=[span for n in ends for span in summary.spans_not_served(table, n, outcome.ran_s)],
    )
