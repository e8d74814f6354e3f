"""What every call costs, in credits: one table, the source of every price that this package names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import Attribute, field, frozen

from tokfluence_async.errors import ConfigurationError

__all__ = ["PRICES", "Price", "Tariff"]


def _credits(_: object, attribute: Attribute[int], value: Any) -> None:
    if not _is_count(value):
        raise ConfigurationError(
            f"{attribute.name} must be a whole number of credits, 0 or more, not {value!r}"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@frozen
class Price:
    """A call's price: `base` credits, and `per_url` more for each URL that it submits.

    Raises:
        ConfigurationError: A part is not a whole number, or negative.
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


def _with_public(own: Any) -> Mapping[str, Price]:
    if not isinstance(own, Mapping):
        raise ConfigurationError(f"a tariff is made of prices by call, not of a {type(own).__name__}")
    prices: dict[Any, Any] = {**own}
    for call, price in prices.items():
        if call not in PRICES:
            raise _unknown(call)
        if not isinstance(price, Price):
            raise ConfigurationError(f"the price of {call} must be a Price, such as Price(1), not {price!r}")
    return MappingProxyType({**PRICES, **prices})


def _unknown(call: object) -> ConfigurationError:
    return ConfigurationError(f"no call is named {call!r}; there are: {', '.join(sorted(PRICES))}")


@frozen
class Tariff:
    """Prices of calls by name (``"posts.analyze"``), in credits.

    Args:
        prices: Calls whose price differs from the public tariff; the rest keep theirs.

    Raises:
        ConfigurationError: An entry names no call, or is no `Price`; the message names it.
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
            ConfigurationError: No call has this name, or the number of URLs is not a whole number, or negative.
        """
        if not _is_count(urls):
            raise ConfigurationError(
                f"the number of URLs must be a whole number, and not be negative, not {urls!r}"
            )
        try:
            price = self.prices[call]
        except (KeyError, TypeError):
            raise _unknown(call) from None
        return price.base + price.per_url * urls

    def estimate(self, calls: Mapping[str, int], *, urls: int = 0) -> int:
        """What a mix of calls costs together.

        Args:
            calls: How often each call is made (each page of a paged call is a call).
            urls: How many URLs are submitted for analysis besides, whatever the batches.

        Returns:
            Credits.

        Raises:
            ConfigurationError: A call has an unknown name, or a number is not a whole one, or negative.
        """
        for call, times in calls.items():
            if not _is_count(times):
                raise ConfigurationError(
                    f"the number of {call} calls must be a whole number, and not be negative, not {times!r}"
                )
        return sum(self.price(call) * times for call, times in calls.items()) + self.price(
            "posts.analyze", urls=urls
        )
