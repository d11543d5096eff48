"""The subscribers file: who is told of which territories, from when on, by webhook, e-mail or the feeds alone.

    schema = 1
    [[subscriber]]
    id = "regulator-twn"
    party = "regulator:TWN"
    territories = ["TWN"]
    since = 2026-11-01T00:00:00Z
    webhook = "https://hooks.regulator.example/openleo"
    key_env = "OPENLEO_WEBHOOK_REGULATOR_TWN"

Read whole, every problem at once. Secrets stand in other files or in the environment: they are read on their own, and
no error, log or value of this module shows one.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field

from openleo.errors import InputError, Problem
from openleo.governance.notices import Email, Subscriber, Webhook
from openleo.governance.roster import ANY
from openleo.governance.roster_records import OfficerId, PartyId
from openleo.places.territories import territory_id, unknown_territory
from openleo.reading import Record, examine, read_toml

SECRET_PREFIX = "whsec_"  # noqa: S105 - Standard Webhooks' mark of a key
KEY_BYTES = range(24, 65)  # Standard Webhooks, signature scheme
MOST_KEYS = 3  # while one takes the place of another
LONGEST_SECRET = 4_096
ADDRESS = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9a-f:]{2,39}")
ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
ONE_OF_TWO = "Name the file that holds it with key_file, or the environment variable with key_env."


def _reference(pattern: str, what: str) -> BeforeValidator:
    """A name of a secret. People put the secret itself here: what stands there is not shown."""

    def check(value: object) -> object:
        if not isinstance(value, str) or value.startswith(SECRET_PREFIX) or not re.fullmatch(pattern, value):
            raise ValueError(f"is not {what}; the secret itself does not stand in this file.")
        return value

    return BeforeValidator(check)


SecretFile = Annotated[str | None, _reference(r"[^\x00-\x1f\x7f]{1,1000}", "the path of a file")]
SecretEnv = Annotated[str | None, _reference(ENV.pattern, "the name of an environment variable")]


class SubscriberRecord(Record):
    """One `[[subscriber]]`; one of `webhook`, `email` and `feed`."""

    id: OfficerId = Field(description="Neutral and lasting: what was told is kept under it.")
    party: PartyId = Field(description='For whom: "regulator:TWN".')
    territories: Annotated[list[str], Field(min_length=1, max_length=500)] = Field(
        description='Of which territories, with their 12-nautical-mile waters; "*": every one.'
    )
    since: datetime = Field(description="From which instant on; what was before is not told.")
    webhook: Annotated[str, Field(max_length=2_000)] | None = Field(None, description="An https address.")
    private: Literal[True] | None = Field(None, description="true: the webhook may be on a private network.")
    key_file: SecretFile = Field(None, description="The file that holds the webhook's key (whsec_…).")
    key_env: SecretEnv = Field(None, description="The environment variable that holds it.")
    email: str | None = Field(None, description="An e-mail address.")
    feed: Literal[True] | None = Field(None, description="true: reads the feeds, and is sent nothing.")


class SmtpRecord(Record):
    """`[smtp]`: the server that takes mails."""

    host: str = Field(description="Its name or address.")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(587, description="587 for STARTTLS, 465 for TLS.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description='"none": only on this machine.')
    from_: str = Field(alias="from", description="The sender's address.")
    user: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(None, description="Who signs in.")
    password_file: SecretFile = Field(None, description="The file that holds the password.")
    password_env: SecretEnv = Field(None, description="The environment variable that holds it.")


class FeedRecord(Record):
    """`[feed]`."""

    address: Annotated[str, Field(max_length=1_000)] = Field(description="Where the feeds' folder is published.")


class SubscribersRecord(Record):
    """A subscribers file."""

    schema_: Literal[1] = Field(alias="schema", description="1.")
    subscriber: list[SubscriberRecord] = Field(default_factory=list, description="Who is told.")
    smtp: SmtpRecord | None = Field(None, description="How mails leave.")
    feed: FeedRecord | None = Field(None, description="Where feeds are published.")


@dataclass(frozen=True)
class Smtp:
    """A mail server, and who sends by it."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    user: str | None = None


@dataclass(frozen=True)
class Secrets:
    """What nobody is shown."""

    keys: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict, repr=False)  # of webhooks, by subscriber
    smtp_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Subscribers:
    """A subscribers file that holds together. `feed_address`: of the folder, ending in a slash, or empty."""

    subscribers: tuple[Subscriber, ...] = ()
    smtp: Smtp | None = None
    feed_address: str = ""
    secrets: Secrets = field(default_factory=Secrets, repr=False)


def read_subscribers(path: Path, environment: Mapping[str, str] | None = None) -> Subscribers:
    """A file and the secrets that it names; paths are relative to it. Raises InputError with every problem."""
    data = read_toml(path)
    record, problems = examine(SubscribersRecord, data, str(path))
    if record is None:
        raise InputError(problems)
    reading = _Reading(record, path, os.environ if environment is None else environment, problems)
    made = reading.subscribers()
    if problems:
        raise InputError(problems)
    return made


@dataclass
class _Reading:
    record: SubscribersRecord
    path: Path
    environment: Mapping[str, str]
    problems: list[Problem]

    def subscribers(self) -> Subscribers:
        people = self.record.subscriber
        for id_, times in Counter(one.id for one in people).items():
            if times > 1:
                self._fault("subscriber", f'the id "{id_}" stands {times} times.', "Give each an id of its own.")
        keys: dict[str, tuple[bytes, ...]] = {}
        made = tuple(self._subscriber(number, one, keys) for number, one in enumerate(people))
        self._check_keys_differ(keys)
        smtp, password = self._smtp()
        if smtp is None and any(isinstance(one.by, Email) for one in made):
            self._fault(
                "smtp", "is missing, and some subscribers are told by e-mail.", "Add [smtp] with host and from."
            )
        return Subscribers(made, smtp, self._feed_address(), Secrets(keys, password))

    def _subscriber(self, number: int, one: SubscriberRecord, keys: dict[str, tuple[bytes, ...]]) -> Subscriber:
        where = f"subscriber[{number}]"
        territories = tuple(self._territories(where, one.territories))
        if one.since.tzinfo is None:
            self._fault(f"{where}.since", "has no time zone.", "Write 2026-11-01T00:00:00Z.")
        ways = [name for name, value in (("webhook", one.webhook), ("email", one.email), ("feed", one.feed)) if value]
        if len(ways) != 1:
            said = f"has {' and '.join(ways)}" if ways else "is told in no way"
            self._fault(
                where, f"{said}; it is one of webhook, email and feed.", "Add another subscriber for another way."
            )
        by: Webhook | Email | None = None
        if one.webhook is not None:
            by = Webhook(one.webhook, bool(one.private))
            self._check_address(f"{where}.webhook", one.webhook)
            secret = self._secret(where, "key", one.key_file, one.key_env)
            if secret is not None:
                keys[one.id] = tuple(self._keys(where, secret))
        elif one.private:
            self._fault(where, "has private, and no webhook.", "Take it out, or add webhook.")
        elif one.key_file is not None or one.key_env is not None:
            self._fault(where, "has a key and no webhook.", "Take the key out, or add webhook.")
        if one.webhook is None and one.email is not None:
            by = Email(one.email)
            self._check_email(f"{where}.email", one.email)
        since = one.since if one.since.tzinfo else one.since.replace(tzinfo=UTC)
        return Subscriber(one.id, one.party, territories, since, by)

    def _territories(self, where: str, words: list[str]) -> Iterator[str]:
        for number, word in enumerate(words):
            id_ = ANY if word == ANY else territory_id(word)
            if id_ is None:
                self._fault(f"{where}.territories[{number}]", *unknown_territory(word[:100]))
            else:
                yield id_

    def _check_address(self, where: str, text: str) -> None:
        """An address can hold a token: it is not shown."""
        if (parts := _split(text)) is None or not parts.hostname:
            self._fault(where, "is no address.", "It is like https://hooks.regulator.example/openleo.")
        elif parts.username is not None or parts.password is not None:
            self._fault(where, "holds a user or a password.", "Receivers know us by the signature; leave them out.")
        elif parts.fragment:
            self._fault(where, "has a part after #, which is never sent.", "Leave it out.")
        elif parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
            self._fault(where, f"is {parts.scheme} to another machine; notices go by https.", "Write https://…")

    def _check_email(self, where: str, text: str) -> None:
        if not ADDRESS.fullmatch(text):
            self._fault(where, f"is {text[:100]!r}, and no e-mail address.", "It is like office@regulator.example.")

    def _keys(self, where: str, secret: str) -> Iterator[bytes]:
        words = secret.split()
        if not 1 <= len(words) <= MOST_KEYS:
            self._fault(
                f"{where}.key", f"holds {len(words)} keys.", f"One a line, the newest first, at most {MOST_KEYS}."
            )
        for word in words[:MOST_KEYS]:
            key = webhook_key(word)
            if key is None:
                rule = f"is no key: {SECRET_PREFIX} and the base64 of {KEY_BYTES[0]} to {KEY_BYTES[-1]} random bytes."
                self._fault(f"{where}.key", rule, 'Make one: echo "whsec_$(head -c 32 /dev/urandom | base64)"')
            else:
                yield key

    def _check_keys_differ(self, keys: Mapping[str, tuple[bytes, ...]]) -> None:
        of: dict[bytes, str] = {}
        for id_, some in keys.items():
            for key in some:
                if (other := of.setdefault(key, id_)) != id_:
                    self._fault("subscriber", f"{other} and {id_} have one key.", "Each webhook has a key of its own.")

    def _smtp(self) -> tuple[Smtp | None, str | None]:
        record = self.record.smtp
        if record is None:
            return None, None
        if not HOST.fullmatch(record.host):
            self._fault("smtp.host", f"is {record.host[:100]!r}, and no host.", "It is like mail.operator.example.")
        elif record.security == "none" and not is_loopback(record.host):
            self._fault("smtp.security", 'is "none", and the server is another machine.', 'Write "starttls" or "tls".')
        self._check_email("smtp.from", record.from_)
        password = None
        if record.user is not None:
            password = self._secret("smtp", "password", record.password_file, record.password_env)
        elif record.password_file is not None or record.password_env is not None:
            self._fault("smtp", "has a password and no user.", "Add user, or take the password out.")
        return Smtp(record.host, record.port, record.security, record.from_, record.user), password

    def _feed_address(self) -> str:
        if self.record.feed is None:
            return ""
        text = self.record.feed.address
        parts = _split(text)
        if (
            parts is None
            or parts.scheme not in ("https", "http")
            or not parts.hostname
            or parts.query
            or parts.fragment
        ):
            self._fault(
                "feed.address", f"is {text[:100]!r}, and no web address.", "It is like https://example.org/feeds/"
            )
        return text if text.endswith("/") else text + "/"

    def _secret(self, where: str, name: str, file: str | None, env: str | None) -> str | None:
        """A secret by one of its two names."""
        way_out = ONE_OF_TWO.replace("key", name)
        if (file is None) == (env is None):
            said = "are both there; one of them is read." if file is not None else "are missing."
            self._fault(where, f"{name}_file and {name}_env {said}", way_out)
            return None
        if env is not None:
            value = self.environment.get(env, "").strip()
            if not value:
                self._fault(f"{where}.{name}_env", f"the environment variable {env} is not set.", f"export {env}=…")
            return value or None
        assert file is not None
        return self._secret_of_file(f"{where}.{name}_file", self.path.parent / file)

    def _secret_of_file(self, where: str, path: Path) -> str | None:
        try:
            with path.open(encoding="utf-8") as opened:
                mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
                value = opened.read(LONGEST_SECRET).strip()
        except OSError as error:
            self._fault(where, f"{path} cannot be read: {error.strerror}.", "Name a file with the secret alone.")
            return None
        except UnicodeDecodeError:
            self._fault(where, f"{path} is no text.", "Name a file with the secret alone.")
            return None
        if mode & 0o077:
            self._fault(where, f"{path} can be read by others (mode {mode:o}).", f"Try: chmod 600 {path}")
        if not value:
            self._fault(where, f"{path} is empty.", "Name a file with the secret alone.")
        return value or None

    def _fault(self, where: str, rule: str, way_out: str) -> None:
        self.problems.append(Problem(str(self.path), where, rule, way_out))


def webhook_key(text: str) -> bytes | None:
    """The bytes of a key as Standard Webhooks writes it, or None.

    >>> webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").hex()[:8]
    '31f290f6'
    """
    if not text.startswith(SECRET_PREFIX):
        return None
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        return None
    return key if len(key) in KEY_BYTES else None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by what is written and not by what a name server says.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "localhost.example", "10.0.0.1")]
    [True, True, True, False, False]
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(text: str) -> SplitResult | None:
    """The parts of an address, or None where it is none: spaces and controls are dropped by some readers."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts if re.fullmatch(r"[!-~]+", text) else None
