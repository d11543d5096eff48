"""How large a request's body may be: told before it is read. How long it may take is its connection's (`connections`).

A body that says its length is refused by that; one that does not is read up to the limit and no further. Tables that
are uploaded have a limit of their own and have to say their length.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openleo.controller.problems import Problem

TABLES = ("text/csv", "application/vnd.apache.parquet")


class Bodies:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, *, most: int, most_of_a_table: int):
        self.app, self.most, self.most_of_a_table = app, most, most_of_a_table

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
        length = headers.get(b"content-length")
        if length is not None:
            if not (length.isascii() and length.isdigit() and len(length) < 19) or int(length) > most:
                raise _too_large(most)
            return receive
        if b"transfer-encoding" not in headers:
            return receive
        if is_table:
            raise Problem(411, "Say how long the table is (Content-Length).", "length-needed", "Say the length")
        return await _read(receive, most)


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
