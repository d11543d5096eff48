"""Spans of OpenTelemetry around the steps of a slot and around requests, where its packages and an address are given.

Without either everything here does nothing: `span` is then a block like any other. Spans carry numbers of slots and
names of routes; no terminal, no position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

Tell = Callable[[dict[str, str | int | float]], None]  # more of what a span is about
Span = Callable[..., AbstractContextManager[Tell]]


@contextmanager
def nothing(_name: str, **_attributes: str | int | float) -> Iterator[Tell]:
    """A span that nobody sees."""
    yield lambda _more: None


def end_nothing() -> None:
    """Of spans that nobody sees none is sent."""


def spans(endpoint: str, service: str = "openleo") -> tuple[Span, Callable[[], None]]:
    """(what opens a span, what sends the last ones at the end). endpoint: of an OTLP collector over HTTP; "": none.

    Raises ImportError where an endpoint is given and the extra `otel` is not installed.
    """
    if not endpoint:
        return nothing, end_nothing
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return over(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)), service)


def over(processor: Any, service: str) -> tuple[Span, Callable[[], None]]:
    """The same over any span processor."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("openleo.controller")

    @contextmanager
    def span(name: str, **attributes: str | int | float) -> Iterator[Tell]:
        with tracer.start_as_current_span(name, attributes=attributes) as made:
            yield made.set_attributes

    return span, provider.shutdown
