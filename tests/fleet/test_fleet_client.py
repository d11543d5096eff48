"""Simulated terminals that keep leases: against a controller of a few lines, and against the real desk."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from aiohttp import web

import leasing
from openleo.controller import lease_request
from openleo.fleet.client import Device, Fleet, Kept, standing

Answering = Callable[[dict[str, Any]], web.Response]


def devices(count: int = 1) -> list[Device]:
    return [Device(f"t-{number}", leasing.key(number), standing(*leasing.TAICHUNG)) for number in range(1, count + 1)]


def lease(said: dict[str, Any], lasts_s: float, renew_s: float) -> web.Response:
    now_s = time.time()
    body = {"terminal": said["terminal"], "valid_until": leasing.instant(now_s + lasts_s)}
    return web.json_response(body | {"renew_after": leasing.instant(now_s + renew_s)}, status=201)


def kept(
    seconds: float, *controllers: Answering, count: int = 1, **more: float
) -> tuple[Kept, list[list[dict[str, Any]]]]:
    """What a fleet gets from controllers, each on a port of its own; and what each of them was asked."""
    heard: list[list[dict[str, Any]]] = [[] for _ in controllers]

    def handler(number: int, answering: Answering) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            heard[number].append(json.loads(await request.read()))
            return answering(heard[number][-1])

        return answer

    async def run() -> Kept:
        runners, addresses = [], []
        for number, answering in enumerate(controllers):
            app = web.Application()
            app.router.add_post("/v1/leases", handler(number, answering))
            runner = web.AppRunner(app)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            runners.append(runner)
            addresses.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        try:
            fleet = Fleet(devices(count), addresses, time.time, Random(1), **more)
            return await fleet.run(seconds, begin_over_s=0.05)
        finally:
            for runner in runners:
                await runner.cleanup()

    return asyncio.run(run()), heard


def problem(status: int, slug: str, **headers: str) -> web.Response:
    return web.json_response({"type": f"urn:openleo:problem:{slug}"}, status=status, headers=headers)


def test_what_it_signs_the_controller_reads() -> None:
    """Written apart from the controller: the protocol's description is all that they share."""
    _, ((said, *_), *_) = kept(0.2, lambda said: lease(said, 9.0, 9.0))
    asking = lease_request.read(json.dumps(said).encode())
    assert asking.signed_by(leasing.terminal().public_key)
    assert abs(asking.at_s - time.time()) <= lease_request.WITHIN_S


def test_leases_are_renewed_when_they_may_be_and_every_time_anew() -> None:
    found, (heard,) = kept(0.8, lambda said: lease(said, 0.5, 0.2))
    assert 3 <= found.answers["201"] <= 5
    assert len({said["nonce"] for said in heard}) == len(heard)
    assert (found.lapses, found.lapsed_s) == (0, 0.0)


def test_a_lease_that_lapses_is_counted() -> None:
    found, _ = kept(0.8, lambda said: lease(said, 0.05, 0.3))
    assert found.lapses >= 1
    assert 0.1 <= found.lapsed_s / found.lapses <= 0.6


def test_whoever_is_told_to_come_back_waits_so_long() -> None:
    found, (heard,) = kept(1.9, lambda _: problem(503, "busy", **{"Retry-After": "1"}))
    assert len(heard) == 2
    assert found.whys == {"busy": 2}


def test_another_controller_is_asked_at_once_and_then_first() -> None:
    found, (stand_by, leader) = kept(
        0.8, lambda _: problem(503, "not-leading", **{"Retry-After": "60"}), lambda said: lease(said, 1.0, 0.2)
    )
    assert len(stand_by) == 1
    assert len(leader) == found.answers["201"] >= 3


def test_a_controller_that_is_gone_is_no_end() -> None:
    async def run() -> Kept:
        return await Fleet(devices(), ["http://127.0.0.1:9"], time.time, Random(1)).run(1.2, begin_over_s=0.0)

    found = asyncio.run(run())
    assert sum(found.answers.values()) >= 2
    assert "201" not in found.answers


def test_who_is_refused_comes_back_at_the_instant_that_was_said() -> None:
    def refusal(_: dict[str, Any]) -> web.Response:
        told = {"retry_not_before": leasing.instant(time.time() + 0.4)}
        return web.json_response({"why": "no_satellite", "refusal": told}, status=403)

    found, (heard,) = kept(1.0, refusal)
    assert 2 <= len(heard) <= 3
    assert found.whys["no_satellite"] == len(heard)


def test_who_is_refused_until_an_order_ends_asks_before_that_too() -> None:
    """Another change may lift it, and nobody tells terminals."""

    def refusal(_: dict[str, Any]) -> web.Response:
        told = {"retry_not_before": "2090-01-01T00:00:00Z"}
        return web.json_response({"why": "not_permitted", "refusal": told}, status=403)

    _, (heard,) = kept(1.0, refusal, refused_again_s=0.4)
    assert 2 <= len(heard) <= 3


@pytest.mark.parametrize("status", [401, 409, 422])
def test_a_fault_is_not_repeated_at_once(status: int) -> None:
    found, (heard,) = kept(0.6, lambda _: problem(status, "fault"))
    assert len(heard) == 1
    assert found.answers == {str(status): 1}
