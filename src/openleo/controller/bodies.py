"""How large a request's body may be, and how long it may take: told before it is read.

A body that says its length is refused by that; one that does not is read up to the limit and no further. Tables that
are uploaded have a limit of their own and have to say their length.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openleo.controller.problems import Problem

TABLES = ("text/csv", "application/vnd.apache.parquet")
PIECE_WITHIN_S = 20.0  # from one piece of a body to the next
MAY_HAVE_NONE = ("GET", "HEAD", "OPTIONS")


class Bodies:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, *, most: int, most_of_a_table: int, piece_within_s: float = PIECE_WITHIN_S):
        self.app, self.most, self.most_of_a_table = app, most, most_of_a_table
        self.piece_within_s = piece_within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        is_table = headers.get(b"content-type", "").partition(";")[0].strip().lower() in TABLES
        most = self.most_of_a_table if is_table else self.most
        try:
            passed = await self._passed(headers, most, is_table, receive)
        except Problem as problem:
            await problem.answer()(scope, receive, send)
            return
        await self.app(scope, passed, send)

    async def _passed(self, headers: dict[bytes, str], most: int, is_table: bool, receive: Receive) -> Receive:
        """What the application receives from. Raises Problem."""
        timed = self._timed(receive)
        length = headers.get(b"content-length")
        if length is not None:
            if not (length.isascii() and length.isdigit() and len(length) < 19) or int(length) > most:
                raise _too_large(most)
            return timed
        if b"transfer-encoding" not in headers:
            return timed
        if is_table:
            raise Problem(411, "Say how long the table is (Content-Length).", "length-needed", "Say the length")
        return await _read(timed, most)

    def _timed(self, receive: Receive) -> Callable[[], Awaitable[Message]]:
        whole = False

        async def timed() -> Message:
            nonlocal whole
            if whole:  # what comes now is that the client leaves, whenever it does
                return await receive()
            try:
                async with asyncio.timeout(self.piece_within_s):  # of a task of its own a lease would feel the cost
                    message = await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}  # as if the client had gone: nothing more is waited for
            whole = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        return timed


async def _read(receive: Receive, most: int) -> Receive:
    """A body of no stated length, held here. Raises Problem as soon as it is too long."""
    messages: list[Message] = []
    total = 0
    while not messages or (messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False)):
        messages.append(await receive())
        total += len(messages[-1].get("body", b""))
        if total > most:
            raise _too_large(most)

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return again


def _too_large(most: int) -> Problem:
    return Problem(413, f"A body has at most {most:,} bytes here.", headers={"Connection": "close"})
