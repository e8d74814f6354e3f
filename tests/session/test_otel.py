"""Spans and metrics, through the SDK's in-memory exporters."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import virtual_time
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from scripted import RESET, Script, error, reply

from tokfluence_async.models import Post
from tokfluence_async.otel import instrument
from tokfluence_async.protocol.codec import decoder
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.wire import Outcome, Request
from tokfluence_async.session.budget import Budget
from tokfluence_async.session.events import EventStream, Waited
from tokfluence_async.session.session import CallPlan, Session

BUY = Request("posts.analyze", "POST", "/v1/posts/analyze", body=b"{}", idempotency_key="key-1")
READ = Request("posts.show", "GET", "/v1/posts/1", query=(("q", "confidential"),))


class Telemetry:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        found: dict[tuple[Any, ...], Any] = {}
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        for point in metric.data.data_points:
                            value = point.value if hasattr(point, "value") else (point.count, point.sum)
                            found[tuple(sorted((point.attributes or {}).items()))] = value
        return found


def played(telemetry: Telemetry, *steps: Outcome, request: Request, latency: float = 0.0) -> None:
    async def main() -> None:
        events = EventStream()
        end = instrument(events, tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
        session = Session(Script(steps, latency=latency), Limiter(0), events, concurrency=1, rand=lambda: 0.5)
        plan = CallPlan(1000.0, RetryPolicy(backoff=1.0), 25, Budget())
        with telemetry.tracers.get_tracer("app").start_as_current_span("app"):
            call = session.call(request, decoder(Post), plan)
            await asyncio.gather(call, return_exceptions=True)
        events.emit(Waited(call="posts.show", wait=2.5))
        end()
        events.emit(Waited(call="posts.show", wait=100))

    virtual_time.run(main())


def test_spans() -> None:
    telemetry = Telemetry()
    played(telemetry, RESET, reply(x_credits_remaining="55"), request=BUY)
    first, second, app = telemetry.spans
    assert app.context is not None
    for span in (first, second):
        assert span.name == "tokfluence posts.analyze"
        assert span.kind is SpanKind.CLIENT
        assert span.parent is not None
        assert span.parent.span_id == app.context.span_id
    assert first.status.status_code is StatusCode.ERROR
    assert second.status.status_code is StatusCode.UNSET
    assert dict(first.attributes or {}) == {
        "http.request.method": "POST",
        "url.path": "/v1/posts/analyze",
        "tokfluence.call": "posts.analyze",
        "tokfluence.request_id": "key-1",
        "tokfluence.outcome": "lost",
        "error.type": "lost",
    }
    assert dict(second.attributes or {}) == {
        "http.request.method": "POST",
        "url.path": "/v1/posts/analyze",
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
        "tokfluence.call": "posts.analyze",
        "tokfluence.request_id": "key-1",
        "tokfluence.outcome": "applied",
        "tokfluence.credits.balance": 55,
    }
    assert "confidential" not in repr([span.to_json() for span in telemetry.spans])


def test_metrics() -> None:
    telemetry = Telemetry()
    played(
        telemetry,
        RESET,
        error(429, "rate_limited", retry_after="2"),
        reply(x_credits_remaining="55"),
        request=READ,
    )
    call = ("tokfluence.call", "posts.show")
    assert telemetry.points("tokfluence.credits.planned") == {(call,): 25}
    assert telemetry.points("tokfluence.credits.reserved") == {(call,): 0}
    assert telemetry.points("tokfluence.credits.charged") == {(call,): 25}
    assert telemetry.points("tokfluence.credits.unknown") == {(call,): 25}
    assert telemetry.points("tokfluence.credits.balance") == {(): 55}
    assert telemetry.points("tokfluence.rate_limited") == {(): 1}
    assert telemetry.points("tokfluence.limiter.wait") == {(call,): (1, 2.5)}
    assert telemetry.points("tokfluence.retries") == {
        (call, ("tokfluence.reason", "lost")): 1,
        (call, ("tokfluence.reason", "rate_limited")): 1,
    }
    durations = telemetry.points("tokfluence.request.duration")
    assert sorted(dict(each)["tokfluence.outcome"] for each in durations) == [
        "applied",
        "lost",
        "rate_limited",
    ]


@pytest.mark.parametrize(("attached", "detached"), [(0, 5), (5, 20)])
def test_what_is_set_aside_meanwhile_is_given_back(attached: int, detached: int) -> None:
    telemetry = Telemetry()

    async def main() -> None:
        events = EventStream()
        session = Session(Script([reply()], latency=9), Limiter(0), events, concurrency=1)
        plan = CallPlan(1000.0, RetryPolicy(), 25, Budget())
        loop, ends = asyncio.get_running_loop(), list[Callable[[], None]]()

        def attach() -> None:
            ends.append(
                instrument(events, tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
            )

        def detach() -> None:
            ends.pop()()

        loop.call_later(attached, attach)
        loop.call_later(detached, detach)
        await asyncio.sleep(0.1)
        await session.call(READ, decoder(Post), plan)
        await asyncio.sleep(30)

    virtual_time.run(main())
    assert set(telemetry.points("tokfluence.credits.reserved").values()) <= {0}


def test_a_request_under_way_when_it_ends_has_a_span() -> None:
    telemetry = Telemetry()

    async def main() -> None:
        events = EventStream()
        end = instrument(events, tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
        session = Session(Script([reply()], latency=9), Limiter(0), events, concurrency=1)
        task = asyncio.create_task(session.attempt(READ, timeout=20))
        await asyncio.sleep(1)
        end()
        await task

    virtual_time.run(main())
    assert [span.name for span in telemetry.spans] == ["tokfluence posts.show"]


def test_without_the_extra_the_error_names_it() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from tokfluence_async.errors import MissingExtraError\n"
        "try:\n    import tokfluence_async.otel\n"
        "except MissingExtraError as error:\n    print(error.extra, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "otel OpenTelemetry needs the 'otel' extra: pip install 'tokfluence-async[otel]'\n"


@pytest.mark.parametrize("module", ["tokfluence_async", "tokfluence_async.client"])
def test_it_is_imported_only_when_used(module: str) -> None:
    code = f"import sys, {module}; print('opentelemetry' in sys.modules, 'aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
