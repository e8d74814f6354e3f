"""The ledger of a load, read from its load file: what was planned, sent, answered and charged, and when."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.disagreements import CONFLICT, Disagreements
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport

__all__ = ["Ledger", "Moment", "Reject", "read_ledger"]

MAX_REJECTS: Final = 1000
"""Rows that the table of rejects shows at most; it tells how many there are."""
MOMENTS: Final = 240
"""Points of the time line."""
IDLE: Final = 60.0
"""Seconds without a request in flight that count as a pause between two runs, which the time line leaves out."""
WINDOW: Final = 60.0
"""Seconds of the API's rate limit."""


@frozen
class Moment:
    """A point of the time line."""

    seconds: float
    """Seconds since the load began, pauses left out."""
    urls: int
    """URLs that were taken or rejected by then."""
    credits: int
    """Credits that were charged by then for certain."""
    requests: int
    """Requests sent in the minute before: what the API limits."""


@frozen
class Reject:
    """A row that was not accepted, plain duplicates apart."""

    place: str
    """Where it stands in the input, such as ``posts.csv:7``."""
    outcome: str
    """``rejected``, ``unknown``, ``invalid``, or ``duplicate`` for a row that disagrees with another."""
    text: str
    """The URL, or the row's own text."""
    code: str
    message: str


@frozen(kw_only=True)
class Ledger:
    """What a load file tells."""

    plan: Plan
    report: LoadReport
    timeline: Sequence[Moment] = field(repr=False)
    seconds: float
    """How long requests were made, pauses left out."""
    reasons: Sequence[tuple[str, int]]
    """Why requests failed, and how often; the most frequent first."""
    rejects: Sequence[Reject] = field(repr=False)
    reject_count: int


@frozen
class _Attempt:
    started: float
    ended: float
    urls: int
    price: int
    kind: str
    code: str


def read_ledger(path: str | os.PathLike[str]) -> Ledger:
    """Read the ledger of a load, also while it runs. Sends nothing.

    Args:
        path: The load file.

    Raises:
        LoadFileError: It is not a load file, or can't be read.
    """
    file = LoadFile.read(Path(path))
    try:
        with file.reading():
            report = LoadReport.of(file)
            attempts = _attempts(file)
            timeline, seconds = _timeline(attempts, report)
            plan = file.plan()
            rejects, count = _rejects(file, plan)
            return Ledger(
                plan=plan,
                report=report,
                timeline=timeline,
                seconds=seconds,
                reasons=_reasons(attempts),
                rejects=rejects,
                reject_count=count,
            )
    finally:
        file.close()


def _attempts(file: LoadFile) -> list[_Attempt]:
    found = file.db.execute(
        "SELECT started, COALESCE(ended, started), COALESCE(urls, 0), price, COALESCE(kind, ''), COALESCE(code, '') "
        "FROM attempt LEFT JOIN batch ON batch.id = attempt.batch ORDER BY started"
    )
    return [_Attempt(*row) for row in found]


def _timeline(attempts: Sequence[_Attempt], report: LoadReport) -> tuple[list[Moment], float]:
    if not attempts:
        return [], 0.0
    pauses = _Pauses(attempts)
    total = pauses.seconds(max(each.ended for each in attempts))
    starts = sorted(pauses.seconds(each.started) for each in attempts)
    ends = sorted(
        (pauses.seconds(each.ended), each.urls, each.price) for each in attempts if each.kind == "applied"
    )
    moments: list[Moment] = []
    urls = charged = done = 0
    for number in range(MOMENTS + 1):
        now = total * number / MOMENTS
        while done < len(ends) and ends[done][0] <= now:
            urls, charged, done = urls + ends[done][1], charged + ends[done][2], done + 1
        if number == MOMENTS:
            # What was found in the campaign's list, no answer of its own has told.
            urls, charged = report.urls.accepted + report.urls.rejected, report.credits.charged_min
        recent = bisect_right(starts, now) - bisect_right(starts, now - WINDOW)
        moments.append(Moment(round(now, 3), urls, charged, recent))
    return moments, total


class _Pauses:
    """The time between runs, taken out of the clock."""

    def __init__(self, attempts: Sequence[_Attempt]) -> None:
        self._begins = [attempts[0].started]
        self._before = [0.0]
        busy_until = attempts[0].started
        for each in attempts:
            if each.started - busy_until > IDLE:
                self._before.append(self._before[-1] + busy_until - self._begins[-1])
                self._begins.append(each.started)
            busy_until = max(busy_until, each.ended)

    def seconds(self, when: float) -> float:
        """Seconds from the load's beginning to a Unix time within a run."""
        run = bisect_right(self._begins, when) - 1
        return self._before[run] + when - self._begins[run]


_WORDS: Final = {
    "lost": "no answer",
    "lost_refund": "502 that can't be read",
    "garbled": "unreadable answer",
    "not_sent": "not sent: no connection",
    "redirected": "redirected",
    "": "interrupted",
}


def _reasons(attempts: Sequence[_Attempt]) -> list[tuple[str, int]]:
    failed = Counter(
        each.code or _WORDS.get(each.kind, each.kind.replace("_", " "))
        for each in attempts
        if each.kind != "applied"
    )
    return failed.most_common()


def _rejects(file: LoadFile, plan: Plan) -> tuple[list[Reject], int]:
    origins = plan.origins
    short = len(origins) == 1
    by_name = {origin.name: number for number, origin in enumerate(origins)}
    found: list[tuple[int, int, Reject]] = []
    count = 0
    for post, outcome, code, message in records.outcomes(file.db):
        if outcome in {"rejected", "unknown"}:
            count += 1
            if count <= MAX_REJECTS:
                place = origins[post.origin].place(post.row, short=short)
                found.append((post.origin, post.row, Reject(place, outcome, post.url, code, message)))
    posts = (post for post, *_ in records.outcomes(file.db))
    disagreements = Disagreements(plan, posts, file.skipped())
    for each in file.skipped():
        disagrees = each.reason == CONFLICT
        if each.video_id is None or disagrees:
            count += 1
            if count <= MAX_REJECTS:
                number = by_name.get(each.source, 0)
                place = origins[number].place(each.row, short=short)
                outcome = "duplicate" if disagrees else "invalid"
                message = disagreements.words(each) if disagrees else each.message
                reject = Reject(place, outcome, each.text, each.reason, message)
                found.append((number, each.row, reject))
    return [reject for _, _, reject in sorted(found, key=lambda each: each[:2])], count
