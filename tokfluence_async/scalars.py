"""Plain values of what a caller passed: text, whole numbers and numbers, whatever class they come in.

A member of ``class Region(str, Enum)`` is a string by every check, and yet ``str`` of it is its name; numpy's integers
are no `int`. So each value that is sent, priced or counted is first made an exact `str`, `int` or `float` here.
"""

from __future__ import annotations

import operator
from decimal import Decimal
from math import isfinite
from numbers import Real
from typing import Any, Final

__all__ = ["LARGEST", "finite", "parameter", "quoted", "text", "whole"]

LARGEST: Final = 2**63 - 1
"""The largest whole number that is sent, as an id or a count: what 64 bits hold."""
_DIGITS: Final = 40
"""Digits before or after the point of a Decimal that is written out, at most."""


def text(value: Any) -> str | None:
    """A string's own characters, as an exact `str`; None for what is no string."""
    if value.__class__ is str:
        return value
    return str.__str__(value) if isinstance(value, str) else None


def whole(value: Any) -> int | None:
    """A whole number as an exact `int`; None for what is none, such as a truth value or a float.

    Whatever can be an index is a whole number: numpy's integers, and members of an ``IntEnum``.
    """
    if value.__class__ is int:
        return value
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def finite(value: Any) -> float | None:
    """A real number as an exact `float`; None for what is none, or is not finite, or too large for one."""
    if value.__class__ is not float and value.__class__ is not int:
        if isinstance(value, bool):
            return None
        if not isinstance(value, Real | Decimal):
            value = whole(value)
            if value is None:
                return None
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        return None
    return number if isfinite(number) else None


def parameter(value: Any) -> str | None:
    """How the value of a query parameter is written; None for what has no such form.

    Args:
        value: Text, a truth value, a whole number of 64 bits, or another finite number.
    """
    plain = text(value)
    if plain is not None:
        return plain
    if isinstance(value, bool) or _is_truth_of_numpy(value):
        return "true" if value else "false"
    number = whole(value)
    if number is not None:
        return str(number) if -LARGEST <= number <= LARGEST else None
    if isinstance(value, Decimal):
        return _written_out(value)
    measure = finite(value)
    return None if measure is None else str(measure)


def _is_truth_of_numpy(value: object) -> bool:
    # It is neither a bool nor a number by any base class.
    cls = type(value)
    return cls.__module__ == "numpy" and cls.__name__ in {"bool", "bool_"}


def _written_out(value: Decimal) -> str | None:
    # Not by way of float: 10000 is to stay a whole number, and 0.1 a tenth.
    if not value.is_finite() or abs(value.adjusted()) > _DIGITS or len(value.as_tuple().digits) > _DIGITS:
        return None
    return format(value, "f")


def quoted(value: Any, *, most: int = 100) -> str:
    """A value as an error quotes it.

    Args:
        value: What was refused.
        most: Characters; what is longer is cut.
    """
    try:
        shown = repr(value)
    except ValueError:  # of an int of thousands of digits, or of what holds one
        return f"{_a(value)} that is too long to be shown"
    except Exception:  # noqa: BLE001 - a repr of others' making may raise anything, and the value is refused anyway
        return f"{_a(value)} that can't be shown"
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _a(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"
