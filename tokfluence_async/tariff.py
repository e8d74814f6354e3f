"""What every call costs, in credits: one table, the source of every price that this package names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import Attribute, field, frozen

__all__ = ["PRICES", "Price", "Tariff"]


def _credits(_: object, attribute: Attribute[int], value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{attribute.name} must be a whole number of credits, 0 or more: {value!r}")


@frozen
class Price:
    """A call's price: `base` credits, and `per_url` more for each URL that it submits.

    Raises:
        ValueError: A part is not a whole number, or negative.
    """

    base: int = field(default=0, validator=_credits)
    """Credits for the call itself."""
    per_url: int = field(default=0, validator=_credits)
    """Credits for each URL in its body."""


PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "creators.search": Price(1),  # a page
        "creators.show": Price(1),
        "creators.posts": Price(25),  # once, however many posts
        "posts.show": Price(1),
        "posts.comments": Price(2),  # a page
        "posts.analyze": Price(0, 25),
        "campaigns.create": Price(1, 25),
        "campaigns.show": Price(1),
        "campaigns.metrics": Price(2),
        "campaigns.posts": Price(2),  # a page, should the list be paged
        "campaigns.influencers": Price(2),
        "campaigns.delete": Price(0),
        "ai_search": Price(25),
    }
)
"""The API's public tariff: https://developers.tokfluence.com, page *Credits*."""


def _with_public(own: Mapping[str, Price]) -> Mapping[str, Price]:
    return MappingProxyType({**PRICES, **own})


@frozen
class Tariff:
    """Prices of calls by name (``"posts.analyze"``), in credits.

    Args:
        prices: Calls whose price differs from the public tariff; the rest keep theirs.
    """

    prices: Mapping[str, Price] = field(factory=dict[str, Price], converter=_with_public)

    def price(self, call: str, *, urls: int = 0) -> int:
        """What one call costs.

        Args:
            call: The call's name, as in `PRICES`.
            urls: How many URLs its body submits.

        Returns:
            Credits.

        Raises:
            ValueError: No call has this name, or the number of URLs is negative.
        """
        if urls < 0:
            raise ValueError("the number of URLs can't be negative")
        try:
            price = self.prices[call]
        except KeyError:
            raise ValueError(
                f"no call is named {call!r}; there are: {', '.join(sorted(self.prices))}"
            ) from None
        return price.base + price.per_url * urls

    def estimate(self, calls: Mapping[str, int], *, urls: int = 0) -> int:
        """What a mix of calls costs together.

        Args:
            calls: How often each call is made (each page of a paged call is a call).
            urls: How many URLs are submitted for analysis besides, whatever the batches.

        Returns:
            Credits.

        Raises:
            ValueError: A call has an unknown name, or a number is negative.
        """
        if any(times < 0 for times in calls.values()):
            raise ValueError("the number of calls can't be negative")
        return sum(self.price(call) * times for call, times in calls.items()) + self.price(
            "posts.analyze", urls=urls
        )
