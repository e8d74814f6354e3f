"""A page of a campaign's list of posts, in whatever form the API has it: the public pages do not show one. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from attrs import frozen

from tokfluence_async.campaign.purchase import video_id
from tokfluence_async.campaign.urls import is_short_link
from tokfluence_async.protocol.jsonlist import JSONList

__all__ = ["ListPage", "PostNames"]

_VIDEO_ID: Final = re.compile(r"\d{15,20}", re.ASCII).fullmatch
_MORE: Final = ("has_more", "has_next", "has_next_page", "next", "next_page", "next_page_token", "next_url")
_PAGE: Final = ("page", "current_page")
_LAST_PAGE: Final = ("total_pages", "page_count", "pages", "last_page")


@frozen
class ListPage:
    """What a page tells besides its posts."""

    cursor: str | None
    """Where the next page begins, as the API documents it for other lists; None if this is the last."""
    total: float
    """How many posts the list says it has; infinite if it does not."""
    goes_on: bool
    """Whether it says that it goes on in a way of other APIs."""
    number: int | None
    """Its own number, if it says so."""
    pages: int | None
    """How many pages there are, if it says so."""

    def is_last(self, read: int) -> bool:
        """Whether nothing in it speaks of a further page.

        Args:
            read: How many pages were read, with it.
        """
        number = read if self.number is None else self.number
        return self.cursor is None and not self.goes_on and (self.pages is None or self.pages <= number)


class PostNames:
    """Takes the body of a page, and hands on what each of its posts may be called by.

    Args:
        see: Called with the names of each post, at least one.
    """

    def __init__(self, see: Callable[[Sequence[str]], None]) -> None:
        self._see = see
        self._list = JSONList(self._take, "data", "posts")
        self._posts = 0
        self._nameless = False

    def begin(self) -> None:
        """A body begins."""
        self._posts, self._nameless = 0, False
        self._list.begin()

    def feed(self, piece: bytes) -> bool:
        """Take a piece of it; whether more of it is wanted."""
        return self._list.feed(piece)

    def end(self) -> bytes:
        """The body, with the number of its posts in their place."""
        return self._list.end()

    def _take(self, post: object) -> None:
        names = _names_of(cast("dict[str, Any]", post)) if isinstance(post, dict) else ()
        self._posts += 1
        if names:
            self._see(names)
        else:
            self._nameless = True

    def page(self, payload: dict[str, Any]) -> ListPage | None:
        """The page, of the body that `end` has left; None if it is no list of posts.

        What can't be read must not be taken for empty: that a post is not listed counts for something. So does an
        entry that has no name that is a video's: it may be any post.
        """
        data = payload.get("data")
        if isinstance(data, dict):
            data = cast("dict[str, Any]", data).get("posts")
        if self._nameless or data != ([self._posts] if self._posts else []):
            return None
        return _page_of(payload)


def _page_of(payload: dict[str, Any]) -> ListPage:
    meta = _fields(payload, "meta")
    cursor, total = meta.get("next_cursor"), meta.get("total")
    places = [meta, _fields(payload, "links"), _fields(payload, "pagination")]
    return ListPage(
        cursor=None if cursor in (None, "") else str(cursor),
        total=total if type(total) is int and total >= 0 else math.inf,
        goes_on=any(place.get(name) for place in places for name in _MORE),
        number=_number(places, _PAGE),
        pages=_number(places, _LAST_PAGE),
    )


def _fields(payload: dict[str, Any], name: str) -> dict[str, Any]:
    place = payload.get(name)
    return cast("dict[str, Any]", place) if isinstance(place, dict) else {}


def _number(places: Sequence[dict[str, Any]], names: Sequence[str]) -> int | None:
    return next((place[name] for place in places for name in names if type(place.get(name)) is int), None)


def _names_of(post: dict[str, Any]) -> Sequence[str]:
    """What a post may be called by; nothing where none of it is certainly a video's: the API has ids of its own."""
    values: list[Any] = [post.get(name) for name in ("post_id", "postId", "video_id")]
    names = [str(each) for each in values if isinstance(each, str | int) and not isinstance(each, bool)]
    number = str(post.get("id"))
    if _VIDEO_ID(number):
        names.append(number)
    url = post.get("url")
    if isinstance(url, str):
        names.append(video_id(url))
        if names[-1] != url or is_short_link(url):
            return names
    return names if any(map(_VIDEO_ID, names)) else ()
