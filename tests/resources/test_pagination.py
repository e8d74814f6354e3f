"""Paging, with pages made up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tokfluence_async import DecodeError, NotSentError, Page, Paginator
from tokfluence_async.models import Model

pytestmark = pytest.mark.anyio


class Pages:
    """Pages by cursor; counts how often each is fetched. An exception in place of a page is raised once."""

    def __init__(self, pages: dict[Any, tuple[list[int], Any] | Exception]) -> None:
        self.pages = pages
        self.fetched: list[Any] = []

    async def fetch(self, cursor: Any) -> Page[Model]:
        self.fetched.append(cursor)
        page = self.pages[cursor]
        if isinstance(page, Exception):
            self.pages[cursor] = ([9], None)
            raise page
        numbers, following = page
        return Page(data=[Model(extra={"n": n}) for n in numbers], meta={"next_cursor": following})


async def numbers(paginator: Paginator[Model], most: int = 1000) -> list[int]:
    found: list[int] = []
    async for item in paginator:
        found.append(item.extra["n"])
        if len(found) == most:
            break
    return found


async def drain(source: AsyncIterator[Model], into: list[int]) -> None:
    async for item in source:
        into.append(item.extra["n"])  # noqa: PERF401 - what came before an error counts


async def drain_pages(source: AsyncIterator[Page[Model]], into: list[int]) -> None:
    async for page in source:
        into += [item.extra["n"] for item in page]


async def test_items_of_all_pages_and_an_empty_one_does_not_end_it() -> None:
    source = Pages({None: ([1, 2], 2), 2: ([], 4), 4: ([3], None)})
    paginator = Paginator(source.fetch)
    assert await numbers(paginator) == [1, 2, 3]
    assert source.fetched == [None, 2, 4]
    assert paginator.exhausted
    assert paginator.cursor is None


async def test_after_its_end_a_list_gives_nothing_and_costs_nothing() -> None:
    source = Pages({None: ([1], "")})
    paginator = Paginator(source.fetch)
    assert await numbers(paginator) == [1]
    assert await numbers(paginator) == []
    assert [page async for page in paginator.pages()] == []
    assert source.fetched == [None]


async def test_pages() -> None:
    source = Pages({None: ([1, 2], "b"), "b": ([3], None)})
    paginator = Paginator(source.fetch)
    places = [(len(page), paginator.cursor) async for page in paginator.pages()]
    assert places == [(2, "b"), (1, None)]


async def test_items_left_early_go_on_where_they_stopped() -> None:
    source = Pages({None: ([1, 2, 3], 3), 3: ([4], None)})
    paginator = Paginator(source.fetch)
    assert await numbers(paginator, 2) == [1, 2]
    assert paginator.cursor is None  # page one still has an item
    assert await numbers(paginator) == [3, 4]
    assert source.fetched == [None, 3]


async def test_a_list_is_taken_up_from_a_cursor() -> None:
    source = Pages({None: ([1, 2], 2), 2: ([3], None)})
    paginator = Paginator(source.fetch)
    assert await numbers(paginator, 2) == [1, 2]
    assert paginator.cursor == 2
    assert await numbers(Paginator(source.fetch, cursor=paginator.cursor)) == [3]


async def test_a_page_that_fails_is_where_it_goes_on() -> None:
    source = Pages({None: ([1], 1), 1: NotSentError("refused")})
    paginator = Paginator(source.fetch)
    found: list[int] = []
    with pytest.raises(NotSentError):
        await drain(aiter(paginator), found)
    assert found == [1]
    assert paginator.cursor == 1
    assert await numbers(paginator) == [9]


@pytest.mark.parametrize("again", [0, 2, "2", 4])
async def test_a_cursor_for_the_second_time_ends_it_once_its_page_is_handed_out(again: Any) -> None:
    source = Pages({None: ([1, 2], 2), 2: ([3, 4], 4), 4: ([5], again)})
    for by_page in (False, True):
        paginator = Paginator(source.fetch)
        found: list[int] = []
        with pytest.raises(DecodeError, match="second time") as caught:
            await (drain_pages(paginator.pages(), found) if by_page else drain(aiter(paginator), found))
        assert found == [1, 2, 3, 4, 5]
        assert caught.value.json_path == "$.meta.next_cursor"
    assert len(source.fetched) == 6


async def test_a_first_page_that_leads_to_itself() -> None:
    source = Pages({7: ([1], "7")})
    paginator = Paginator(source.fetch, cursor=7)
    with pytest.raises(DecodeError):
        await numbers(paginator)
    assert source.fetched == [7]
