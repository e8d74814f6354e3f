"""The client: its lifetime, its views, its budgets, and what it keeps to itself."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import types
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import aiohttp
import pytest
from scripted import KEY, error, ok, read_request, serving

from tokfluence_async import (
    APIError,
    BudgetExceededError,
    ConfigurationError,
    DecodeError,
    NotSentError,
    OutcomeUnknownError,
    Post,
    PostNotFoundError,
    Price,
    Tariff,
    Tokfluence,
    TokfluenceError,
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


# What is not told


def reachable(root: object) -> Iterator[object]:
    """What hangs from an error: arguments, fields, causes, contexts, and the locals of the frames it came through.

    Of those frames, only what they hold themselves: `self` of a session leads to everything there is.
    """
    todo, seen = [root], set[int]()
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, BaseException):
            todo += [*thing.args, thing.__cause__, thing.__context__, thing.__traceback__, thing.__dict__]
        elif isinstance(thing, types.TracebackType):
            package = thing.tb_frame.f_globals.get("__name__", "").startswith("tokfluence_async")
            todo += [thing.tb_next, *(thing.tb_frame.f_locals.values() if package else ())]
        elif isinstance(thing, dict):
            todo += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set):
            todo += [*thing]


def answer(status: int, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nX-You-Are: %s\r\n\r\n" % (status, len(body), KEY.encode())
        + body
    )


QUOTING = b'{"error":{"code":"post_not_found","message":"no Bearer ' + KEY.encode() + b'"}}'
ANSWERS = {
    "quotes the key": answer(404, QUOTING),
    "no HTTP": b"garbage " + KEY.encode() + b"\r\n\r\n",
    "closed": b"",
    "cut off": answer(200, ok())[:-3],
    "no JSON": answer(200, b"<html>" + KEY.encode()),
    "not as documented": answer(200, b'{"data":{"views":"' + KEY.encode() + b'"}}'),
    "no error of the API": answer(500, b"Bearer " + KEY.encode()),
    "redirect": answer(302, b""),
}


@pytest.mark.parametrize("name", [*ANSWERS, "refused", "closing", "timeout"])
@pytest.mark.parametrize("keyed", [False, True], ids=["read", "keyed"])
async def test_no_error_leads_to_the_key_or_to_aiohttp(name: str, *, keyed: bool) -> None:
    if keyed and name == "not as documented":
        pytest.skip("what the API says of an analysis is read whatever it is")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if name in {"closing", "timeout"}:
            await asyncio.sleep(60)
        writer.write(ANSWERS[name])
        await writer.drain()
        writer.close()

    async with serving(serve) as port:
        base_url = f"http://127.0.0.1:{1 if name == 'refused' else port}"
        async with Tokfluence(KEY, base_url=base_url, backoff=0, max_retries=1) as tok:
            call: Any = tok.posts.analyze([URL]) if keyed else tok.posts.show(VIDEO)
            if name == "timeout":
                call.close()
                tight = tok.with_options(timeout=0.1)
                call = tight.posts.analyze([URL], timeout=0.1) if keyed else tight.posts.show(VIDEO)
            task = asyncio.create_task(call)
            if name == "closing":
                await asyncio.sleep(0.1)
                await tok.close(grace=0)
            with pytest.raises(TokfluenceError) as caught:
                await task
    found = list(reachable(caught.value))
    assert len(found) > 5
    for thing in found:
        assert not type(thing).__module__.startswith(("aiohttp", "yarl", "multidict")), thing
        assert KEY not in repr(thing)
    twin = pickle.loads(pickle.dumps(caught.value))
    assert type(twin) is type(caught.value)
    assert (twin.__dict__, str(twin), twin.args) == (
        caught.value.__dict__,
        str(caught.value),
        caught.value.args,
    )
    assert KEY.encode() not in pickle.dumps(caught.value)


async def test_the_kinds_of_those_errors() -> None:
    async def kind(name: str) -> type[Post | BaseException]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(ANSWERS[name])
            await writer.drain()
            writer.close()

        async with (
            serving(serve) as port,
            Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}", max_retries=0) as tok,
        ):
            (result,) = await asyncio.gather(tok.posts.show(VIDEO), return_exceptions=True)
        return type(result)

    assert await kind("quotes the key") is PostNotFoundError
    assert await kind("not as documented") is DecodeError
    assert await kind("no HTTP") is OutcomeUnknownError
    assert await kind("no JSON") is OutcomeUnknownError


async def test_the_log_at_debug_tells_no_key_no_query_and_no_body(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            body = error(422, "missing_parameter").body if b"GET" in head else b'{"data":{}}'
            writer.write(
                answer(422 if b"GET" in head else 200, body.replace(b"it said", b"SECRET " + KEY.encode()))
            )
            await writer.drain()

    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        async with (
            serving(serve) as port,
            Tokfluence(KEY, base_url=f"http://127.0.0.1:{port}", backoff=0) as tok,
        ):
            await tok.posts.analyze([f"{URL}?SECRET"], extra_headers={"X-Mine": "SECRET"})
            with pytest.raises(APIError, match="SECRET"):
                await tok.posts.show(VIDEO, extra_query={"q": "SECRET"})
    finally:
        loop.set_debug(False)
    ours = [record for record in caplog.records if record.name == "tokfluence_async"]
    assert len(ours) >= 8
    text = caplog.text + "".join(str(vars(record)) for record in ours)
    assert "missing_parameter" in text
    for secret in (KEY, KEY[13:], "SECRET", "Bearer"):
        assert secret not in caplog.text


def test_a_client_does_not_show_its_key() -> None:
    tok = Tokfluence(KEY)
    assert repr(tok) == "Tokfluence(base_url='https://developers.tokfluence.com')"
    assert KEY not in repr(tok.options)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(tok.options)
    assert copy.copy(tok.options) == tok.options


async def test_the_key_goes_to_the_configured_host_only(tokfluence_env: Sandbox) -> None:
    heads: list[bytes] = []

    async def thief(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await read_request(reader))[0])

    async with serving(thief) as port, Tokfluence() as tok:
        for status in (301, 302, 303, 307, 308):
            tokfluence_env.add_fault(effect="redirect", location=f"http://127.0.0.1:{port}/", status=status)
            with pytest.raises(APIError) as caught:
                await tok.posts.show(VIDEO)
            assert caught.value.status == status
    assert heads == []


async def test_not_sent_over_a_refused_port() -> None:
    async with Tokfluence(KEY, base_url="http://127.0.0.1:1", backoff=0) as tok:
        with pytest.raises(NotSentError) as caught:
            await tok.posts.analyze([URL])
        assert caught.value.attempts == 5
        assert tok.spent.charged_max == 0
