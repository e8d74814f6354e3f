"""Rows that disagree with another about their video, in words: in what, and which of them counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.dedupe import shown
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.skips import Skipped

__all__ = ["CONFLICT", "Disagreements"]

CONFLICT: Final = "conflict"
"""Why such a row is not sent."""
_MOST: Final = 100_000
"""Videos whose counting row is told by its place; of others the rule alone is."""
_RULES: Final = {
    None: "another row counts",
    "fail": "which counts is undecided: --conflict first or --conflict last says it",
    "first": "the first row counts",
    "last": "the last row counts",
}


class Disagreements:
    """What is said of the rows of a plan that disagree with another.

    Args:
        plan: The plan.
        posts: What it sends.
        skipped: The rows that it does not; they are gone through only if some of them disagree.
    """

    def __init__(self, plan: Plan, posts: Iterable[Post], skipped: Iterable[Skipped]) -> None:
        self._plan = plan
        self._rule = _RULES[plan.on_conflict]
        self._places: dict[str, str] = {}
        if not plan.reasons.get(CONFLICT):
            return
        for each in skipped:
            if each.reason == CONFLICT and each.video_id is not None:
                if len(self._places) >= _MOST and each.video_id not in self._places:
                    continue
                self._places[each.video_id] = plan.place(each.source, each.row)
        if plan.on_conflict != "last":
            self._places = dict(self._first_rows(posts))

    def _first_rows(self, posts: Iterable[Post]) -> Iterator[tuple[str, str]]:
        origins = self._plan.origins
        left = len(self._places)
        for post in posts:
            if not left:
                return
            video = shown(post.url)
            if video in self._places:
                left -= 1
                yield video, origins[post.origin].place(post.row, short=len(origins) == 1)

    def words(self, skipped: Skipped) -> str:
        """What is said of one of the rows: ``fee_cents 200 against 100; the first row counts: line 2``."""
        place = self._places.get(skipped.video_id or "")
        if place is None:
            return f"{skipped.message}; {self._rule}"
        if self._plan.on_conflict in {"first", "last"}:
            return f"{skipped.message}; {self._rule}: {place}"
        return f"{skipped.message}, the first row being {place}; {self._rule}"
