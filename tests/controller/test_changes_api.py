"""Changes by HTTP: an officer's signature decides, a token never does, and what is public is what the ledger shows."""

from __future__ import annotations

import base64
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from governed import PERMIT, VOTERS, Governed, book, rule
from sqlalchemy import Engine
from world_made import EVERYBODY, OPERATORS, ORIGIN, SECOND, roster

sys.path.insert(0, str(Path(__file__).parent / "security"))

from asking import KINDS_SLOWLY
from secured import House as Secured

from openleo.changes import sha256_of
from openleo.controller import problems, tokens
from openleo.controller.api import changes, genesis, jobs, ledger, policy
from openleo.controller.database import writing
from openleo.controller.in_force import Gate, LedgerReader
from openleo.controller.jobs import Jobs
from openleo.controller.roles import Role
from openleo.controller.settings import Settings
from openleo.governance.house import House
from openleo.ledger import checkpoint as checkpoints
from openleo.ledger import merkle, proof, tiles
from openleo.ledger import policy as policies
from openleo.ledger.keys import parse_verifier

STRIP = book("regulator:PRY", rule("strip", "forbid", "PRY"))


@dataclass
class HandClock:
    governed: Governed
    jumped: bool = False

    def now_s(self) -> float:
        return self.governed.now.timestamp()

    def jump(self) -> object | None:
        return "an hour" if self.jumped else None

    def not_before(self, at_s: float) -> None:
        assert at_s <= self.now_s()


@dataclass
class Runtime:
    """As far as these routes need one."""

    engine: Engine
    governed: Governed
    scenario: Path | None = None
    twin: Any = None
    gate: Any = None
    clock: Any = None
    in_force: Any = None
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.gate = Gate(LedgerReader(self.governed.folder, self.engine))
        self.clock = HandClock(self.governed)


@dataclass
class Asker:
    """A client, with a header for each role."""

    runtime: Runtime
    client: TestClient
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def token(self, *roles: Role, party: str = "operator") -> dict[str, str]:
        name = f"{party} {' '.join(roles)}"
        if name not in self.headers:
            self.headers[name] = Secured(self.runtime.engine, clock=self.runtime.clock).token(*roles, party=party)
        return self.headers[name]

    def get(self, path: str, *roles: Role) -> Any:
        return self.client.get(path, headers=self.token(*(roles or (Role.VIEWER,))))

    def post(self, path: str, body: dict[str, Any] | None, *roles: Role) -> Any:
        return self.client.post(path, json=body, headers=self.token(*roles))

    def done(self, answer: Any) -> dict[str, Any]:
        """The job, when it has ended."""
        assert answer.status_code == 202, answer.text
        until = time.monotonic() + 300.0
        while time.monotonic() < until:
            job: dict[str, Any] = self.client.get(answer.json()["location"], headers=self.token(Role.VIEWER)).json()
            if job["state"] in ("done", "failed"):
                return job
            time.sleep(0.02)
        raise AssertionError("the job does not end")

    def approve(self, id_: str, *people: Any, code: int = 201) -> Any:
        for one in people:
            message = self.get(f"/v1/changes/{id_}/to-sign").content
            answer = self.vote(id_, one.id, one.sign(message))
            assert answer.status_code == code, answer.text
        return answer

    def vote(self, id_: str, officer: str, signature: str, decision: str = "approve") -> Any:
        body = {"officer": officer, "signature": signature, "decision": decision}
        return self.post(f"/v1/changes/{id_}/approvals", body, Role.APPROVER)


def asker_of(runtime: Runtime) -> Asker:
    app = FastAPI()
    app.state.runtime, app.state.jobs = runtime, Jobs()
    problems.install(app)
    for one in (changes, genesis, jobs, ledger, policy):
        app.include_router(one.router)
    app.include_router(ledger.for_auditors)
    return Asker(runtime, TestClient(app, "http://127.0.0.1:8600"))


@pytest.fixture
def asker(tmp_path: Path, engine: Engine, database_setting: str) -> Asker:
    """The ledger is where `openleo serve` keeps it: beside the database."""
    return _permitting(tmp_path, engine, database_setting)


@pytest.fixture
def asker_by_file(tmp_path: Path, engine: Engine) -> Asker:
    """The ledger is a file, which a test takes away; the database stays."""
    return _permitting(tmp_path, engine)


def _permitting(tmp_path: Path, engine: Engine, ledger: str = "") -> Asker:
    governed = Governed.founded(tmp_path / "data", database=ledger)
    governed.rules(PERMIT)
    return asker_of(Runtime(engine, governed))


def suspension(asker: Asker, **more: Any) -> dict[str, Any]:
    account = asker.runtime.governed.commit("account", "acme")["acme"]
    said = {"kind": "account", "accounts": [account], "becomes": "suspended", "terminals": {"PRY/fixed": 40}}
    said |= {"requester": "operator-1", "on_behalf_of": "operator", "reason": "unpaid", "legal_reference": "none"}
    return said | more


def proposed(asker: Asker, **more: Any) -> str:
    job = asker.done(asker.post("/v1/changes", suspension(asker, **more), Role.REQUESTER))
    assert job["state"] == "done", job
    id_: str = job["result"]["change"]
    return id_


def test_a_change_from_its_proposal_to_its_proof(asker: Asker) -> None:
    id_ = proposed(asker)
    shown = asker.get(f"/v1/changes/{id_}").json()
    assert shown["status"] == "approving"
    assert len(shown["missing"]) == len(shown["quorum"]) > 0
    assert asker.get(f"/v1/changes/{id_}/effect").json()["territories"][0]["lost"]["terminals"] == 40
    approved = asker.approve(id_, *VOTERS).json()
    assert (approved["status"], approved["entry"]) == ("ready", approved["entries"]["approvals"][VOTERS[-1].id])
    job = asker.done(asker.post(f"/v1/changes/{id_}/activate", None, Role.REQUESTER))
    assert job["state"] == "done", job
    assert "rewrite history" in job["result"]["warnings"][0]
    found = asker.runtime.gate.current(asker.runtime.governed.now)
    assert found.suspended_accounts == {"acme"}
    made = proof.parse(job["result"]["proofs"]["proof.tlog-proof"].encode())
    with House(asker.runtime.governed.folder, write=False) as house:
        assert proof.check(made, house.policy).index == job["result"]["entry"]
    listed = asker.get("/v1/changes?limit=1").json()
    assert [one["change"] for one in listed["items"]] == ["c-1"]
    assert [one["change"] for one in asker.get(listed["next"]).json()["items"]] == [id_]


def test_changes_are_listed_from_the_newest_too_and_by_where_they_stand(asker: Asker) -> None:
    first = proposed(asker)
    second = proposed(asker, reason="unpaid still", accounts=[asker.runtime.governed.commit("account", "b")["b"]])
    newest = asker.get("/v1/changes?order=newest&limit=2").json()
    assert [one["change"] for one in newest["items"]] == [second, first]
    assert [one["change"] for one in asker.get(newest["next"]).json()["items"]] == ["c-1"]
    asked = asker.get("/v1/changes?status=approving&limit=1").json()
    assert [one["change"] for one in asked["items"]] == [first]
    assert [one["change"] for one in asker.get(asked["next"]).json()["items"]] == [second]
    both = asker.get("/v1/changes?status=approving&status=active&order=newest").json()["items"]
    assert [one["change"] for one in both] == [second, first, "c-1"]
    path, paged = "/v1/changes?status=approving&status=active&order=newest&limit=1", []
    while path:  # every page asks for both
        said = asker.get(path).json()
        path, paged = said["next"], paged + said["items"]
    assert paged == both
    assert asker.get("/v1/changes?status=lost").status_code == 422


def test_a_change_tells_where_the_ledger_has_its_steps(asker: Asker) -> None:
    steps = asker.get("/v1/changes/c-1").json()["entries"]
    assert steps == {
        "proposed": 1, "effect": 2, "approvals": {one.id: 3 + n for n, one in enumerate(VOTERS)}, "objections": [],
        "activated": 6,
    }  # fmt: skip


def test_a_token_without_an_officers_signature_approves_nothing(asker: Asker) -> None:
    id_ = proposed(asker)
    message = asker.get(f"/v1/changes/{id_}/to-sign").content
    everything = tuple(Role)
    for officer, signature in (
        ("operator-2", ""),
        ("operator-2", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"),
        ("operator-2", VOTERS[1].sign(message)),  # another officer's
        ("operator-2", OPERATORS[1].sign(message + b" ")),
        ("operator-2", OPERATORS[1].sign(message, "openleo-request@v1")),
        ("nobody", OPERATORS[1].sign(message)),
    ):
        body = {"officer": officer, "signature": signature}
        answer = asker.post(f"/v1/changes/{id_}/approvals", body, *everything)
        assert answer.status_code == 409, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert asker.get(f"/v1/changes/{id_}").json()["approved_by"] == []
    job = asker.done(asker.post(f"/v1/changes/{id_}/activate", None, *everything))
    assert (job["state"], job["problem"]["status"]) == ("failed", 409)
    assert asker.post(f"/v1/changes/{id_}/approvals", {"officer": "operator-2"}, Role.VIEWER).status_code in (403, 422)


def test_withdrawals_rejections_and_objections_are_signed_as_well(asker: Asker) -> None:
    id_ = proposed(asker)
    asker.approve(id_, OPERATORS[1])
    message = asker.get(f"/v1/changes/{id_}/to-sign?decision=withdraw").content
    assert asker.vote(id_, "operator-2", OPERATORS[1].sign(message), "withdraw").json()["approved_by"] == []
    said = {"officer": "operator-3", "text": "they have paid"}
    first = asker.post(f"/v1/changes/{id_}/objections", said, Role.APPROVER)
    assert first.status_code == 200
    signature = OPERATORS[2].sign(base64.b64decode(first.json()["to_sign"]))
    assert (
        asker.post(f"/v1/changes/{id_}/objections", said | {"signature": signature}, Role.APPROVER).status_code == 201
    )
    message = asker.get(f"/v1/changes/{id_}/to-sign?decision=reject").content
    shown = asker.vote(id_, "operator-3", OPERATORS[2].sign(message), "reject").json()
    assert (shown["status"], shown["objections"]) == ("rejected", 1)


def test_few_are_told_exactly_to_approvers_alone(asker: Asker) -> None:
    id_ = proposed(asker, terminals={"PRY/fixed": 3})
    for path in ("effect", "folder"):
        answer = asker.get(f"/v1/changes/{id_}/{path}")
        assert '"terminals": 3' not in answer.text
        assert '"terminals":3' not in answer.text
    assert asker.get(f"/v1/changes/{id_}/effect").json()["territories"][0]["lost"]["terminals"] == 9
    assert asker.get(f"/v1/changes/{id_}/detail").status_code == 403
    assert asker.get(f"/v1/changes/{id_}/detail", Role.APPROVER).json()["territories"][0]["lost"]["terminals"] == 3
    theirs = asker.client.get(f"/v1/changes/{id_}/detail", headers=asker.token(Role.APPROVER, party="regulator:XXX"))
    missing = asker.get("/v1/changes/none/detail", Role.APPROVER)
    assert (theirs.status_code, missing.status_code) == (404, 404)  # the quorum asks nobody of that party
    for job in [asker.done(asker.post("/v1/changes", suspension(asker, terminals={"PRY/fixed": 4}), Role.REQUESTER))]:
        assert '"terminals": 4' not in job["result"]["files"]["effect.json"]
        assert "detail.json" not in job["result"]["files"]
    for one in asker.client.get("/ledger/artefacts/index.json").json():
        assert '"terminals":3' not in asker.client.get(f"/ledger/artefacts/sha256/{one['sha256']}").text


@pytest.mark.parametrize("database_kind", KINDS_SLOWLY, indirect=True)
def test_nothing_activates_while_the_clock_has_jumped_or_the_ledger_is_locked_or_gone(asker_by_file: Asker) -> None:
    asker = asker_by_file
    id_ = proposed(asker)
    asker.approve(id_, *VOTERS)
    runtime = asker.runtime
    runtime.clock.jumped = True
    answer = asker.post(f"/v1/changes/{id_}/activate", None, Role.REQUESTER)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (503, "clock")
    runtime.clock.jumped = False
    with House(runtime.governed.folder):
        job = asker.done(asker.post(f"/v1/changes/{id_}/activate", None, Role.REQUESTER))
        assert (job["state"], job["problem"]["status"]) == ("failed", 503)
        assert "another process writes" in job["problem"]["detail"]
    (runtime.governed.path / "ledger.sqlite").rename(runtime.governed.path / "away")
    assert asker.post(f"/v1/changes/{id_}/activate", None, Role.REQUESTER).status_code == 503
    (runtime.governed.path / "away").rename(runtime.governed.path / "ledger.sqlite")
    assert asker.done(asker.post(f"/v1/changes/{id_}/activate", None, Role.REQUESTER))["state"] == "done"


def test_what_is_at_fault_is_told_and_logs_nothing(asker: Asker) -> None:
    with asker.runtime.gate.reader.state(asker.runtime.governed.now) as state:
        size = state.size
    for more in ({"books": [{}]}, {"accounts": []}, {"accounts": ["acme"]}, {"becomes": ""}, {"unknown": 1}):
        assert asker.post("/v1/changes", suspension(asker, **more), Role.REQUESTER).status_code == 422
    assert asker.post("/v1/changes", suspension(asker), Role.APPROVER).status_code == 403
    assert asker.get("/v1/changes/c-none").status_code == 404
    job = asker.done(asker.post("/v1/changes", suspension(asker, requester="not an id"), Role.REQUESTER))
    assert (job["state"], job["problem"]["status"]) == ("failed", 422), job
    with asker.runtime.gate.reader.state(asker.runtime.governed.now) as state:
        assert state.size == size


def test_words_that_no_entry_can_hold_are_refused(asker: Asker) -> None:
    id_ = proposed(asker)
    for officer, signature in (("two words", "x"), ("\u202e", "x"), ("operator-2", "\x00")):
        assert asker.vote(id_, officer, signature).status_code in (409, 422)
    said = {"officer": "operator-3", "text": "a\u202eb", "signature": "x"}
    assert asker.post(f"/v1/changes/{id_}/objections", said, Role.APPROVER).status_code in (409, 422)


def test_a_proposal_that_is_sent_twice_is_made_once(asker: Asker) -> None:
    headers = asker.token(Role.REQUESTER) | {"Idempotency-Key": "once"}
    body = suspension(asker)
    answers = [asker.client.post("/v1/changes", json=body, headers=headers) for _ in range(2)]
    asker.done(answers[0])
    assert answers[0].json() == answers[1].json()
    assert len(asker.get("/v1/changes").json()["items"]) == 2  # and that of the fixture


def test_a_job_is_seen_by_its_party_alone(asker: Asker) -> None:
    answer = asker.post("/v1/changes", suspension(asker), Role.REQUESTER)
    asker.done(answer)
    theirs = asker.token(*Role, party="regulator:TWN")
    assert asker.client.get(answer.json()["location"], headers=theirs).status_code == 404


# --- the ledger, for anybody ----------------------------------------------------------------------------------------


def test_anybodys_verifier_reads_the_ledger(asker: Asker) -> None:
    answer = asker.client.get("/ledger/checkpoint")
    assert answer.headers["cache-control"] == "no-cache"
    key = parse_verifier(asker.client.get("/ledger/vkey").text.strip())
    opened, _ = policies.open_checkpoint(policies.of_log(key), answer.content)

    def fetch(path: str) -> bytes:
        got = asker.client.get(f"/ledger/{path}")
        assert got.status_code == 200, path
        assert "immutable" in got.headers["cache-control"]
        return got.content

    tiles.check_all(fetch, opened.checkpoint.size, opened.checkpoint.root)
    assert merkle.leaf_hash(b"") not in opened.checkpoint.root
    for path in ("tile/9/000", "tile/0/001", "tile/0/../../log.key", "tile/0/%2e%2e/log.key", "tile/" + "9" * 500):
        assert asker.client.get(f"/ledger/{path}").status_code == 404
    assert checkpoints.parse(answer.content)[0].origin == ORIGIN


def test_public_documents_and_no_others_are_shown(asker: Asker) -> None:
    governed = asker.runtime.governed
    private = governed.folder.artefacts.put_json(["hmac-sha256:" + "0" * 64], private=True)
    governed.change("group", {"group:rescue": private})
    found = asker.client.get("/ledger/artefacts/index.json").json()
    assert {one["kind"] for one in found if one["there"]} == {"book", "effect", "roster"}
    answer = asker.client.get(f"/ledger/artefacts/sha256/{sha256_of(PERMIT)}")
    assert (answer.status_code, answer.json()["book"]) == (200, "operator")
    for other in (private, "0" * 64, "..%2f..%2flog.key", "A" * 64):
        assert asker.client.get(f"/ledger/artefacts/sha256/{other}").status_code == 404
    governed.rules(STRIP)  # what came since is shown as well
    assert asker.client.get(f"/ledger/artefacts/sha256/{sha256_of(STRIP)}").status_code == 200


# --- rules, asked ---------------------------------------------------------------------------------------------------


def test_a_request_is_decided_under_the_rules_in_force(asker: Asker) -> None:
    runtime = asker.runtime
    runtime.governed.rules(STRIP)
    body = {"requests": [{"class": "fixed", "position": {"lat_deg": lat, "lon_deg": lon, "uncertainty_m": 100.0}}
                         for lat, lon in ((-25.3, -57.6), (52.5, 13.4))]}  # fmt: skip
    assert asker.post("/v1/policy/decide", body, Role.PLANNER).status_code == 503
    runtime.in_force = runtime.gate.current(runtime.governed.now)
    answer = asker.post("/v1/policy/decide", body, Role.PLANNER).json()
    assert [one["decision"] for one in answer["decisions"]] == ["FORBIDDEN", "PERMITTED"]
    assert answer["decisions"][0]["because"][0]["rule"] == "strip"
    assert asker.post("/v1/policy/decide", body, Role.VIEWER).status_code == 403
    wrong = {"requests": [{"class": "sofa"}]}
    assert asker.post("/v1/policy/decide", wrong, Role.PLANNER).status_code == 422


# --- the genesis ----------------------------------------------------------------------------------------------------


def administrator(engine: Engine, now_s: float) -> dict[str, str]:
    with writing(engine) as connection:
        return {"Authorization": f"Bearer {tokens.make_administrator(connection, now_s)}"}


def test_founders_found_the_ledger_and_the_token_only_drafts_it(
    tmp_path: Path, engine: Engine, database_setting: str
) -> None:
    governed = Governed(tmp_path / "data", database=database_setting)
    governed.path.mkdir()
    asker = asker_of(Runtime(engine, governed))
    once = administrator(engine, governed.now.timestamp())
    assert asker.client.get("/ledger/checkpoint").status_code == 404
    assert asker.get("/v1/changes").status_code == 404
    draft = {"origin": ORIGIN, "roster": dict(roster().document)}
    assert asker.post("/v1/genesis/draft", draft, *Role).status_code == 403
    answer = asker.client.post("/v1/genesis/draft", json=draft, headers=once)
    assert answer.status_code == 200, answer.text
    assert (governed.path / "log.key").stat().st_mode & 0o077 == 0
    message = base64.b64decode(answer.json()["to_sign"])
    lines = {key.line for officer in roster().officers for key in officer.keys}
    signed = [{"officer": one.id, "signature": one.sign(message)} for one in EVERYBODY + SECOND if one.line in lines]
    unsigned = asker.client.post("/v1/genesis", json={"signatures": signed[:1]}, headers=once)
    assert unsigned.status_code == 409
    assert asker.client.get("/ledger/vkey").status_code in (404, 503)
    founded = asker.client.post("/v1/genesis", json={"signatures": signed}, headers=once)
    assert founded.status_code == 201, founded.text
    with House(governed.folder, write=False) as house:
        assert house.state.origin == ORIGIN
    assert asker.client.post("/v1/genesis", json={"signatures": signed}, headers=once).status_code in (401, 403, 409)
    assert asker.get("/v1/changes").json() == {"items": [], "next": None}
    governed.now += timedelta(seconds=1)
    governed.rules(PERMIT)


def test_a_roster_is_drafted_as_its_file_has_it(tmp_path: Path, engine: Engine, database_setting: str) -> None:
    """Keys that have a default may be left out, as in the TOML that a new user writes."""
    governed = Governed(tmp_path / "data", database=database_setting)
    governed.path.mkdir()
    asker = asker_of(Runtime(engine, governed))
    once = administrator(engine, governed.now.timestamp())
    people = roster()
    written = {
        "schema": 1,
        "party": [{"id": one} for one in sorted({officer.party for officer in people.officers})],
        "officer": [
            {"id": one.id, "party": one.party, "keys": [key.line for key in one.keys]} for one in people.officers
        ],
        **{name: people.document[name] for name in ("quorum", "recovery")},
    }
    answer = asker.client.post("/v1/genesis/draft", json={"origin": ORIGIN, "roster": written}, headers=once)
    assert answer.status_code == 200, answer.text
    drafted = json.loads((governed.path / "genesis-draft.json").read_bytes())["roster"]
    assert drafted["settings"]["single_acts"] == {"terminals": 20, "share_ppm": 10_000, "hours": 24}


def test_a_roster_that_cannot_satisfy_itself_is_refused(tmp_path: Path, engine: Engine, database_setting: str) -> None:
    governed = Governed(tmp_path / "data", database=database_setting)
    governed.path.mkdir()
    asker = asker_of(Runtime(engine, governed))
    once = administrator(engine, governed.now.timestamp())
    document = dict(roster().document)
    document["quorum"] = [{"territory": "*", "kind": "*", "quorum": "99 of operator"}]
    answer = asker.client.post("/v1/genesis/draft", json={"origin": ORIGIN, "roster": document}, headers=once)
    assert answer.status_code == 422
    assert not (governed.path / "log.key").exists()


def test_a_group_s_list_is_opened_to_the_operator_s_auditors_and_audited(asker: Asker) -> None:
    governed = asker.runtime.governed
    members = sorted(governed.commit("terminal", "one", "two").values())
    sha256 = governed.put(members)
    other = governed.put(["not on the ledger"])
    governed.change("group", {"group:ministries": sha256})
    path = "/v1/ledger/lists/"
    assert asker.get(path + sha256, Role.AUDITOR).json() == members
    assert asker.get(path + other, Role.AUDITOR).status_code == 404
    assert asker.get(path + "..", Role.AUDITOR).status_code == 404
    assert asker.get(path + sha256, Role.VIEWER).status_code == 403
    theirs = asker.client.get(path + sha256, headers=asker.token(Role.AUDITOR, party="regulator:TWN"))
    assert theirs.status_code == 404
    rows = Secured(asker.runtime.engine, clock=asker.runtime.clock).audited("opened_list")
    assert [row.about for row in rows] == [sha256]
    (governed.path / "artefacts" / sha256).write_text("[]")
    assert asker.get(path + sha256, Role.AUDITOR).status_code == 409  # the ledger is not in order then
