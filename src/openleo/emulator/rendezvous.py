"""Where a running emulation is found by who wants a shell in one of its places: one small file a run.

It is this user's own (mode 0700 folder under XDG_RUNTIME_DIR, or under /tmp by user id), names the process and the
paths of its namespaces, and is of no use once that process has ended: such files are ignored, and removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from openleo.emulator.names import slug
from openleo.errors import InputError, Problem, near_names

ENTER = Path(__file__).with_name("enter.py")
FOLDER = "openleo-emulate"
START_TIME = 22  # the field of /proc/PID/stat, counted from 1 (proc(5)): a number used again is another process


@dataclass(frozen=True)
class Running:
    """A run: its process, when that started, its hosts file, and the namespace of each place."""

    pid: int
    started: int
    name: str
    hosts: str
    namespaces: dict[str, str]


def folder() -> Path:
    """Where runs of this user are told. Raises InputError where somebody else has put something there."""
    within = os.environ.get("XDG_RUNTIME_DIR")
    place = Path(within) / FOLDER if within else Path(tempfile.gettempdir()) / f"{FOLDER}-{_user()}"
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700, parents=True)
    found = place.lstat()
    if not place.is_dir() or place.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        rule = "is not a folder of yours alone, so that no running emulation is told there."
        raise InputError(Problem(str(place), "", rule, "Remove it, or set XDG_RUNTIME_DIR to a folder of yours."))
    return place


def _user() -> int:
    """Who we are outside of a user namespace of our own, where everybody is 0."""
    try:
        inside, outside, _ = Path("/proc/self/uid_map").read_text(encoding="ascii").split()[:3]
        return int(outside) + os.getuid() - int(inside)
    except (OSError, ValueError):
        return os.getuid()


def started(pid: int) -> int | None:
    """When a process started, in clock ticks after the machine; None when there is no such process."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(said.rpartition(")")[2].split()[START_TIME - 3])  # a name may hold spaces and brackets
    except (OSError, IndexError, ValueError):
        return None


@contextlib.contextmanager
def scratch(place: Path | None = None) -> Iterator[Path]:
    """A folder for the files of this process's run. What runs left that were killed goes now."""
    here, pid = place or folder(), os.getpid()
    for left in here.glob("*.d"):
        owner, _, since = left.stem.rpartition("-")[0].partition("-")
        if str(started(int(owner))) != since:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{pid}-{started(pid)}-", suffix=".d", dir=here) as made:
        yield Path(made)


def announce(name: str, hosts: str, namespaces: Mapping[str, str], place: Path | None = None) -> Path:
    """Write the file of a run of this process; whoever calls removes it at the end."""
    here = place or folder()
    pid = os.getpid()
    running = Running(pid, started(pid) or 0, name, hosts, dict(namespaces))
    target = here / f"{pid}.json"
    draft = here / f".{pid}.partial"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(running), file)
    draft.replace(target)
    return target


def running(place: Path | None = None) -> Iterator[Running]:
    """The runs whose processes live, the newest first; files of others are removed."""
    found = []
    for path in (place or folder()).glob("*.json"):
        try:
            told = Running(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError):
            told = None
        if told is None or started(told.pid) != told.started:
            with contextlib.suppress(OSError):
                path.unlink()
            continue
        found.append(told)
    yield from sorted(found, key=lambda one: -one.started)


def find(words: str, place: Path | None = None) -> tuple[Running, str]:
    """(the newest run that has an endpoint of that name, its name there). Raises InputError where none has."""
    runs = list(running(place))
    if not runs:
        rule = "no emulation of yours is running."
        raise InputError(Problem("emulate shell", "", rule, "Start one in another terminal: openleo emulate --help."))
    for run in runs:
        for name in run.namespaces:
            if slug(name) == slug(words):
                return run, name
    known = list(dict.fromkeys(name for run in runs for name in run.namespaces))
    way_out = near_names(words, known) or f"There are: {', '.join(known)}."
    raise InputError(Problem("emulate shell", "", f'no running emulation has a place "{words}".', way_out))


def entering(run: Running, name: str, argv: Sequence[str]) -> list[str]:
    """What to become in order to run a command in an endpoint of a run: its namespace is held open for that.

    Raises PermissionError where it is not ours to enter.
    """
    namespace = os.open(run.namespaces[name], os.O_RDONLY)
    os.set_inheritable(namespace, True)
    inside = [sys.executable, "-I", "-S", str(ENTER), str(namespace), run.hosts, str(os.getppid()), *argv]
    if Path(f"/proc/{run.pid}/ns/user").readlink() == Path("/proc/self/ns/user").readlink():
        return inside
    return ["nsenter", "--user", "--preserve-credentials", f"--target={run.pid}", "--", *inside]
