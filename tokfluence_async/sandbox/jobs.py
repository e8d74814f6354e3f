"""What a request comes to: its price, and the work that is done once that is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokfluence_async.sandbox.accounts import Account
    from tokfluence_async.sandbox.replies import Reply
    from tokfluence_async.sandbox.state import State

TARIFF: dict[str, tuple[int, int]] = {
    "campaigns.create": (1, 25),
    "campaigns.show": (1, 0),
    "campaigns.metrics": (2, 0),
    "campaigns.posts": (2, 0),
    "campaigns.influencers": (2, 0),
    "campaigns.delete": (0, 0),
    "posts.show": (1, 0),
    "posts.comments": (2, 0),
    "posts.analyze": (0, 25),
    "creators.search": (1, 0),
    "creators.show": (1, 0),
    "creators.posts": (25, 0),
    "ai_search": (25, 0),
}
"""Credits for a call, and for each URL that it submits."""


def price(call: str, urls: int = 0) -> int:
    """What a call costs, in credits."""
    base, per_url = TARIFF[call]
    return base + per_url * urls


def _empty_query() -> dict[str, str]:
    return {}


@frozen
class ApiCall:
    """A request to one of the calls."""

    name: str
    """The call's name, such as ``posts.analyze``."""
    target: str = ""
    """The id in the path, if the route has one."""
    query: dict[str, str] = field(factory=_empty_query)
    body: Any = None
    """The body's JSON."""


@frozen
class Job:
    """A request that is acceptable, with its price."""

    credits: int
    """What it costs."""
    perform: Callable[[], Reply]
    """Does the work. Raises `RefusedError` if the world has changed since it was accepted."""
    urls: tuple[str, ...] = ()
    """The URLs that are paid for."""
    campaign_id: int | None = None
    """The campaign that it is about, if any."""
    seconds: float = 0.0
    """How long the work takes."""


if TYPE_CHECKING:
    Preparation = Callable[[State, Account, ApiCall], Job]
