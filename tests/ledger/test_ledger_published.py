"""A ledger as files and over HTTP: exported in steps, verified whole, followed; what is altered is named."""

from __future__ import annotations

import http.client
import itertools
from pathlib import Path

import pytest

from ledgers import LOG, OTHER, Files, entries, log_files, mth, new_ledger, opened, reader
from openleo.ledger import export, fetch, keys, merkle, policy, serve, store, tiles, watch
from openleo.ledger.checkpoint import Checkpoint, sign
from openleo.ledger.faults import Malformed, Missing, NotProven, Unavailable
from openleo.ledger.mark import Mark

TRUST = policy.of_log(LOG.verifier)


def checked(source: tiles.Fetch) -> list[bytes]:
    """Every entry of a published log, verified from its checkpoint."""
    made = policy.open_checkpoint(TRUST, source("checkpoint"))[0].checkpoint
    return list(itertools.chain.from_iterable(tiles.check_log(source, made.size, made.root)))


# --- verified -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 66_000])
def test_a_log_of_any_size_is_verified(size: int) -> None:
    assert checked(log_files(entries(size))) == entries(size)


MANY = log_files(entries(70_000))


@pytest.mark.parametrize("path", [*sorted(MANY)[2::97], "tile/2/000.p/1", "tile/1/001.p/17", "tile/0/273.p/112"])
def test_one_bit_of_any_file_is_found(path: str) -> None:
    files = MANY
    for at in (0, len(files[path]) // 2, len(files[path]) - 1):
        altered = Files(files)
        altered[path] = files[path][:at] + bytes([files[path][at] ^ 4]) + files[path][at + 1 :]
        with pytest.raises(NotProven):
            checked(altered)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 300, 699])
@pytest.mark.parametrize("offset", [0, 1, 2, 9])
def test_an_altered_entry_is_named(index: int, offset: int) -> None:
    """In its length too (offsets 0 and 1): then the bundle falls apart, but what stands before still fits."""
    files = log_files(entries(700))
    path = tiles.Tile(tiles.ENTRIES, index // 256, 256 if index < 512 else 188).path
    at = sum(len(one) + 2 for one in entries(700)[index // 256 * 256 : index]) + offset
    files[path] = files[path][:at] + bytes([files[path][at] ^ 1]) + files[path][at + 1 :]
    with pytest.raises(NotProven) as refused:
        checked(files)
    assert refused.value.entry == index


@pytest.mark.parametrize("index", [0, 255, 300, 40_000, 65_535, 69_900])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_an_entry_altered_with_the_tiles_above_it_is_found(index: int, levels: int) -> None:
    """As somebody would who knows the format: everything fits but the signed root."""
    bodies = entries(70_000)
    bodies[index] = b"altered"
    files, other = Files(MANY), log_files(bodies)
    for tile in tiles.tiles_between(0, 70_000):
        if tile.level < levels:
            files[tile.path] = other[tile.path]
    with pytest.raises(NotProven):
        checked(files)


def test_a_key_signs_for_its_own_origin_alone() -> None:
    made = Checkpoint(LOG.name, 10, mth(merkle.leaf_hashes(entries(10))))
    both = policy.Policy((policy.Log(LOG.verifier), policy.Log(OTHER.verifier)))
    with pytest.raises(NotProven, match="not signed by a log that is trusted"):
        policy.open_checkpoint(both, sign(made, OTHER).encode())
    assert policy.open_checkpoint(both, sign(made, LOG).encode())[0].log == LOG.verifier


@pytest.mark.parametrize("change", ["cut", "longer", "gone", "one entry fewer"])
def test_a_file_of_the_wrong_length_is_found(change: str) -> None:
    for path in ("tile/entries/001", "tile/0/001", "tile/0/002.p/188", "tile/entries/002.p/188", "tile/1/000.p/2"):
        files = log_files(entries(700))
        data = files.pop(path)
        if change != "gone":
            files[path] = {"cut": data[:-1], "longer": data + b"x", "one entry fewer": data[:-32]}[change]
        with pytest.raises(NotProven):
            checked(files)


def test_a_partial_tile_that_is_gone_is_cut_from_the_full_one() -> None:
    files, grown = log_files(entries(700)), log_files(entries(1000))
    for path in ("tile/entries/002.p/188", "tile/0/002.p/188"):
        del files[path]
        files[path.partition(".p")[0]] = grown[path.partition(".p")[0]]
    assert checked(files) == entries(700)


def test_a_checkpoint_of_another_log_or_without_signature_is_refused() -> None:
    files = log_files(entries(10), OTHER)
    with pytest.raises(NotProven, match=r'checkpoint of "example\.org/other" is not signed by a log that is trusted'):
        checked(files)
    made = Checkpoint(LOG.name, 10, mth(merkle.leaf_hashes(entries(10))))
    forged = sign(made, OTHER).encode().replace(OTHER.name.encode(), LOG.name.encode())
    with pytest.raises(NotProven, match="not signed by a log that is trusted"):
        policy.open_checkpoint(TRUST, forged)
    twice = sign(made, LOG).encode().replace(b"\n10\n", b"\n11\n")
    with pytest.raises(NotProven, match=r"signature of example\.org/ledger does not hold"):
        policy.open_checkpoint(TRUST, twice)


# --- exported -------------------------------------------------------------------------------------------------------


def test_exported_in_steps_only_what_is_new_is_written(tmp_path: Path) -> None:
    site = tmp_path / "site"
    with opened(new_ledger(tmp_path / "ledger")) as ledger:
        size = 0
        for batch in (1, 254, 1, 1, 300, 66_000):
            ledger.append(entries(batch, size), LOG)
            expected = {tile.path for tile in tiles.tiles_between(size, size + batch)}
            size += batch
            before = {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}
            done = export.export(ledger.fetch, ledger.key, site)
            written = {
                str(path.relative_to(site)) for path in site.rglob("*")
                if path.is_file() and before.get(path) != path.stat().st_mtime_ns
            }  # fmt: skip
            assert written == expected | {"checkpoint", "vkey", ".replaced"}
            assert (done.size, done.tiles) == (size, len(expected))
            assert checked(fetch.Folder(site)) == entries(size)
        again = export.export(ledger.fetch, ledger.key, site)
        assert (again.size, again.tiles) == (size, 0)
        ledger.append(entries(1, size), LOG)
        export.export(ledger.fetch, ledger.key, site)
    assert not list(site.rglob("*.new"))
    full = {path for path in (site / "tile").rglob("*") if path.is_file() and ".p" not in str(path)}
    assert len(full) == 2 * (size // 256) + 1
    assert not [path for path in full if path.with_name(path.name + ".p").exists()]


class Stopped(Exception):
    """In the midst of an export."""


def test_a_reader_never_sees_a_checkpoint_whose_tiles_are_absent(tmp_path: Path) -> None:
    """Stopped before any of its writes, an export leaves a folder that verifies; taken up again it ends well."""
    site = tmp_path / "site"
    with opened(new_ledger(tmp_path / "ledger")) as ledger:
        ledger.append(entries(600), LOG)
        export.export(ledger.fetch, ledger.key, site)
        ledger.append(entries(500, 600), LOG)

        for last in [tile.path for tile in tiles.tiles_between(600, 1100)]:

            def stopping(path: str, last: str = last) -> bytes:
                if path == last:
                    raise Stopped
                return ledger.fetch(path)

            with pytest.raises(Stopped):
                export.export(stopping, ledger.key, site)
            assert checked(fetch.Folder(site)) == entries(600)
        export.export(ledger.fetch, ledger.key, site)
        assert checked(fetch.Folder(site)) == entries(1100)


def test_the_checkpoint_shown_until_now_keeps_its_tiles(tmp_path: Path) -> None:
    """Who read the old checkpoint just before the new one came still finds what it needs."""
    site = tmp_path / "site"
    with opened(new_ledger(tmp_path / "ledger")) as ledger:
        for first in range(0, 900, 90):
            ledger.append(entries(90, first), LOG)
            old = (site / "checkpoint").read_bytes() if first else b""
            export.export(ledger.fetch, ledger.key, site)
            if old:
                made = policy.open_checkpoint(TRUST, old)[0].checkpoint
                tiles.check_all(fetch.Folder(site), made.size, made.root)
                for tile in tiles.tiles_between(0, made.size):
                    assert (site / tile.path).is_file() or tile.width < 256


def test_a_folder_of_another_history_is_left_as_it_is(tmp_path: Path) -> None:
    site = tmp_path / "site"
    with opened(new_ledger(tmp_path / "one")) as ledger:
        ledger.append(entries(20), LOG)
        export.export(ledger.fetch, ledger.key, site)
    shown = (site / "checkpoint").read_bytes()
    with opened(new_ledger(tmp_path / "two")) as ledger:
        ledger.append(entries(10), LOG)
        with pytest.raises(NotProven, match="it is an old copy"):
            export.export(ledger.fetch, ledger.key, site)
        ledger.append(entries(20, 5), LOG)
        with pytest.raises(NotProven, match="another history of 20 entries"):
            export.export(ledger.fetch, ledger.key, site)
    with opened(new_ledger(tmp_path / "three", OTHER)) as ledger:
        ledger.append(entries(30), OTHER)
        with pytest.raises(NotProven, match="not signed by a log that is trusted"):
            export.export(ledger.fetch, ledger.key, site)
    assert (site / "checkpoint").read_bytes() == shown


def test_a_rotated_key_is_followed_by_who_knows_either(tmp_path: Path) -> None:
    site, database = tmp_path / "site", new_ledger(tmp_path / "ledger")
    new = keys.Signer(LOG.name, keys.ED25519, b"n" * 32)
    mark = Mark(tmp_path / "key.signed")  # beside the key, whichever it is
    with store.open_ledger(str(database), mark=mark) as ledger:
        ledger.append(entries(10), LOG)
        export.export(ledger.fetch, ledger.key, site)
        with pytest.raises(Malformed, match="a log keeps its origin"):
            ledger.append(entries(1, 10), LOG, OTHER)
        for signer, some in ((None, entries(1, 10)), (LOG, [])):
            with pytest.raises(Malformed, match="under the old key's signature"):
                ledger.append(some, signer, new)
        with pytest.raises(Malformed, match="it signed this log before"):
            ledger.append(entries(1, 10), LOG, LOG)
        ledger.append(entries(1, 10), LOG, new)
        both = ledger.signed()
        assert both is not None
        assert mark.read() == (11, ledger.root)
        for key in (LOG, new):
            assert policy.judge(policy.of_log(key.verifier), both).checkpoint.size == 11
        with pytest.raises(Malformed, match="not the key of this ledger"):
            ledger.append(entries(1, 11), LOG)
        ledger.append(entries(89, 11), new)
    with store.open_ledger(str(database), mark=mark) as ledger:
        assert (ledger.key, ledger.earlier_keys, ledger.size) == (new.verifier, (LOG.verifier,), 100)
        with pytest.raises(NotProven, match="not signed by a log that is trusted"):
            export.export(ledger.fetch, ledger.key, site)
        export.export(ledger.fetch, ledger.key, site, earlier_keys=ledger.earlier_keys)
    trust = policy.Policy((policy.Log(LOG.verifier), policy.Log(new.verifier)))
    assert watch.look(trust, fetch.Folder(site), tmp_path / "state").new == 100
    with pytest.raises(NotProven, match="not signed by a log that is trusted"):
        checked(fetch.Folder(site))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with opened(new_ledger(tmp_path / "ledger")) as ledger:
        ledger.append(entries(1), LOG)
        with pytest.raises(Unavailable, match=r"What was published before stays|cannot be read"):
            export.export(ledger.fetch, ledger.key, tmp_path / "file")


# --- served ---------------------------------------------------------------------------------------------------------


def test_served_over_one_connection_it_verifies(tmp_path: Path) -> None:
    files = log_files(entries(700))
    with serve.Running(serve.serving(files)) as server:
        for address in (server.url, server.url + "/"):
            with fetch.source(address) as reading:
                assert checked(reading) == entries(700)
        link = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        for path, status, type_ in (
            ("/checkpoint", 200, "text/plain; charset=utf-8"), ("/tile/0/000", 200, "application/octet-stream"),
            ("/tile/0/009", 404, ""), ("/../etc/passwd", 404, ""), ("/tile/0/..%2f..%2fvkey", 404, ""), ("/", 404, ""),
        ):  # fmt: skip
            link.request("GET", path)
            answer = link.getresponse()
            body = answer.read()
            assert answer.status == status
            if status == 200:
                assert answer.headers["Content-Type"] == type_
                assert body == files[path[1:]]
        link.request("HEAD", "/checkpoint")
        answer = link.getresponse()
        assert (answer.read(), answer.headers["Content-Length"]) == (b"", str(len(files["checkpoint"])))
        link.close()
        with fetch.source(server.url + "/elsewhere") as reading, pytest.raises(Missing):
            reading("checkpoint")
    with fetch.source(server.url) as reading, pytest.raises(Unavailable, match="cannot be reached"):
        reading("checkpoint")
    for address in ("http://", "ftp://x", "http://x:99999", "https://user@host/"):
        with pytest.raises(Malformed):
            fetch.Address(address)


# --- followed -------------------------------------------------------------------------------------------------------


def test_a_log_that_grows_is_followed(tmp_path: Path) -> None:
    for size, new in ((0, 0), (10, 10), (10, 0), (300, 290), (70_000, 69_700)):
        seen = watch.look(TRUST, log_files(entries(size)), tmp_path)
        assert seen.new == new
    assert not list(tmp_path.glob("fork*"))


def other_history(size: int, at: int) -> Files:
    bodies = entries(size)
    bodies[at] = b'{"n":"another"}'
    return log_files(bodies)


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (log_files(entries(299)), "shows 299 entries after it signed 300"),
        (other_history(300, 5), "signed two roots of size 300"),
        (other_history(301, 5), "301 entries that the log signed do not begin with the 300"),
        (other_history(5000, 299), "5000 entries that the log signed do not begin with the 300"),
    ],
    ids=["cut", "same size", "grown by one", "grown"],
)
def test_a_fork_is_reported_with_both_checkpoints(tmp_path: Path, now: Files, why: str) -> None:
    before = log_files(entries(300))
    watch.look(TRUST, before, tmp_path)
    for _ in range(2):
        with pytest.raises(watch.Forked, match=why):
            watch.look(TRUST, now, tmp_path)
    (evidence,) = tmp_path.glob("fork*.txt")
    text = evidence.read_text()
    assert before["checkpoint"].decode() in text
    assert now["checkpoint"].decode() in text
    assert (tmp_path / "checkpoint").read_bytes() == before["checkpoint"]  # it is still what is compared with


def test_altered_tiles_are_no_fork(tmp_path: Path) -> None:
    """Anyone between the log and us can alter a tile; only the log can sign two histories."""
    watch.look(TRUST, log_files(entries(300)), tmp_path)
    altered = log_files(entries(1000))
    tile = altered["tile/0/001"]
    altered["tile/0/001"] = tile[: 44 * 32] + bytes(32) + tile[45 * 32 :]  # of entry 300
    with pytest.raises(NotProven) as refused:
        watch.look(TRUST, altered, tmp_path)
    assert not isinstance(refused.value, watch.Forked)
    assert not list(tmp_path.glob("fork*"))
    assert watch.look(TRUST, log_files(entries(1000)), tmp_path).new == 700


def test_looking_goes_on_while_the_log_is_away_and_ends_at_a_fork(tmp_path: Path) -> None:
    shown = iter([log_files(entries(10)), None, log_files(entries(20)), other_history(30, 3)])
    now: Files | None = None
    told: list[object] = []

    def step() -> None:
        nonlocal now
        now = next(shown)

    def reading(path: str) -> bytes:
        if now is None:
            raise Unavailable("away")
        return now(path)

    step()
    with pytest.raises(watch.Forked):
        watch.keep_looking(TRUST, reading, tmp_path, step, told.append)
    assert [one.new if isinstance(one, watch.Followed) else str(one) for one in told] == [10, "away", 10]


def test_proofs_from_tiles_are_those_of_rfc_6962() -> None:
    """Every proof of a log of 600 entries, beside hashes computed straight from the leaves."""
    size = 600
    leaves = merkle.leaf_hashes(entries(size))
    hashes, straight = tiles.TileHashes(log_files(entries(size)), size), reader(leaves)
    for at in [*range(0, size, 37), 255, 256, 511, 512, size - 1]:
        assert merkle.inclusion_proof(hashes, at, size) == merkle.inclusion_proof(straight, at, size)
        assert merkle.consistency_proof(hashes, at + 1, size) == merkle.consistency_proof(straight, at + 1, size)
