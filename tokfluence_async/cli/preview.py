"""The preview in words: what will be bought, for how much, and what will not be, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from tokfluence_async.campaign.disagreements import CONFLICT
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.skips import Skipped
from tokfluence_async.cli.output import Line

__all__ = ["ABOUT", "Preview", "counted", "duration", "reasons", "told_rejects", "warnings"]

_SHOWN_CONFLICTS: Final = 5
_TEXT: Final = 60
"""Characters of a row that are shown."""

ABOUT: Final = {
    "duplicate": "an earlier row names the same video",
    "conflict": "an earlier row names the same video with another fee or creator",
}
"""What is said of rows that name a post and are not sent all the same."""
_LOOK: Final = 2
"""Credits of a look into the campaign."""


@frozen(kw_only=True)
class Preview:
    """A plan, and what is said of it besides."""

    plan: Plan
    source: str
    """Where its rows come from."""
    eta_seconds: float
    next_command: str = ""
    """What a person would type next; empty if there is nothing to go on with."""
    is_all: bool = True
    """Whether nothing comes after it: the dry run."""
    name_is_made: bool = False
    """Whether the campaign's name was made from the source's."""
    saved_as: str | None = None
    """The load file that the plan was written into."""
    rejects: str | None = None
    """The file that the rows which are not sent were written into."""
    reject_count: int = 0

    def lines(self) -> Iterator[Line]:
        """The preview, line by line."""
        plan = self.plan
        made = " (made from the source's name; --name gives another)" if self.name_is_made else ""
        yield Line(f"Campaign  {plan.name!r}{made}", "bold")
        yield Line(f"Source    {self.source}")
        yield Line(f"Currency  {plan.currency or 'the default of the account'}")
        for note in plan.notes:
            yield Line(f"Assumed   {note}")
        yield Line()
        yield from _funnel(plan)
        yield from _skipped(plan)
        yield from _conflicts(plan)
        yield from _warnings(plan)
        yield Line()
        yield from self._price()
        if not self.is_all:
            return
        yield Line()
        if self.rejects is not None:
            yield Line(f"Rejects   {self.rejects}: {told_rejects(self.reject_count, self.plan)}", "yellow")
        if self.saved_as is not None:
            yield Line(f"Saved as {self.saved_as}. Nothing was sent.", "green")
        else:
            yield Line("Nothing was sent.", "green")
        if self.next_command:
            yield Line(f"Next: {self.next_command}", "bold")

    def _price(self) -> Iterator[Line]:
        plan, estimate = self.plan, self.plan.estimate
        if not plan.urls:
            yield Line("Credits   0: no row can be sent, so nothing would be bought", "bold")
            return
        yield Line(f"Credits   {estimate.formula}", "bold")
        yield Line("          create the campaign + analyse each URL × URLs", "dim")
        if estimate.skipped:
            yield Line(
                f"Saved     {estimate.saved:,}: {counted(estimate.skipped, 'row')} not sent, "
                f"at {estimate.per_url} each",
            )
        yield Line(
            f"Requests  1 create, {plan.batches:,} of up to {counted(plan.batch_size, 'URL')}; "
            f"about {duration(self.eta_seconds)}"
        )
        yield Line(
            f"Besides   {_LOOK} credits a page, and 1, to look into the campaign, if an answer is lost or a day passes"
        )


def _funnel(plan: Plan) -> Iterator[Line]:
    yield Line(f"  {plan.rows:>9,}  {_noun(plan.rows, 'row')}")
    if plan.invalid:
        yield Line(f"  {-plan.invalid:>9,}  invalid", "yellow")
    yield Line(f"  {plan.valid:>9,}  valid")
    if plan.duplicates:
        yield Line(f"  {-plan.duplicates:>9,}  duplicate")
    unique = "to send" if plan.duplicates == 0 else "unique, to send"
    yield Line(f"  {plan.urls:>9,}  {unique}", "bold")


def reasons(plan: Plan) -> list[tuple[str, int, str]]:
    """Why rows are not sent: the code, how many, and the reason in words; what is invalid first, and most first."""
    found: list[tuple[str, int, str]] = []
    for reason, number in sorted(plan.reasons.items(), key=lambda each: (each[0] in ABOUT, -each[1])):
        samples = plan.samples.get(reason, ())
        found.append((reason, number, ABOUT.get(reason) or (samples[0].message if samples else "")))
    return found


def _skipped(plan: Plan) -> Iterator[Line]:
    if not plan.reasons:
        return
    yield Line()
    yield Line("Not sent:")
    for reason, number, about in reasons(plan):
        samples = plan.samples.get(reason, ())
        yield Line(
            f"  {number:>9,}  {reason}{': ' if about else ''}{about}", "" if reason in ABOUT else "yellow"
        )
        for each in samples:
            yield Line(f"             {_sample(plan, each, about)}", "dim")
        if samples and number > len(samples):
            yield Line(f"             and {number - len(samples):,} more", "dim")


def _sample(plan: Plan, skipped: Skipped, about: str) -> str:
    text = skipped.text if len(skipped.text) <= _TEXT else f"{skipped.text[: _TEXT - 1]}…"
    differs = skipped.message and skipped.message != about
    return f"{plan.place(skipped.source, skipped.row)}: {text}{f' ({skipped.message})' if differs else ''}"


def _conflicts(plan: Plan) -> Iterator[Line]:
    if not plan.conflict_count or plan.conflicts_decided:
        return
    yield Line()
    yield Line(
        f"Undecided: {counted(plan.conflict_count, 'row')} against an earlier row with the same video. Say which "
        "counts with --conflict first or --conflict last; until then the plan can't be saved or loaded.",
        "red",
    )
    for each in plan.conflicts[:_SHOWN_CONFLICTS]:
        places = plan.place(each.source, each.row), plan.place(each.first_source, each.first_row)
        yield Line(f"  {places[0]} against {places[1]}, video {each.video_id}: {each.what}")
    if plan.conflict_count > _SHOWN_CONFLICTS:
        yield Line(f"  and {plan.conflict_count - _SHOWN_CONFLICTS:,} more")


def _warnings(plan: Plan) -> Iterator[Line]:
    found = warnings(plan)
    if found:
        yield Line()
    for text in found:
        yield Line(f"Warning: {text}", "yellow")
    if plan.handles_from_url:
        yield Line(f"Creator taken from the URL in {counted(plan.handles_from_url, 'row')}.")


def warnings(plan: Plan) -> list[str]:
    """What a person should look at before buying a plan."""
    found: list[str] = []
    if plan.without_handle:
        found.append(
            f"{counted(plan.without_handle, 'URL')} without a creator, neither in a column nor in the URL: "
            "the API may reject them, and charge for it"
        )
    if plan.other_creators:
        places = [plan.place(source, row) for source, row in plan.other_creators_at]
        more = plan.other_creators - len(places)
        where = ", ".join(places) + (f" and {more:,} more" if more else "")
        found.append(
            f"{counted(plan.other_creators, 'row')} with another creator than the URL's ({where}): each is bought for "
            "the one that the row names; --handle-column '' takes those in the URLs"
        )
    if plan.from_future:
        found.append(
            f"{counted(plan.from_future, 'video id')} from the future: likely a typing error, and charged all the same"
        )
    if plan.without_time:
        found.append(
            f"{counted(plan.without_time, 'video id')} without the 19 digits of TikTok's: perhaps cut off or rounded, "
            "and charged all the same"
        )
    if "short_link" in plan.reasons:
        found.append(
            "short links are not sent; --short-links send sends each, at the risk of paying for one video twice"
        )
    return found


def told_rejects(number: int, plan: Plan) -> str:
    """What a file of rejects holds: ``2 rows that were refused, and 1 that disagrees with another``.

    Args:
        number: Its rows.
        plan: Of which they are.
    """
    differing = plan.reasons.get(CONFLICT, 0)
    refused = number - differing
    told: list[str] = []
    if refused or not differing:
        told.append(f"{counted(refused, 'row')} that {'was' if refused == 1 else 'were'} refused")
    if differing:
        disagree = "disagrees" if differing == 1 else "disagree"
        told.append(f"{f'{differing:,}' if told else counted(differing, 'row')} that {disagree} with another")
    return f"{', and '.join(told)}, with the reasons"


def duration(seconds: float) -> str:
    """A time as people say it: ``40 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = max(round(seconds), 1) if seconds > 0 else 0
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = whole % 3600 // 60
    return f"{whole // 3600:,} h {minutes} min" if minutes else f"{whole // 3600:,} h"


def _noun(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """A number and what it counts: ``1 row``, ``2 rows``."""
    return f"{number:,} {_noun(number, noun)}"
