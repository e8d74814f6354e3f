"""The only module that speaks to the network: one request in, one outcome out.

Three outcomes are told apart (`NotSent`, `Lost`, `Reply`), none of them an exception, and no object of aiohttp leaves
this module: the repr of its errors prints the Authorization header.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextvars import ContextVar
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp
from attrs import define
from yarl import URL

from tokfluence_async.errors import ConfigurationError, UsageError
from tokfluence_async.protocol.wire import BodyReader, Lost, NotSent, Outcome, Reply, Request
from tokfluence_async.session.redaction import Redactor

if TYPE_CHECKING:
    from aiohttp import (
        ClientHandlerType,
        ClientRequest,
        ClientResponse,
        ClientSession,
        ClientTimeout,
        TraceConfig,
    )
    from aiohttp.connector import BaseConnector, Connection
    from aiohttp.tracing import Trace

    from tokfluence_async.options import APIKey

__all__ = ["Transport"]

CONNECT_TIMEOUT: Final = 15.0
KEEP_ALIVE: Final = 4.0
"""Seconds that an idle connection is kept. Short, because a POST on one that the server has just closed ends
as an unknown outcome, while a new connection costs a millisecond."""
LARGE_BODY: Final = 1024 * 1024
"""Bytes of a request from which on it is written in chunks: a single write of more would hold up the event loop."""


@define(eq=False)
class _Progress:
    """How far a request got."""

    connected: bool = False
    """Whether it had a connection, so that its headers may have gone to the socket."""


_progress: ContextVar[_Progress] = ContextVar("tokfluence_async.progress")


class _DisconnectedError(Exception):
    """The connection broke, in a form that aiohttp does not take as an invitation to send the request again."""


class _Connector(aiohttp.TCPConnector):
    """The pool of a client's own: it notes who got a connection, and gives no second one for the same request.

    aiohttp sends a read again by itself where a connection broke; it would be charged twice, and counted once.
    """

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        progress = _progress.get(None)
        if progress is not None and progress.connected:
            raise _DisconnectedError("the connection broke before the answer came")
        connection = await super().connect(req, traces, timeout)
        if progress is not None:
            progress.connected = True
        return connection


async def _on_headers_sent(
    _: ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestHeadersSentParams
) -> None:
    progress = _progress.get(None)
    if progress is not None:
        progress.connected = True


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Do what `_Connector` does, where the connector is the caller's; this and the hook cost half a request more."""
    problem = None
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        problem = _reason(error)
    raise _DisconnectedError(problem)


class Transport:
    """Sends requests to one base URL with one key.

    Args:
        base_url: Scheme, host and optional path prefix; the key is sent nowhere else.
        key: The API key.
        concurrency: Size of the connection pool.
        user_agent: What the client calls itself.
        session: A caller's own session, left open on close. Its cookies, proxies and middlewares are the caller's
            affair, and it may repeat a read by itself. It has no hook of ours, so that only errors of connecting
            prove that nothing was sent.
        connector: A caller's own connector, left open on close.
        trace_configs: Passed on to aiohttp's session.

    Raises:
        ConfigurationError: The session, the connector or a hook is none, or can't be used.
        UsageError: The session or connector belongs to another event loop.
    """

    def __init__(
        self,
        base_url: str,
        key: APIKey,
        *,
        concurrency: int,
        user_agent: str,
        session: ClientSession | None = None,
        connector: BaseConnector | None = None,
        trace_configs: Sequence[TraceConfig] = (),
    ) -> None:
        self._base_url = base_url
        self._redactor = Redactor(key)
        self._secret, self._escape = self._redactor.signs
        self._usual_timeout = aiohttp.ClientTimeout()
        self._owns_session = session is None
        # Whether `_Progress` is kept: not on a caller's session; and should an answer ever come over what is not marked
        # as connected, then aiohttp works in another way, and no mark is believed.
        self._can_tell = session is None
        hooks = _checked_hooks(trace_configs)
        if session is not None:
            if connector is not None or hooks:
                raise ConfigurationError(
                    "a session has a connector and hooks of its own: pass one or the other"
                )
            self._session = _checked_session(session)
        else:
            self._session = _open_session(connector, hooks, concurrency)
        # The key comes last, and into no variable: the frames of what is refused above tell nothing.
        self._fixed_headers = {
            "Authorization": f"Bearer {key.reveal()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": user_agent,
        }
        if self._owns_session:
            # What every request carries is given to aiohttp once, where the session is ours.
            self._session.headers.update(self._fixed_headers)
            self._fixed_headers.clear()

    async def close(self) -> None:
        """Close what this object opened, and nothing else."""
        if self._owns_session:
            await self._session.close()

    async def send(self, request: Request, *, timeout: float) -> Outcome:
        """Send a request once.

        Args:
            request: What to send.
            timeout: Seconds for all of it, connecting included.

        Raises:
            asyncio.CancelledError: The caller was cancelled; the request may have been sent.
        """
        if self._session.closed:
            return NotSent("the aiohttp session was closed", lasting=True)
        progress = _Progress()
        _progress.set(progress)
        body = request.body
        try:
            async with self._session.request(
                request.method,
                self._url(request),
                data=BytesIO(body) if body is not None and len(body) > LARGE_BODY else body,
                headers=self._headers(request),
                allow_redirects=False,
                auto_decompress=False,
                raise_for_status=False,
                timeout=self._timeout(timeout),
            ) as response:
                self._can_tell = self._can_tell and progress.connected
                return await self._read(response, request)
        except Exception as error:  # noqa: BLE001 - hooks and middlewares of the caller's may raise anything
            # The error holds the headers, so it ends here, as a text of our own.
            return self._without_reply(error, progress)

    def _timeout(self, timeout: float) -> ClientTimeout:
        usual = self._usual_timeout
        if usual.total != timeout:
            usual = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT_TIMEOUT))
            self._usual_timeout = usual
        return usual

    def _headers(self, request: Request) -> dict[str, str] | None:
        headers = self._fixed_headers.copy()
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if request.idempotency_key is not None:
            headers["X-Request-Id"] = request.idempotency_key
        for name, value in request.headers.items():
            headers["User-Agent" if name == "user-agent" else name] = value
        return headers or None

    def _url(self, request: Request) -> URL:
        query = f"?{urlencode(request.query)}" if request.query else ""
        return URL(f"{self._base_url}{request.path}{query}", encoded=True)

    def _without_reply(self, error: Exception, progress: _Progress) -> Outcome:
        sent = progress.connected
        if not self._can_tell:
            sent = not isinstance(
                error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL
            )
        if isinstance(error, TimeoutError) and not sent:
            return NotSent("connecting timed out")
        return Lost(_reason(error)) if sent else NotSent(_reason(error))

    async def _read(self, response: aiohttp.ClientResponse, request: Request) -> Reply:
        status, limit = response.status, request.max_body
        headers = {name.lower(): value for name, value in response.headers.items()}
        if "content-encoding" in headers:
            encoding = headers["content-encoding"].strip().lower()
            if encoding not in {"", "identity"}:
                response.close()
                problem = f"encoded as {encoding[:20]!r}, which was not asked for"
                return self._reply(status, headers, b"", problem, lasting=True)
        length = response.content_length
        too_long = f"longer than {limit} bytes"
        if length is not None and length > limit:
            response.close()
            return self._reply(status, headers, b"", too_long, lasting=True)
        try:
            if request.reader is not None and 200 <= status < 300:
                body = await _read_through(response, request.reader, limit)
            elif length is not None:
                body = await response.read()
            else:
                body = await _read_capped(response, limit)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return self._reply(status, headers, b"", f"cut off: {_reason(error)}")
        if body is None:
            return self._reply(status, headers, b"", too_long, lasting=True)
        return self._reply(status, headers, body)

    def _reply(
        self,
        status: int,
        headers: dict[str, str],
        body: bytes,
        problem: str = "",
        *,
        lasting: bool = False,
    ) -> Reply:
        """A reply, without the key even where the server quotes it back."""
        if self._secret in body or self._escape in body:
            body = self._redactor.body(body)
        headers = self._redactor.headers(headers)
        return Reply(status, headers, body, problem, lasting)


async def _read_capped(response: ClientResponse, limit: int) -> bytes | None:
    """A body whose length was not told; None if it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            response.close()
            return None
    return bytes(body)


async def _read_through(response: ClientResponse, reader: BodyReader, limit: int) -> bytes | None:
    """What a reader makes of a body; None if that is too long."""
    reader.begin()
    length = 0
    async for piece in response.content.iter_any():
        length += len(piece)
        if length > limit:
            response.close()
            return None
        if not reader.feed(piece):
            response.close()
            break
    return reader.end()


def _checked_session(session: Any) -> ClientSession:
    if not isinstance(session, aiohttp.ClientSession):
        raise ConfigurationError(f"session must be an aiohttp.ClientSession, not {type(session).__name__}")
    if session.closed:
        raise ConfigurationError("the aiohttp session that was passed in is closed")
    if session.auth is not None:
        raise ConfigurationError("the aiohttp session that was passed in has credentials of its own (auth=…)")
    if "X-Request-Id" in session.headers:
        raise ConfigurationError(
            "the aiohttp session that was passed in sends an X-Request-Id of its own with each request: the API would "
            "take every call for a repeat of the first"
        )
    _check_loop(session, "session")
    return session


def _checked_hooks(trace_configs: Any) -> list[TraceConfig]:
    hooks: list[Any] = [*trace_configs] if isinstance(trace_configs, Sequence) else [trace_configs]
    for each in hooks:
        if not isinstance(each, aiohttp.TraceConfig):
            kind = type(each).__name__
            raise ConfigurationError(
                f"trace_configs must be a list of aiohttp.TraceConfig objects, not {kind}"
            )
    return hooks


def _check_connector(connector: Any) -> None:
    if not isinstance(connector, aiohttp.BaseConnector):
        kind = type(connector).__name__
        raise ConfigurationError(
            f"connector must be an aiohttp connector, such as aiohttp.TCPConnector, not {kind}"
        )
    if connector.closed:
        raise ConfigurationError("the aiohttp connector that was passed in is closed")
    _check_loop(connector, "connector")


def _check_loop(thing: object, kind: str) -> None:
    # aiohttp has deprecated its public attribute, and would notice only where a first request hangs or fails.
    loop = getattr(thing, "_loop", None)
    if loop is not None and loop is not asyncio.get_running_loop():
        raise UsageError(
            f"the aiohttp {kind} that was passed in belongs to another event loop: make it in the coroutine that "
            "opens this client"
        )


def _open_session(
    connector: BaseConnector | None, hooks: list[TraceConfig], concurrency: int
) -> ClientSession:
    if connector is not None:
        _check_connector(connector)
        marker = aiohttp.TraceConfig()
        marker.on_request_headers_sent.append(_on_headers_sent)
        hooks.append(marker)
    return aiohttp.ClientSession(
        connector=connector or _Connector(limit=concurrency, keepalive_timeout=KEEP_ALIVE),
        connector_owner=connector is None,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        raise_for_status=False,
        trace_configs=hooks,
        middlewares=[_send_once] if connector is not None else (),
        loop=asyncio.get_running_loop(),
    )


_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ClientConnectorCertificateError, "the server's certificate is not trusted"),
    (ssl.SSLCertVerificationError, "the server's certificate is not trusted"),
    (aiohttp.ClientConnectorSSLError, "TLS could not be set up"),
    (aiohttp.ClientConnectorDNSError, "the host name can't be resolved"),
    (aiohttp.ConnectionTimeoutError, "connecting timed out"),
    (TimeoutError, "no answer in time"),
    (aiohttp.ServerDisconnectedError, "the server closed the connection without an answer"),
    (aiohttp.ClientResponseError, "the answer is not valid HTTP"),
    (aiohttp.ClientPayloadError, "the connection ended in the middle of the answer"),
)


def _reason(error: Exception) -> str:
    """What went wrong, in words that can't hold a header: from the error's type and the system's own text."""
    if isinstance(error, _DisconnectedError):
        return str(error)
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, OSError) and isinstance(error.strerror, str):
        return f"connection failed: {error.strerror}"
    return f"connection failed ({type(error).__name__})"
