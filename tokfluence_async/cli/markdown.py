"""The preview as Markdown, for a pull request or a ticket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tokfluence_async.campaign.skips import Skipped
from tokfluence_async.cli.preview import Preview, counted, duration, reasons, told_rejects, warnings

__all__ = ["markdown"]

_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>()#+|~!@&-])")
_TEXT: Final = 80
_SHOWN_CONFLICTS: Final = 5


def markdown(preview: Preview) -> Iterator[str]:
    """The lines of a preview in Markdown, as GitHub and GitLab read it."""
    plan, estimate = preview.plan, preview.plan.estimate
    yield f"## Preview of {_plain(repr(plan.name))}"
    yield ""
    yield f"**{estimate.formula} credits** to analyse {counted(plan.urls, 'post')} of {counted(plan.rows, 'row')}."
    yield ""
    yield "| | |"
    yield "|---|---:|"
    yield f"| rows | {plan.rows:,} |"
    yield f"| invalid | −{plan.invalid:,} |"
    yield f"| valid | {plan.valid:,} |"
    yield f"| duplicates | −{plan.duplicates:,} |"
    yield f"| **to send** | **{plan.urls:,}** |"
    yield f"| credits saved | {estimate.saved:,} |"
    yield f"| batches of {plan.batch_size:,} | {plan.batches:,} |"
    yield f"| time, about | {duration(preview.eta_seconds)} |"
    yield ""
    yield f"- Source: {_code(preview.source)}"
    yield f"- Currency: {plan.currency or 'the default of the account'}"
    for note in plan.notes:
        yield f"- Assumed: {_plain(note)}"
    for text in warnings(plan):
        yield f"- ⚠️ {_plain(text)}"
    yield from _not_sent(preview)
    yield from _conflicts(preview)
    yield ""
    if preview.rejects is not None:
        yield f"Rejects: {_code(preview.rejects)}, {told_rejects(preview.reject_count, plan)}."
        yield ""
    yield (
        f"Saved as {_code(preview.saved_as)}. Nothing was sent." if preview.saved_as else "Nothing was sent."
    )
    if preview.next_command:
        yield from ("", "```console", f"$ {preview.next_command}", "```")


def _not_sent(preview: Preview) -> Iterator[str]:
    plan = preview.plan
    if not plan.reasons:
        return
    yield from ("", "### Not sent", "", "| reason | rows | | for example |", "|---|---:|---|---|")
    for reason, number, about in reasons(plan):
        samples = "<br>".join(_sample(preview, each) for each in plan.samples.get(reason, ()))
        yield f"| {_code(reason)} | {number:,} | {_plain(about)} | {samples} |"


def _sample(preview: Preview, skipped: Skipped) -> str:
    text = skipped.text if len(skipped.text) <= _TEXT else f"{skipped.text[: _TEXT - 1]}…"
    return f"{_plain(preview.plan.place(skipped.source, skipped.row))}: {_code(text)}"


def _conflicts(preview: Preview) -> Iterator[str]:
    plan = preview.plan
    if not plan.conflict_count or plan.conflicts_decided:
        return
    yield ""
    yield f"### Undecided: {counted(plan.conflict_count, 'row')} against an earlier row with the same video"
    yield ""
    for each in plan.conflicts[:_SHOWN_CONFLICTS]:
        here, there = plan.place(each.source, each.row), plan.place(each.first_source, each.first_row)
        yield f"- {_plain(here)} against {_plain(there)}, video {_code(each.video_id)}: {_plain(each.what)}"
    yield ""
    yield "`--conflict first` or `--conflict last` says which counts."


def _plain(text: str) -> str:
    """Text that no Markdown reader takes for markup, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Text as it is, in a code span that it can't end, fit for the cell of a table."""
    line = " ".join(text.split()).replace("|", "\\|")
    ticks = "`" * (max(map(len, re.findall(r"`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"
