"""Deliveries made: signed webhooks, and mails through SMTP; what became of each is noted before the next one.

A webhook is a POST of the notice with the headers of Standard Webhooks: `webhook-id` is the notice's id, and stays the
same however often it is sent; `webhook-timestamp` is that of the attempt; `webhook-signature` holds the HMAC-SHA256 of
both and the body, once for every key. What a failure says names no address and no secret.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import smtplib
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as MAIL_FORM
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
import rfc8785

from openleo import __version__
from openleo.governance.notices import Delivery, Email, Notice, Tried, Webhook
from openleo.governance.outbox import Outbox
from openleo.governance.outward import NotOutward, Resolve, addresses_of, goes_by_proxy, outward_address
from openleo.governance.subscribers import Secrets, Smtp, is_loopback

TIMEOUT_S = 15.0  # of each step of a conversation
LONGEST_S = 60.0  # of a whole one: who answers a byte at a time holds up all others
LONGEST_WAIT = timedelta(days=1)  # that a receiver may ask for
POINTS = ("delivered", "noted")  # that a pass comes by for each delivery; tests kill the process there
At = Callable[[str], None]


class NotDelivered(Exception):
    """Why, in words that may be logged. `down`: the whole route is, and all on it waits; `not_before`: until then."""

    def __init__(self, why: str, *, down: bool = False, not_before: datetime | None = None):
        self.down, self.not_before = down or not_before is not None, not_before
        super().__init__(why)


@dataclass(frozen=True)
class Outcome:
    """A delivery that was tried; `failure` is empty where it was made."""

    delivery: Delivery
    tried: Tried
    failure: str


@dataclass(frozen=True)
class _Named:
    """What a request to an address says of the name that is meant."""

    headers: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Post:
    """Takes deliveries out of the house."""

    secrets: Secrets
    smtp: Smtp | None = None
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    timeout_s: float = TIMEOUT_S
    longest_s: float = LONGEST_S
    resolve: Resolve = addresses_of

    def deliver(self, delivery: Delivery, now: datetime) -> None:
        """Raises NotDelivered. What takes too long is left alone; if it was taken after all, it comes twice."""
        failures: list[Exception] = []

        def converse() -> None:
            try:
                self._deliver(delivery, now)
            except Exception as error:  # noqa: BLE001 - raised again below, in the thread that asked
                failures.append(error)

        thread = threading.Thread(target=converse, name=f"delivery to {delivery.subscriber.id}", daemon=True)
        thread.start()
        thread.join(self.longest_s)
        if thread.is_alive():
            raise NotDelivered(f"not over within {self.longest_s:g} s", down=True)
        if failures:
            raise failures[0]

    def _deliver(self, delivery: Delivery, now: datetime) -> None:
        by = delivery.subscriber.by
        if isinstance(by, Webhook):
            self._call(by, delivery, now)
        elif isinstance(by, Email):
            self._mail(by, delivery.notice, now)

    def _call(self, by: Webhook, delivery: Delivery, now: datetime) -> None:
        body = rfc8785.dumps(delivery.notice.document)
        headers = signed_headers(self.secrets.keys[delivery.subscriber.id], delivery.notice.id, now, body)
        secure = urlsplit(by.url).scheme == "https"
        try:
            url, named = self._outward(by)
            with (
                httpx.Client(
                    timeout=self.timeout_s,
                    follow_redirects=False,  # who is told is in the file, and nowhere else
                    verify=self.tls,
                    trust_env=secure,  # proxies are for what leaves this machine
                ) as client,
                client.stream(
                    "POST", url, content=body, headers=headers | named.headers, extensions=named.extensions
                ) as answer,
            ):
                status, asked = answer.status_code, answer.headers.get("retry-after", "")
        except httpx.TimeoutException:
            raise NotDelivered(f"no answer within {self.timeout_s:g} s", down=True) from None
        except NotOutward as error:
            raise NotDelivered(str(error), down=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise NotDelivered(f"cannot be reached ({type(error).__name__})", down=True) from None
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise NotDelivered(_refusal(status), not_before=retry_after(asked, now))

    def _outward(self, by: Webhook) -> tuple[httpx.URL, _Named]:
        """The address to connect to, and the name that is meant by it. Raises NotOutward, OSError, InvalidURL."""
        url = httpx.URL(by.url)
        if by.private or is_loopback(url.host) or goes_by_proxy(url.scheme, url.host):
            return url, _Named()
        port = url.port or 443
        address = outward_address(url.host, port, self.resolve)
        named = _Named({"host": url.netloc.decode("ascii")}, {"sni_hostname": url.raw_host.decode("ascii")})
        return url.copy_with(host=address), named

    def _mail(self, by: Email, notice: Notice, now: datetime) -> None:
        assert self.smtp is not None, "the file was read with mails and no server"
        message = mail(notice, self.smtp.sender, by.address, now)
        try:
            link = self._link(self.smtp)
        except smtplib.SMTPException as error:
            raise NotDelivered(f"the mail server: {_smtp_words(error)}", down=True) from None
        except OSError as error:
            raise NotDelivered(f"the mail server cannot be reached ({type(error).__name__})", down=True) from None
        try:
            link.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise NotDelivered(f"the mail server refuses: {_smtp_words(error)}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"the mail server: {_smtp_words(error)}", down=True) from None
        finally:  # it was taken or not: how the server says good-bye does not matter
            with contextlib.suppress(smtplib.SMTPException, OSError):
                link.quit()
            link.close()

    def _link(self, smtp: Smtp) -> smtplib.SMTP:
        """A conversation that may begin: encrypted, and signed in. Raises SMTPException or OSError."""
        if smtp.security == "tls":
            link: smtplib.SMTP = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=self.timeout_s, context=self.tls)
        else:
            link = smtplib.SMTP(smtp.host, smtp.port, timeout=self.timeout_s)
        try:
            if smtp.security == "starttls":
                link.starttls(context=self.tls)  # a server that does not offer it is refused
            if smtp.user is not None and self.secrets.smtp_password is not None:
                link.login(smtp.user, self.secrets.smtp_password)
        except BaseException:
            link.close()
            raise
        return link


def signed_headers(keys: Sequence[bytes], id_: str, now: datetime, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks for a message sent now."""
    timestamp = int(now.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": f"openleo/{__version__}",
        "webhook-id": id_,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, id_, timestamp, body) for key in keys),
    }


def signature(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """Standard Webhooks, version 1: over `ID.TIMESTAMP.BODY`.

    >>> from openleo.governance.subscribers import webhook_key
    >>> key = webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")  # the example of the specification's libraries
    >>> signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def mail(notice: Notice, sender: str, to: str, now: datetime) -> EmailMessage:
    """A notice as a mail (RFC 5322); sent twice, it has the same Message-ID."""
    message = EmailMessage(MAIL_FORM)
    message["From"], message["To"] = sender, to
    message["Subject"] = f"[OpenLEO] {notice.title}"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(f"{notice.title}\n\n{notice.text}\nEntry {notice.entry} of {notice.ledger}\n{notice.id}\n")
    return message


def send_all(
    deliveries: Sequence[Delivery], post: Post, outbox: Outbox, clock: Callable[[], datetime], at: At = lambda _: None
) -> Iterator[Outcome]:
    """Try each delivery, and note what became of it. Those on a route that is down wait for the next pass."""
    down: set[str] = set()
    for delivery in deliveries:
        route = _route(delivery)
        if route in down:
            continue
        failure, not_before = "", None
        try:
            post.deliver(delivery, clock())
        except NotDelivered as error:
            failure, not_before = str(error), error.not_before
            if error.down:
                down.add(route)
        at("delivered")
        tried = outbox.note(delivery, clock(), failure, not_before)
        at("noted")
        yield Outcome(delivery, tried, failure)


def retry_after(text: str, now: datetime) -> datetime | None:
    """The instant that a receiver asks to wait for (RFC 9110, 10.2.3: seconds, or a date); None where it asks nothing.

    At most LONGEST_WAIT from now, whatever it asks.

    >>> retry_after("120", datetime(2026, 11, 21, 14, tzinfo=UTC)).isoformat()
    '2026-11-21T14:02:00+00:00'
    >>> retry_after("Sat, 21 Nov 2026 15:30:00 GMT", datetime(2026, 11, 21, 14, tzinfo=UTC)).isoformat()
    '2026-11-21T15:30:00+00:00'
    """
    text = text.strip()
    if text.isascii() and text.isdecimal():
        wait = LONGEST_WAIT if len(text) > len(str(int(LONGEST_WAIT.total_seconds()))) else timedelta(seconds=int(text))
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return None if wait <= timedelta() else now + min(wait, LONGEST_WAIT)


def _route(delivery: Delivery) -> str:
    by = delivery.subscriber.by
    return f"webhook {delivery.subscriber.id}" if isinstance(by, Webhook) else "mail"


def _refusal(status: int) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it answers {status}, a redirect, which is not followed"
    if status == HTTPStatus.GONE:
        return "it answers 410: the address is gone. Take it out of the subscribers file"
    return f"it answers {status}"


def _smtp_words(error: Exception) -> str:
    """What may be told of an error of SMTP: a server's own words can hold anything."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return f"the recipient ({', '.join(map(str, codes))})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return type(error).__name__
