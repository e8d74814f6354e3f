from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol import endpoints
from tokfluence_async.tariff import PRICES, Price, Tariff


@pytest.mark.parametrize(
    ("call", "urls", "credits"),
    [
        ("creators.search", 0, 1),
        ("creators.show", 0, 1),
        ("creators.posts", 0, 25),
        ("posts.show", 0, 1),
        ("posts.comments", 0, 2),
        ("posts.analyze", 1, 25),
        ("posts.analyze", 50, 1250),
        ("campaigns.create", 0, 1),
        ("campaigns.create", 50, 1251),
        ("campaigns.show", 0, 1),
        ("campaigns.metrics", 0, 2),
        ("campaigns.posts", 0, 2),
        ("campaigns.influencers", 0, 2),
        ("campaigns.delete", 0, 0),
        ("ai_search", 0, 25),
    ],
)
def test_the_public_tariff(call: str, urls: int, credits: int) -> None:  # noqa: A002 - what it is
    assert Tariff().price(call, urls=urls) == credits


def test_every_endpoint_has_a_price() -> None:
    named = {each.name for each in vars(endpoints).values() if isinstance(each, endpoints.Endpoint)}
    assert named == PRICES.keys()
    assert len(named) == 13


def test_an_own_price_replaces_one() -> None:
    tariff = Tariff({"posts.show": Price(3), "posts.analyze": Price(2, 20)})
    assert (tariff.price("posts.show"), tariff.price("creators.show")) == (3, 1)
    assert tariff.price("posts.analyze", urls=2) == 42
    assert PRICES["posts.show"] == Price(1)


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "1"])
def test_a_price_is_whole_credits(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="base must be a whole number of credits"):
        Price(wrong)
    with pytest.raises(ConfigurationError, match="per_url must be a whole number of credits"):
        Price(1, wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"posts.shw": Price(3)}, "'posts.shw'"),
        ({5: Price(3)}, "5"),
        ({"posts.show": 3}, "posts.show must be a Price"),
        ({"posts.show": None}, "posts.show must be a Price"),
        ([("posts.show", Price(3))], "list"),
        ("posts.show", "str"),
        (None, "NoneType"),
    ],
)
def test_an_entry_that_is_wrong_is_named(wrong: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Tariff(wrong)


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "1", None])
def test_only_whole_numbers_are_priced(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number"):
        Tariff().price("posts.analyze", urls=wrong)
    with pytest.raises(ConfigurationError, match="whole number"):
        Tariff().estimate({}, urls=wrong)
    with pytest.raises(ConfigurationError, match=r"number of posts\.show calls"):
        Tariff().estimate({"posts.show": wrong})


class Count:
    """A whole number as numpy's are: no `int`, but with an index."""

    def __index__(self) -> int:
        return 3


def test_whatever_counts_is_a_count() -> None:
    three: Any = Count()
    assert Tariff().estimate({"posts.show": three}, urls=three) == 78
    assert Tariff().price("posts.analyze", urls=three) == 75
    price = Price(three, three)
    assert (price, type(price.base), type(price.per_url)) == (Price(3, 3), int, int)


def test_a_call_may_be_named_by_a_member_of_an_enum() -> None:
    class Call(str, enum.Enum):  # noqa: UP042 - one whose hash is not that of its value
        SHOW = "posts.show"

    assert Tariff({Call.SHOW: Price(3)}).estimate({Call.SHOW: 2}) == 6


@pytest.mark.parametrize("wrong", [["posts.show"], "posts.show", 5, ("posts.show", 1), [], "", 0])
def test_a_mix_of_calls_maps_names_to_numbers(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="calls must map the names of calls to numbers"):
        Tariff().estimate(wrong)


@pytest.mark.parametrize("wrong", [2**63, 10**5000], ids=["64 bits", "5000 digits"])
def test_huge_numbers_are_refused_in_few_words(wrong: int) -> None:
    for make in (
        lambda: Price(wrong),
        lambda: Tariff().price("posts.analyze", urls=wrong),
        lambda: Tariff().estimate({"posts.show": wrong}),
        lambda: Tariff().estimate({}, urls=wrong),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert len(str(caught.value)) < 250


def test_its_errors_are_value_errors_too() -> None:
    with pytest.raises(ValueError, match="no call is named"):
        Tariff({"nope": Price()})


def test_what_can_not_be_priced() -> None:
    tariff = Tariff()
    with pytest.raises(ValueError, match=r"no call is named 'posts\.get'; there are: ai_search"):
        tariff.price("posts.get")
    with pytest.raises(ValueError, match="negative"):
        tariff.price("posts.analyze", urls=-1)
    with pytest.raises(ValueError, match="negative"):
        tariff.estimate({}, urls=-1)
    with pytest.raises(ValueError, match="negative"):
        tariff.estimate({"posts.show": -1})


@given(st.dictionaries(st.sampled_from(sorted(PRICES)), st.integers(0, 1000)), st.integers(0, 10_000))
def test_an_estimate_is_the_sum_of_its_calls(calls: dict[str, int], urls: int) -> None:
    tariff = Tariff()
    one_by_one = sum(tariff.price(call) for call, times in calls.items() for _ in range(times))
    assert tariff.estimate(calls, urls=urls) == one_by_one + 25 * urls
