"""Creators of TikTok."""

from __future__ import annotations

from attrs import define

from tokfluence_async.models.result import ExactId, Result

__all__ = ["Creator"]


@define(slots=True, kw_only=True)
class Creator(Result):
    """A creator in the API's index.

    The API documents only some of the fields; the others are in `extra`, under the API's names.
    """

    id: ExactId
    """The creator's ``tkc_`` id."""

    username: str | None = None
    """TikTok username, without ``@``."""

    follower_count: int | None = None
    """How many accounts follow the creator."""

    engagement_rate: float | None = None
    """Engagement over views, as a ratio: 0.07 is 7 %."""

    region: str | None = None
    """Region of the creator, as the API writes it."""
