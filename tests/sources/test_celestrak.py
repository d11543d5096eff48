"""CelesTrak, by way of a server of our own on this machine: asked seldom, and never after a refusal."""

from __future__ import annotations

import http.server
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from openleo.errors import InputError
from openleo.network.constellation.elements import read_elements
from openleo.sources import celestrak

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOURCE = "celestrak:starlink"


def omm(number, name="EXAMPLE"):
    return {
        "OBJECT_NAME": f"{name}-{number}",
        "OBJECT_ID": "2026-001A",
        "EPOCH": "2026-11-20T04:08:56.166336",
        "MEAN_MOTION": 15.05591365,
        "ECCENTRICITY": 0.0001456,
        "INCLINATION": 53.0536,
        "RA_OF_ASC_NODE": 110.2629,
        "ARG_OF_PERICENTER": 75.9267,
        "MEAN_ANOMALY": 284.2321,
        "EPHEMERIS_TYPE": 0,
        "NORAD_CAT_ID": number,
        "BSTAR": 0.00089842,
    }


GOOD = json.dumps([omm(100_001), omm(100_002)]).encode()
NEWER = json.dumps([omm(100_001), omm(100_002), omm(100_003)]).encode()


@dataclass
class Server:
    """What it answers next, and what it was asked for."""

    address: str = ""
    status: int = 200
    body: bytes = GOOD
    headers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)


@pytest.fixture
def server():
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            state.asked.append(self.path)
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        state.address = f"http://127.0.0.1:{listening.server_port}/gp.php"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        listening.shutdown()
        thread.join()


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """Fetches from the server, so long after noon."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def fetch(hours=0.0, source=SOURCE):
        now = NOW + timedelta(hours=hours)
        return celestrak.fetch(source, tmp_path / "cache", now=now, address=server.address)

    return fetch


def refused(fetch, **how):
    with pytest.raises(InputError) as said:
        fetch(**how)
    (problem,) = said.value.problems
    return problem


# --- asking -------------------------------------------------------------------------------------------------------


def test_the_first_fetch_asks_once_and_keeps_what_came_with_its_provenance(server, fetch, tmp_path):
    got = fetch()
    assert server.asked == ["/gp.php?GROUP=starlink&FORMAT=json"]
    assert got.path == tmp_path / "cache" / "celestrak" / "starlink.json"
    assert got.path.read_bytes() == GOOD
    assert (got.sets, got.from_cache, got.fetched_at) == (2, False, NOW)
    assert got.url == f"{server.address}?GROUP=starlink&FORMAT=json"
    assert len(read_elements(got.path)) == 2
    about = json.loads((got.path.parent / "starlink.about.json").read_text())
    assert about["url"] == got.url
    assert about["sha256"] == got.sha256
    assert json.loads(json.dumps(got.as_json()))["fetched_at"] == "2026-11-20T12:00:00Z"
    assert "2 element sets, fetched 2026-11-20T12:00:00Z" in got.sentence()


@pytest.mark.parametrize("hours", [0.0, 1.0, 1.999])
def test_within_two_hours_the_cache_answers_and_nobody_is_asked(server, fetch, hours):
    first, second = fetch(), fetch(hours)
    assert len(server.asked) == 1
    assert second.from_cache
    assert (second.path, second.sha256, second.sets, second.fetched_at) == (first.path, first.sha256, 2, NOW)
    assert "kept from" in second.sentence()


def test_after_two_hours_it_is_asked_again(server, fetch):
    fetch()
    server.body = NEWER
    got = fetch(2.001)
    assert len(server.asked) == 2
    assert (got.sets, got.from_cache) == (3, False)
    assert fetch(2.5).sets == 3
    assert len(server.asked) == 2


def test_each_group_is_kept_for_itself(server, fetch):
    fetch()
    fetch(source="celestrak:OneWeb")
    assert server.asked[1] == "/gp.php?GROUP=oneweb&FORMAT=json"
    fetch(source="celestrak:oneweb")
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "source", ["celestrak", "celestrak:", "celestrak:../x", "celestrak:a&FORMAT=tle", "spacetrack:x"]
)
def test_what_is_no_group_is_never_asked_for(server, fetch, source):
    assert "celestrak:GROUP" in refused(fetch, source=source).way_out
    assert server.asked == []


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 429])
def test_after_a_refusal_nobody_is_asked_until_a_person_lifts_it(server, fetch, tmp_path, status):
    server.status, server.body = status, b"no"
    refusal = tmp_path / "cache" / "celestrak" / "refused.json"
    assert str(status) in str(refused(fetch))
    assert refusal.exists()
    server.status, server.body = 200, GOOD
    again = refused(fetch, hours=48.0)
    assert str(status) in again.rule
    assert "2026-11-20T12:00:00Z" in again.rule
    assert str(refusal) in again.way_out
    refused(fetch, source="celestrak:oneweb")
    assert len(server.asked) == 1
    refusal.unlink()
    assert fetch(49.0).sets == 2
    assert len(server.asked) == 2


def test_a_refusal_leaves_what_was_kept_and_the_cache_still_answers_while_it_is_young(server, fetch):
    kept = fetch().path
    server.status = 403
    refused(fetch, hours=3.0)
    assert kept.read_bytes() == GOOD
    assert fetch(1.0).from_cache
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [301, 404, 500, 503])
def test_another_answer_than_the_data_is_said_and_keeps_what_was_there(server, fetch, status):
    """A group that is mistyped, or a server in trouble, is no refusal."""
    kept = fetch().path
    server.status, server.body = status, NEWER
    problem = refused(fetch, hours=3.0)
    assert str(status) in problem.rule
    assert problem.way_out
    assert kept.read_bytes() == GOOD
    server.status = 200
    assert "asked at" in refused(fetch, hours=4.0).rule  # the minimum age holds after a failure too
    assert len(server.asked) == 2
    assert fetch(5.0).sets == 3
    assert len(server.asked) == 3


# --- what comes back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"No GP data found",
        b"Invalid query",
        b"<html>maintenance</html>",
        b"[]",
        b"{}",
        b"[1, 2]",
        b"\xff\xfe",
        b"[" * 100_000,
        GOOD[:-20],
        json.dumps([{**omm(1), "MEAN_MOTION": -1}]).encode(),
    ],
    ids=["empty", "no data", "invalid", "html", "list", "object", "numbers", "bytes", "bomb", "cut off", "no orbit"],
)
def test_garbage_takes_nobodys_place(server, fetch, body):
    kept = fetch().path
    before = {path.name: path.read_bytes() for path in kept.parent.glob("*.json")}
    server.body = body
    with pytest.raises(InputError):
        fetch(3.0)
    assert {path.name: path.read_bytes() for path in kept.parent.glob("*.json")} == before


def test_garbage_is_blamed_on_the_source_and_not_on_a_file_that_is_gone(server, fetch, tmp_path):
    server.body = b"Invalid query"
    said = str(refused(fetch))
    assert SOURCE in said
    assert "tmp" not in said.replace(str(tmp_path), "")


def test_more_than_there_can_be_is_cut_short(server, fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(celestrak, "MOST_BYTES", len(GOOD) - 1)
    assert str(len(GOOD) - 1) in refused(fetch).rule
    assert not (tmp_path / "cache" / "celestrak" / "starlink.json").exists()


def test_nobody_there_is_said_with_a_way_out_and_is_no_refusal(fetch, server, tmp_path):
    with pytest.raises(InputError) as said:
        celestrak.fetch(SOURCE, tmp_path / "cache", now=NOW, address="http://127.0.0.1:9/gp.php")
    assert "cannot be reached" in str(said.value)
    assert "elements =" in str(said.value)
    assert fetch().sets == 2


def test_a_connection_that_breaks_off_is_no_refusal(server, fetch, tmp_path):
    server.headers = {"Content-Encoding": "gzip"}  # which it is not
    assert "cannot be reached" in refused(fetch).rule
    server.headers = {}
    assert fetch().sets == 2


# --- the cache on disk --------------------------------------------------------------------------------------------


def test_a_file_that_another_hand_changed_is_fetched_anew(server, fetch):
    kept = fetch().path
    kept.write_bytes(GOOD[:-5])
    assert not fetch(0.5).from_cache
    assert kept.read_bytes() == GOOD


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"url": 3}', '{"sha256": "x"}'])
@pytest.mark.parametrize("file", ["starlink.about.json"])
def test_a_broken_record_of_the_cache_is_fetched_anew(server, fetch, file, text):
    (fetch().path.parent / file).write_text(text)
    assert not fetch(0.5).from_cache
    assert len(server.asked) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_broken_refusal_is_a_refusal_all_the_same(server, fetch, tmp_path, text):
    """It is there, so somebody refused: when in doubt, do not ask."""
    folder = tmp_path / "cache" / "celestrak"
    folder.mkdir(parents=True)
    (folder / "refused.json").write_text(text)
    assert "refused.json" in str(refused(fetch))
    assert server.asked == []


def test_a_record_from_the_future_is_not_believed_for_ever(server, fetch):
    """A clock that was wrong once must not stop all fetching."""
    fetch(1_000.0)
    assert not fetch(0.0).from_cache


@pytest.mark.parametrize("status", [200, 403])
def test_a_cache_that_cannot_be_written_is_said(server, tmp_path, monkeypatch, status):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.status = status
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file"):
        celestrak.fetch(SOURCE, tmp_path / "file" / "cache", now=NOW, address=server.address)
    assert server.asked == []  # nobody is troubled for what could not be kept


def test_the_users_cache_is_where_the_system_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert celestrak.default_cache() == tmp_path / "openleo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert celestrak.default_cache() == tmp_path / ".cache" / "openleo"
