"""Bodies that a reader takes piece by piece: up to their end, or to where it wants no more."""

from __future__ import annotations

import asyncio

import pytest
from attrs import define, evolve, field
from raw_answers import GET, answering_once, sent_to
from scripted import ok, read_request

from tokfluence_async.protocol.wire import Reply

pytestmark = pytest.mark.anyio


@define
class Pieces:
    """A reader that keeps what it takes, up to so many bytes."""

    enough: int = 1 << 30
    begun: int = 0
    pieces: list[bytes] = field(factory=list[bytes])

    @property
    def length(self) -> int:
        return sum(map(len, self.pieces))

    def begin(self) -> None:
        self.begun += 1
        self.pieces.clear()

    def feed(self, piece: bytes) -> bool:
        self.pieces.append(piece)
        return self.length < self.enough

    def end(self) -> bytes:
        return b"%d bytes" % self.length


async def test_a_success_goes_through_the_reader() -> None:
    reader = Pieces()
    outcome = await sent_to(answering_once(ok(b"x" * 300_000)), evolve(GET, reader=reader))
    assert isinstance(outcome, Reply)
    assert (outcome.body, outcome.problem) == (b"300000 bytes", "")
    assert reader.begun == 1


async def test_an_error_does_not() -> None:
    reader = Pieces()
    answer = b"HTTP/1.1 404 -\r\nContent-Length: 4\r\n\r\nnone"
    outcome = await sent_to(answering_once(answer), evolve(GET, reader=reader))
    assert isinstance(outcome, Reply)
    assert (outcome.status, outcome.body) == (404, b"none")
    assert reader.begun == 0


@pytest.mark.parametrize("told", [True, False], ids=["its length told", "in chunks"])
async def test_a_body_that_is_cut_off_stays_one(told: bool) -> None:  # noqa: FBT001 - a parameter of the test
    head = b"Content-Length: 50\r\n\r\nhalf" if told else b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    reader = Pieces()
    outcome = await sent_to(answering_once(b"HTTP/1.1 200 OK\r\n" + head), evolve(GET, reader=reader))
    assert isinstance(outcome, Reply)
    assert (outcome.body, outcome.problem[:7]) == (b"", "cut off")


async def test_one_that_is_longer_than_may_be_is_not_read_on() -> None:
    reader = Pieces()
    request = evolve(GET, reader=reader, max_body=100_000)
    outcome = await sent_to(without_end, request)
    assert isinstance(outcome, Reply)
    assert outcome.problem == "longer than 100000 bytes"
    assert reader.length <= 100_000


async def test_nothing_is_read_that_the_reader_does_not_want() -> None:
    reader = Pieces(enough=1)
    outcome = await sent_to(without_end, evolve(GET, reader=reader))
    assert isinstance(outcome, Reply)
    assert outcome.problem == ""
    assert len(reader.pieces) == 1


async def without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"80000\r\n" + b"x" * 0x80000 + b"\r\n")
        await writer.drain()
