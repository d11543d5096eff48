"""A prepared run, carried out: endpoints, servers, engine, echoes and commands come up, run, and go down in order.

Everything here acts; what it acts on was computed before (`preparing`), and what it measured is judged after
(`summary`). Whatever happens, leaving it ends all that it started: the kernel holds the rest to that (`namespaces`).
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol

from openleo.emulator import engine, names, namespaces, rendezvous, resolver
from openleo.emulator.banks import NS, Banks, Feeder, InPlace
from openleo.emulator.counts import Seconds, Stats
from openleo.emulator.echoes import courses
from openleo.emulator.namespaces import Endpoints
from openleo.emulator.packets import pop_addresses, terminal_addresses
from openleo.emulator.preparing import POP, TERMINAL, Prepared, Started
from openleo.emulator.prober import Prober, Probes
from openleo.emulator.table import Step

LEAD_S = 0.3  # between the engine's first sign of life and the first step
ENGINE_UP_S = 20.0  # Python starts in a third of a second, on a machine that has nothing else to do
GRACE_S = 3.0  # between asking a command to end and ending it
LOOK_S = 0.05
SPARE_SECONDS = 30  # that the engine counts before a run begins

Tell = Callable[[str], None]


class Live(Protocol):
    """Steps that come as time passes, and begin when somebody else's do: the prepared table has none then.

    begins_ns: the first beginning from an instant on (CLOCK_MONOTONIC), whole seconds from `like_ns`.
    """

    def begins_ns(self, earliest_ns: int, like_ns: int | None = None) -> int: ...
    def steps(self, begins_ns: int) -> Iterable[Step | InPlace | None]: ...
    def end(self) -> None: ...


@dataclass(frozen=True)
class Ended:
    """A command that ran: from when to when, and how it ended; `stopped`: the run was over, not the command."""

    host: str
    argv: tuple[str, ...]
    from_s: float
    until_s: float
    exit_code: int
    stopped: bool


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run measured. why_ended: in words, where it was not its commands that ended it.

    unfed: how steps failed to be there in time, in words; empty where none did.
    """

    ran_s: float
    probes: Probes
    stats: Stats
    seconds: Seconds
    commands: tuple[Ended, ...]
    why_ended: str
    unfed: str = ""

    @property
    def exit_code(self) -> int:
        """Of the first command that failed by itself; else of one that was stopped; else 0."""
        own = [one.exit_code for one in self.commands if not one.stopped]
        return next((code for code in own if code), 0) if own or not self.commands else self.commands[0].exit_code


def hosts_text(prepared: Prepared) -> str:
    """The hosts file of every endpoint."""
    table = prepared.table
    known = slice(1) if prepared.experiment.nat else slice(None)  # the NAT is one of IPv4, so names lead there alone
    of_terminals = [[str(one) for one in terminal_addresses(n)][known] for n in range(len(table.terminals))]
    of_pops = [[str(one) for one in pop_addresses(n)][known] for n in range(len(table.anchors))]
    return names.hosts(table.terminals, table.anchors, of_terminals, of_pops, prepared.asked_pops)


def run(
    prepared: Prepared, tell: Tell, *, foreground: bool, aside: bool = False, began: Callable[[], None] = lambda: None,
    live: Live | None = None,
) -> Outcome:  # fmt: skip
    """Carry it out. `foreground`: the one command has this program's own input and output; others are told by line.

    `aside`: what commands print goes to stderr, since stdout is for an answer. `began`: called when packets can move.
    `live`: where steps come from in place of the table.
    """
    with ExitStack() as until_over:
        return _run(prepared, tell, foreground, sys.stderr if aside else sys.stdout, began, live, until_over)


def _run(
    prepared: Prepared, tell: Tell, foreground: bool, output: IO[str], began: Callable[[], None], live: Live | None,
    until_over: ExitStack,
) -> Outcome:  # fmt: skip
    table, asked = prepared.table, prepared.experiment
    scratch = until_over.enter_context(rendezvous.scratch())
    hosts = scratch / "hosts"
    hosts.write_text(hosts_text(prepared), encoding="utf-8")
    hosts.with_name("resolv.conf").write_text(resolver.RESOLV_CONF, encoding="ascii")
    ends = until_over.enter_context(
        namespaces.endpoints(len(table.terminals), len(table.anchors), asked.mtu, asked.vnet)
    )
    ends.hosts = hosts
    until_over.enter_context(resolver.Resolver(_listening(prepared, ends), hosts.read_text(encoding="utf-8")))
    servers: list[_Server] = [_Server(one, ends, scratch / f"server-{n}") for n, one in enumerate(prepared.servers)]
    for server in servers:
        until_over.callback(server.end)
    banks = Banks.create(len(table.terminals), len(table.pairs))
    until_over.callback(banks.close)
    like_ns = None if live is None else live.begins_ns(time.monotonic_ns())
    options = engine.EngineOptions(
        seconds=int(prepared.runs_s) + SPARE_SECONDS, nat=asked.nat, capture=asked.pcap, second_ns=like_ns
    )
    moving = until_over.enter_context(engine.start(ends, banks, engine.Ways.of(table), options))
    _wait_for(moving)
    earliest_ns = time.monotonic_ns() + int(LEAD_S * NS)
    if live is None:
        begins_ns = on_a_second(moving.seconds().begins_ns, earliest_ns)
    else:
        begins_ns = live.begins_ns(earliest_ns, like_ns)
    steps = table if live is None else live.steps(begins_ns)
    feeder = Feeder(banks, steps, begins_ns - round(table.into_s * NS), round(table.step_s * NS), begins_ns)
    feeder.start()
    until_over.callback(feeder.stop)
    if live is not None:
        until_over.callback(live.end)  # before the feeder is waited for
    work = _Work(prepared, ends, begins_ns, foreground, tell, output)
    with _interruptions(work):
        work.wait_for_the_beginning()
        prober = _prober(prepared, ends, begins_ns)
        time.sleep(max(0.0, (begins_ns - time.monotonic_ns()) / NS))
        told_at = rendezvous.announce(asked.name, str(hosts), _paths(prepared, ends))
        until_over.callback(told_at.unlink, missing_ok=True)
        began()
        prober.start()
        why_ended = work.until_over(moving, feeder, servers)
        work.stop()
    ran_s = min((time.monotonic_ns() - begins_ns) / NS, prepared.runs_s)
    probes = prober.stop()
    if live is not None:
        live.end()
    feeder.stop()
    stats = moving.stop()
    if feeder.error is not None:
        raise feeder.error
    told = since(moving.seconds(), begins_ns)
    begun = int((ran_s + table.into_s) / table.step_s) + 1
    lacking = unfed(feeder.written, feeder.late, begun if live is not None else min(table.steps, begun))
    return Outcome(ran_s, until(probes, ran_s), stats, told, tuple(work.ended), why_ended, lacking)


def unfed(written: int, late: int, begun: int) -> str:
    """In words, that steps which began were written late, or never."""
    missing = begun - written
    if missing <= 0 and late == 0:
        return ""
    return f"{max(0, missing)} of the {begun} steps that began were never written, and {late} too late"


def on_a_second(engine_began_ns: int, earliest_ns: int) -> int:
    """When the run begins: a whole number of seconds after the engine did, so that its seconds are the run's."""
    return engine_began_ns + -(-(earliest_ns - engine_began_ns) // NS) * NS


def since(told: Seconds, begins_ns: int) -> Seconds:
    """The engine's seconds from the run's first on."""
    first = (begins_ns - told.begins_ns) // NS
    arrays = {name: getattr(told, name)[first:] for name in ("packets", "bytes", "drops", "delay_ms")}
    return replace(told, begins_ns=begins_ns, **arrays)


def until(probes: Probes, ran_s: float) -> Probes:
    """The echoes of the run's own time."""
    return probes.where((probes.sent_s >= 0.0) & (probes.sent_s < ran_s))


def _paths(prepared: Prepared, ends: Endpoints) -> dict[str, str]:
    """The namespace of every endpoint by its host's name."""
    of_terminals, of_pops = prepared.host_names
    found = {name: ends.namespace_path(TERMINAL, n) for n, name in enumerate(of_terminals)}
    for n, (name, pop) in enumerate(zip(of_pops, prepared.table.anchors, strict=True)):
        found[name] = found[names.POP + names.slug(pop)] = ends.namespace_path(POP, n)
    return found


def _wait_for(moving: engine.Engine) -> None:
    """Until the engine works. Raises RuntimeError where it does not."""
    until = time.monotonic() + ENGINE_UP_S
    while moving.stats().beats == 0:
        if not moving.alive or time.monotonic() > until:
            raise RuntimeError("the emulator's engine did not start; what it said stands above")
        time.sleep(0.01)


def _listening(prepared: Prepared, ends: Endpoints) -> list[tuple[socket.socket, socket.socket]]:
    """The sockets of a name server in every endpoint."""
    of_terminals = [ends.inside(TERMINAL, n, resolver.listening) for n in range(len(prepared.table.terminals))]
    return of_terminals + [ends.inside(POP, n, resolver.listening) for n in range(len(prepared.table.anchors))]


def _prober(prepared: Prepared, ends: Endpoints, begins_ns: int) -> Prober:
    busy = {one.number for one in prepared.commands if one.kind == TERMINAL}
    asked = courses(prepared.table, busy, terminals_alone=not prepared.asked_pops)
    sockets = {
        n: ends.socket(TERMINAL, n, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        for n in sorted({one.terminal for one in asked})
    }
    return Prober(sockets, asked, begins_ns)


class _Server:
    """A program behind a PoP, until the end of the run."""

    def __init__(self, started: Started, ends: Endpoints, output: Path):
        self.started, self._output = started, output
        with output.open("wb") as file:
            self.process = ends.run(
                started.kind, started.number, started.argv, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._told = False

    def problem(self) -> str:
        """Once, that it ended although the run goes on."""
        if self._told or self.process.poll() is None:
            return ""
        self._told = True
        said = self._output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = f": {said[-1]}" if said else ""
        return f"{' '.join(self.started.argv)} at {self.started.host} has ended ({self.process.returncode}){last}"

    def end(self) -> None:
        _end([self.process])


@dataclass
class _Work:
    """The commands of a run: each is started when its time has come, until the run is over."""

    prepared: Prepared
    ends: Endpoints
    begins_ns: int
    foreground: bool
    tell: Tell
    output: IO[str]
    ended: list[Ended] = field(default_factory=list)
    interrupted: int = 0
    _waiting: list[Started] = field(default_factory=list)
    _running: list[tuple[Started, float, subprocess.Popen[Any], threading.Thread | None]] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        return (time.monotonic_ns() - self.begins_ns) / NS

    def wait_for_the_beginning(self) -> None:
        """Until shortly before it: it may be a slot away. Raises SystemExit where people interrupt meanwhile."""
        while self.now_s < -LEAD_S:
            if self.interrupted:
                raise SystemExit(128 + self.interrupted)
            time.sleep(LOOK_S)

    def until_over(self, moving: engine.Engine, feeder: Feeder, servers: Sequence[_Server]) -> str:
        """Start, watch, and say why the run is over: "" where its commands have all ended."""
        self._waiting = sorted(self.prepared.commands, key=lambda one: one.at_s)
        while True:
            now_s = self.now_s
            for one in [one for one in self._waiting if one.at_s <= now_s]:
                self._waiting.remove(one)
                self._running.append(self._start(one))
            self._gather(stopped=False)
            for said in filter(None, (server.problem() for server in servers)):
                self.tell(said)
            if self.interrupted:
                return "interrupted"
            if not moving.alive:
                raise RuntimeError(f"the emulator's engine ended ({moving.process.returncode})")
            if feeder.error is not None:
                raise feeder.error
            asked = self.prepared.experiment
            if self.prepared.commands and not self._waiting and not self._running and asked.ends_with_commands:
                return ""
            if now_s >= self.prepared.runs_s:
                return "the time was over"
            time.sleep(LOOK_S)

    def stop(self) -> None:
        """End what still runs: by SIGINT where people interrupted, so that ping tells its statistics."""
        asks = signal.SIGINT if self.interrupted == signal.SIGINT else signal.SIGTERM
        _end([process for _, _, process, _ in self._running], asks)
        self._gather(stopped=True)

    def _start(self, one: Started) -> tuple[Started, float, subprocess.Popen[Any], threading.Thread | None]:
        if self.foreground:
            self.output.flush()
            process = self.ends.run(one.kind, one.number, one.argv, stdout=self.output)
            return one, self.now_s, process, None
        self.tell(f"{self.now_s:7.1f} s  {one.host}$ {' '.join(one.argv)}")
        process = self.ends.run(
            one.kind, one.number, one.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True, text=True, errors="replace",
        )  # fmt: skip
        assert process.stdout is not None
        lines = threading.Thread(target=_pass_on, args=(process.stdout, one.host, self.output), daemon=True)
        lines.start()
        return one, self.now_s, process, lines

    def _gather(self, *, stopped: bool) -> None:
        """Those that have ended."""
        still = []
        for one, from_s, process, lines in self._running:
            code = process.poll()
            if code is None:
                still.append((one, from_s, process, lines))
                continue
            if lines is not None:
                lines.join(timeout=GRACE_S)  # what it started itself may hold its output open
            said = code if code >= 0 else 128 - code
            self.ended.append(Ended(one.host, one.argv, round(from_s, 3), round(self.now_s, 3), said, stopped))
        self._running = still


def _pass_on(lines: IO[str], host: str, output: IO[str]) -> None:
    """What a command prints, with where it runs before each line."""
    with lines:
        for line in lines:
            output.write(f"{host}| {line.rstrip()}\n")
            output.flush()


def _end(processes: Sequence[subprocess.Popen[Any]], asks: int = signal.SIGTERM) -> None:
    """Ask programs to end, and end those that do not."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(asks)
    until = time.monotonic() + GRACE_S
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _interruptions(work: _Work) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run in order, instead of in the middle of whatever is being done."""

    def note(number: int, _: object) -> None:
        work.interrupted = number

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
