"""What every call costs, in credits: one table, the source of every price that this package names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import Attribute, field, frozen

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError

__all__ = ["PRICES", "Price", "Tariff"]


def _plain(value: int) -> int:
    count = scalars.whole(value)
    return value if count is None else count


def _credits(_: object, attribute: Attribute[int], value: Any) -> None:
    if _count(value) is None:
        raise ConfigurationError(
            f"{attribute.name} must be a whole number of credits, 0 or more, not {scalars.quoted(value)}"
        )


def _count(value: object) -> int | None:
    count = scalars.whole(value)
    return count if count is not None and 0 <= count <= scalars.LARGEST else None


@frozen
class Price:
    """A call's price: `base` credits, and `per_url` more for each URL that it submits.

    Raises:
        ConfigurationError: A part is not a whole number, or negative.
    """

    base: int = field(default=0, converter=_plain, validator=_credits)
    """Credits for the call itself."""
    per_url: int = field(default=0, converter=_plain, validator=_credits)
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
    given: dict[Any, Any] = {**own}
    prices: dict[str, Price] = {}
    for name, price in given.items():
        call = scalars.text(name)
        if call is None or call not in PRICES:
            raise _unknown(name)
        if not isinstance(price, Price):
            raise ConfigurationError(
                f"the price of {call} must be a Price, such as Price(1), not {scalars.quoted(price)}"
            )
        prices[call] = price
    return MappingProxyType({**PRICES, **prices})


def _unknown(call: object) -> ConfigurationError:
    return ConfigurationError(
        f"no call is named {scalars.quoted(call)}; there are: {', '.join(sorted(PRICES))}"
    )


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
        count = _count(urls)
        if count is None:
            raise ConfigurationError(
                f"the number of URLs must be a whole number, and not be negative, not {scalars.quoted(urls)}"
            )
        name = scalars.text(call)
        if name is None or name not in self.prices:
            raise _unknown(call)
        price = self.prices[name]
        return price.base + price.per_url * count

    def estimate(self, calls: Mapping[str, int], *, urls: int = 0) -> int:
        """What a mix of calls costs together.

        Args:
            calls: How often each call is made (each page of a paged call is a call).
            urls: How many URLs are submitted for analysis besides, whatever the batches.

        Returns:
            Credits.

        Raises:
            ConfigurationError: A call has an unknown name, a number is not a whole one, or negative, or `calls` is no
                mapping.
        """
        total = self.price("posts.analyze", urls=urls)
        for call, times in _items(calls):
            count = _count(times)
            if count is None:
                raise ConfigurationError(
                    f"the number of {scalars.text(call) or scalars.quoted(call)} calls must be a whole number, "
                    f"and not be negative, not {scalars.quoted(times)}"
                )
            total += self.price(call) * count
        return total


def _items(calls: Any) -> Iterable[tuple[Any, Any]]:
    if not isinstance(calls, Mapping):
        raise ConfigurationError(
            f"calls must map the names of calls to numbers, such as {{'posts.show': 200}}, not {scalars.quoted(calls)}"
        )
    given: dict[Any, Any] = {**calls}
    return given.items()
