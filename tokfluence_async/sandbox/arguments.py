"""Reading a request's query and body, and refusing what can't be read."""

from __future__ import annotations

from typing import Any, cast

_MOST_DIGITS = 18


class RefusedError(Exception):
    """The request gets an error for an answer.

    Args:
        status: HTTP status.
        code: The API's stable error code.
        message: What a person is told.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(message: str) -> RefusedError:
    """A 422 for a parameter that is missing or of the wrong kind."""
    return RefusedError(422, "missing_parameter", message)


def as_object(value: Any, name: str) -> dict[str, Any]:
    """A JSON object, or a 422 that names it."""
    if not isinstance(value, dict):
        raise invalid(f"{name} must be a JSON object")
    return cast("dict[str, Any]", value)


def as_list(value: Any, name: str) -> list[Any]:
    """A JSON array, or a 422 that names it."""
    if not isinstance(value, list):
        raise invalid(f"{name} must be an array")
    return cast("list[object]", value)


def as_text(value: Any, name: str) -> str:
    """A string with something in it, or a 422 that names it."""
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{name} is required, and is a string")
    return value


def as_count(value: Any, name: str) -> int:
    """An integer from 0, or a 422 that names it."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid(f"{name} must be an integer from 0")
    return value


def query_count(query: dict[str, str], name: str, default: int, *, most: int | None = None) -> int:
    """An integer from 0 out of the query, at most `most`, or a 422 that names it."""
    text = query.get(name)
    if text is None:
        return default
    # int() is for people and takes "1_0" and " 1"; a query parameter is digits.
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise invalid(f"{name} must be an integer from 0")
    number = int(text)
    return number if most is None else min(number, most)


def query_number(query: dict[str, str], name: str) -> float | None:
    """A number out of the query, or a 422 that names it; None if it is not there."""
    text = query.get(name)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise invalid(f"{name} must be a number") from None
