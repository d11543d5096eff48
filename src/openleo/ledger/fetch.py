"""Reading a log from where it is published: an address (kept-alive HTTP) or a folder. Nothing of it is trusted yet."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from openleo.ledger.faults import Malformed, Missing, Unavailable
from openleo.ledger.tiles import ENTRY_BYTES_MAX, WIDTH

TIMEOUT_S = 30.0
FILE_BYTES_MAX = WIDTH * (ENTRY_BYTES_MAX + 2)  # the largest entry bundle there can be


@contextlib.contextmanager
def source(where: str) -> Iterator[Folder | Address]:
    """An http or https address, or else a folder, for the time of a `with`; each is a Fetch.

    What stands beside the files of a log may be larger than any of them: then it is said how many bytes are read.
    """
    if where.startswith(("http://", "https://")):
        with contextlib.closing(Address(where)) as address:
            yield address
    else:
        yield Folder(Path(where))


class Folder:
    """The files of a static export."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __call__(self, path: str, most_bytes: int = FILE_BYTES_MAX) -> bytes:
        try:
            with (self._folder / path).open("rb") as file:
                data = file.read(most_bytes + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise Missing(f"{self._folder / path} is not there.") from None
        except OSError as error:
            raise Unavailable(f"{self._folder / path} cannot be read: {error.strerror}.") from None
        return _bounded(data, path, most_bytes)


class Address:
    """A prefix of http or https, over one connection that is kept open."""

    def __init__(self, prefix: str, timeout_s: float = TIMEOUT_S):
        self._prefix = prefix.rstrip("/")
        self._connection = connection(prefix, timeout_s)
        self._base = urlsplit(self._prefix).path
        self._lock = threading.Lock()

    def __call__(self, path: str, most_bytes: int = FILE_BYTES_MAX) -> bytes:
        address = f"{self._prefix}/{path}"
        with self._lock:
            status, headers, data = self._get(f"{self._base}/{path}", address, most_bytes)
        if status == http.HTTPStatus.NOT_FOUND:
            raise Missing(f"{address} is not there.")
        if status != http.HTTPStatus.OK:
            raise Unavailable(f"{address} answers {status}.")
        if headers.get("Content-Encoding", "identity") == "gzip":  # a log may, whether asked or not
            data = _unzipped(data, address, most_bytes)
        return _bounded(data, path, most_bytes)

    def _get(self, target: str, address: str, most_bytes: int) -> tuple[int, http.client.HTTPMessage, bytes]:
        for attempt in (1, 2):  # a kept-alive connection may have been closed meanwhile
            try:
                self._connection.request("GET", target, headers={"Accept-Encoding": "gzip, identity"})
                answer = self._connection.getresponse()
                return answer.status, answer.headers, answer.read(most_bytes + 1)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if attempt == 2 or isinstance(error, TimeoutError):
                    raise Unavailable(f"{address} cannot be reached: {error or type(error).__name__}.") from None
        raise AssertionError

    def close(self) -> None:
        self._connection.close()


def connection(address: str, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to the host of an address. Raises Malformed."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise Malformed(f"{address} is not an address. Try https://ledger.example.org")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=timeout_s)


def _unzipped(data: bytes, address: str, most_bytes: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(most_bytes + 1)  # no more, however much it claims to hold
    except (OSError, EOFError, zlib.error):
        raise Malformed(f"{address} is not gzip, as it says.") from None


def _bounded(data: bytes, path: str, most_bytes: int) -> bytes:
    if len(data) > most_bytes:
        raise Malformed(f"{path} is larger than any file of its kind ({most_bytes:,} bytes).")
    return data
