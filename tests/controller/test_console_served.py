"""The console's page and its scene, as the controller serves them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from running import Running, shows_token

from openleo.console import pages as built
from openleo.controller.api import console
from openleo.controller.app import create_app
from openleo.controller.pages import takes_gzip

PARTS = {
    "index.html": b"<!doctype html><script type=module src=./assets/index-CVFh2dwp.js></script>",
    "assets/index-CVFh2dwp.js": b"export {};" * 200,
    "assets/style-DX4CYgHg.css": b"body { margin: 0 }",
    "assets/marks.png": b"\x89PNG",
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    made = Running.on(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def client(here: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Of somebody whom nobody knows, with a page that is built."""
    (tmp_path / "built" / "assets").mkdir(parents=True)
    for name, content in PARTS.items():
        (tmp_path / "built" / name).write_bytes(content)
    (tmp_path / "secret.txt").write_text("secret")
    read = built.read(tmp_path / "built")
    monkeypatch.setattr(console, "files", lambda: read)
    return TestClient(create_app(here.runtime, loop=False))


def test_the_page_and_its_parts_are_anybody_s(client: TestClient) -> None:
    kinds = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
    for name, content in PARTS.items():
        answer = client.get("/" + name.replace("index.html", ""))
        assert (answer.status_code, answer.content) == (200, content), name
        assert answer.headers["content-type"].partition(";")[0] == kinds[Path(name).suffix]
        assert answer.headers["content-security-policy"] == console.POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_s_policy_lets_nothing_in_from_elsewhere_and_nothing_inline(client: TestClient) -> None:
    said = dict(one.split(" ", 1) for one in client.get("/").headers["content-security-policy"].split("; "))
    assert said["default-src"] == said["base-uri"] == said["form-action"] == said["frame-ancestors"] == "'none'"
    assert said["script-src"] == said["style-src"] == said["connect-src"] == said["font-src"] == "'self'"
    assert "unsafe" not in str(said)
    assert "//" not in str(said)


def test_what_has_a_hash_in_its_name_is_kept_for_good_and_all_else_asked_for_again(client: TestClient) -> None:
    kept = {name: client.get("/" + name.replace("index.html", "")).headers["cache-control"] for name in PARTS}
    assert {name for name, said in kept.items() if "immutable" in said} == {
        "assets/index-CVFh2dwp.js",
        "assets/style-DX4CYgHg.css",
    }
    assert kept["index.html"] == kept["assets/marks.png"] == "no-cache"


def test_what_the_client_has_is_not_sent_again(client: TestClient) -> None:
    for coding in ("identity", "gzip"):
        first = client.get("/", headers={"Accept-Encoding": coding})
        shown = {"Accept-Encoding": coding, "If-None-Match": first.headers["etag"]}
        again = client.get("/", headers=shown)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == console.POLICY


def test_gzip_is_sent_to_who_takes_it_with_a_tag_of_its_own(client: TestClient) -> None:
    path = "/assets/index-CVFh2dwp.js"
    small, plain = (client.get(path, headers={"Accept-Encoding": coding}) for coding in ("gzip, br", "identity"))
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(small.headers["content-length"]) < len(plain.content)
    assert small.content == plain.content
    assert small.headers["etag"] != plain.headers["etag"]
    assert small.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert "vary" not in client.get("/assets/marks.png").headers


def test_what_clients_say_of_gzip() -> None:
    assert all(takes_gzip(said) for said in ("gzip", "br, GZIP", "gzip;q=0.5", "deflate, gzip; q=1"))
    assert not any(takes_gzip(said) for said in ("", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip2"))


@pytest.mark.parametrize(
    "name",
    [
        "none.js", "", "../index.html", "..%2Findex.html", "%2e%2e/%2e%2e/secret.txt", "..%2f..%2fsecret.txt",
        "/etc/passwd", "%2Fetc%2Fpasswd", "..\\..\\secret.txt", "index-CVFh2dwp.js/", "INDEX-CVFh2dwp.js", ".",
    ],
)  # fmt: skip
def test_nothing_but_the_page_s_own_parts_is_there(client: TestClient, name: str) -> None:
    answer = client.get("/assets/" + name)
    if answer.status_code == 200:  # the client itself went up from assets/, to the page
        assert answer.content == PARTS["index.html"]
        return
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


def test_a_page_s_own_query_is_taken(client: TestClient) -> None:
    assert client.get("/?place=25.03,121.56&at=12").status_code == 200
    assert client.get("/assets/marks.png?x=1").status_code == 422


def test_where_it_is_not_built_it_says_how_to(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "files", dict)
    client = TestClient(create_app(here.runtime, loop=False))
    for path in ("/", "/assets/index-CVFh2dwp.js"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:openleo:problem:not-built")
        assert "make console" in answer.json()["detail"]


def test_the_scene_is_made_once_and_sent_small(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr("openleo.controller.scenes.scene", lambda case: made.append(case) or {"name": "Łódź" * 99})
    client = TestClient(create_app(here.runtime, loop=False), headers=shows_token(here.runtime, "viewer"))
    first = client.get("/v1/network", headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert first.json() == {"name": "Łódź" * 99}
    again = client.get("/v1/network", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, made) == (304, [here.runtime.twin.case])
    here.runtime.twin = here.runtime.twin.using(3.0)  # as newer elements are another twin
    client.get("/v1/network")
    assert len(made) == 2


def test_the_scene_is_of_the_network_that_runs(here: Running) -> None:
    client = TestClient(create_app(here.runtime, loop=False), headers=shows_token(here.runtime, "viewer"))
    said = client.get("/v1/network").json()
    assert said["form"] == "openleo-scene@v1"
    assert said["network"] == here.runtime.twin.network
    assert said["slot_ms"] == 15_000
    content = here.runtime.scenes.of(here.runtime.twin)
    assert json.loads(gzip.decompress(content.gzipped)) == said
    assert content.sha256 == hashlib.sha256(content.content).hexdigest()
