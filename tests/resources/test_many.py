"""show_many: order, memory, and errors; on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import Shop, aids, collect, drain, ids, run

from tokfluence_async import (
    AuthenticationError,
    BudgetExceededError,
    ConfigurationError,
    ForbiddenError,
    InsufficientCreditsError,
    NotSentError,
    PostNotFoundError,
    Tokfluence,
    UsageError,
)
from tokfluence_async.resources.many import Shown, show_many
from tokfluence_async.sandbox import Sandbox


@pytest.mark.parametrize("make", [ids, aids], ids=["iterable", "async iterable"])
@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "as completed"])
def test_each_id_once(make: Callable[[int], Any], *, ordered: bool) -> None:
    shop = Shop(lambda n: (n * 7919) % 13 + n / 1000)

    async def main() -> list[str]:
        return [
            each.post_id async for each in show_many(shop.show, make(300), ordered=ordered, concurrency=5)
        ]

    found = run(main())
    assert (found if ordered else sorted(found, key=int)) == list(ids(300))
    if not ordered:
        times = [round(shop.done[each], 6) for each in found]
        assert times == sorted(times)
    assert shop.most == 5


@given(
    st.lists(st.integers(0, 20), max_size=30),
    st.integers(1, 6),
    st.booleans(),
    st.sets(st.integers(0, 30)),
)
def test_every_input_has_a_result(
    latencies: list[int],
    concurrency: int,
    ordered: bool,  # noqa: FBT001 - a parameter of Hypothesis's
    bad: set[int],
) -> None:
    shop = Shop(lambda n: latencies[n], {n: PostNotFoundError("no") for n in bad})

    async def main() -> list[Shown]:
        source = ids(len(latencies))
        return [each async for each in show_many(shop.show, source, ordered=ordered, concurrency=concurrency)]

    found = run(main())
    assert sorted(int(each.post_id) for each in found) == list(range(len(latencies)))
    for each in found:
        assert (each.error is not None) == (int(each.post_id) in bad) == (each.post is None)
    assert shop.most <= concurrency


@pytest.mark.parametrize("ordered", [True, False])
def test_memory_is_bounded(*, ordered: bool) -> None:
    """An endless input; a consumer that is slow; and one id that takes very long."""
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield str(taken - 1)

    shop = Shop(lambda n: 1000 if n == 3 else 0.01)

    async def main() -> None:
        got = 0
        async with aclosing(show_many(shop.show, endless(), ordered=ordered, concurrency=4)) as shown:
            async for _ in shown:
                got += 1
                await asyncio.sleep(1)
                assert taken - got <= 8
                if got == 50:
                    break
        assert shop.in_flight == 0

    run(main())


def test_results_come_though_the_input_is_slow() -> None:
    shop = Shop(lambda _: 1.0)

    async def main() -> list[float]:
        times: list[float] = []
        async for _ in show_many(shop.show, aids(3, gap=10), ordered=True, concurrency=8):
            times.append(asyncio.get_running_loop().time() - 1000)  # noqa: PERF401 - the time at which it came
        return times

    assert run(main()) == [11, 21, 31]


def test_leaving_a_loop_early_cancels_what_is_under_way() -> None:
    shop = Shop(lambda n: n)

    async def main() -> None:
        async for _ in show_many(shop.show, ids(100), ordered=False, concurrency=5):
            break
        await asyncio.sleep(1)
        assert shop.in_flight == 0
        assert len(shop.begun) <= 6

    run(main())


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
def test_an_input_that_raises_raises_after_what_is_paid_for(*, ordered: bool, is_async: bool) -> None:
    shop = Shop(lambda n: 3 - n)

    def broken() -> Iterator[str]:
        yield from ids(3)
        raise ZeroDivisionError

    async def abroken() -> AsyncIterator[str]:
        for each in broken():
            yield each

    async def main() -> None:
        got: list[str] = []
        source: Any = abroken() if is_async else broken()
        with pytest.raises(ZeroDivisionError):
            await drain(show_many(shop.show, source, ordered=ordered, concurrency=8), got)
        assert sorted(got) == ["0", "1", "2"]

    run(main())


@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "as completed"])
@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("no"),
        ForbiddenError("no"),
        InsufficientCreditsError("no"),
        BudgetExceededError(price=1, max_credits=1, committed=1),
        UsageError("closed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_is_everybody_s_ends_it_after_what_is_paid_for(
    error: Exception, *, ordered: bool
) -> None:
    """The first id is slow, so that in order many others are done, or wait for a place, before it."""
    shop = Shop(lambda n: [30, 1, 2][n] if n < 3 else 5, {2: error})

    async def main() -> list[Shown]:
        got: list[Shown] = []
        with pytest.raises(type(error)) as caught:
            await collect(show_many(shop.show, ids(1000), ordered=ordered, concurrency=4), got)
        assert caught.value is error
        return got

    got = run(main())
    assert all(shop.begun_at[each] <= shop.done["2"] for each in shop.begun)
    assert shop.begun == ["0", "1", "2", "3", "4"]
    found = {each.post_id: each for each in got}
    # Each id that was taken from the input has its result, and only one.
    assert len(found) == len(got)
    assert sorted(found, key=int) == list(ids(len(found)))
    if ordered:
        assert [each.post_id for each in got] == list(ids(len(got)))
        assert len(got) > len(shop.begun)
    for post_id, each in found.items():
        if post_id == "2":
            assert each.error is error
        elif post_id in shop.begun:
            assert each.post is not None
        else:
            assert isinstance(each.error, NotSentError)
            assert "not begun" in each.error.message
            assert (each.error.method, each.error.path) == ("GET", f"/v1/posts/{post_id}")
            assert each.error.attempts == 0


def test_of_several_such_errors_the_first_is_raised_and_each_is_told() -> None:
    shop = Shop(lambda n: 5 - n, {n: AuthenticationError(str(n)) for n in range(3)})

    async def main() -> list[Shown]:
        got: list[Shown] = []
        with pytest.raises(AuthenticationError, match="2"):
            await collect(show_many(shop.show, ids(1000), ordered=True, concurrency=3), got)
        return got

    assert [each.error.message for each in run(main())[:3] if each.error] == ["0", "1", "2"]


def test_what_waits_for_a_place_and_is_no_id_is_told_as_that() -> None:
    shop = Shop(lambda _: 1, {0: AuthenticationError("no")})

    async def main() -> list[Shown]:
        got: list[Shown] = []
        with pytest.raises(AuthenticationError):
            await collect(show_many(shop.show, ["0", ""], ordered=True, concurrency=1), got)
        return got

    assert [type(each.error) for each in run(main())] == [AuthenticationError, ConfigurationError]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_fault_in_the_call_itself_begins_nothing_more_either(*, ordered: bool) -> None:
    shop = Shop(lambda n: 1 if n == 2 else 5, {2: ZeroDivisionError()})

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await collect(show_many(shop.show, ids(1000), ordered=ordered, concurrency=4), [])
        assert shop.in_flight == 0
        assert len(shop.begun) == 4

    run(main())


def test_what_is_no_id_is_an_error_of_its_own() -> None:
    shop = Shop(errors={1: ConfigurationError("not an id")})

    async def main() -> list[Shown]:
        return [each async for each in show_many(shop.show, ids(3), ordered=True, concurrency=2)]

    assert [type(each.error) for each in run(main())] == [type(None), ConfigurationError, type(None)]


@pytest.mark.anyio
async def test_against_the_sandbox(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    videos = [str(7234567890123456000 + n) for n in range(40)]
    tokfluence_sandbox.seed({"posts": videos[::2]})
    shown = [each async for each in tok.posts.show_many(videos)]
    assert [each.post_id for each in shown] == videos
    assert [each.post is not None for each in shown] == [True, False] * 20
    assert {type(each.error) for each in shown[1::2]} == {PostNotFoundError}
    assert tok.spent.charged_max == 40
    with pytest.raises(BudgetExceededError):
        await drain(tok.budget(max_credits=5).posts.show_many(videos[:2] * 10), [])
    with pytest.raises(ConfigurationError, match="single string"):
        tok.posts.show_many("7234567890123456789")
    with pytest.raises(ConfigurationError):
        tok.posts.show_many(videos, timeout=-1)


@pytest.mark.anyio
@pytest.mark.parametrize("ordered", [True, False])
async def test_an_empty_wallet_ends_it(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, tokfluence_key: str, *, ordered: bool
) -> None:
    videos = [str(7234567890123456000 + n) for n in range(60)]
    tokfluence_sandbox.seed({"posts": videos})
    tokfluence_sandbox.set_wallet(tokfluence_key, 20)
    got: list[Shown] = []
    with pytest.raises(InsufficientCreditsError):
        await collect(tok.posts.show_many(iter(videos), ordered=ordered), got)
    assert sum(each.post is not None for each in got) == 20 == tok.spent.charged.max
    assert sorted(each.post_id for each in got) == videos[: len(got)]
    assert {type(each.error) for each in got if each.error} <= {InsufficientCreditsError, NotSentError}
    assert len(tokfluence_sandbox.requests()) <= 20 + tok.options.concurrency
