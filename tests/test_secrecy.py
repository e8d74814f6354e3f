"""What a client keeps to itself: neither an error nor a log leads to the key."""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import pickle
import types
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from scripted import KEY, error, ok, read_request, serving

from tokfluence_async import (
    APIError,
    APIKey,
    ConfigurationError,
    DecodeError,
    Options,
    OutcomeUnknownError,
    Post,
    PostNotFoundError,
    Price,
    Tokfluence,
    TokfluenceError,
    UsageError,
)
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio

VIDEO = "7234567890123456789"
URL = f"https://www.tiktok.com/@alice/video/{VIDEO}"


def reachable(root: object) -> Iterator[object]:
    """What hangs from an error: arguments, fields, causes, contexts, and the locals of the frames it came through.

    Of those frames, whosesoever but a test's own, only what they hold themselves: `self` of a session leads to
    everything there is.
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
            own = thing.tb_frame.f_globals.get("__name__") == __name__
            todo += [thing.tb_next, *(() if own else thing.tb_frame.f_locals.values())]
        elif isinstance(thing, dict):
            todo += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set):
            todo += [*thing]


def shown(thing: object) -> str:
    """A thing's repr; that of its class alone where it is half built, as in the frame of an `__init__` that failed."""
    try:
        return repr(thing)
    except AttributeError:
        return object.__repr__(thing)


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
        assert KEY not in shown(thing)
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


# Settings, sessions and headers that are refused


def assert_no_key_hangs_from(error: BaseException) -> None:
    found = list(reachable(error))
    assert len(found) > 5
    for thing in found:
        assert KEY not in shown(thing), type(thing)
        assert not isinstance(thing, os._Environ), "the environment holds the key"
    for text in (str(error), repr(error), repr(pickle.dumps(error))):
        assert KEY not in text


WRONG: list[dict[str, Any]] = [
    {"timeout": 0},
    {"timeout": "soon"},
    {"timeout": float("nan")},
    {"max_retries": -1},
    {"backoff": "x"},
    {"settle": -1},
    {"requests_per_minute": 2.5},
    {"concurrency": 0},
    {"batch_size": True},
    {"max_credits": -1},
    {"base_url": "http://evil.test"},
    {"base_url": "https://host?"},
    {"base_url": "https://user:secret@host:port"},
    {"base_url": b"https://host"},
]
WAYS: dict[str, Callable[..., object]] = {
    "client": lambda **wrong: Tokfluence(KEY, **wrong),
    "client from the environment": Tokfluence,
    "options": lambda **wrong: Options(api_key=KEY, **wrong),
    "loaded": lambda **wrong: Options.load({}, api_key=KEY, **wrong),
    "loaded from a mapping": lambda **wrong: Options.load({"TOKFLUENCE_API_KEY": KEY}, **wrong),
    "replaced": lambda **wrong: Options(api_key=KEY).replace(**wrong),
    "replaced with the key": lambda **wrong: Options().replace(api_key=KEY, **wrong),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_setting_leads_to_no_key(
    way: str, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKFLUENCE_API_KEY", KEY)
    with pytest.raises(ConfigurationError) as caught:
        WAYS[way](**wrong)
    assert_no_key_hangs_from(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TIMEOUT", "x"),
        ("TIMEOUT", "0"),
        ("TIMEOUT", KEY),
        ("MAX_RETRIES", "2.5"),
        ("MAX_CREDITS", "-1"),
        ("CONCURRENCY", "0"),
        ("BASE_URL", "http://evil.test"),
        ("BASE_URL", "https://host#"),
        ("API_KEY", f"{KEY}\nx"),
        ("API_KEY", f"{KEY} {KEY}"),
    ],
)
def test_a_wrong_variable_leads_to_no_key(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKFLUENCE_API_KEY", KEY)
    monkeypatch.setenv(f"TOKFLUENCE_{name}", text)
    with pytest.raises(ConfigurationError, match=f"TOKFLUENCE_{name}") as caught:
        Tokfluence()
    if text == KEY:
        assert KEY not in str(caught.value)  # in whose place it stands, it is no secret of ours in the frames
    else:
        assert_no_key_hangs_from(caught.value)


@pytest.mark.parametrize(
    "wrong", [KEY.encode(), f"{KEY}\nx", f"{KEY} {KEY}", [KEY], {"key": KEY}, (KEY,), 5, True], ids=repr
)
@pytest.mark.parametrize(
    "way",
    [
        Tokfluence,
        APIKey,
        lambda key: Tokfluence(api_key=key),
        lambda key: Options(api_key=key),
        lambda key: Options.load(api_key=key),
        lambda key: Options().replace(api_key=key),
    ],
)
def test_a_wrong_key_is_found_nowhere(wrong: Any, way: Callable[[Any], object]) -> None:
    with pytest.raises(ConfigurationError, match="the API key") as caught:
        way(wrong)
    assert_no_key_hangs_from(caught.value)


@pytest.mark.parametrize("wrong", [{"tariff": {"posts.show": Price(2)}}, {"analyze_encoder": None}])
def test_other_wrong_arguments_lead_to_no_key(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Tokfluence(KEY, **wrong)
    assert_no_key_hangs_from(caught.value)


@asynccontextmanager
async def given(name: str) -> AsyncGenerator[dict[str, Any], None]:
    """Something of aiohttp's, or not, that no client can use."""
    async with aiohttp.ClientSession() as session:
        match name:
            case "closed session":
                await session.close()
                yield {"session": session}
            case "session and connector":
                yield {"session": session, "connector": session.connector}
            case "closed connector":
                connector = aiohttp.TCPConnector()
                await connector.close()
                yield {"connector": connector}
            case "no hooks":
                yield {"trace_configs": [5]}
            case "no list of hooks":
                yield {"trace_configs": 5}
            case _:
                yield {name.removeprefix("no "): 5}


@pytest.mark.parametrize(
    "name",
    [
        "closed session",
        "session and connector",
        "closed connector",
        "no session",
        "no connector",
        "no hooks",
        "no list of hooks",
    ],
)
async def test_a_session_that_is_refused_leads_to_no_key(name: str) -> None:
    async with given(name) as arguments:
        tok = Tokfluence(KEY, **arguments)
        with pytest.raises(ConfigurationError) as caught:
            await tok.__aenter__()
        assert_no_key_hangs_from(caught.value)


@pytest.mark.parametrize("kind", ["session", "connector"])
def test_a_session_of_another_loop_leads_to_no_key(kind: str) -> None:
    async def make() -> Any:
        return aiohttp.ClientSession() if kind == "session" else aiohttp.TCPConnector()

    async def end(thing: Any) -> None:
        await thing.close()

    with asyncio.Runner() as one, asyncio.Runner() as other:
        thing = one.run(make())
        tok = Tokfluence(KEY, **{kind: thing})
        with pytest.raises(UsageError, match="another event loop") as caught:
            other.run(tok.__aenter__())
        assert_no_key_hangs_from(caught.value)
        one.run(end(thing))


async def test_a_refused_header_or_option_leads_to_no_key() -> None:
    async with Tokfluence(KEY, base_url="http://127.0.0.1:1") as tok:
        wrong: dict[str, Any]
        for wrong in (
            {"extra_headers": {"Authorization": "Bearer x"}},
            {"extra_headers": {"X-A": "a\r\nb"}},
            {"extra_headers": [1]},
        ):
            with pytest.raises(ConfigurationError) as caught:
                tok.with_options(**wrong)
            assert_no_key_hangs_from(caught.value)
            with pytest.raises(ConfigurationError) as caught:
                await tok.posts.show(VIDEO, **wrong)
            assert_no_key_hangs_from(caught.value)
