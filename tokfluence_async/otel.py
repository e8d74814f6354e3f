"""OpenTelemetry: a span for each request, and metrics of requests and credits, from the client's event stream.

Needs the ``otel`` extra; only the API of OpenTelemetry is used, so the application chooses the SDK and the exporters.

Metrics, all with the call's name as attribute ``tokfluence.call`` where they are about one:

======================================  =============  =========================================================
``tokfluence.request.duration``         histogram, s   from sending to the end of the answer, by outcome
``tokfluence.limiter.wait``             histogram, s   waited for the client's own rate limit
``tokfluence.retries``                  counter        repeats, by reason
``tokfluence.rate_limited``             counter        answers of 429
``tokfluence.credits.planned``          counter        prices of the calls begun, by the tariff
``tokfluence.credits.reserved``         up-down        set aside for calls under way
``tokfluence.credits.charged``          counter        charged for certain
``tokfluence.credits.unknown``          counter        perhaps charged: the outcome is unknown
``tokfluence.credits.balance``          gauge          the wallet, as the latest answer told it
======================================  =============  =========================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tokfluence_async.errors import MissingExtraError
from tokfluence_async.session.events import (
    CreditsReserved,
    CreditsSettled,
    Event,
    EventStream,
    Paused,
    RequestEnded,
    RequestStarted,
    RetryScheduled,
    Waited,
)

try:
    from opentelemetry import metrics, trace
except ImportError:
    raise MissingExtraError("OpenTelemetry", "otel") from None

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["instrument"]

SCOPE = "tokfluence_async"
_CALL = "tokfluence.call"


def instrument(
    events: EventStream,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> Callable[[], None]:
    """Feed OpenTelemetry from a client's events, ``instrument(tok.events)``.

    A span covers one attempt, as OpenTelemetry's conventions for HTTP clients have it: a repeat is a span of its own,
    with ``http.request.resend_count``. Its parent is the span that is current where the call is made. No span or metric
    holds the key, a header, a query or a body.

    Args:
        events: The client's event stream.
        tracer_provider: Where spans go; the global one by default.
        meter_provider: Where metrics go; the global one by default.

    Returns:
        A function that ends it, the spans that are open, and the reservations that are.

    Raises:
        MissingExtraError: On import of this module: ``opentelemetry-api`` is not installed.
    """
    instruments = _Instruments(tracer_provider, meter_provider)
    unsubscribe = events.subscribe(instruments.take)

    def end() -> None:
        unsubscribe()
        instruments.end()

    return end


class _Instruments:
    def __init__(self, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None) -> None:
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._spans: dict[int, Span] = {}
        self._held: dict[int, tuple[int, dict[str, str]]] = {}
        self._duration = meter.create_histogram("tokfluence.request.duration", "s", "Time of a request")
        self._wait = meter.create_histogram("tokfluence.limiter.wait", "s", "Wait for the own rate limit")
        self._retries = meter.create_counter("tokfluence.retries", "{request}", "Repeats")
        self._limited = meter.create_counter("tokfluence.rate_limited", "{request}", "Answers of 429")
        credit = "{credit}"
        self._planned = meter.create_counter(
            "tokfluence.credits.planned", credit, "Prices of the calls begun"
        )
        self._reserved = meter.create_up_down_counter("tokfluence.credits.reserved", credit, "Set aside")
        self._charged = meter.create_counter("tokfluence.credits.charged", credit, "Charged for certain")
        self._unknown = meter.create_counter("tokfluence.credits.unknown", credit, "Perhaps charged")
        self._balance = meter.create_gauge("tokfluence.credits.balance", credit, "Balance of the wallet")

    def take(self, event: Event) -> None:
        """Turn an event into spans and metrics."""
        match event:
            case RequestStarted():
                self._start(event)
            case RequestEnded():
                self._finish(event)
            case RetryScheduled():
                self._retries.add(1, {_CALL: event.call, "tokfluence.reason": event.reason})
            case Waited():
                self._wait.record(event.wait, {_CALL: event.call})
            case Paused():
                self._limited.add(1)
            case CreditsReserved():
                call = {_CALL: event.call}
                self._reserved.add(event.credits, call)
                self._held[event.reservation] = event.credits, call
                if event.attempt == 1:
                    self._planned.add(event.credits, call)
            case CreditsSettled():
                call = {_CALL: event.call}
                self._give_back(event.reservation)
                self._charged.add(event.charged_min, call)
                self._unknown.add(event.charged_max - event.charged_min, call)
            case _:
                pass  # an event of something built on the session

    def _start(self, event: RequestStarted) -> None:
        attributes: dict[str, str | int] = {
            "http.request.method": event.method,
            "url.path": event.path,
            _CALL: event.call,
        }
        if event.attempt > 1:
            attributes["http.request.resend_count"] = event.attempt - 1
        if event.request_id is not None:
            attributes["tokfluence.request_id"] = event.request_id
        self._spans[event.exchange] = self._tracer.start_span(
            f"tokfluence {event.call}", kind=trace.SpanKind.CLIENT, attributes=attributes
        )

    def _finish(self, event: RequestEnded) -> None:
        outcome: dict[str, str | int] = {_CALL: event.call, "tokfluence.outcome": event.seen}
        if event.status is not None:
            outcome["http.response.status_code"] = event.status
        failed = event.seen != "applied"
        if failed:
            outcome["error.type"] = event.code or event.seen
        self._duration.record(event.elapsed, outcome)
        if event.credits_remaining is not None:
            self._balance.set(event.credits_remaining)
        span = self._spans.pop(event.exchange, None)
        if span is None:
            return  # it began before the instruments were attached
        span.set_attributes(outcome)
        if event.credits_remaining is not None:
            span.set_attribute("tokfluence.credits.balance", event.credits_remaining)
        if failed:
            span.set_status(trace.StatusCode.ERROR)
        span.end()

    def _give_back(self, reservation: int) -> None:
        # What was set aside before the instruments were attached is not in the sum.
        credits_, call = self._held.pop(reservation, (0, None))
        if call is not None:
            self._reserved.add(-credits_, call)

    def end(self) -> None:
        """End the spans of requests that are still under way, and give back what is set aside for them."""
        while self._spans:
            self._spans.popitem()[1].end()
        for reservation in [*self._held]:
            self._give_back(reservation)
