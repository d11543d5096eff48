"""Element sets from CelesTrak, within its usage policy.

CelesTrak renews its data every two hours and blocks machines that ask more often. So: a file younger than two hours
comes from the cache, a refusal is remembered and ends all requests until a person lifts it, and nothing is retried
by itself. Source: CelesTrak, "A New Way to Obtain GP Data" and its usage policy.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from openleo.errors import InputError, Problem
from openleo.instants import instant_text, parse_instant
from openleo.network.constellation.elements import read_elements

NAME = "celestrak"
ADDRESS = "https://celestrak.org/NORAD/elements/gp.php"
MINIMUM_AGE = timedelta(hours=2)
TIMEOUT_S = 60.0
REFUSALS = (403, 429)
MOST_BYTES = 200 * 2**20
_GROUP = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True)
class Fetched:
    """A file with where it came from."""

    path: Path
    url: str
    sha256: str
    fetched_at: datetime
    sets: int
    from_cache: bool

    def sentence(self) -> str:
        how = "kept from" if self.from_cache else "fetched"
        return (
            f"{self.sets} element sets, {how} {instant_text(self.fetched_at)}, sha256 {self.sha256[:16]}…, {self.url}"
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), "fetched_at": instant_text(self.fetched_at)}


def default_cache() -> Path:
    """The user's cache folder (XDG_CACHE_HOME, else ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openleo"


def fetch(source: str, cache: Path, *, now: datetime | None = None, address: str = ADDRESS) -> Fetched:
    """The element sets of `celestrak:GROUP` as an OMM JSON file in the cache.

    Raises InputError for a source that is not known, after a refusal, when the source cannot be reached or sends no
    elements, and when the cache cannot be written.
    """
    now = now or datetime.now(UTC)
    group = _group(source)
    folder = cache / NAME
    refusal = folder / "refused.json"
    try:
        kept = _kept(folder, group)
        if kept and timedelta() <= now - kept.fetched_at < MINIMUM_AGE:
            return kept
        if refusal.exists():
            raise InputError(_refused(source, refusal))
        folder.mkdir(parents=True, exist_ok=True)
        asked = folder / f"{group}.asked"
        if asked.exists() and timedelta() <= now - _asked_at(asked) < MINIMUM_AGE:
            rule = f"was asked at {asked.read_text(encoding='utf-8')} and gave nothing of use."
            raise InputError(Problem(source, "", rule, "It is asked again two hours after that."))
        # Written before the request: a cache that cannot be written must not cost one, nor forget a refusal.
        asked.write_text(instant_text(now), encoding="utf-8")
        url = str(httpx.URL(address, params={"GROUP": group, "FORMAT": "json"}))
        fetched = _keep(_get(url, source, refusal, now), folder, group, url, now, source)
        asked.unlink()
    except OSError as error:
        rule = f"cannot be used as a cache: {error.strerror}."
        raise InputError(Problem(str(folder), "", rule, "Name another with --cache.")) from None
    return fetched


def _asked_at(asked: Path) -> datetime:
    try:
        return parse_instant(asked.read_text(encoding="utf-8"))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _group(source: str) -> str:
    name, _, group = source.partition(":")
    if name != NAME or not _GROUP.fullmatch(group):
        way_out = "Write celestrak:GROUP, for example celestrak:starlink or celestrak:oneweb."
        raise InputError(Problem(source, "", "is no source that can be fetched.", way_out))
    return group.lower()


def _kept(folder: Path, group: str) -> Fetched | None:
    """What the cache has, or None; half a write or another hand's is as good as nothing."""
    path, about = folder / f"{group}.json", folder / f"{group}.about.json"
    try:
        said = json.loads(about.read_text(encoding="utf-8"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != said["sha256"]:
            return None
        return Fetched(path, said["url"], digest, parse_instant(said["fetched_at"]), said["sets"], from_cache=True)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _get(url: str, source: str, refusal: Path, now: datetime) -> bytes:
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_S, follow_redirects=True) as answer:
            if answer.status_code in REFUSALS:
                said = {"status": answer.status_code, "at": instant_text(now), "url": url}
                refusal.write_text(json.dumps(said), encoding="utf-8")
                raise InputError(_refused(source, refusal))
            if answer.status_code != httpx.codes.OK:
                rule = f"answered {answer.status_code}; nothing was kept."
                raise InputError(Problem(source, "", rule, "Look at its site before asking again."))
            content = bytearray()
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > MOST_BYTES:
                    rule = f"sends more than {MOST_BYTES} bytes; that is no list of elements."
                    raise InputError(Problem(source, "", rule))
            return bytes(content)
    except httpx.HTTPError as error:
        (refusal.parent / f"{source.partition(':')[2].lower()}.asked").unlink(missing_ok=True)  # it never heard us
        way_out = 'Without a network, name a file in the scenario: elements = "file.json".'
        raise InputError(Problem(source, "", f"cannot be reached: {error}.", way_out)) from None


def _refused(source: str, refusal: Path) -> Problem:
    try:
        said = json.loads(refusal.read_text(encoding="utf-8"))
        answer = f"answered {said['status']} at {said['at']}"
    except (ValueError, TypeError, KeyError):  # the record is broken; that it is there says enough
        answer = "refused an earlier request"
    rule = f"{answer}, which blocks this address, and is not asked again."
    return Problem(source, "", rule, f"Read its usage policy; then delete {refusal}.")


def _keep(content: bytes, folder: Path, group: str, url: str, now: datetime, source: str) -> Fetched:
    """Check what came, and only then put it in place of what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        fresh = Path(work) / f"{group}.json"
        fresh.write_bytes(content)
        try:
            sets = len(read_elements(fresh).sets)
        except InputError as error:
            rule = f"sent no element sets: {error.problems[0].rule}"
            raise InputError(Problem(source, "", rule, "What the cache had is as it was.")) from None
        digest = hashlib.sha256(content).hexdigest()
        about = Path(work) / f"{group}.about.json"
        about.write_text(
            json.dumps({"url": url, "sha256": digest, "fetched_at": instant_text(now), "sets": sets}, indent=2)
        )
        fresh.replace(folder / fresh.name)
        about.replace(folder / about.name)  # last: a crash between the two is seen by the hash
    return Fetched(folder / f"{group}.json", url, digest, now, sets, from_cache=False)
