"""A witness cosigns only what continues what it cosigned before; status codes as tlog-witness has them."""

from __future__ import annotations

import http.client
import threading
import time
from http import HTTPStatus
from pathlib import Path

import pytest

from ledgers import LOG, ORIGIN, OTHER, entries, mth, new_ledger, opened, reader, witness_key
from openleo.ledger import checkpoint, cosignature, merkle, note, policy, serve, witness, witness_client, witness_server
from openleo.ledger.checkpoint import Checkpoint, sign
from openleo.ledger.faults import NotProven, Unavailable
from openleo.ledger.witness_memory import Witness

KEY = witness_key(1)
LEAVES = merkle.leaf_hashes(entries(100))
FORKED = [merkle.leaf_hash(b"another"), *LEAVES[1:]]
NOW_S = 1_700_000_000


@pytest.fixture
def asked(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness.sqlite", KEY, {ORIGIN: [LOG.verifier]}, lambda: NOW_S + 0.9)


def signed(size: int, leaves: list[bytes] = LEAVES) -> note.Note:
    return sign(Checkpoint(ORIGIN, size, mth(leaves[:size])), LOG)


def request(old: int, size: int, leaves: list[bytes] = LEAVES) -> bytes:
    proof = merkle.consistency_proof(reader(leaves), old, size) if 0 < old < size else []
    made = signed(size, leaves)
    return witness.Request(old, tuple(proof), checkpoint.parse_body(made.text), made).encode()


def cosigned(answer: witness.Answer, size: int, leaves: list[bytes] = LEAVES) -> int:
    """The time of the cosignature, which holds."""
    assert answer.status == 200, answer.body
    lines = note.parse_signatures(answer.body.decode())
    found = cosignature.verified(note.Note(signed(size, leaves).text, lines), [KEY.verifier])
    assert [seal.key for seal in found.seals] == [KEY.verifier]
    assert found.seals[0].time_s is not None
    return found.seals[0].time_s


def test_a_log_that_grows_is_cosigned_each_time(asked: Witness) -> None:
    old = 0
    for size in (1, 2, 2, 7, 64, 100):
        assert cosigned(asked.add_checkpoint(request(old, size)), size) == NOW_S
        old = size


def test_an_empty_log_is_cosigned_too(asked: Witness) -> None:
    cosigned(asked.add_checkpoint(request(0, 0)), 0)
    cosigned(asked.add_checkpoint(request(0, 5)), 5)


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (b"", 400, b"not `old SIZE`"),
        (b"old x\n\n" + signed(9).encode(), 400, b"decimal"),
        (b"old 07\n\n" + signed(9).encode(), 400, b"decimal"),
        (b"old 7\nAAAA\n\n" + signed(9).encode(), 400, b"3 bytes"),
        (b"old 7\n" + signed(9).encode(), 400, b""),
        (b"old 7\n\n" + signed(9).text.encode(), 400, b"no signatures"),
        (b"x" * 300_000, 400, b"300000 bytes"),
        (request(10, 10).replace(b"old 10", b"old 11"), 400, b"old size 11 is above"),
        (request(7, 9).replace(ORIGIN.encode() + b"\n", b"example.org/unknown\n"), 404, b"not one that I know"),
        (b"old 7\n\n" + sign(Checkpoint(ORIGIN, 9, bytes(32)), OTHER).encode(), 403, b"no key of the log"),
        (request(7, 9).replace(b"\n9\n", b"\n8\n"), 403, b"does not hold"),
        (request(0, 9), 409, b"7\n"),
        (request(6, 9), 409, b"7\n"),
        (request(8, 9), 409, b"7\n"),
        (request(7, 7, FORKED), 409, b"another root of size 7"),
        (request(7, 9, FORKED), 422, b"does not begin with the tree of size 7"),
        (b"old 7\n\n" + signed(9).encode(), 422, b"too short"),
        (request(7, 9).replace(b"\n\n", b"\n" + request(7, 9).split(b"\n")[1] + b"\n\n", 1), 422, b"too long"),
        (request(7, 7).replace(b"\n\n", b"\n" + request(7, 9).split(b"\n")[1] + b"\n\n", 1), 422, b"not empty"),
    ],
)  # fmt: skip
def test_what_is_refused_and_how(asked: Witness, data: bytes, status: int, body: bytes) -> None:
    cosigned(asked.add_checkpoint(request(0, 7)), 7)
    answer = asked.add_checkpoint(data)
    assert (answer.status, body in answer.body) == (status, True), answer
    assert (answer.type == "text/x.tlog.size") == (body == b"7\n")
    seen = asked.seen(ORIGIN)
    assert seen is not None
    assert seen.checkpoint.size == 7  # no refusal moves what it remembers
    cosigned(asked.add_checkpoint(request(7, 9)), 9)


def test_a_proof_from_size_0_has_to_be_empty(asked: Witness) -> None:
    data = b"old 0\n" + request(7, 9).split(b"\n")[1] + b"\n\n" + signed(9).encode()
    assert asked.add_checkpoint(data).status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_fork_is_kept_with_both_checkpoints(asked: Witness) -> None:
    cosigned(asked.add_checkpoint(request(0, 7)), 7)
    for old in (7, 0):
        assert asked.add_checkpoint(request(old, 7, FORKED)).status == HTTPStatus.CONFLICT
    ((one, other),) = asked.forks()
    both = [policy.open_checkpoint(policy.of_log(LOG.verifier), held.encode())[0].checkpoint for held in (one, other)]
    assert both[0].size == both[1].size == 7
    assert both[0].root != both[1].root


def test_a_log_that_was_cut_is_refused(asked: Witness) -> None:
    cosigned(asked.add_checkpoint(request(0, 90)), 90)
    for old in (0, 50):
        answer = asked.add_checkpoint(request(old, 50))
        assert (answer.status, answer.body) == (409, b"90\n")


def test_what_was_cosigned_outlives_the_process(tmp_path: Path) -> None:
    for size, clock in ((7, NOW_S), (9, NOW_S - 3600)):
        asked = Witness(tmp_path / "w", KEY, {ORIGIN: [LOG.verifier]}, lambda clock=clock: clock)  # type: ignore[misc]
        seen = asked.seen(ORIGIN)
        # A clock set back an hour: it does not cosign earlier than it did.
        assert cosigned(asked.add_checkpoint(request(seen.checkpoint.size if seen else 0, size)), size) == NOW_S
        asked.close()


def test_nothing_is_cosigned_that_cannot_be_remembered(tmp_path: Path) -> None:
    asked = Witness(tmp_path / "w", KEY, {ORIGIN: [LOG.verifier]}, lambda: NOW_S)
    cosigned(asked.add_checkpoint(request(0, 7)), 7)
    asked._database._connection.execute("pragma query_only = on")  # type: ignore[attr-defined]
    answer = asked.add_checkpoint(request(7, 9))
    assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert b"\xe2\x80\x94" not in answer.body


def test_of_two_histories_at_once_one_is_cosigned(asked: Witness) -> None:
    """Sixteen threads race with two trees of the same sizes; all that is cosigned is one tree."""
    given: list[tuple[bool, int]] = []
    start = threading.Barrier(16)

    def race(number: int) -> None:
        leaves = FORKED if number % 2 else LEAVES
        start.wait()
        for size in range(1, 60):
            seen = asked.seen(ORIGIN)
            old = seen.checkpoint.size if seen else 0
            if old <= size and asked.add_checkpoint(request(old, size, leaves)).status == HTTPStatus.OK:
                given.append((number % 2 == 1, size))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given
    assert len({forked for forked, _ in given}) == 1


# --- over HTTP ------------------------------------------------------------------------------------------------------


def as_policy(*servers: serve.Server, quorum: str) -> policy.Policy:
    text = [f"log {LOG.verifier}"]
    text += [f"witness w{n} {witness_key(n).verifier} {one.url}" for n, one in enumerate(servers, 1)]
    return policy.parse("\n".join([*text, quorum]).encode())


def test_a_ledger_collects_a_quorum_of_witnesses(tmp_path: Path) -> None:
    """Three witnesses, the third of which is away; two of three are asked for."""
    kept = [Witness(tmp_path / f"w{n}", witness_key(n), {ORIGIN: [LOG.verifier]}, lambda: NOW_S) for n in (1, 2, 3)]
    servers = [witness_server.serving(one) for one in kept]
    known = as_policy(*servers, quorum="group g 2 w1 w2 w3\nquorum g")
    servers[2].server_close()
    with (
        serve.Running(servers[0]), serve.Running(servers[1]),
        opened(new_ledger(tmp_path / "ledger")) as ledger,
    ):  # fmt: skip
        for size in (1, 10, 10, 300):
            ledger.append(entries(size - ledger.size, ledger.size)) if size > ledger.size else None
            made = ledger.checkpoint(LOG)
            found = witness_client.collect(made, known.witnesses, ledger.prove_consistency, lambda: NOW_S, timeout_s=10)
            assert [name for name, _ in found.problems] == ["w3"]
            with pytest.raises(NotProven, match="quorum"):
                policy.judge(known, sign(checkpoint.parse_body(made.text), LOG))
            accepted = policy.judge(known, ledger.add_cosignatures(size, found.signatures))
            assert accepted.checkpoint.size == size
            assert {seal.key.name for seal in accepted.witnesses} == {"example.org/w1", "example.org/w2"}
            assert accepted.warning is None


@pytest.mark.parametrize("ahead_s", [15, 16, 365 * 86400])
def test_a_cosignature_that_is_dated_ahead_of_our_clock_is_not_taken(tmp_path: Path, ahead_s: int) -> None:
    """Of three witnesses one has a clock that is ahead; it cannot stop the log, which makes no earlier entry."""
    clocks = (lambda: NOW_S + ahead_s, lambda: NOW_S, lambda: NOW_S - 10**6)
    logs = {ORIGIN: [LOG.verifier]}
    kept = [Witness(tmp_path / f"w{n}", witness_key(n), logs, clock) for n, clock in enumerate(clocks, 1)]
    servers = [witness_server.serving(one) for one in kept]
    known = as_policy(*servers, quorum="group g 2 w1 w2 w3\nquorum g")
    with (
        serve.Running(servers[0]), serve.Running(servers[1]), serve.Running(servers[2]),
        opened(new_ledger(tmp_path / "ledger")) as ledger,
    ):  # fmt: skip
        ledger.append(entries(3))
        made = ledger.checkpoint(LOG)
        found = witness_client.collect(made, known.witnesses, ledger.prove_consistency, lambda: NOW_S)
        accepted = policy.judge(known, ledger.add_cosignatures(3, found.signatures))
    taken = {seal.key.name for seal in accepted.witnesses}
    others = {"example.org/w2", "example.org/w3"}
    if ahead_s <= witness_client.AHEAD_S:
        assert (found.problems, taken) == ((), {"example.org/w1", *others})
        return
    ((name, why),) = found.problems
    assert (name, taken) == ("w1", others)
    for time_s in (NOW_S, NOW_S + ahead_s):
        assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s)) in why


def test_a_witness_of_the_far_future_is_not_taken(tmp_path: Path) -> None:
    kept = Witness(tmp_path / "w", KEY, {ORIGIN: [LOG.verifier]}, lambda: 1 << 62)
    with serve.Running(witness_server.serving(kept)) as server:
        (mine,) = as_policy(server, quorum="quorum w1").witnesses
        with pytest.raises(
            NotProven, match="dates its cosignature 4611686018427387904 s after 1970, and here it is 20"
        ):
            witness_client.ask(mine, signed(5), lambda old, new: [], lambda: NOW_S)


def test_a_witness_does_not_cosign_a_second_history_of_a_ledger(tmp_path: Path) -> None:
    kept = Witness(tmp_path / "w", KEY, {ORIGIN: [LOG.verifier]}, lambda: NOW_S)
    with serve.Running(witness_server.serving(kept)) as server:
        (mine,) = as_policy(server, quorum="quorum w1").witnesses
        with opened(new_ledger(tmp_path / "one")) as ledger:
            ledger.append(entries(20), LOG)
            assert witness_client.ask(mine, ledger.checkpoint(LOG), ledger.prove_consistency, lambda: NOW_S)
        with opened(new_ledger(tmp_path / "two")) as ledger:
            ledger.append(entries(10, 5), LOG)
            with pytest.raises(NotProven, match="has cosigned 20 entries, and this checkpoint has 10"):
                witness_client.ask(mine, ledger.checkpoint(LOG), ledger.prove_consistency, lambda: NOW_S)
            ledger.append(entries(30, 50), LOG)
            with pytest.raises(NotProven, match=r"refuses \(422\)"):
                witness_client.ask(mine, ledger.checkpoint(LOG), ledger.prove_consistency, lambda: NOW_S)


def test_an_answer_without_the_witness_s_own_cosignature_is_refused(tmp_path: Path) -> None:
    impostor = Witness(tmp_path / "w", witness_key(9), {ORIGIN: [LOG.verifier]}, lambda: NOW_S)
    with serve.Running(witness_server.serving(impostor)) as server:
        (mine,) = as_policy(server, quorum="quorum w1").witnesses
        with pytest.raises(NotProven, match="no cosignature of its key"):
            witness_client.ask(mine, signed(5), lambda old, new: [], lambda: NOW_S)
    with pytest.raises(Unavailable, match="cannot be reached"):
        witness_client.ask(mine, signed(5), lambda old, new: [], lambda: NOW_S, timeout_s=2)


def test_the_server_keeps_connections_and_bounds_requests(asked: Witness) -> None:
    with serve.Running(witness_server.serving(asked)) as server:
        link = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        said = []
        for method, path, body in (
            ("POST", "/add-checkpoint", request(0, 7)), ("POST", "/add-checkpoint", request(0, 9)),
            ("POST", "/elsewhere", b"x"), ("GET", "/vkey", b""), ("GET", "/add-checkpoint", b""),
        ):  # fmt: skip
            link.request(method, path, body=body)
            answer = link.getresponse()
            said.append((answer.status, answer.headers["Content-Type"], answer.read()))
        assert [status for status, _, _ in said] == [200, 409, 404, 200, 404]
        assert said[1] == (409, "text/x.tlog.size", b"7\n")
        assert said[3][2] == f"{KEY.verifier}\n".encode()
        link.putrequest("POST", "/add-checkpoint")
        link.putheader("Content-Length", "99999999")
        link.endheaders()
        assert link.getresponse().status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def test_the_server_is_on_loopback_unless_told_otherwise(asked: Witness) -> None:
    server = witness_server.serving(asked)
    assert server.server_address[0] == "127.0.0.1"
    server.server_close()
