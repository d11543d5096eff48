"""What a ledger gives notice of: its entries followed one by one, and the clock.

A notice follows from the entries and the passing of time alone: whoever replays the same entries up to the same instant
finds the same notices under the same ids. Times come before entries: what ended at noon had ended before an entry of
noon.
"""

from __future__ import annotations

import hashlib
import heapq
import unicodedata
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from openleo.errors import counted
from openleo.governance import emergency, told
from openleo.governance.entries import (
    Act,
    Activated,
    Approval,
    Body,
    BreakGlassReviewed,
    BreakGlassUsed,
    EffectFrozen,
    EntryRefused,
    Expired,
    Genesis,
    KeyRevoked,
    Objection,
    Proposed,
    Rejection,
    Withdrawal,
    from_bytes,
    instant,
    parse_instant,
)
from openleo.governance.notices import Kind, Notice
from openleo.governance.replay import Finding, take
from openleo.governance.roster import all_satisfied
from openleo.governance.state import Change, State, Status, earliest, status, touched, voters

END_DAYS = (30, 7)  # before service of a territory ends; the longest first
MOST_NAMED = 10  # territories in a title; the notice lists all
MOST_ENDS = 50  # lines of a notice; the entry lists all
MOVED_BY_TIME = ("found", "alarms", "open", "void", "warned", "overdue")  # of a Watch
NOT_PLAIN = ("Cc", "Cs", "Zl", "Zp")  # Unicode: controls, halves of pairs, separators of lines and paragraphs


def notices(entries: Iterable[bytes], now: datetime) -> tuple[Notice, ...]:
    """Every notice of a ledger until now, in the order in which things happened.

    An entry that should not have followed changes nothing, and nobody is told of it: `change audit` tells.
    """
    watch = Watch()
    watch.follow(entries)
    return watch.until(now)


@dataclass(order=True)
class _Alarm:
    at: datetime
    number: int  # in the order in which they were set
    subject: str = field(compare=False)
    kind: Kind = field(compare=False)
    ends: tuple[tuple[str, int], ...] = field(compare=False, default=())  # (instant, days of warning)


@dataclass
class Watch:
    """A ledger that is replayed, and what is noticed on the way. It goes on from where it is."""

    state: State = field(default_factory=State)
    found: list[Notice] = field(default_factory=list)
    ledger: str = ""  # sha256 of entry 0: two ledgers share no id
    alarms: list[_Alarm] = field(default_factory=list)
    alarms_set: int = 0
    entries: dict[str, int] = field(default_factory=dict)  # that of a proposal, of a use of break-glass
    open: dict[str, None] = field(default_factory=dict)  # changes that may still be activated, or are void for now
    met: set[str] = field(default_factory=set)  # whose quorum is met
    void: set[str] = field(default_factory=set)
    ending: dict[str, None] = field(default_factory=dict)  # changes in force that end service somewhere
    warned: set[tuple[str, str, int]] = field(default_factory=set)  # (territory, end, days)
    overdue: set[str] = field(default_factory=set)

    def follow(self, entries: Iterable[bytes]) -> list[Finding]:
        """Follow more entries. Gives those that should not have followed: they change nothing."""
        return [finding for data in entries if (finding := self._take(data)) is not None]

    def until(self, now: datetime) -> tuple[Notice, ...]:
        """Every notice until now, were no other entry to come; what passes by itself is not kept.

        An entry that is followed later may be of an earlier instant than this one.
        """
        held = {name: copy(getattr(self, name)) for name in MOVED_BY_TIME}
        later = replace(self, **held)
        later._time_passes(now)
        return tuple(later.found)

    def _take(self, data: bytes) -> Finding | None:
        index = self.state.size
        try:
            entry = from_bytes(data)
        except EntryRefused as refused:
            self.state.size += 1
            return Finding(index, str(refused))
        self._time_passes(entry.at)
        if why := take(self.state, entry):
            return Finding(index, why)
        if isinstance(entry.body, Genesis):
            self.ledger = hashlib.sha256(data).hexdigest()
        self._notice(index, entry.at, entry.body)
        if isinstance(entry.body, Activated | Act | KeyRevoked):
            self._look_for_void(index, entry.at)
        return None

    def _time_passes(self, now: datetime) -> None:
        """Everything that happens by itself until now."""
        while self.alarms and self.alarms[0].at <= now:
            alarm = heapq.heappop(self.alarms)
            if alarm.kind is Kind.EXPIRED:
                self._expire(alarm)
            elif alarm.kind is Kind.ENDS:
                self._warn(alarm)
            else:
                self._remind(alarm)

    # --- entries

    def _notice(self, index: int, at: datetime, body: Body) -> None:
        match body:
            case Proposed():
                self.entries[body.change] = index
                self.open[body.change] = None
                over = min(parse_instant(body.expires), parse_instant(body.window.until))
                self._alarm(over, body.change, Kind.EXPIRED)
            case EffectFrozen():
                proposed = self._change(body.change).proposed
                said = f"proposed by {proposed.requester} on behalf of {proposed.on_behalf_of}"
                self._tell(Kind.PROPOSED, index, at, body.change, said)
            case Objection():
                self._tell(Kind.OBJECTION, index, at, body.change, f"{body.party} objects", body.text)
            case Rejection():
                self._over(body.change)
                self._tell(Kind.REJECTED, index, at, body.change, f"rejected by {body.officer}")
            case Withdrawal():
                self._tell(Kind.WITHDRAWN, index, at, body.change, f"{body.officer} took the approval back")
                self._look_at_quorum(body.change, index, at)
            case Approval():
                self._look_at_quorum(body.change, index, at)
            case KeyRevoked():
                for change in self.open:
                    self._look_at_quorum(change, index, at)
            case Activated():
                self._over(body.change)
                marked = ", unwitnessed" if self._change(body.change).unwitnessed else ""
                self._tell(Kind.ACTIVATED, index, at, body.change, f"takes effect{marked}")
                for change in self.open:  # what it took may raise the quorum of others
                    self._look_at_quorum(change, index, at)
                self._look_at_ends(body.change, at)
                self._set_reminders(at)
            case Expired() if body.change in self.open:  # void before, and closed now
                self._over(body.change)
            case BreakGlassUsed():
                self.entries[body.id] = index
                self._tell_glass(Kind.GLASS_USED, index, at, body.id, f"used, until {body.until}")
                self._set_reminders(at)
            case BreakGlassReviewed():
                self._tell_glass(Kind.GLASS_REVIEWED, index, at, body.id, "reviewed", f"finding: {body.finding}")

    def _look_at_quorum(self, id_: str, index: int, at: datetime) -> None:
        change = self._change(id_)
        if change.effect is None or not all_satisfied(change.asked, voters(self.state, change)):
            self.met.discard(id_)
        elif id_ not in self.met:
            self.met.add(id_)
            begin = instant(max(at, earliest(self.state, change)))
            self._tell(Kind.APPROVED, index, at, id_, f"approved; it may take effect from {begin} on")

    def _look_for_void(self, index: int, at: datetime) -> None:
        """A value that moves away from what a proposal starts from makes it void, for good."""
        for id_ in self.open:
            ended = self._change(id_).ended
            if ended is not None and ended[0] is Status.VOID and id_ not in self.void:
                self._tell(Kind.VOID, index, at, id_, "void", ended[1])
                self.void.add(id_)

    def _over(self, id_: str) -> None:
        self.open.pop(id_, None)
        self.void.discard(id_)

    # --- times

    def _alarm(self, at: datetime, subject: str, kind: Kind, ends: tuple[tuple[str, int], ...] = ()) -> None:
        self.alarms_set += 1
        heapq.heappush(self.alarms, _Alarm(at, self.alarms_set, subject, kind, ends))

    def _expire(self, alarm: _Alarm) -> None:
        if alarm.subject in self.open:
            self._over(alarm.subject)
            if status(self.state, self._change(alarm.subject), alarm.at) is Status.EXPIRED:
                self._tell(Kind.EXPIRED, self.entries[alarm.subject], alarm.at, alarm.subject, "ran out")

    def _look_at_ends(self, id_: str, at: datetime) -> None:
        """Set the warnings of a change that was activated; of those whose day is past, the last one comes at once."""
        effect = self._change(id_).effect
        assert effect is not None
        if effect.ends:
            self.ending[id_] = None
        self.ending = {one: None for one in self.ending if self.state.status(one, at) is Status.ACTIVE}
        alive = {
            (one.territory, one.at)
            for change in map(self._change, self.ending)
            if change.effect is not None
            for one in change.effect.ends
        }
        self.warned = {warned for warned in self.warned if warned[:2] in alive}
        times: dict[datetime, list[tuple[str, int]]] = {}
        for text in sorted({one.at for one in effect.ends}):
            end = parse_instant(text)
            # Of the days of warning that are past, the last one: {when: days} keeps what is put in last.
            for when, days in {max(at, end - timedelta(days=days)): days for days in END_DAYS}.items():
                if at < end:
                    times.setdefault(when, []).append((text, days))
        for when, ends in times.items():
            self._alarm(when, id_, Kind.ENDS, tuple(ends))

    def _warn(self, alarm: _Alarm) -> None:
        """Of ends that come with one alarm, such as those of weekly periods, one notice.

        Another book may have put an end off since: the ledger cannot tell, and warns.
        """
        change = self._change(alarm.subject)
        if change.effect is None or status(self.state, change, alarm.at) is not Status.ACTIVE:
            return
        days_of = dict(alarm.ends)
        ends = {(one.territory, one.at, days_of[one.at]) for one in change.effect.ends if one.at in days_of}
        new = sorted(ends - self.warned, key=lambda one: (one[1], one[0]))
        self.warned |= ends
        if not new:
            return
        times = tuple(dict.fromkeys(at for _, at, _ in new))
        left = (parse_instant(times[0]) - alarm.at).days
        more = f", and {counted(len(times) - 1, 'more time')} until {times[-1]}" if times[1:] else ""
        said = f"ends service at {times[0]}, in {counted(left, 'day')}{more}"
        assert change.activated_by is not None
        self._tell(
            Kind.ENDS,
            change.activated_by,
            alarm.at,
            alarm.subject,
            said,
            places=tuple(dict.fromkeys(place for place, _, _ in new)),
            part=",".join(f"{place}/{at}/{days}" for place, at, days in new),
        )

    def _set_reminders(self, at: datetime) -> None:
        """When the review of every use is overdue, as the roster in force has it."""
        days = timedelta(days=self.state.people.settings.break_glass.review_days)
        for id_, glass in self.state.glass.items():
            if glass.reviewed_at is None and id_ not in self.overdue:
                self._alarm(max(at, glass.at + days), id_, Kind.GLASS_OVERDUE)

    def _remind(self, alarm: _Alarm) -> None:
        if alarm.subject in emergency.overdue(self.state, alarm.at) and alarm.subject not in self.overdue:
            self.overdue.add(alarm.subject)
            said = "not reviewed in time: nobody breaks the glass again before it is"
            self._tell_glass(Kind.GLASS_OVERDUE, self.entries[alarm.subject], alarm.at, alarm.subject, said)

    # --- telling

    def _change(self, id_: str) -> Change:
        return self.state.changes[id_]

    def _tell(
        self,
        kind: Kind,
        index: int,
        at: datetime,
        id_: str,
        said: str,
        *more: str,
        places: Sequence[str] = (),
        part: str = "",
    ) -> None:
        change = self._change(id_)
        if not places and change.effect is not None:
            places = touched(change.effect)
        lines = [*more, told.text(self.state, change, at)]
        ends = () if change.effect is None else change.effect.ends
        lines += [f"  service of {one.territory} ends {one.at}" for one in ends[:MOST_ENDS]]
        if len(ends) > MOST_ENDS:
            lines += [f"  and {len(ends) - MOST_ENDS} more ends"]
        self._add(kind, index, at, id_, f"{change.proposed.kind} change {id_}: {said}", places, lines, part)

    def _tell_glass(self, kind: Kind, index: int, at: datetime, id_: str, said: str, *more: str) -> None:
        glass = self.state.glass[id_]
        used = glass.used
        lines = [
            *more,
            f"{id_}: break-glass by {' and '.join(sorted(glass.users))}, {instant(glass.at)} to {used.until}",
            *(f"  {told.move(move)}" for move in used.moves),
            f"  reason: {used.reason}",
            *(["  unwitnessed"] if not used.witnessed else []),
        ]
        self._add(kind, index, at, id_, f"break-glass {id_}: {said}", (), lines, "")

    def _add(
        self,
        kind: Kind,
        index: int,
        at: datetime,
        subject: str,
        said: str,
        places: Sequence[str],
        lines: Sequence[str],
        part: str,
    ) -> None:
        named = tuple(_plain(place) for place in dict.fromkeys(places))
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        title = f"{said} ({', '.join(named[:MOST_NAMED])}{more})" if named else said
        key = "\n".join((self.ledger, str(index), kind, subject, part))
        self.found.append(
            Notice(
                id="notice_" + hashlib.sha256(key.encode()).hexdigest()[:32],
                at=at,
                kind=kind,
                ledger=self.state.origin,
                entry=index,
                subject=subject,
                territories=named,
                title=_plain(title),
                text="\n".join(_plain(line) for text in lines for line in text.splitlines()) + "\n",
            )
        )


def _plain(text: str) -> str:
    """One line, whatever an entry holds: headers of mails and XML take no control characters."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _no_text(one) else one for one in text)


def _no_text(one: str) -> bool:
    """Also the bidirectional controls, and the code points that are no characters."""
    code = ord(one)
    turns = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return turns or code & 0xFFFE == 0xFFFE or unicodedata.category(one) in NOT_PLAIN
