"""C2SP tlog-policy: which logs, which witnesses, and how many of whom make a checkpoint good.

    log VKEY [URL]
    witness NAME VKEY [URL]
    group NAME all|any|K NAME…
    quorum NAME|none

Checks a signed checkpoint by such a policy. `quorum none` asks no witness: then who runs the log can rewrite it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from openleo.ledger import checkpoint, cosignature, keys
from openleo.ledger.checkpoint import Checkpoint
from openleo.ledger.cosignature import Seal
from openleo.ledger.faults import Malformed, NotProven
from openleo.ledger.keys import COSIGNATURE, ED25519, ML_DSA_44, VerifierKey
from openleo.ledger.note import Note

NOBODY = "none"
UNWITNESSED = "unwitnessed: the operator can rewrite history"
LINES_MAX = 1000
POLICY_BYTES_MAX = 1_000_000  # an ML-DSA-44 key has 1.8 kB in text
LOG_TYPES = (ED25519, ML_DSA_44)
WITNESS_TYPES = (COSIGNATURE, ML_DSA_44)
_BAD_OCTET = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


@dataclass(frozen=True)
class Log:
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True)
class Witness:
    name: str  # within the policy alone
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True)
class Group:
    name: str
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    logs: tuple[Log, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NOBODY

    def satisfied_by(self, cosigners: Collection[VerifierKey]) -> bool:
        """Whether these keys make the quorum; keys that are no witness of this policy count for nothing."""
        if self.quorum == NOBODY:
            return True
        made = {witness.name for witness in self.witnesses if witness.key in cosigners}
        for group in self.groups:  # each names only what stands before it
            if sum(member in made for member in group.members) >= group.least:
                made.add(group.name)
        return self.quorum in made


@dataclass(frozen=True)
class Opened:
    """A checkpoint that a policy accepts, with who stands for it."""

    checkpoint: Checkpoint
    log: VerifierKey
    witnesses: tuple[Seal, ...] = ()
    unchecked: tuple[VerifierKey, ...] = ()

    @property
    def warning(self) -> str | None:
        """What has to be said with every answer that rests on this checkpoint."""
        return None if self.witnesses else UNWITNESSED


def of_log(key: VerifierKey) -> Policy:
    """One log and no witness."""
    return Policy((Log(key),))


def open_checkpoint(policy: Policy, data: bytes) -> tuple[Opened, Note]:
    """A signed checkpoint that the policy accepts, with its note. Raises Malformed or NotProven."""
    _, note = checkpoint.parse(data)
    return judge(policy, note), note


def judge(policy: Policy, note: Note) -> Opened:
    """As `open_checkpoint`, of a note that has been read."""
    logs = [log.key for log in policy.logs]
    witnesses = {witness.key for witness in policy.witnesses}
    verified = cosignature.verified(note, [*logs, *witnesses])
    origin = verified.checkpoint.origin
    by_log = [seal.key for seal in verified.seals if seal.key in logs and seal.key.name == origin]
    if not by_log:
        known = ", ".join(sorted(f"{key.name}+{key.id.hex()}" for key in logs)) or "none"
        raise NotProven(f'the checkpoint of "{origin}" is not signed by a log that is trusted (trusted: {known}).')
    cosigners = tuple(seal for seal in verified.seals if seal.key in witnesses)
    if not policy.satisfied_by({seal.key for seal in cosigners}):
        names = ", ".join(seal.key.name for seal in cosigners) or "none"
        raise NotProven(f'the quorum "{policy.quorum}" is not met; witnesses that cosigned: {names}.')
    return Opened(verified.checkpoint, by_log[0], cosigners, verified.unchecked)


# --- read -----------------------------------------------------------------------------------------------------------


def parse(data: bytes) -> Policy:
    """Raises Malformed with the number of the line."""
    if len(data) > POLICY_BYTES_MAX or data.count(b"\n") > LINES_MAX:
        raise Malformed(f"the policy is longer than {LINES_MAX} lines or {POLICY_BYTES_MAX} bytes.")
    if bad := _BAD_OCTET.search(data):
        where = data.count(b"\n", 0, bad.start()) + 1
        raise Malformed(f"line {where}: the octet {bad[0][0]:#04x} is not allowed in a policy.")
    reading = _Reading()
    for number, octets in enumerate(data.split(b"\n"), 1):
        # Names are opaque octets: what is no UTF-8 is carried along as it is.
        words = [word.decode("utf-8", "surrogateescape") for word in re.split(rb"[ \t]+", octets.strip(b" \t"))]
        if words != [""] and not words[0].startswith("#"):
            try:
                reading.take(words)
            except Malformed as error:
                raise Malformed(f"line {number}: {_shown(str(error))}") from None
    if reading.quorum is None:
        raise Malformed("the policy has no quorum line; say `quorum none` to ask no witness.")
    return Policy(tuple(reading.logs), tuple(reading.witnesses), tuple(reading.groups), reading.quorum)


class _Reading:
    """A policy on the way: each line may speak of what stands before it."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._names: set[str] = set()
        self._members: set[str] = set()

    def take(self, words: list[str]) -> None:
        takers = {"log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum}
        if words[0] not in takers:
            raise Malformed(f'"{words[0]}" is none of {", ".join(takers)}.')
        takers[words[0]](words[1:])

    def _log(self, words: list[str]) -> None:
        if not 1 <= len(words) <= 2:
            raise Malformed("a log is `log VKEY [URL]`.")
        key = _key(words[0], LOG_TYPES, "log")
        if any(log.key.public == key.public for log in self.logs):
            raise Malformed(f"the key of {key.name} is there twice.")
        self.logs.append(Log(key, *words[1:]))

    def _witness(self, words: list[str]) -> None:
        if not 2 <= len(words) <= 3:
            raise Malformed("a witness is `witness NAME VKEY [URL]`.")
        key = _key(words[1], WITNESS_TYPES, "witness")
        if any(witness.key.public == key.public for witness in self.witnesses):
            raise Malformed(f"the key of {key.name} is there twice; one key is one witness, whatever its names.")
        self._define(words[0])
        self.witnesses.append(Witness(words[0], key, *words[2:]))

    def _group(self, words: list[str]) -> None:
        if len(words) < 3:
            raise Malformed("a group is `group NAME all|any|K NAME…`.")
        name, least, *members = words
        for member in members:
            if member not in self._names:
                raise Malformed(f'"{member}" is not defined above.')
            if member in self._members:
                raise Malformed(f'"{member}" is a member already; each can be of one group, once.')
            self._members.add(member)
        count = {"all": str(len(members)), "any": "1"}.get(least, least)
        if not re.fullmatch(r"[1-9][0-9]{0,5}", count) or int(count) > len(members):
            raise Malformed(f'"{least}" is not all, any or a number from 1 to {len(members)}.')
        self._define(name)
        self.groups.append(Group(name, int(count), tuple(members)))

    def _quorum(self, words: list[str]) -> None:
        if len(words) != 1 or self.quorum is not None:
            raise Malformed("there is exactly one `quorum NAME`.")
        if words[0] != NOBODY and words[0] not in self._names:
            raise Malformed(f'the quorum "{words[0]}" is not defined above.')
        self.quorum = words[0]

    def _define(self, name: str) -> None:
        if name == NOBODY or name in self._names:
            raise Malformed(f'"{name}" is {"reserved" if name == NOBODY else "defined already"}.')
        self._names.add(name)


def _shown(text: str) -> str:
    """Names of any octets, as they can be printed."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _key(text: str, types: tuple[int, ...], who: str) -> VerifierKey:
    key = keys.parse_verifier(text)
    if key.type not in types:
        known = " or ".join(keys.TYPES[type_] for type_ in types)
        raise Malformed(f"the key of the {who} {key.name} is {keys.TYPES[key.type]}; a {who}'s is {known}.")
    return key
