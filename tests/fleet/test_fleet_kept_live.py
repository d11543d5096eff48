"""The roll of a simulated fleet, and what is told of one that keeps leases."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

import leasing
from command_line import shown
from openleo.controller import enrol_table
from openleo.errors import InputError
from openleo.fleet import keeping, roll
from openleo.fleet.client import Fleet


@pytest.fixture(scope="module")
def kits() -> tuple[roll.Kit, ...]:
    return roll.draw(12, ("TWN", "JPN"), 3, 5, Random(1).randbytes)


def test_the_registry_reads_the_table_that_the_roll_writes(kits: tuple[roll.Kit, ...]) -> None:
    rows = enrol_table.read(roll.enrolment(kits).encode(), "fleet.csv")
    assert [(row.id, row.account, row.home_territory) for row in rows] == [
        (one.id, one.account, one.home_territory) for one in kits
    ]
    for row, one in zip(rows, kits, strict=True):
        assert row.public_key == one.device.key.public_key().public_bytes_raw()
        assert one.private_key not in roll.enrolment(kits).encode()


def test_terminals_stand_in_the_territories_asked_for(kits: tuple[roll.Kit, ...]) -> None:
    homes = [one.home_territory for one in kits]
    assert (homes.count("TWN"), homes.count("JPN")) == (6, 6)
    assert all(21.0 < one.latitude_deg < 26.5 for one in kits if one.home_territory == "TWN")


def test_a_roll_is_read_as_it_was_written_and_its_faults_are_told_together(kits: tuple[roll.Kit, ...]) -> None:
    assert roll.read(roll.text(kits), "f") == kits
    lines = roll.text(kits).splitlines()
    lines[2] = lines[2].replace(",", ";", 1)
    lines[5] = lines[5].rpartition(",")[0] + ",999"
    with pytest.raises(InputError) as told:
        roll.read("\n".join(lines), "f")
    assert [one.where for one in told.value.problems] == ["row 2", "row 5"]
    assert lines[2].split(",")[0].split(";")[-1] not in str(told.value), "a key is shown to nobody"


def test_each_slot_says_who_holds_a_lease_who_was_refused_and_whose_lapsed(kits: tuple[roll.Kit, ...]) -> None:
    """One terminal is served, one is refused by a rule, and one is answered once and never again."""

    async def answer(request: web.Request) -> web.Response:
        said = json.loads(await request.read())
        now_s = time.time()
        if said["terminal"] == kits[1].id:
            refusal = {"why": "not_permitted", "decision": "FORBIDDEN", "because": [{"rule": "r-1"}]}
            return web.json_response(refusal | {"refusal": {"retry_not_before": None}}, status=403)
        if said["terminal"] == kits[2].id and now_s > begun_s + 0.5:
            return web.json_response({"type": "urn:openleo:problem:not-now"}, status=503)
        times = {"valid_until": leasing.instant(now_s + 0.6), "renew_after": leasing.instant(now_s + 0.3)}
        return web.json_response(times, status=201)

    async def run() -> keeping.Told:
        app = web.Application()
        app.router.add_post("/v1/leases", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            fleet = Fleet(
                [one.device for one in kits[:3]], [f"http://127.0.0.1:{runner.addresses[0][1]}"], time.time, Random(1)
            )
            return await keeping.keep(fleet, 3, 0.6, time.time, lambda look: lines.append(look.line))
        finally:
            await runner.cleanup()

    lines: list[str] = []
    begun_s = time.time()
    told = asyncio.run(run())
    last = told.looks[-1]
    assert (last.held, dict(last.refused), last.lapsed, last.unasked) == (1, {"forbidden by r-1": 1}, 1, 0)
    assert last.faults["not-now"] >= 1
    assert "held 1  refused 1 (forbidden by r-1 1)  lapsed 1" in lines[-1]
    assert last.p50_ms is not None
    assert told.as_json()["slots"][-1]["held"] == 1


def test_both_files_are_written_once_and_the_keys_are_the_owner_s_alone(tmp_path: Path) -> None:
    table, keys = tmp_path / "f.csv", tmp_path / "f.keys"
    words = ("fleet", "simulate", "--terminals", "3", "--enrol-table", str(table), "--keys", str(keys))
    assert shown(*words)[0] == 0
    assert keys.stat().st_mode & 0o777 == 0o600
    code, said = shown(*words)
    assert code == 2
    assert "is there already" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "writes traces"),
        (("--out", "f.parquet", "--url", "http://127.0.0.1:9"), "given together"),
        (("--out", "f.parquet", "--keys", "f"), "--keys: does not go with --out"),
        (("--url", "http://127.0.0.1:9"), "--keys: is needed with --url"),
        (("--url", "http://127.0.0.1:9", "--keys", "f", "--days", "2"), "--days: does not go with --url"),
        (("--url", "http://127.0.0.1:9", "--keys", "absent"), "cannot be read"),
    ],
)
def test_what_does_not_go_together_is_said_with_the_way_out(
    words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = shown("fleet", "simulate", *words)
    assert code == 2
    assert told in " ".join(said.split())


def test_where_no_controller_answers_the_command_says_so(tmp_path: Path, kits: tuple[roll.Kit, ...]) -> None:
    keys = tmp_path / "f.keys"
    keys.write_text(roll.text(kits))
    code, said = shown("fleet", "simulate", "--url", "http://127.0.0.1:9", "--keys", str(keys))
    assert code == 2
    assert "no controller answers" in said
