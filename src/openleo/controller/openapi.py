"""The OpenAPI document: every route with its answers, and with problems where it may refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from openleo.controller import problems

METHODS = ("get", "put", "post", "delete", "patch")
MADE_BY_FASTAPI = ("HTTPValidationError", "ValidationError")  # what it would answer, were problems not answered
PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": f"{problems.TYPES} and the kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "additionalProperties": True,
}
REFUSED = {
    "description": "Refused, with the reason.",
    "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What `app.openapi` is to be: made when it is first asked for."""

    def made() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title, version=app.version, openapi_version="3.1.0", summary=app.summary,
                description=app.description, routes=app.routes,
            )  # fmt: skip
            app.openapi_schema = _with_problems(found)
        return app.openapi_schema

    return made


def _with_problems(found: dict[str, Any]) -> dict[str, Any]:
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in MADE_BY_FASTAPI:
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    components.setdefault("responses", {})["Refused"] = REFUSED
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path in found["paths"].values():
        for method in METHODS:
            if method in path:
                answers = path[method]["responses"]
                answers.pop("422", None)
                for range_ in ("4XX", "5XX"):
                    answers.setdefault(range_, {"$ref": "#/components/responses/Refused"})
    return found
