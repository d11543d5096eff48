"""Logs: one JSON object a line, on stderr, without secrets and positions; those of libraries too."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from openleo.controller.redaction import clean, clean_text

KEPT = frozenset({"event", "level", "timestamp", "logger"})
LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "sqlalchemy", "alembic", "httpx", "httpcore")
ADDRESSES = ("uvicorn.access", "httpx", "httpcore")  # they write whole addresses: the door's own line says enough


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor: what may not be told is taken out, the last thing before a line is written."""
    plain = {name: clean_text(str(event[name])) for name in KEPT & event.keys()}
    return {**clean({name: value for name, value in event.items() if name not in KEPT}), **plain}


SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redact,
)
log: Any = structlog.wrap_logger(
    logging.getLogger("openleo.controller"),
    processors=[
        structlog.stdlib.filter_by_level,
        *SHARED,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def begin(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """From now on everything logged goes to one stream, redacted."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *SHARED],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                structlog.processors.JSONRenderer(serializer=_line),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers, root.level = [handler], level
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
    for name in ADDRESSES:
        logging.getLogger(name).setLevel(logging.WARNING)


def _line(event: object, **_: object) -> str:
    return json.dumps(event, ensure_ascii=True, default=str)  # ASCII: a line stays one line in every reader
