"""The client: its lifetime, its views and its budgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from scripted import KEY, ok, read_request, serving

from tokfluence_async import (
    APIError,
    BudgetExceededError,
    ConfigurationError,
    Event,
    NotSentError,
    OutcomeUnknownError,
    Post,
    Price,
    RetryScheduled,
    Tariff,
    Tokfluence,
    UsageError,
    campaign_body,
)
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

VIDEO = "7234567890123456789"
URL = f"https://www.tiktok.com/@alice/video/{VIDEO}"


@pytest.fixture
async def tok(tokfluence_sandbox: Sandbox, tokfluence_key: str) -> AsyncGenerator[Tokfluence, None]:
    tokfluence_sandbox.seed({"posts": [URL]})
    async with Tokfluence(tokfluence_key, base_url=tokfluence_sandbox.base_url, backoff=0) as tok:
        yield tok


# Lifetime


async def test_it_is_used_inside_its_block_only(tokfluence_env: Sandbox) -> None:
    tokfluence_env.seed({"posts": [URL]})
    tok = Tokfluence()
    assert tok.credits_remaining is None
    with pytest.raises(UsageError, match="not open"):
        await tok.posts.show(VIDEO)
    with pytest.raises(UsageError, match="not open"):
        _ = tok.session
    async with tok:
        post = await tok.posts.show(VIDEO)
        with pytest.raises(UsageError, match="open already"):
            await tok.__aenter__()
    assert tok.credits_remaining == post.response.credits_remaining
    with pytest.raises(UsageError, match="was closed"):
        await tok.posts.show(VIDEO)
    with pytest.raises(UsageError, match="make a new one"):
        await tok.__aenter__()
    await tok.close()
    assert tok.spent.committed == 1


async def test_without_a_key_it_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKFLUENCE_API_KEY", raising=False)
    tok = Tokfluence()
    assert tok.estimate({"campaigns.create": 1}, urls=50) == 1251
    with pytest.raises(ConfigurationError, match="no API key: set TOKFLUENCE_API_KEY"):
        await tok.__aenter__()
    await tok.close()


def test_another_event_loop_is_refused_in_words() -> None:
    async def begin() -> Tokfluence:
        return await Tokfluence(KEY, base_url="http://127.0.0.1:1").__aenter__()

    async def misuse(tok: Tokfluence) -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await tok.posts.show(VIDEO)
        with pytest.raises(UsageError, match="another event loop"):
            await tok.close()

    with asyncio.Runner() as one, asyncio.Runner() as other:
        tok = one.run(begin())
        other.run(misuse(tok))
        one.run(tok.close())


async def test_closing_waits_for_calls_under_way_and_then_interrupts_them() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        await asyncio.sleep(0.2 if b"/v1/posts/1 " in head else 60)
        writer.write(ok())
        await writer.drain()

    async with serving(serve) as port:
        tok = Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}")
        async with tok:
            quick = asyncio.create_task(tok.posts.show("1"))
            slow = asyncio.create_task(tok.posts.show("2"))
            await asyncio.sleep(0.1)
            await tok.close(grace=0.4)
        assert isinstance(await quick, Post)
        with pytest.raises(OutcomeUnknownError, match="the client was closed before the answer came"):
            await slow


async def test_a_session_and_a_connector_of_the_caller_s_are_left_open(tokfluence_env: Sandbox) -> None:
    tokfluence_env.seed({"posts": [URL]})
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with Tokfluence(session=session) as tok:
                await tok.posts.show(VIDEO)
        assert not session.closed
    connector = aiohttp.TCPConnector()
    for _ in range(2):
        async with Tokfluence(connector=connector) as tok:
            await tok.posts.show(VIDEO)
    assert not connector.closed
    await connector.close()


@pytest.mark.parametrize("kind", ["session", "connector"])
async def test_what_the_caller_closes_too_early_is_named(tokfluence_env: Sandbox, kind: str) -> None:
    tokfluence_env.seed({"posts": [URL]})
    thing: Any = aiohttp.ClientSession() if kind == "session" else aiohttp.TCPConnector()
    passed: dict[str, Any] = {kind: thing}
    async with Tokfluence(**passed) as tok:
        await tok.posts.show(VIDEO)
        await thing.close()
        for call in (tok.posts.show(VIDEO), tok.budget(max_credits=30).posts.analyze([URL])):
            with pytest.raises(UsageError, match=f"the aiohttp {kind} that was passed in was closed"):
                await call
        with pytest.raises(UsageError, match="was closed"):
            tok.posts.show_many([VIDEO])
        assert tok.spent.charged_max == 1
    assert len(tokfluence_env.requests()) == 1


async def test_what_the_caller_closes_between_two_tries_is_named() -> None:
    connector = aiohttp.TCPConnector()
    session = aiohttp.ClientSession(connector=connector)

    def close(event: Event) -> None:
        if isinstance(event, RetryScheduled):
            session.detach()  # closed from now on, at once

    async with Tokfluence(KEY, base_url="http://127.0.0.1:1", session=session, backoff=0) as tok:
        tok.events.subscribe(close)
        with pytest.raises(UsageError, match="session that was passed in was closed"):
            await tok.posts.analyze([URL])
        assert tok.spent.charged_max == 0
    await connector.close()


async def test_a_lost_answer_stays_unknown_though_the_caller_s_session_was_closed_then() -> None:
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await asyncio.sleep(60)

    session = aiohttp.ClientSession()
    async with (
        serving(serve) as port,
        Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}", session=session, backoff=0) as tok,
    ):
        call = asyncio.create_task(tok.posts.analyze([URL]))
        await arrived.wait()
        await session.close()
        with pytest.raises(OutcomeUnknownError):
            await call
        assert tok.spent.charged_max == 25


def test_where_no_event_loop_runs_it_says_what_to_write() -> None:
    tok = Tokfluence(KEY)
    with pytest.raises(UsageError, match="`async with Tokfluence"), tok:
        pass
    with pytest.raises(UsageError, match="inside a coroutine"):
        tok.__aenter__().send(None)
    with pytest.raises(UsageError, match="not open"):
        tok.posts.show_many([VIDEO])


async def test_another_thread_has_no_event_loop() -> None:
    async with Tokfluence(KEY, base_url="http://127.0.0.1:1") as client:
        with pytest.raises(UsageError) as caught:
            await asyncio.to_thread(client.posts.show_many, [VIDEO])
    assert str(caught.value) == (
        "no event loop runs here: use `async with Tokfluence() as tok:` inside a coroutine, as `asyncio.run` runs it"
    )


async def test_the_end_of_the_block_waits_for_a_close_that_is_under_way() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(0.2)
        writer.write(ok())
        await writer.drain()

    async with serving(serve) as port:
        async with Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}") as tok:
            call = asyncio.create_task(tok.posts.show("1"))
            await asyncio.sleep(0.05)
            closing = asyncio.create_task(tok.close(grace=5))
            await asyncio.sleep(0)
        assert call.done()
        assert closing.done()
        assert isinstance(await call, Post)
        await closing


@pytest.mark.parametrize("grace", [float("nan"), -1, "5"])
async def test_a_grace_is_a_number_of_seconds(grace: Any) -> None:
    async with Tokfluence(KEY, base_url="http://127.0.0.1:1") as tok:
        with pytest.raises(ConfigurationError, match="grace"):
            await tok.close(grace=grace)
        assert tok.session is not None


# Views


async def test_with_options_shares_everything_but_its_settings(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    view = tok.with_options(max_retries=0, timeout=5, extra_headers={"X-One": "1"})
    further = view.with_options(extra_headers={"x-one": "2", "X-Two": "2"})
    await further.posts.show(VIDEO, extra_headers={"X-Three": "3"})
    assert (view.options.max_retries, view.options.timeout, tok.options.max_retries) == (0, 5, 4)
    assert view.session is tok.session
    assert view.events is tok.events
    assert view.spent is tok.spent
    names = [name.lower() for name in tokfluence_sandbox.requests()[0].header_names]
    assert sorted(each for each in names if each in {"x-one", "x-two", "x-three"}) == [
        "x-one",
        "x-three",
        "x-two",
    ]
    tokfluence_sandbox.add_fault(effect="status", status=500, count=2)
    with pytest.raises(APIError) as caught:
        await view.posts.show(VIDEO)
    assert caught.value.attempts == 1
    with pytest.raises(ConfigurationError):
        tok.with_options(timeout=-1)
    with pytest.raises(ConfigurationError):
        tok.with_options(extra_headers={"authorization": "x"})


async def test_a_budget(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    part = tok.budget(max_credits=3)
    results = await asyncio.gather(*(part.posts.show(VIDEO) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(each, Post) for each in results) == 3
    assert sum(isinstance(each, BudgetExceededError) for each in results) == 17
    assert tokfluence_sandbox.ledger().net == 3
    assert (part.spent.committed, tok.spent.committed, part.spent.remaining) == (3, 3, 0)
    await tok.posts.show(VIDEO)
    assert tok.spent.committed == 4
    await part.campaigns.delete((await tok.campaigns.create("A")).id)  # free
    with pytest.raises(ConfigurationError):
        tok.budget(max_credits=-1)


async def test_a_budget_of_a_budget_is_spent_from_both(tokfluence_env: Sandbox) -> None:
    tokfluence_env.seed({"posts": [URL]})
    async with Tokfluence(max_credits=2) as tok:
        part = tok.budget(max_credits=100)
        assert part.options.max_credits == 2
        await part.posts.show(VIDEO)
        await tok.posts.show(VIDEO)
        with pytest.raises(BudgetExceededError) as caught:
            await part.posts.show(VIDEO)
        assert caught.value.max_credits == 2
    assert tokfluence_env.ledger().net == 2


@pytest.mark.parametrize("own", [None, 10])
@pytest.mark.parametrize("wrong", [None, "5", 5.0, True, 2**63])
def test_a_budget_has_a_cap(own: int | None, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"max_credits must be a whole number, at (least 0|most)"):
        Tokfluence(KEY, max_credits=own).budget(max_credits=wrong)


async def test_a_view_keeps_what_a_subclass_has_of_its_own(tokfluence_env: Sandbox) -> None:
    class Tagged(Tokfluence):
        __slots__ = ("slot",)

        def __init__(self, tag: str) -> None:
            super().__init__()
            self.tag = tag
            self.slot = tag

    tokfluence_env.seed({"posts": [URL]})
    async with Tagged("mine") as tok:
        for view in (tok.with_options(timeout=5), tok.budget(max_credits=1)):
            assert isinstance(view, Tagged)
            assert (view.tag, view.slot) == ("mine", "mine")
            assert view.events is tok.events
            assert view.session is tok.session
        part = tok.budget(max_credits=1)
        await part.posts.show(VIDEO)
        with pytest.raises(BudgetExceededError):
            await part.posts.show(VIDEO)
        await tok.posts.show(VIDEO)  # its own posts are not the view's


async def test_what_can_not_be_opened_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def limiter(*_: Any) -> None:
        raise OverflowError("too many")

    opened: list[str] = []
    monkeypatch.setattr("tokfluence_async.client.Limiter", limiter)
    monkeypatch.setattr(
        "tokfluence_async.session.transport.Transport", lambda *_, **__: opened.append("transport")
    )
    with pytest.raises(OverflowError):
        await Tokfluence(KEY).__aenter__()
    assert opened == []


@pytest.mark.parametrize("wrong", [["posts.show"], "posts.show", [], 5])
def test_an_estimate_is_of_calls_by_name(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="calls must map"):
        Tokfluence(KEY).estimate(wrong)


async def test_an_encoder_that_empties_its_list_changes_no_price(tokfluence_env: Sandbox) -> None:
    def emptying(_: int | None, posts: Any, /) -> dict[str, Any]:
        urls = [url for url, _, _ in posts]
        posts.clear()
        return {"urls": urls}

    async with Tokfluence(analyze_encoder=emptying) as tok:
        await tok.posts.analyze([URL])
        assert tok.spent.charged_max == 25


async def test_a_tariff_and_an_encoder_of_the_caller_s(tokfluence_env: Sandbox) -> None:
    def encoder(campaign_id: int | None, posts: Any, /) -> dict[str, Any]:
        return campaign_body(campaign_id or 0, posts) | {"mine": True}

    tariff = Tariff({"posts.show": Price(7)})
    async with Tokfluence(tariff=tariff, analyze_encoder=encoder, max_credits=30) as tok:
        assert tok.estimate({"posts.show": 2}) == 14
        assert tok.analyze_encoder(1, [])["mine"]
        await tok.posts.analyze([URL], campaign_id=(await tok.campaigns.create("A")).id)
        assert b'"mine":true' in tokfluence_env.requests("posts.analyze")[0].body
        with pytest.raises(BudgetExceededError):
            await tok.posts.show(VIDEO)

    def both(campaign_id: int | None, posts: Any, /) -> dict[str, Any]:
        return {"posts": [], "urls": []}

    async with Tokfluence(analyze_encoder=both) as tok:
        with pytest.raises(ConfigurationError, match="charged twice"):
            await tok.posts.analyze([URL])


async def test_not_sent_over_a_refused_port() -> None:
    async with Tokfluence(KEY, base_url="http://127.0.0.1:1", backoff=0) as tok:
        with pytest.raises(NotSentError) as caught:
            await tok.posts.analyze([URL])
        assert caught.value.attempts == 5
        assert tok.spent.charged_max == 0
