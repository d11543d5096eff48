"""Spans around steps, as OpenTelemetry's own exporter in memory sees them."""

from __future__ import annotations

import pytest

from openleo.controller import tracing

sdk = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the extra otel is not installed")


def test_spans_are_nested_and_carry_what_they_are_given():
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    seen = InMemorySpanExporter()
    span, end = tracing.over(sdk.SimpleSpanProcessor(seen), "test")
    with span("slot", number=7), span("compute"):
        pass
    inner, outer = seen.get_finished_spans()
    assert (outer.name, outer.attributes["number"]) == ("slot", 7)
    assert inner.parent.span_id == outer.context.span_id
    end()


def test_without_an_address_nothing_is_imported_or_sent():
    span, end = tracing.spans("")
    with span("slot", number=7):
        pass
    assert span is tracing.nothing
    end()
