"""The report in words: what became of every row and every credit, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Final

from tokfluence_async.campaign.funds import RESUBMISSION
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.cli.output import Line, Style

__all__ = ["is_begun", "next_command", "report_lines"]

_MEANING: Final = (
    ("accepted", "taken for analysis"),
    ("rejected", "refused by the API"),
    ("duplicate", "not sent: an earlier row names the same video"),
    ("invalid", "not sent: names no post, or a field is wrong"),
    ("unsent", "left to be sent"),
    ("unknown", "sent, and whether it was applied can't be told"),
)
_LOOK: Final = 3
"""Credits of a look into the campaign: 2 for a page of its list, and 1 for the number of its posts."""
_PAGE: Final = 20
"""Posts on a page, at least; the API says nothing of it."""
_SHOWN_DOUBTS: Final = 10
_NEEDS_ID: Final = frozenset({"create_unknown", "duplicate_request"})
_STYLES: Final[dict[str, Style]] = {"complete": "green", "needs_review": "red", "stopped": "yellow"}


def is_begun(report: LoadReport) -> bool:
    """Whether anything of a load was ever sent, or taken for done."""
    return report.requests > 0 or report.campaign_id is not None or report.state == "complete"


def next_command(report: LoadReport, plan: Plan, settings: Sequence[str] = ()) -> str:
    """What a person would type next; empty if nothing is left to do.

    Args:
        report: Where the load stands.
        plan: What it buys.
        settings: The settings' flags of this run, to be kept.
    """
    if report.state == "complete":
        return ""
    if not is_begun(report):
        return command("load", file_argument(report.file), "--max-credits", report.credits.planned, *settings)
    words = _resume(report, settings)
    if report.stopped_by == "max_credits":
        anew = report.message.startswith(RESUBMISSION)
        words += [
            *(["--resubmit-unknown"] if anew else []),
            "--max-credits",
            _enough(report, plan, anew=anew),
        ]
    text = command(*words)
    # The placeholder is for a person to fill in: quoted, a shell would hand it over as it stands.
    return f"{text} --campaign-id ID" if report.stopped_by in _NEEDS_ID else text


def _resume(report: LoadReport, settings: Sequence[str]) -> list[object]:
    # A plan is stale where the base URL or the key is another than it was begun with: those flags are what is wrong.
    return ["resume", file_argument(report.file), *(() if report.stopped_by == "plan_stale" else settings)]


def _enough(report: LoadReport, plan: Plan, *, anew: bool) -> int:
    """A cap that lets a load end: what may be charged already, the rest, and a look into the campaign.

    Args:
        report: Where the load stands.
        plan: What it buys.
        anew: Whether what is unknown is to be bought anew: then the campaign is looked through to its end.
    """
    spent = report.credits.charged_max
    to_create = plan.create_credits if report.campaign_id is None else 0
    # Bought anew, it is looked for before it is sent and, should an answer be lost again, once more.
    look = (2 * _LOOK * ceil(plan.urls / _PAGE) if anew else _LOOK) if report.urls.unknown else 0
    to_send = report.urls.unsent + (report.urls.unknown if anew else 0)
    needed = max(spent + to_create + plan.credits_per_url * to_send + look, plan.estimate.total)
    # The present one was not enough, whatever it was that it left no room for.
    return (
        needed if report.credits.cap is None else max(needed, report.credits.cap + (report.short_by or _LOOK))
    )


def report_lines(report: LoadReport, plan: Plan, settings: Sequence[str] = ()) -> Iterator[Line]:
    """The report, line by line.

    Args:
        report: Where the load stands.
        plan: What it buys.
        settings: The settings' flags of this run, for the next command.
    """
    state = report.state.replace("_", " ") if is_begun(report) else "not begun"
    yield Line(f"Load      {state}", _STYLES[report.state])
    if report.message:
        yield Line(f"Why       {f'{report.stopped_by}: ' if report.stopped_by else ''}{report.message}")
    campaign = "none yet" if report.campaign_id is None else str(report.campaign_id)
    yield Line(f"Campaign  {campaign}, {plan.name!r}")
    yield Line(f"File      {report.file}")
    yield Line()
    for field, meaning in _MEANING:
        number: int = getattr(report.urls, field)
        style: Style = "red" if number and field == "unknown" else "" if number else "dim"
        yield Line(f"  {number:>9,}  {field:<9}  {meaning}", style)
    yield Line(f"  {report.urls.rows:>9,}  rows in all", "bold")
    yield Line()
    yield from _credits(report)
    yield from _doubts(report, settings)
    yield Line(
        f"Requests  {report.requests:,}, of which {report.retries:,} retries; {report.elapsed_seconds:,.1f} s"
    )
    following = next_command(report, plan, settings)
    yield Line()
    if following:
        yield Line(f"Next: {following}", "bold")
    elif report.urls.rejected:
        yield Line("Done. What the API rejected is not sent again.", "green")
    else:
        yield Line("Done: nothing is left to do.", "green")


def _doubts(report: LoadReport, settings: Sequence[str]) -> Iterator[Line]:
    for doubt in report.doubts[:_SHOWN_DOUBTS]:
        when = "" if doubt.last_sent is None else f", last sent {doubt.last_sent:%Y-%m-%d %H:%M:%S} UTC"
        yield Line(
            f"Unknown   {doubt.step}: {doubt.urls:,} URLs, up to {doubt.credits_at_stake:,} credits at stake, "
            f"key {doubt.key}{when}",
            "red",
        )
    if len(report.doubts) > _SHOWN_DOUBTS:
        yield Line(f"          and {len(report.doubts) - _SHOWN_DOUBTS:,} more; --json has them", "red")
    if report.state == "needs_review":
        yield Line(
            "          The API's support can tell by the key what became of a request. If it was not applied: "
            f"{command(*_resume(report, settings), '--resubmit-unknown')}"
        )


def _credits(report: LoadReport) -> Iterator[Line]:
    money = report.credits
    cap = "no cap" if money.cap is None else f"cap {money.cap:,}"
    yield Line(f"Credits   {money.planned:,} planned, {cap}")
    if money.charged_min == money.charged_max:
        yield Line(f"          {money.charged_max:,} charged", "bold")
    else:
        yield Line(
            f"          {money.charged_min:,} to {money.charged_max:,} charged: what is unknown, or rejected, "
            "may have been charged or not",
            "bold",
        )
    if money.remaining is not None:
        yield Line(f"          {money.remaining:,} left in the wallet, as the API last told it")
