"""`openleo change notify` and `change subscribers check`: who is told, one pass at a time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.change_common import DEFAULT_DATA, Data, Database, answers, clock, folder_of
from openleo.cli.common import AsJson, note, print_json, progress

if TYPE_CHECKING:
    from openleo.governance.feed import Source
    from openleo.governance.following import Follower
    from openleo.governance.notices import Delivery, Notice, Subscriber
    from openleo.governance.post import Outcome
    from openleo.governance.subscribers import Subscribers

SUBSCRIBERS = "subscribers.toml"
File = Annotated[Path, typer.Argument(metavar="F", help="A subscribers file (TOML).")]

subscribers_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Who is told of the changes of which territories."
)


def notify(
    data: Data = DEFAULT_DATA,
    subscribers: Annotated[
        Path | None, typer.Option(metavar="F", help=f"Who is told. [default: {SUBSCRIBERS} in the data folder]")
    ] = None,
    feed: Annotated[Path | None, typer.Option(metavar="DIR", help="Write Atom feeds there, one a territory.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be told; tell and write nothing.")] = False,
    every: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="Go on, with so many seconds between passes.")
    ] = None,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Tell subscribers what is due: one pass, to be run every few minutes, or with --every until it is stopped.

    What is told follows from the ledger: proposals, approvals, activations, objections and what else ends a change; 30
    and 7 days before service of a territory ends; break-glass, at once. What was told stands in outbox.sqlite beside
    the ledger. What failed is tried again by later passes: after a minute at first, at last once a day. A delivery that
    fails is told, and is no error: exit 0. With --every only the first pass reads the whole ledger; each pass reads the
    subscribers file again.
    """
    from openleo.errors import InputError
    from openleo.governance.following import Follower

    follower = Follower(folder_of(data, database))
    _pass(follower, data, subscribers, feed, dry_run, as_json)
    try:
        while every is not None:
            time.sleep(every)
            try:
                _pass(follower, data, subscribers, feed, dry_run, as_json)
            except InputError as error:  # a file that is being written, a database that is locked: it may pass
                note(f"{error}\nAgain in {every:g} s.")
    except KeyboardInterrupt:
        note("Stopped.")


def _pass(
    follower: Follower, data: Path, subscribers: Path | None, feed: Path | None, dry_run: bool, as_json: bool
) -> None:
    people = _people(data, subscribers, feed)
    now = clock()
    with answers(str(data), as_json), progress(kernels=False) as on_progress:
        follower.look(on_progress)
        source = _source(follower.genesis, people)
    found = follower.notices(now)
    written = 0 if feed is None or dry_run else _write_feeds(feed, source, found)
    rows, waiting = (_would_tell if dry_run else _tell)(data, people, found, as_json)
    failed = sum(row["failure"] is not None for row in rows)
    if as_json:
        answer = {"ok": True, "notices": len(found), "deliveries": rows, "waiting": waiting, "feeds_written": written}
        print_json(answer | {"dry_run": dry_run})
    said = f"{len(rows)} would be told" if dry_run else f"{len(rows) - failed} told, {failed} failed"
    feeds = "" if feed is None or dry_run else f"; {written} feeds written to {feed}"
    note(f"{len(found)} notices of {source.origin}: {said}, {waiting} to be tried later{feeds}.")


def check(file: File, as_json: AsJson = False) -> None:
    """Check a subscribers file and the secrets that it names, and say who is told of what. It sends nothing."""
    from openleo.governance.subscribers import read_subscribers

    people = read_subscribers(file)
    if as_json:
        rows = [_row_of(one) for one in people.subscribers]
        return print_json({"ok": True, "subscribers": rows, "feed_address": people.feed_address or None})
    for one in people.subscribers:
        typer.echo(
            f"{one.id}: {one.party}, of {', '.join(one.territories)}, since {one.since.isoformat()}, {_way(one)}"
        )
    return note(f"{file}: {len(people.subscribers)} subscribers, in order.")


def _people(data: Path, subscribers: Path | None, feed: Path | None) -> Subscribers:
    """Raises InputError where there is nobody to tell and no feed to write."""
    from openleo.errors import InputError, Problem
    from openleo.governance.subscribers import Subscribers, read_subscribers

    path = subscribers or data / SUBSCRIBERS
    if subscribers is not None or path.exists():
        return read_subscribers(path)
    if feed is None:
        rule = "is not there, and no feed is asked for: there is nobody to tell."
        raise InputError(Problem(str(path), "", rule, "Write it, name another with --subscribers, or add --feed DIR."))
    return Subscribers()


def _source(genesis: Any, people: Subscribers) -> Source:
    from openleo.governance.feed import source_of

    return source_of(genesis, people.feed_address)


def _write_feeds(folder: Path, source: Source, found: tuple[Notice, ...]) -> int:
    """How many feeds changed. Each is whole at any time."""
    from openleo.governance.feed import feeds
    from openleo.report.staging import StagedFile, blaming

    written = 0
    with blaming(folder, "--feed"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in feeds(source, found):
            path = folder / name
            if path.is_file() and path.read_bytes() == content:
                continue
            with StagedFile(path) as file:
                file.write_bytes(content)
            written += 1
    return written


def _tell(
    data: Path, people: Subscribers, found: tuple[Notice, ...], as_json: bool
) -> tuple[list[dict[str, Any]], int]:
    """(what was tried, how many deliveries wait)."""
    from openleo.governance.notices import due, waiting
    from openleo.governance.outbox import OUTBOX, Outbox
    from openleo.governance.post import Post, send_all

    if not any(one.by for one in people.subscribers):
        return [], 0
    rows = []
    with Outbox(data / OUTBOX) as outbox:
        deliveries = due(found, people.subscribers, outbox.tried(), clock())
        for outcome in send_all(deliveries, Post(people.secrets, people.smtp), outbox, clock):
            rows.append(_row_tried(outcome))
            if not as_json:
                _say(outcome)
        tried = outbox.tried()
        left = due(found, people.subscribers, tried, clock())  # behind others on a route that is down
        return rows, len(left) + waiting(found, people.subscribers, tried, clock())


def _would_tell(
    data: Path, people: Subscribers, found: tuple[Notice, ...], as_json: bool
) -> tuple[list[dict[str, Any]], int]:
    from openleo.governance.notices import due, waiting
    from openleo.governance.outbox import OUTBOX, read_tried

    tried, now = read_tried(data / OUTBOX), clock()
    deliveries = due(found, people.subscribers, tried, now)
    if not as_json:
        for one in deliveries:
            typer.echo(f"would tell {one.subscriber.id} {_way(one.subscriber)}: {one.notice.title}")
    return [_row(one) for one in deliveries], waiting(found, people.subscribers, tried, now)


def _say(outcome: Outcome) -> None:
    from openleo.governance.entries import instant
    from openleo.governance.notices import next_try

    delivery = outcome.delivery
    who = f"{delivery.subscriber.id} {_way(delivery.subscriber)}: {delivery.notice.title}"
    if outcome.failure:
        typer.echo(f"not told {who}: {outcome.failure}. Again after {instant(next_try(outcome.tried))}")
    else:
        typer.echo(f"told {who}")


def _row(delivery: Delivery) -> dict[str, Any]:
    from openleo.governance.entries import instant

    notice = delivery.notice
    return {
        "subscriber": delivery.subscriber.id,
        "notice": notice.id,
        "type": str(notice.kind),
        "at": instant(notice.at),
        "entry": notice.entry,
        "subject": notice.subject,
        "territories": list(notice.territories),
        "title": notice.title,
        "attempts": delivery.attempts,
        "failure": None,
        "again_after": None,
    }


def _row_tried(outcome: Outcome) -> dict[str, Any]:
    from openleo.governance.entries import instant
    from openleo.governance.notices import next_try

    row = _row(outcome.delivery) | {"attempts": outcome.tried.attempts}
    if not outcome.failure:
        return row
    return row | {"failure": outcome.failure, "again_after": instant(next_try(outcome.tried))}


def _row_of(one: Subscriber) -> dict[str, Any]:
    return {
        "id": one.id,
        "party": one.party,
        "territories": list(one.territories),
        "since": one.since.isoformat(),
        "by": _way(one),
    }


def _way(one: Subscriber) -> str:
    """How somebody is told; of a webhook the host alone, since its path can be a secret."""
    from urllib.parse import urlsplit

    from openleo.governance.notices import Email, Webhook

    match one.by:
        case Webhook(url=url):
            return f"by webhook to {urlsplit(url).hostname}"
        case Email(address):
            return f"by mail to {address}"
        case _:
            return "by the feeds"


subscribers_app.command("check")(check)


@subscribers_app.callback()
def _group() -> None:
    """A group of one verb stays a group."""
