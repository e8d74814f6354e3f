"""A place in the comments of many posts, from which they are read on."""

from __future__ import annotations

from typing import Any, Final, Self, TypeAlias
from urllib.parse import quote, unquote

from attrs import field, frozen

from tokfluence_async.errors import ConfigurationError

__all__ = ["Begun", "Position", "place_of"]

Begun: TypeAlias = int | str | None
"""How far a post's comments were read: what the API gave as the next cursor; None is to their end."""

_EXAMPLE: Final = "7568533133424000001:200"


def _check_post_id(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"a place in the comments has a post's id as text, not {value!r}")


def _check_cursor(_: object, __: object, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ConfigurationError(
            f"a place in the comments has a cursor that is a number or text, not {value!r}"
        )


def _check_ahead(place: Position, attribute: object, value: Any) -> None:
    named = {place.post_id}
    for post_id, cursor in value:
        _check_post_id(place, attribute, post_id)
        if cursor is not None:
            _check_cursor(place, attribute, cursor)
        if post_id in named:
            raise ConfigurationError(
                f"a place in the comments names each post once, and post {post_id} twice"
            )
        named.add(post_id)


@frozen
class Position:
    """A place in the comments of many posts: what is before it was read, and what is behind it is to be read.

    As text it is ``POST_ID:CURSOR``, followed by ``,POST_ID:CURSOR`` for each post of `ahead`, where the cursor of one
    that was read to its end is empty.

    Raises:
        ConfigurationError: An id is no text, a cursor neither a number nor text, or a post there twice.
    """

    post_id: str = field(validator=_check_post_id)
    cursor: int | str = field(default=0, validator=_check_cursor)
    """What the API gave as the next cursor; 0 for the post's first comment."""
    ahead: tuple[tuple[str, Begun], ...] = field(default=(), validator=_check_ahead)
    """Later posts that were begun, each with the cursor where it goes on; None for one that was read to its end."""

    @classmethod
    def of(cls, place: Any) -> Position | None:
        """A place as a caller gives it.

        Args:
            place: A place, or its text; None stays None.

        Raises:
            ConfigurationError: It is neither.
        """
        if place is None or isinstance(place, Position):
            return place
        if not isinstance(place, str):
            raise ConfigurationError(f"a place in the comments is a Position or its text, not {place!r}")
        return cls.parse(place)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a place from its text.

        Raises:
            ConfigurationError: It is none.
        """
        first, *others = (_read(part, text) for part in text.strip().split(","))
        post_id, cursor = first
        return cls(post_id, cursor or 0, tuple(others))

    def __str__(self) -> str:
        ahead = (f"{post_id}:{'' if cursor is None else _written(cursor)}" for post_id, cursor in self.ahead)
        return ",".join([f"{self.post_id}:{_written(self.cursor)}", *ahead])


def place_of(resource: str, resume: Any) -> Position | None:
    """Where reading a resource begins; None for its beginning.

    Args:
        resource: What is read.
        resume: The place that the caller gave.

    Raises:
        ConfigurationError: It is no place, or there are none in this resource.
    """
    place = Position.of(resume)
    if place is not None and resource != "comments":
        raise ConfigurationError(f"{resource} are read at once: only comments can be resumed")
    return place


def _written(cursor: int | str) -> str:
    # Text is the API's own: it shall hold neither what parts places nor what a shell reads.
    return str(cursor) if isinstance(cursor, int) else quote(cursor, safe="=")


def _read(part: str, text: str) -> tuple[str, Begun]:
    """One post's id and cursor, from its part of a place's text."""
    post_id, _, cursor = part.partition(":")
    readable = cursor.isprintable() and " " not in cursor
    if not (post_id.isascii() and post_id.isdecimal() and readable):
        raise ConfigurationError(
            f"{text!r} is no place in the comments: a post's id and a cursor, such as {_EXAMPLE}"
        )
    if cursor.isascii() and cursor.isdecimal():
        return post_id, int(cursor)
    return post_id, unquote(cursor) or None
