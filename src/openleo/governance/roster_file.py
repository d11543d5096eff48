"""Roster files: read, checked whole, and made into a Roster.

A file is TOML, or JSON where its name ends in .json. Every problem is found before any is told. The document on the
ledger is the same form in its one order, and is read back to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import rfc8785

from openleo.errors import InputError, Problem, join_or, near_names
from openleo.governance import quorum as quorums
from openleo.governance.keys import KeyRefused, PublicKey
from openleo.governance.roster import (
    ANY,
    KINDS,
    SCHEMA,
    Above,
    BreakGlass,
    Officer,
    Party,
    QuorumLine,
    Recovery,
    Roster,
    Settings,
    SingleActs,
)
from openleo.governance.roster_records import LEAST_RECOVERY, OfficerRecord, QuorumRecord, RosterRecord, SettingsRecord
from openleo.ledger import policy as tlog_policy
from openleo.ledger.faults import Malformed
from openleo.places.territories import territory_id, unknown_territory
from openleo.reading import examine, read_json, read_toml

JSON_ENDING = ".json"
# An entry of the ledger has at most 65,535 bytes, and the first one holds the roster and every officer's signature.
MOST_BYTES = 32_768

T = TypeVar("T")


def read_roster(path: Path) -> Roster:
    """The roster of a file. Raises InputError with every problem of it."""
    data = read_json(path) if path.suffix.lower() == JSON_ENDING else read_toml(path)
    return _read(data, str(path), known_places=True)


def roster_from(document: Mapping[str, Any], file: str = "roster") -> Roster:
    """The roster of what somebody hands in, as a roster file has it: keys may be left out. Raises InputError."""
    return _read(document, file, known_places=True)


def roster_of(document: Mapping[str, Any], file: str = "roster") -> Roster:
    """The roster of a document, as the ledger holds it; `file` is what problems call it. Raises InputError.

    Only the very document that the roster would write is read. Territories are kept as they are written, whether or not
    this version knows them, or takes them for another's name: what was agreed with another version is read as it was.
    """
    roster = _read(document, file, known_places=False)
    if rfc8785.dumps(dict(document)) != roster.canonical:
        rule = "is not in its one form: a key is left out, or a list stands in another order."
        raise InputError(Problem(file, "", rule, "Write the document that the reading of a roster file gives."))
    return roster


def _read(data: Any, file: str, *, known_places: bool) -> Roster:
    if not isinstance(data, Mapping):
        raise InputError(Problem(file, "", "holds no table.", "A roster has party, officer, quorum and recovery."))
    if isinstance(stated := data.get("schema"), int) and not isinstance(stated, bool) and stated != SCHEMA:
        # What another version means by its keys is not known here, so nothing else is said of the file.
        rule = f"is {stated}; this version reads schema {SCHEMA}."
        raise InputError(Problem(file, "schema", rule, f"Write it in schema {SCHEMA}, or use the version it is for."))
    record, problems = examine(RosterRecord, dict(data), file)
    at_fault: set[Place] = set()
    if record is None:
        record, at_fault = _readable(dict(data), problems)
    if record is None:
        raise InputError(problems)
    making = _Making(record, file, problems, known_places, at_fault)
    made = making.roster()
    if making.problems:
        raise InputError(making.problems)
    return made


Place = tuple[str, int | None]  # a key at the top of the file, and the item of its list; None: not of one item
_PLACE = re.compile(r"(\w+)(?:\[(\d+)\])?")
_STANDS_IN: dict[str, Any] = {
    "schema": SCHEMA,
    "party": {"id": "x"},
    "officer": {"id": "x", "party": "x", "keys": ["x"]},
    "quorum": {"quorum": "x"},
    "recovery": {"threshold": LEAST_RECOVERY, "keys": []},
}
_LISTS = ("party", "officer", "quorum")


def _readable(data: dict[str, Any], problems: Iterable[Problem]) -> tuple[RosterRecord | None, set[Place]]:
    """(the file with something in place of what is at fault, what that is): to find the faults of the rest as well."""
    at_fault = set()
    for problem in problems:
        found = _PLACE.match(problem.where)
        if found is None:
            continue
        section, item = found[1], int(found[2]) if found[2] else None
        at_fault.add((section, item if section in _LISTS else None))
        if section in _LISTS and item is not None:
            data[section] = [*data[section][:item], _STANDS_IN[section], *data[section][item + 1 :]]
        elif section in _STANDS_IN:
            data[section] = [] if section in _LISTS else _STANDS_IN[section]
        else:
            data.pop(section, None)
    return examine(RosterRecord, data, "")[0], at_fault


class _Making:
    """Makes a roster of its record, and collects what is wrong with it.

    Nothing is said of what is `at_fault` already, nor of what may be wrong for that reason alone.
    """

    def __init__(
        self, record: RosterRecord, file: str, problems: list[Problem], known_places: bool, at_fault: set[Place]
    ) -> None:
        self.record, self.file, self.problems, self.known_places = record, file, problems, known_places
        self.at_fault, self.sections = at_fault, {section for section, _ in at_fault}
        self.all_placed = True  # whether it is known of every officer of which party
        self.key_at: dict[bytes, str] = {}  # where each point of the curve was first found
        self.party_ids = [party.id for _, party in self.whole("party", record.party)]

    def whole(self, section: str, items: Sequence[T]) -> Iterator[tuple[int, T]]:
        """The items of a list that can be looked at, with their numbers in the file."""
        return ((number, item) for number, item in enumerate(items) if (section, number) not in self.at_fault)

    def add(self, where: str, rule: str, way_out: str = "") -> None:
        self.problems.append(Problem(self.file, where, rule, way_out))

    def roster(self) -> Roster:
        record = self.record
        people = [officer for _, officer in self.whole("officer", record.officer)]
        self._each_once("party", self.party_ids)
        self._each_once("officer", [officer.id for officer in people])
        officers = tuple(sorted(map(self._officer, people), key=lambda officer: officer.id))
        recovery = Recovery(record.recovery.threshold, self._keys(record.recovery.keys, "recovery"))
        self._check_recovery(recovery)
        if "witnesses" not in self.sections:
            self._check_witnesses(record.witnesses)
        lines = {number: self._line(line, number, officers) for number, line in self.whole("quorum", record.quorum)}
        self._check_lines({number: line for number, line in lines.items() if line is not None})
        made = Roster(
            parties=tuple(Party(party.id, party.name) for party in sorted(record.party, key=lambda party: party.id)),
            officers=officers,
            lines=tuple(
                sorted((line for line in lines.values() if line), key=lambda line: rfc8785.dumps(line.document))
            ),
            settings=self._settings(record.settings),
            witnesses=record.witnesses,
            recovery=recovery,
        )
        if len(made.canonical) > MOST_BYTES:
            rule = f"takes {len(made.canonical):,} bytes as a document; at most {MOST_BYTES:,} fit into an entry."
            self.add("", rule, "Leave out officers, keys or lines that are not needed.")
        return made

    def _officer(self, record: OfficerRecord) -> Officer:
        where = f'officer "{record.id}"'
        if record.party not in self.party_ids and "party" not in self.sections:
            parties = ", ".join(dict.fromkeys(self.party_ids)) or "none"
            near = near_names(record.party, self.party_ids) or f"Parties of this file: {parties}."
            self.add(where, f'is of the party "{record.party}", which is not in the file.', near)
            self.all_placed = False
        self._each_once(f"{where}: role", record.roles)
        return Officer(record.id, record.party, tuple(sorted(record.roles)), self._keys(record.keys, where))

    def _keys(self, texts: Sequence[str], where: str) -> tuple[PublicKey, ...]:
        found = []
        for number, text in enumerate(texts):
            place = f"{where}: keys[{number}]"
            try:
                key = PublicKey.of_line(text)
            except KeyRefused as error:
                self.add(place, str(error))
                continue
            if key.point in self.key_at:
                rule = f"{key.fingerprint} stands at {self.key_at[key.point]} already."
                self.add(place, rule, "One key belongs to one person; let each make one of their own.")
            self.key_at.setdefault(key.point, place)
            found.append(key)
        return tuple(sorted(found, key=lambda key: key.line))

    def _check_recovery(self, recovery: Recovery) -> None:
        if len(self.record.recovery.keys) < recovery.threshold and "recovery" not in self.sections:
            rule = f"asks for {recovery.threshold} of {len(self.record.recovery.keys)} keys, which can never be."
            self.add("recovery", rule, "Give more keys, kept apart, or ask for fewer.")

    def _check_witnesses(self, text: str) -> None:
        """That they can be asked, and together suffice: nothing is activated without them, no other roster either."""
        if not text:
            return
        try:
            policy = tlog_policy.parse(text.encode(errors="surrogatepass"))
        except Malformed as error:
            self.add("witnesses", f"is no tlog-policy: {error}", "Such as: witness w1 VKEY https://… and quorum w1.")
            return
        if policy.quorum == tlog_policy.NOBODY:
            self.add("witnesses", "has the quorum none, which asks nobody.", "Leave the key out to have no witnesses.")
        elif not policy.satisfied_by({witness.key for witness in policy.witnesses if witness.url}):
            rule = f'has the quorum "{policy.quorum}", which the witnesses with an address cannot meet.'
            self.add("witnesses", rule, "Write the address of each after its key; they are asked there.")

    def _line(self, record: QuorumRecord, number: int, officers: Sequence[Officer]) -> QuorumLine | None:
        where = f"quorum[{number}]"
        territory = self._territory(record.territory, f"{where}.territory")
        above = self._above(record, where)
        try:
            made = quorums.parse(record.quorum)
        except quorums.QuorumError as error:
            self.add(f"{where}.quorum", str(error))
            return None
        self._check_quorum(made, f"{where}.quorum", officers)
        return QuorumLine(territory, record.kind, above, made)

    def _above(self, record: QuorumRecord, where: str) -> Above | None:
        if record.above is None:
            return None
        made = Above(record.above.people_share_ppm, record.above.emergency_terminals)
        if len(made.document) != 1:
            rule = "gives no bound." if not made.document else "gives two bounds, and one is read."
            self.add(
                f"{where}.above", rule, "Write people_share_ppm or emergency_terminals; for both, write two lines."
            )
        return made

    def _check_quorum(self, quorum: quorums.Quorum, where: str, officers: Sequence[Officer]) -> None:
        """That it needs two parties, and that the officers there are can satisfy it, whoever of them requests."""
        if party := quorums.one_party_suffices(quorum, quorums.parties(quorum)):
            rule = f'"{quorum}" can be satisfied by {party} alone.'
            self.add(where, rule, "Every way to satisfy a quorum needs at least two parties: write all(…) of two.")
        if not self.sections.isdisjoint({"party", "officer"}):
            return
        if told := quorums.unknown(quorum, officers):
            for sentence in told:
                self.add(where, sentence)
            return
        if not self.all_placed:
            return
        if lacking := quorums.missing(quorum, officers):
            rule = f'"{quorum}" cannot be satisfied by the officers there are: it lacks {lacking}.'
            self.add(where, rule, "Add officers, or ask for fewer.")
            return
        stuck = {
            officer.id: quorums.missing(quorum, [other for other in officers if other.id != officer.id])
            for officer in officers
        }
        by_lack: dict[str, list[str]] = {}
        for officer, lack in stuck.items():
            if lack:
                by_lack.setdefault(lack, []).append(officer)
        for lack, names in by_lack.items():
            rule = f'"{quorum}" cannot be satisfied when {join_or(names)} requests, who then does not count: '
            self.add(where, f"{rule}it lacks {lack}.", "Add an officer, or ask for fewer.")

    def _check_lines(self, lines: Mapping[int, QuorumLine]) -> None:
        seen: set[bytes] = set()
        for number, line in lines.items():
            text = rfc8785.dumps(line.document)
            if text in seen:
                self.add(f"quorum[{number}]", f"stands twice: {line}.", "Leave one of them out.")
            seen.add(text)
        always = [line for line in lines.values() if line.territory == ANY and line.above is None]
        bare = [kind for kind in KINDS if not any(line.kind in (kind, ANY) for line in always)]
        if bare and len(lines) == len(self.record.quorum):  # else it may be a line that is at fault
            self.add(
                "quorum",
                f"no line holds for every change of kind {join_or(bare)}, so some would need nobody's approval.",
                f'Write a [[quorum]] with territory = "{ANY}", without `above`.',
            )

    def _settings(self, record: SettingsRecord) -> Settings:
        notice = {
            self._territory(place, f"settings.notice_hours.{place}"): hours
            for place, hours in record.notice_hours.items()
        }
        if len(notice) < len(record.notice_hours):
            self.add("settings.notice_hours", "names a territory twice.", "Leave one of them out.")
        return Settings(
            single_acts=SingleActs(**record.single_acts.model_dump()),
            break_glass=BreakGlass(**record.break_glass.model_dump()),
            tolerance_ppm=record.tolerance_ppm,
            notice_hours=dict(sorted(notice.items())),
            storage_outage_hours=record.storage_outage_hours,
            lease_slots_max=record.lease_slots_max,
            recovery_notice_days=record.recovery_notice_days,
            loss_days=record.loss_days,
            requests=record.requests,
        )

    def _territory(self, word: str, where: str) -> str:
        """The id of a territory, or ANY. In a file, where a line whose territory nobody knows would never hold."""
        if word == ANY or not self.known_places:
            return word
        found = territory_id(word)
        if found is None:
            self.add(where, *unknown_territory(word))
        return found or word

    def _each_once(self, what: str, ids: Sequence[str]) -> None:
        for id_ in dict.fromkeys(id_ for id_ in ids if ids.count(id_) > 1):
            self.add(f'{what} "{id_}"', "stands twice.", "An id names one of them; give each its own.")
