"""The sandbox over HTTP: aiohttp's server, and the order in which a request goes through an exchange."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

from aiohttp import web

from tokfluence_async.sandbox.control_api import CONTROL_PREFIX, control
from tokfluence_async.sandbox.effects import Answer, Wire
from tokfluence_async.sandbox.exchange import Exchange
from tokfluence_async.sandbox.replies import Reply, error

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

    from tokfluence_async.sandbox.controls import Controls
    from tokfluence_async.sandbox.faults import Fault, Phase

_FINISHING = 0.2
_LINGERING = 1.0
_TURN = 0.005
_LARGEST_CONTROL = 256 * 2**20
_INTERNAL_ERROR = 500
_AS_SENT = frozenset({"status", "redirect"})


class ClosingError(Exception):
    """The sandbox closes while a request waits."""


class AlreadySent(web.StreamResponse):
    """Tells the HTTP server that there is nothing left to send, and that the connection is done with."""

    @property
    def keep_alive(self) -> bool | None:
        """Never: whatever was sent, or not, has left the connection in no state to go on."""
        return False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send no headers."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no body."""


class Connection(web.RequestHandler):
    """A client's connection, whose own errors, such as for what is not HTTP, have the API's shape too."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer for an error outside every exchange, and end the connection."""
        if status == _INTERNAL_ERROR:
            self.log_exception("the sandbox failed at %s %s", request.method, request.path, exc_info=exc)
        code = "internal_error" if status == _INTERNAL_ERROR else "bad_request"
        response = _response(error(status, code, (message or "The sandbox failed.").strip()))
        response.force_close()
        return response


class Server(web.Server):
    """aiohttp's server, with connections of our own."""

    def __call__(self) -> Connection:
        """A connection that a client has just opened."""
        return Connection(self, loop=asyncio.get_running_loop(), **self._kwargs)


def loopback(host: str) -> str:
    """The address to bind for a host's name.

    Raises:
        ValueError: If it is not this machine alone: the sandbox takes any key, and is for nobody else.
    """
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(f"the sandbox serves loopback addresses only, such as 127.0.0.1; not {host!r}")
    return host


class App:
    """Serves a sandbox. To be used within one event loop.

    Args:
        controls: The sandbox.
    """

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._closing = asyncio.Event()
        self._server: Server | None = None
        self._listener: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Start to listen.

        Args:
            host: A loopback address, or ``localhost``.
            port: TCP port; 0 = any that is free.

        Returns:
            The port.

        Raises:
            ValueError: If the host is not a loopback address.
            OSError: If the port is taken.
        """
        address = loopback(host)
        server = Server(
            self._handle,
            access_log=None,
            lingering_time=_LINGERING,
            max_line_size=65_536,
            max_field_size=65_536,
        )
        listener = await asyncio.get_running_loop().create_server(server, address, port, backlog=1024)
        self._server, self._listener = server, listener
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening, end every wait, and close every connection."""
        server, listener = self._server, self._listener
        self._server = self._listener = None
        if server is None or listener is None:
            return
        self._closing.set()
        listener.close()
        open_now = [connection.transport for connection in server.connections]
        server.pre_shutdown()
        # One turn of the loop lets the waits end by themselves, so that nothing need be cancelled.
        await asyncio.sleep(0)
        await server.shutdown(_FINISHING)
        for transport in open_now:
            # A client that does not read what it was sent would keep a closed connection waiting for ever.
            if transport is not None:
                transport.abort()
        await listener.wait_closed()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path_qs.startswith(CONTROL_PREFIX):
            body = await _read(request, _LARGEST_CONTROL)
            if body is None:
                return _response(error(413, "payload_too_large", "That is too much."))
            return _response(control(self._controls, request.method, request.raw_path, body))
        headers = request.headers
        exchange = Exchange(
            self._controls.state,
            method=request.method,
            target=request.raw_path,
            authorization=headers.get("Authorization"),
            request_id=headers.get("X-Request-Id"),
            # aiohttp spells the names that it knows its own way in `headers`; as they were sent they are here.
            header_names=[name.decode("latin-1") for name, _ in request.raw_headers],
            peer=request.remote or "",
        )
        try:
            body = await _read(request, exchange.switches.max_body_bytes)
            reply, fault, midway = await self._process(exchange, body)
            if reply is None:
                return AlreadySent()
            if fault is None:
                exchange.end(reply.status)
                return _response(reply, exchange)
            return await self._damage(request, exchange, fault, reply, midway=midway)
        except (ClosingError, ConnectionError, web.RequestPayloadError):
            if request.transport is not None:
                request.transport.abort()
            return AlreadySent()
        finally:
            exchange.end(exchange.record.status)

    async def _process(
        self, exchange: Exchange, body: bytes | None
    ) -> tuple[Reply | None, Fault | None, bool]:
        """The answer, the fault that is to damage it on the wire, if any, and whether in its middle."""
        answer = exchange.receive(body)
        if answer is None:
            fault = await self._strike(exchange, "before_charge")
            if fault is not None:
                return _struck(exchange, fault, None)
            answer = exchange.admit()
        if answer is None:
            while exchange.switches.repeat_while_running == "wait" and exchange.first_still_runs():
                await self._pause(_TURN)
            answer = exchange.accept()
        if answer is None:
            await self._pause(exchange.seconds)
            fault = await self._strike(exchange, "after_charge")
            if fault is not None:
                return _struck(exchange, fault, None)
            answer = exchange.perform()
            fault = await self._strike(exchange, "after_tracking")
            if fault is not None:
                return _struck(exchange, fault, answer)
        fault = exchange.strike("mid_response")
        if fault is not None:
            return exchange.struck(fault, answer), fault, True
        return answer, None, False

    async def _strike(self, exchange: Exchange, phase: Phase) -> Fault | None:
        fault = exchange.strike(phase)
        if fault is None or fault.effect != "delay":
            return fault
        await self._pause(fault.seconds)
        return None

    async def _damage(
        self, request: web.BaseRequest, exchange: Exchange, fault: Fault, reply: Reply, *, midway: bool
    ) -> AlreadySent:
        transport = request.transport
        if transport is None:
            return AlreadySent()
        silent = not midway and fault.effect in {"reset", "close", "stall"}
        status = None if silent else reply.status
        # A stall before the work is a request that still runs; past it, only the client still waits.
        still_runs = fault.effect == "stall" and fault.phase == "after_charge"
        if not still_runs:
            exchange.end(status)
        headers = _headers(reply, exchange)
        headers.setdefault("Content-Type", reply.content_type)
        await Wire(transport, self._pause).play(
            fault, Answer(reply.status, headers, reply.body()), midway=midway
        )
        if still_runs:
            exchange.end(status)
        return AlreadySent()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            if self._closing.is_set():
                raise ClosingError
            return
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return
        raise ClosingError


def _struck(exchange: Exchange, fault: Fault, answer: Reply | None) -> tuple[Reply, Fault | None, bool]:
    reply = exchange.struck(fault, answer)
    return reply, None if fault.effect in _AS_SENT else fault, False


def _headers(reply: Reply, exchange: Exchange | None) -> dict[str, str]:
    headers = dict(reply.headers)
    if exchange is not None and reply.from_api:
        headers.setdefault("X-Request-Id", exchange.request_id)
        headers.setdefault("X-Credits-Remaining", str(exchange.balance()))
    return headers


def _response(reply: Reply, exchange: Exchange | None = None) -> web.Response:
    headers = _headers(reply, exchange)
    body = reply.body()
    if body:
        headers.setdefault("Content-Type", reply.content_type)
    return web.Response(status=reply.status, body=body, headers=headers)


async def _read(request: web.BaseRequest, most: int) -> bytes | None:
    """The request's body; None if it is larger than that many bytes."""
    if not request.body_exists:
        return b""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
