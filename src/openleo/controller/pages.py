"""What routes share: pages of lists, versions of objects, and requests that may be sent twice.

Paging, page          ?after=&limit=, and the address of the next page: next_page
etag, unchanged, meant   ETag by an object's version; If-None-Match, If-Match
packed                bytes that stay the same, by gzip where that is taken
OnceRoute             Idempotency-Key: a request that is sent again is answered as the first time, and not done again
known_keys            a query key that a route does not have is refused
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Query, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from openleo.controller import access
from openleo.controller.database import reading, writing
from openleo.controller.problems import Problem
from openleo.controller.tables import idempotency

T = TypeVar("T")
MOST_IN_A_PAGE, USUAL_IN_A_PAGE = 1_000, 100
LONGEST_KEY = 200
SAFE = ("GET", "HEAD", "OPTIONS")
NOT_DONE = 0  # in the place of a status: the first request is still being done
KEPT_HEADERS = ("content-type", "etag", "location")


# --- lists ----------------------------------------------------------------------------------------------------------


class Page(BaseModel, Generic[T]):
    """Some of a list. `next`: where the rest is, if there is more."""

    items: list[T]
    next: str | None = None


class Paging(BaseModel):
    """Which part of a list is asked for."""

    after: str | None = None
    limit: int = USUAL_IN_A_PAGE


def paging(
    after: Annotated[str | None, Query(max_length=500, description="The cursor of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_IN_A_PAGE, description="Of items in a page.")] = USUAL_IN_A_PAGE,
) -> Paging:
    """A dependency."""
    return Paging(after=after, limit=limit)


Paged = Annotated[Paging, Depends(paging)]


def page(request: Request, asked: Paging, found: Sequence[T], cursor: Callable[[T], str]) -> dict[str, Any]:
    """A page of what was found, of which one more than the limit was looked for: `LIMIT asked.limit + 1`."""
    items = list(found[: asked.limit])
    after = cursor(items[-1]) if len(found) > asked.limit else None
    return {"items": items, "next": next_page(request, after, asked.limit)}


def next_page(request: Request, after: str | None, limit: int) -> str | None:
    """The address of what is after this cursor, with all else that was asked for, however often each key was."""
    if after is None:
        return None
    url = request.url.include_query_params(after=after, limit=limit)
    return f"{url.path}?{url.query}"


# --- versions -------------------------------------------------------------------------------------------------------


def etag(version: int | str) -> str:
    """The ETag of an object's version, or of a hash."""
    return f'"{version}"'


def unchanged(request: Request, tag: str) -> Response | None:
    """The answer 304 where the client has this already, and None else."""
    asked = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return Response(status_code=304, headers={"ETag": tag}) if tag in asked or "*" in asked else None


def meant(request: Request, version: int) -> None:
    """Check that a change is meant for the version that there is. Raises Problem 428, 412."""
    asked = request.headers.get("if-match")
    if asked is None:
        raise Problem(428, f"Say which version is to be changed: If-Match: {etag(version)}, if it is this one.")
    if asked.strip() != "*" and etag(version) not in [one.strip() for one in asked.split(",")]:
        raise Problem(412, f"It is of version {etag(version)} now. Read it again.", headers={"ETag": etag(version)})


# --- bytes ----------------------------------------------------------------------------------------------------------


class Content(Protocol):
    """Bytes, their sha256, and the same by gzip: None where that gains nothing."""

    @property
    def content(self) -> bytes: ...

    @property
    def media_type(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def gzipped(self) -> bytes | None: ...


def packed(request: Request, found: Content, headers: Mapping[str, str]) -> Response:
    """Bytes with their ETag, as small as the client takes them; 304 where it has them."""
    smaller = found.gzipped if takes_gzip(request.headers.get("accept-encoding", "")) else None
    said = {**headers, "ETag": etag(found.sha256 if smaller is None else f"{found.sha256}-gzip")}
    said |= {"Vary": "Accept-Encoding"} if found.gzipped is not None else {}
    if (same := unchanged(request, said["ETag"])) is not None:
        same.headers.update(said)
        return same
    said |= {} if smaller is None else {"Content-Encoding": "gzip"}
    return Response(smaller or found.content, headers=said, media_type=found.media_type)


def takes_gzip(said: str) -> bool:
    """Whether an Accept-Encoding names gzip, with no weight of nought."""
    for one in said.lower().split(","):
        name, _, weight = one.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


# --- query keys -----------------------------------------------------------------------------------------------------


ANY_KEYS = "x-any-query-keys"  # a mark of routes that others write the query of


async def known_keys(request: Request) -> None:
    """A dependency: every query key is one that the route has. Raises Problem."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not request.query_params or ANY_KEYS in (route.openapi_extra or {}):
        return
    known = frozenset(_names(route.dependant))
    if unknown := sorted(set(request.query_params) - known):
        there = f"Known here: {', '.join(sorted(known))}." if known else "None is known here."
        raise Problem(422, f"There is no query key {', '.join(unknown)}. {there}")


def _names(dependant: Dependant) -> Iterator[str]:
    """Of query keys, those of dependencies among them."""
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _names(one)


def _calls(dependant: Dependant) -> Iterator[object]:
    """What stands behind the dependencies of a route, and behind theirs."""
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


# --- requests that may be sent twice --------------------------------------------------------------------------------


class OnceRoute(APIRoute):
    """Routes whose unsafe requests take an Idempotency-Key: `APIRouter(route_class=OnceRoute)`.

    The first answer is kept, by principal and key, and given again, to whoever still may ask. A refusal is not kept:
    nothing was done.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, once."""
        handle = super().get_route_handler()

        async def once(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None or request.method in SAFE:
                return await handle(request)
            if not 0 < len(key) <= LONGEST_KEY:
                raise Problem(422, f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.")
            principal = await run_in_threadpool(access.principal_of, request)
            if principal is None:  # which the route itself refuses
                return await handle(request)
            for check in access.checks(_calls(self.dependant)):  # who may no more is told no answer of before
                await run_in_threadpool(check, request)
            runtime = request.app.state.runtime
            said = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
            mine = _Once(runtime.engine, principal.id, key, hashlib.sha256(said).hexdigest())
            if (before := await run_in_threadpool(mine.begin, runtime.clock.now_s())) is not None:
                return before
            try:
                answer = await handle(request)
            except BaseException:
                await run_in_threadpool(mine.forget)
                raise
            await run_in_threadpool(mine.end, answer)
            return answer

        return once


class _Once:
    """One key of one principal."""

    def __init__(self, engine: Engine, principal: str, key: str, request: str):
        self.engine, self.request = engine, request
        self.row = {"principal": principal, "key": key}
        self.here = (idempotency.c.principal == principal) & (idempotency.c.key == key)

    def begin(self, now_s: float) -> Response | None:
        """The answer that was given before; None where this is the first. Raises Problem."""
        try:
            with writing(self.engine) as connection:
                values = {"request": self.request, "status": NOT_DONE, "headers": "{}", "answer": b"", "at": now_s}
                connection.execute(insert(idempotency).values(self.row | values))
        except IntegrityError:
            return self._before()
        return None

    def _before(self) -> Response:
        with reading(self.engine) as connection:
            row = connection.execute(select(idempotency).where(self.here)).mappings().one_or_none()
        if row is not None and row["request"] != self.request:
            raise Problem(422, "This Idempotency-Key was used for another request.", "key-used")
        if row is None or row["status"] == NOT_DONE:
            raise Problem(409, "The first request with this Idempotency-Key has not ended.", "not-ended")
        headers = json.loads(row["headers"]) | {"Idempotency-Replayed": "true"}
        return Response(bytes(row["answer"]), row["status"], headers)

    def end(self, answer: Response) -> None:
        """Keep the answer; what failed is forgotten."""
        content = getattr(answer, "body", None)
        if answer.status_code >= 400 or not isinstance(content, bytes):
            self.forget()
            return
        headers: Mapping[str, str] = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        values = {"status": answer.status_code, "headers": json.dumps(headers), "answer": content}
        with writing(self.engine) as connection:
            connection.execute(update(idempotency).where(self.here).values(values))

    def forget(self) -> None:
        with writing(self.engine) as connection:
            connection.execute(delete(idempotency).where(self.here, idempotency.c.status == NOT_DONE))
