"""The part of a report that shows a load: what became of each row and each credit, and how it went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokfluence_async.reporting import charts
from tokfluence_async.reporting.figures import duration, whole
from tokfluence_async.reporting.ledger import MAX_REJECTS, Ledger
from tokfluence_async.reporting.markup import Markup, element, join, link, table
from tokfluence_async.reporting.parts import card, chart, tile, tiles

__all__ = ["ledger_section"]

_STATES: Final = {"complete": "good", "stopped": "warn", "needs_review": "bad"}
_OUTCOMES: Final = ("accepted", "rejected", "duplicate", "invalid", "unsent", "unknown")


def ledger_section(ledger: Ledger) -> Markup:
    """A load's ledger as HTML."""
    return element("section", *_parts(ledger))


def _parts(ledger: Ledger) -> Iterator[Markup]:
    report, plan = ledger.report, ledger.plan
    state = report.state.replace("_", " ") if report.requests else "not begun"
    badge = element("span", state, class_=f"badge {_STATES[report.state] if report.requests else 'warn'}")
    yield element("h2", "The load ", badge)
    if report.message:
        yield element("p", report.message, class_="note")
    yield tiles(
        tile("Rows of the input", whole(report.urls.rows)),
        tile("Sent for analysis", whole(plan.urls - report.urls.unsent), f"of {plan.urls:,} planned"),
        tile("Accepted", whole(report.urls.accepted)),
        tile("Rejected", whole(report.urls.rejected)),
        tile("Credits charged", _charged(ledger), f"planned: {plan.estimate.formula}"),
        tile("Credits saved", whole(plan.estimate.saved), "by rows that were not sent"),
        tile("Requests", whole(report.requests), f"{report.retries:,} of them repeats"),
        tile("Time", duration(ledger.seconds), _speed(ledger)),
    )
    yield card("What became of the rows", _funnel(ledger))
    if ledger.timeline:
        yield element(
            "div",
            card("URLs settled over time", chart("progress", charts.progress(ledger.timeline, plan.urls))),
            card("Requests against the rate limit", chart("rate", charts.rate(ledger.timeline))),
            class_="pair",
        )
    if ledger.reasons:
        failed = sum(count for _, count in ledger.reasons)
        yield card(
            f"Requests that were not answered with success: {failed:,}",
            chart("reasons", charts.reasons(ledger.reasons)),
        )
    if ledger.reject_count:
        yield card(f"Rows that were not accepted: {ledger.reject_count:,}", _rejects(ledger))


def _charged(ledger: Ledger) -> str:
    money = ledger.report.credits
    if money.charged_min == money.charged_max:
        return whole(money.charged_max)
    return f"{money.charged_min:,} to {money.charged_max:,}"


def _speed(ledger: Ledger) -> str:
    settled = ledger.report.urls.accepted + ledger.report.urls.rejected
    return f"{settled / ledger.seconds:,.1f} URLs a second" if ledger.seconds else ""


def _funnel(ledger: Ledger) -> Markup:
    counts = [(name, int(getattr(ledger.report.urls, name))) for name in _OUTCOMES]
    total = max(ledger.report.urls.rows, 1)
    bar = element(
        "div",
        *(
            element(
                "div", "", class_=name, style=f"width:{100 * count / total:.3f}%", title=f"{name}: {count:,}"
            )
            for name, count in counts
            if count
        ),
        class_="funnel",
    )
    legend = element(
        "div",
        *(
            element("span", element("i", "", class_=name), f"{name} {count:,}")
            for name, count in counts
            if count
        ),
        class_="legend",
    )
    return join([bar, legend])


def _rejects(ledger: Ledger) -> Markup:
    rows: list[list[Markup | str]] = [
        [
            each.place,
            each.outcome,
            element("span", link(each.text, each.text[:200])),
            each.code,
            each.message[:300],
        ]
        for each in ledger.rejects
    ]
    shown = table(("Where", "Outcome", "What it says", "Code", "Why"), rows)
    if ledger.reject_count > len(ledger.rejects):
        return join([shown, element("p", f"The first {MAX_REJECTS:,} are shown.", class_="note")])
    return shown
