"""What a fault does on the wire: bytes put there by hand, since no HTTP library would send them."""

from __future__ import annotations

import socket
import struct
import zlib
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Mapping

    from tokfluence_async.sandbox.faults import Fault

_MEBIBYTE = 2**20
_HIGH_WATER = 4 * _MEBIBYTE
_PROMISED = 64
_TICK = 0.001
_WATCH = 0.05
_NOT_JSON = b"<<< this is not JSON >>>"
_WRONG_JSON = b'{"surprise":[1,2,3]}'
_BINARY = bytes(range(256))
_HUGE_OPENING, _HUGE_CLOSING = b'{"data":"', b'"}'
_BAD_STATUS_LINE = b"HTP/9.9 banana\r\n\r\n"


@frozen
class Answer:
    """An answer, ready for the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def head(self, length: int, **more: str) -> bytes:
        """Status line and headers, with a Content-Length that may or may not be true."""
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        named = {"Content-Length": str(length), "Connection": "close", **self.headers}
        named |= {name.replace("_", "-"): value for name, value in more.items()}
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in named.items())]
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


class Wire:
    """The client's connection, once the HTTP server has let go of it.

    Args:
        transport: The connection.
        pause: Waits for some seconds; raises if the server closes meanwhile.
    """

    def __init__(self, transport: asyncio.Transport, pause: Callable[[float], Awaitable[None]]) -> None:
        self._transport = transport
        self._pause = pause

    async def play(self, fault: Fault, answer: Answer, *, midway: bool) -> None:
        """Send what a fault leaves of an answer, and end the connection.

        Args:
            fault: What happens.
            answer: What would have been sent.
            midway: Whether the answer is cut in its middle.
        """
        match fault.effect:
            case "reset" | "close" | "stall" | "delay":
                if midway:
                    await self._send(_half(_whole(answer), answer))
                if fault.effect in {"stall", "delay"}:
                    await self._hold(fault.seconds)
                if fault.effect == "delay":
                    await self._send(_rest(_whole(answer), answer))
                if fault.effect == "reset":
                    self._reset()
            case "truncate":
                await self._send(_truncated(answer, fault.kind))
            case "drip":
                whole = _whole(answer)
                at_once = len(_half(whole, answer)) if midway else len(whole) - len(answer.body)
                await self._send(whole[:at_once])
                for byte in whole[at_once:]:
                    await self._pause(fault.interval)
                    await self._send(bytes([byte]))
            case "huge":
                await self._send_huge(fault, answer, midway=midway)
            case _:
                head, body = _made(fault, answer)
                await self._send(head + (body[: len(body) // 2] if midway else body))
        self._transport.close()

    async def _send_huge(self, fault: Fault, answer: Answer, *, midway: bool) -> None:
        size = fault.mebibytes * _MEBIBYTE
        await self._send(Answer(fault.status or 200, answer.headers, b"").head(size))
        await self._send(_HUGE_OPENING)
        left = (size // 2 if midway else size - len(_HUGE_CLOSING)) - len(_HUGE_OPENING)
        filling = memoryview(b"x" * _MEBIBYTE)
        while left > 0 and not self._transport.is_closing():
            await self._send(filling[:left])
            left -= _MEBIBYTE
        if not midway:
            await self._send(_HUGE_CLOSING)

    async def _send(self, data: bytes | memoryview) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(data)
        # A transport without a protocol of our own gives no notice of having drained; so look.
        while self._transport.get_write_buffer_size() > _HIGH_WATER and not self._transport.is_closing():
            await self._pause(_TICK)

    async def _hold(self, seconds: float) -> None:
        left = seconds
        while left > 0 and not self._transport.is_closing():
            await self._pause(min(left, _WATCH))
            left -= _WATCH

    def _reset(self) -> None:
        plug = self._transport.get_extra_info("socket")
        if plug is not None:
            # Lingering for no time at all is how a socket is told to send RST instead of FIN.
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def _whole(answer: Answer) -> bytes:
    return answer.head(len(answer.body)) + answer.body


def _half(whole: bytes, answer: Answer) -> bytes:
    return whole[: len(whole) - (len(answer.body) + 1) // 2]


def _rest(whole: bytes, answer: Answer) -> bytes:
    return whole[len(_half(whole, answer)) :]


def _truncated(answer: Answer, kind: str) -> bytes:
    if kind == "padded" or not answer.body:
        return answer.head(len(answer.body) + _PROMISED) + answer.body
    return _half(_whole(answer), answer)


def _made(fault: Fault, answer: Answer) -> tuple[bytes, bytes]:
    """Head and body of an answer that the fault makes up."""
    match fault.effect, fault.kind:
        case "garbage", "status_line":
            return b"", _BAD_STATUS_LINE
        case "garbage", kind:
            body = fault.raw_body or {"json": _WRONG_JSON, "binary": _BINARY}.get(kind, _NOT_JSON)
            return Answer(fault.status or 200, answer.headers, body).head(len(body)), body
        case "encoded", kind:
            body = _bomb(fault.mebibytes) if kind == "bomb" else b"\x1f\x8b" + _NOT_JSON
            head = Answer(fault.status or 200, answer.headers, body).head(len(body), Content_Encoding="gzip")
            return head, body
        case _:
            return answer.head(len(answer.body)), answer.body


@lru_cache(maxsize=4)
def _bomb(mebibytes: int) -> bytes:
    """A gzip member that inflates to blanks: one block, repeated, as a full flush makes possible."""
    blanks = b" " * _MEBIBYTE
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(mebibytes):
        checksum = zlib.crc32(blanks, checksum)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    trailer = struct.pack("<II", checksum, mebibytes * _MEBIBYTE % 2**32)
    return header + block * mebibytes + b"\x03\x00" + trailer
