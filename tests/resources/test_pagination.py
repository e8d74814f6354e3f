"""Paging, with pages made up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tokfluence_async import ConfigurationError, DecodeError, NotSentError, Page, Paginator, Tokfluence
from tokfluence_async.models import Model
from tokfluence_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


class Pages:
    """Pages by cursor; counts how often each is fetched. An exception in place of a page is raised once.

    Each takes as many turns of the event loop as it is told.
    """

    def __init__(self, pages: dict[Any, tuple[list[int], Any] | Exception], *, turns: int = 0) -> None:
        self.pages = pages
        self.turns = turns
        self.fetched: list[Any] = []

    async def fetch(self, cursor: Any) -> Page[Model]:
        self.fetched.append(cursor)
        for _ in range(self.turns):
            await asyncio.sleep(0)
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


async def test_a_repeated_cursor_is_told_with_its_call(tok: Tokfluence, tokfluence_sandbox: Sandbox) -> None:
    answer = b'{"data": [{"comment_id": "1"}], "meta": {"next_cursor": 5}}'
    headers = {"X-Credits-Remaining": "7", "X-Request-Id": "r-1"}
    tokfluence_sandbox.add_fault(
        effect="status", status=200, body=answer, headers=headers, call="posts.comments", count=2
    )
    comments = tok.posts.comments("77")
    assert [len(await comments.next_page()), len(await comments.next_page())] == [1, 1]
    with pytest.raises(DecodeError, match="second time") as caught:
        await comments.next_page()
    error = caught.value
    assert (error.method, error.path, error.attempts) == ("GET", "/v1/posts/77/comments", 1)
    assert str(error).startswith("GET /v1/posts/77/comments: the API gave the cursor 5")
    assert error.body == answer
    assert (error.request_id, error.credits_remaining) == ("r-1", 7)


async def test_a_repeated_cursor_of_a_search_is_told_with_its_call(
    tok: Tokfluence, tokfluence_sandbox: Sandbox
) -> None:
    answer = b'{"data": [], "meta": {"next_cursor": "a"}}'
    tokfluence_sandbox.add_fault(effect="status", status=200, body=answer, call="creators.search", count=2)
    with pytest.raises(DecodeError, match="second time") as caught:
        await drain(aiter(tok.creators.search(region="DE")), [])
    assert (caught.value.method, caught.value.path) == ("GET", "/v1/creators/search")


@pytest.mark.parametrize("cursor", ["", True, 1.5, [1], {}])
async def test_what_is_no_cursor_is_refused(
    tok: Tokfluence, tokfluence_sandbox: Sandbox, cursor: Any
) -> None:
    for make in (
        lambda: Paginator(Pages({}).fetch, cursor=cursor),
        lambda: tok.posts.comments("1", cursor=cursor),
        lambda: tok.creators.search(cursor=cursor),
    ):
        with pytest.raises(ConfigurationError, match="cursor"):
            make()
    assert tokfluence_sandbox.requests() == []


async def test_a_first_page_that_leads_to_itself() -> None:
    source = Pages({7: ([1], "7")})
    paginator = Paginator(source.fetch, cursor=7)
    with pytest.raises(DecodeError):
        await numbers(paginator)
    assert source.fetched == [7]


# Several tasks over one list


SHARED = {None: ([1, 2, 3], 3), 3: ([], 4), 4: ([4, 5, 6], 6), 6: ([7], None)}


async def share(paginator: Paginator[Model], workers: int) -> list[int]:
    async def work() -> list[int]:
        mine: list[int] = []
        async for item in paginator:
            mine.append(item.extra["n"])
            await asyncio.sleep(0)
        return mine

    return sorted(n for mine in await asyncio.gather(*(work() for _ in range(workers))) for n in mine)


@pytest.mark.parametrize("workers", [1, 2, 4, 20])
async def test_tasks_that_share_a_list_share_its_items(workers: int) -> None:
    source = Pages(dict(SHARED), turns=2)
    paginator = Paginator(source.fetch)
    assert await share(paginator, workers) == [1, 2, 3, 4, 5, 6, 7]
    assert source.fetched == [None, 3, 4, 6]
    assert (paginator.exhausted, paginator.cursor) == (True, None)


async def test_tasks_that_share_a_list_share_its_pages() -> None:
    source = Pages(dict(SHARED), turns=2)
    paginator = Paginator(source.fetch)
    shared: list[int] = []
    await asyncio.gather(*(drain_pages(paginator.pages(), shared) for _ in range(4)))
    assert sorted(shared) == [1, 2, 3, 4, 5, 6, 7]
    assert source.fetched == [None, 3, 4, 6]


async def test_a_page_that_fails_fails_for_all_who_wait_for_it() -> None:
    # Each of them would try it again otherwise, and each try of a read may be charged.
    source = Pages({None: ([1], 1), 1: NotSentError("refused")}, turns=2)
    paginator = Paginator(source.fetch)
    results = await asyncio.gather(*(share(paginator, 1) for _ in range(4)), return_exceptions=True)
    assert [type(each) for each in results] == [NotSentError] * 4
    assert len({id(each) for each in results}) == 4  # each task's own, with its own traceback
    assert source.fetched == [None, 1]
    assert await numbers(paginator) == [9]


async def test_whoever_is_cancelled_while_reading_leaves_the_page_to_the_others() -> None:
    source = Pages(dict(SHARED), turns=2)
    paginator = Paginator(source.fetch)
    reading, waiting = (asyncio.create_task(paginator.next_item()) for _ in range(2))
    await asyncio.sleep(0)
    reading.cancel()
    assert (await waiting).extra["n"] == 1
    assert reading.cancelled()
    assert await numbers(paginator) == [2, 3, 4, 5, 6, 7]
    assert source.fetched == [None, None, 3, 4, 6]


async def test_whoever_is_cancelled_while_waiting_takes_no_item() -> None:
    source = Pages(dict(SHARED), turns=2)
    paginator = Paginator(source.fetch)
    reading, waiting = (asyncio.create_task(paginator.next_item()) for _ in range(2))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await reading).extra["n"] == 1
    assert await numbers(paginator) == [2, 3, 4, 5, 6, 7]
    assert source.fetched == [None, 3, 4, 6]


async def test_a_page_that_was_begun_by_items_is_not_bought_again() -> None:
    source = Pages({None: ([1, 2], 2), 2: ([3], None)})
    paginator = Paginator(source.fetch)
    assert await numbers(paginator, 1) == [1]
    assert [[item.extra["n"] for item in page] async for page in paginator.pages()] == [[1, 2], [3]]
    assert source.fetched == [None, 2]


@pytest.mark.parametrize("cursor", [2**63, -(2**63), 10**5000], ids=["64 bits", "below", "5000 digits"])
def test_a_cursor_is_no_huge_number(cursor: int) -> None:
    with pytest.raises(ConfigurationError, match="cursor") as caught:
        Paginator(Pages({}).fetch, cursor=cursor)
    assert len(str(caught.value)) < 200
