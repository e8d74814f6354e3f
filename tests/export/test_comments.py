"""The comments of several posts at once: in which order, how many, each page once, and nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, cast

import pytest

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import ConfigurationError, PostNotFoundError, UsageError
from tokfluence_async.export import Comments, Position, comments
from tokfluence_async.models import Comment, Page
from tokfluence_async.resources.pagination import Cursor, Paginator

pytestmark = pytest.mark.anyio


class Shelf:
    """Stands for a client: posts whose pages of one comment come when a test lets them."""

    def __init__(self, **pages: int) -> None:
        self.posts = self
        self.pages = pages
        self.asked: list[str] = []
        self.failing: set[str] = set()
        self.missing: set[str] = set()
        self._gates: dict[str, asyncio.Event] = {}
        self.open = True
        """Whether pages come at once."""

    def comments(self, post_id: str, *, cursor: Cursor, limit: int) -> Paginator[Comment]:
        assert limit == 200

        async def fetch(at: Cursor) -> Page[Comment]:
            number = int(at or 0)
            name = f"{post_id}{number}"
            self.asked.append(name)
            if not self.open:
                await self._gates.setdefault(name, asyncio.Event()).wait()
            if post_id in self.missing:
                raise PostNotFoundError(
                    "gone", status=404, code="not_found", method="GET", path="", attempts=1
                )
            if name in self.failing:
                raise UsageError(name)
            following = number + 1 if number + 1 < self.pages[post_id] else None
            return Page[Comment](data=[Comment(comment_id=name)], meta={"next_cursor": following})

        return Paginator(fetch, cursor=cursor)

    def let(self, *names: str) -> None:
        """Let pages come that were asked for."""
        for name in names:
            self._gates[name].set()

    def reader(self, concurrency: int, resume: Position | str | None = None) -> Comments:
        return Comments(cast("Tokfluence", self), tuple(self.pages), resume=resume, concurrency=concurrency)


async def calm() -> None:
    """Let all that can go on go on."""
    for _ in range(50):
        await asyncio.sleep(0)


async def ids_of(reader: Comments) -> list[str]:
    return [comment.comment_id async for _, comment in reader]


def drained(reader: Comments) -> list[str]:
    return [comment.comment_id for _, page in reader.arrived() for comment in page]


def whole(**pages: int) -> list[str]:
    return [f"{post_id}{number}" for post_id, count in pages.items() for number in range(count)]


@pytest.mark.parametrize("concurrency", [1, 2, 3, 8])
async def test_they_come_in_order_and_each_page_is_read_once(concurrency: int) -> None:
    pages = {"a": 3, "b": 1, "c": 5, "d": 1, "e": 2, "f": 4}
    shelf = Shelf(**pages)
    reader = shelf.reader(concurrency)
    assert await ids_of(reader) == whole(**pages)
    assert sorted(shelf.asked) == sorted(whole(**pages))
    assert reader.position is None


async def test_so_many_posts_are_read_at_once_and_no_more() -> None:
    shelf = Shelf(a=2, b=2, c=2, d=2, e=2)
    shelf.open = False
    reader = shelf.reader(3)
    task = asyncio.create_task(reader.next_page())
    await calm()
    assert shelf.asked == ["a0", "b0", "c0"]
    shelf.let("c0")
    await calm()
    # The earliest that has nothing under way, in the place of the one that came.
    assert shelf.asked == ["a0", "b0", "c0", "c1"]
    shelf.let("c1")
    await calm()
    assert shelf.asked[4:] == ["d0"]
    assert not task.done()
    shelf.let("a0")
    assert [each.comment_id for each in (await task)[1]] == ["a0"]
    await reader.aclose()


async def test_alone_no_page_is_read_before_it_is_asked_for() -> None:
    shelf = Shelf(a=2, b=1)
    reader = shelf.reader(1)
    for number, name in enumerate(["a0", "a1", "b0"], 1):
        _, page = await reader.next_page()
        await calm()
        assert [each.comment_id for each in page] == [name]
        assert len(shelf.asked) == number


async def test_a_long_post_lets_only_so_many_pages_of_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "AHEAD", 6)
    pages = {"a": 9, **dict.fromkeys("bcdefghij", 4)}
    shelf = Shelf(**pages)
    shelf.open = False
    reader = shelf.reader(2)
    task = asyncio.create_task(ids_of(reader))
    await calm()
    for _ in range(20):  # all but the first post's page come at once
        shelf.let(*(name for name in shelf.asked if name != "a0"))
        await calm()
    assert shelf.asked == ["a0", *whole(b=4), "c0"]
    shelf.let("a0")
    shelf.open = True
    assert await task == whole(**pages)
    assert sorted(shelf.asked) == sorted(whole(**pages))


async def test_posts_without_pages_do_not_pile_up_behind_a_long_one() -> None:
    shelf = Shelf(**dict.fromkeys("abcdefghij", 1))
    shelf.missing = set("bcdefghij")
    shelf.open = False
    reader = shelf.reader(2)
    task = asyncio.create_task(ids_of(reader))
    await calm()
    for _ in range(20):
        shelf.let(*(name for name in shelf.asked if name != "a0"))
        await calm()
    assert shelf.asked == ["a0", "b0", "c0", "d0"]
    shelf.let("a0")
    shelf.open = True
    assert await task == ["a0"]
    assert reader.missing == list("bcdefghij")


async def test_an_error_begins_nothing_and_what_arrived_is_handed_out() -> None:
    shelf = Shelf(a=3, b=1, c=2, d=2, e=1)
    shelf.failing, shelf.open = {"a1"}, False
    reader = shelf.reader(3)
    task = asyncio.create_task(ids_of(reader))
    await calm()
    shelf.let("a0", "b0")
    await calm()
    assert shelf.asked == ["a0", "b0", "c0", "a1", "d0"]
    shelf.let("a1")
    await calm()
    # What is under way is paid for.
    assert not task.done()
    shelf.let("c0", "d0")
    with pytest.raises(UsageError, match="a1"):
        await task
    assert len(shelf.asked) == 5
    assert drained(reader) == ["b0", "c0", "d0"]
    position = reader.position
    assert str(position) == "a:1,b:,c:1,d:1"
    assert str(reader.following) == "c:1,d:1"
    # Another reader of whatever concurrency buys the rest, and that alone.
    shelf.open, shelf.failing = True, set()
    for concurrency in (1, 2, 8):
        shelf.asked.clear()
        rest = shelf.reader(concurrency, position)
        assert rest.position == position
        assert await ids_of(rest) == ["a1", "a2", "c1", "d1", "e0"]
        assert len(shelf.asked) == 5
    # And so does this one.
    assert await ids_of(reader) == ["a1", "a2", "c1", "d1", "e0"]


async def test_an_iteration_that_goes_on_after_an_error_keeps_the_order() -> None:
    pages = {"a": 3, "b": 2, "c": 1}
    shelf = Shelf(**pages)
    shelf.failing = {"b1"}
    reader = shelf.reader(3)
    got: list[str] = []

    async def read() -> None:
        async for _, comment in reader:
            got.append(comment.comment_id)

    with pytest.raises(UsageError, match="b1"):
        await read()
    assert str(reader.following) in {"a:1,b:", "a:2,b:", "c:0"}
    shelf.failing = set()
    await read()
    assert got == whole(**pages)
    assert Counter(shelf.asked) == Counter([*whole(**pages), "b1"])


async def test_a_cancellation_waits_a_moment_for_what_is_under_way() -> None:
    shelf = Shelf(a=1, b=1, c=1)
    shelf.open = False
    reader = shelf.reader(3)
    task = asyncio.create_task(reader.next_page())
    await calm()
    task.cancel()
    await calm()
    assert not task.done()
    shelf.let("a0", "b0", "c0")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert drained(reader) == ["a0", "b0", "c0"]
    assert reader.position is None


async def test_a_second_cancellation_waits_no_more() -> None:
    shelf = Shelf(a=1, b=1)
    shelf.open = False
    reader = shelf.reader(2)
    task = asyncio.create_task(reader.next_page())
    await calm()
    shelf.let("b0")
    await calm()
    for _ in range(2):
        task.cancel()
        await calm()
    assert task.done()
    assert drained(reader) == ["b0"]
    assert str(reader.position) == "a:0,b:"


async def test_places_are_kept_of_posts_that_are_not_begun_again() -> None:
    shelf = Shelf(a=3, b=2, c=2, d=1)
    shelf.failing = {"a1"}
    place = Position("a", 1, (("b", None), ("d", None)))
    reader = shelf.reader(1, place)
    with pytest.raises(UsageError):
        await reader.next_page()
    assert reader.position == place
    assert reader.following == Position("c", 0, (("d", None),))


@pytest.mark.parametrize("concurrency", [0, -1, "2", 1.5])
async def test_a_concurrency_that_is_none_is_refused(concurrency: Any) -> None:
    with pytest.raises(ConfigurationError, match="concurrency"):
        Shelf(a=1).reader(concurrency)


async def test_a_place_in_no_post_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="7568"):
        Shelf(a=1).reader(1, Position("7568"))
