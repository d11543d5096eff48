"""`openleo change publish`: the documents that entries name, for whoever has nothing but an address."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from test_cli_change import SAID, Place, place, walked

__all__ = ["place", "walked"]  # fixtures

ACCOUNT = "account:hmac-sha256:" + "1" * 64


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The standard library's web server: any will do."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def published(place: Place) -> Path:
    said = place.run("change", "publish", "ledger", "--out", "public", "--json").json
    assert said["left_out"] == []
    return place.path / "public"


def test_every_public_document_is_there_under_its_hash(place: Place, published: Path) -> None:
    folder = published / "artefacts" / "sha256"
    hashes = sorted(one.name for one in folder.iterdir())
    said = subprocess.run(["sha256sum", *hashes], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert [line.split()[0] for line in said.splitlines()] == hashes
    entries = place.entries()
    proposed, effect, activated = (entries[number]["body"] for number in (1, 2, 5))
    named = {proposed["moves"][0]["new"], effect["effect"], effect["network"], activated["effect"]}
    assert named < set(hashes)
    (roster,) = set(hashes) - named
    assert json.loads((folder / roster).read_bytes()) == entries[0]["body"]["roster"]
    listed = {one["sha256"]: one for one in json.loads((published / "artefacts" / "index.json").read_bytes())}
    assert set(listed) == set(hashes)
    assert {one["kind"] for one in listed.values()} == {"roster", "book", "effect", "network"}
    assert listed[effect["network"]]["entries"] == [2]
    again = place.run("change", "publish", "ledger", "--out", "public", "--json").json
    assert again["written"] == 0


def test_an_auditor_has_the_address_alone(published: Path, place: Place) -> None:
    for where in ("public", None):
        with served(published) as address:
            done = place.run("change", "audit", where or address, "--json")
        assert done.json["ok"]
        assert (done.json["documents"], done.json["missing"]) == (5, [])
        assert "not at hand" not in done.err


def test_effects_that_were_signed_are_computed_again_from_what_is_published(place: Place, published: Path) -> None:
    """With the scenario of the network, and the address."""
    shutil.move(place.path / "ledger", place.path / "away")
    shutil.rmtree(place.path / "first")
    asked = ("change", "audit", "public", "--recompute", "--json")
    assert "--scenario" in place.run(*asked, code=2).err
    answer = place.run(*asked, "--scenario", "s.toml", code=3).json  # no network was approved
    assert all("none was approved yet" in row["why"] for row in answer["findings"])
    other = (place.path / "s.toml").read_text().replace("resolution = 5", "resolution = 4")
    (place.path / "other.toml").write_text(other)
    assert "is of another network" in place.run(*asked, "--scenario", "other.toml", code=3).err


def test_an_effect_that_was_made_up_is_found_when_it_is_computed_again(
    place: Place, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What everybody signed, and no network gives."""
    from openleo import change_documents

    compute = change_documents.effect_of_rules

    def another(*words: Any, **options: Any) -> dict[str, Any]:
        found = compute(*words, **options)
        row = next(row for row in found["territories"] if row["territory"] == "SGP")
        row["gained"]["people"] = round(row["gained"]["people"] / 1.02)
        return found

    monkeypatch.setattr(change_documents, "effect_of_rules", another)
    answer = place.run("change", "audit", "public", "--recompute", "--scenario", "s.toml", "--json", code=3).json
    assert answer["entry"] == 5
    assert "SGP, emergency, gained.people" in answer["why"]


def test_a_ledger_without_documents_is_audited_without(place: Place) -> None:
    place.run("ledger", "export", "ledger", "bare")
    done = place.run("change", "audit", "bare", "--json")
    assert done.json["ok"]
    assert "not at hand" in done.err


@pytest.mark.parametrize("kind", ["book", "effect", "network"])
def test_a_document_that_was_swapped_is_found_and_one_that_is_gone_is_listed(
    place: Place, published: Path, kind: str
) -> None:
    listed = json.loads((published / "artefacts" / "index.json").read_bytes())
    one = next(one for one in listed if one["kind"] == kind)
    file = published / "artefacts" / "sha256" / one["sha256"]
    was = file.read_bytes()
    file.write_bytes(was.replace(b'"', b"'", 1))
    answer = place.run("change", "audit", "public", "--json", code=3).json
    assert any("was altered" in row["why"] for row in answer["findings"])
    file.unlink()
    code = 0 if kind == "network" else 3  # what is in force cannot be judged without the others
    done = place.run("change", "audit", "public", "--json", code=code)
    assert [row["sha256"] for row in done.json["missing"]] == [one["sha256"]]
    assert f"names the {kind} {one['sha256']}: it is not there" in done.err


def test_lists_and_exact_counts_do_not_go_out(place: Place) -> None:
    (place.path / "list.txt").write_text("hmac-sha256:" + "5" * 64 + "\n")
    group = ("change", "propose-act", "group.changed", "group:ships", "--list", "list.txt", "--in", "SGP/maritime=4")
    place.run(*group, *SAID, "--out", "ships")
    assert json.loads((place.path / "ships" / "detail.json").read_bytes())["territories"][0]["lost"]["terminals"] == 4
    for who in ("operator-2", "sgp-1"):
        place.vote("approve", "ships", who)
    place.run("change", "activate", "ships")
    (target,) = json.loads((place.path / "ships" / "request.json").read_bytes())["proposed"]["moves"]
    assert (place.path / "ledger" / "artefacts" / target["new"]).exists()
    place.run("change", "publish", "ledger", "--out", "public")
    assert not (place.path / "public" / "artefacts" / "sha256" / target["new"]).exists()
    whole = b"".join(one.read_bytes() for one in (place.path / "public").rglob("*") if one.is_file())
    assert b"5" * 64 not in whole
    assert b'"terminals":4' not in whole
    assert place.run("change", "audit", "public", "--json").json["missing"] == []


def test_effects_that_were_frozen_exactly_are_left_out(place: Place) -> None:
    """As earlier versions froze them."""
    from openleo.governance import published
    from openleo.governance.artefacts import Artefacts
    from openleo.governance.drafting import terminals_row

    kept = Artefacts(place.path / "kept")
    exact = {"base": "", "new": "", "network": "0" * 64, "edges": [], "people": {}, "terminals": "enrolled"}
    for number, why in ((4, "it tells few people or terminals apart"), (9, "")):
        sha256 = kept.put_json(exact | {"territories": [terminals_row("SGP", "fixed", number, 0)]})
        named = published.Named({(sha256, published.EFFECT, "c-1"): [2]})
        (found,) = published.documents(named, kept, to_show=True)
        assert (found.data is None, found.why) == (bool(why), why)
        (found,) = published.documents(named, kept)
        assert found.data is not None


def test_what_is_no_book_is_not_published_as_one(place: Place) -> None:
    """A list under the hash of which somebody proposed a book, or a network."""
    from openleo.governance import published
    from openleo.governance.artefacts import Artefacts

    kept = Artefacts(place.path / "kept")
    sha256 = kept.put_json(["hmac-sha256:" + "5" * 64])
    for kind in (published.BOOK, published.NETWORK_DOCUMENT, published.EFFECT):
        (found,) = published.documents(published.Named({(sha256, kind, "ships"): [1]}), kept, to_show=True)
        assert found.data is None
        assert found.altered


def test_where_nothing_can_be_written_it_is_said(place: Place) -> None:
    (place.path / "file").write_text("")
    assert "cannot be written" in place.run("change", "publish", "ledger", "--out", "file/x", code=2).err
    assert "holds no ledger" in place.run("change", "publish", "absent", "--out", "x", code=2).err
