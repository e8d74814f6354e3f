"""Marks that libraries of tables put where nothing stands."""

from __future__ import annotations

from math import isnan
from typing import Final

__all__ = ["is_missing"]

_MARKS: Final = frozenset({"NAType", "NaTType"})


def is_missing(value: object) -> bool:
    """Whether a value of Python stands for nothing: None, a float NaN, or one of the marks of pandas.

    Args:
        value: Anything but text, of which a table's own rules tell when it is blank.
    """
    if value is None:
        return True
    kind = type(value)
    if kind is int:  # what it nearly always is
        return False
    if isinstance(value, float):
        return isnan(value)
    # By their names: importing pandas would take longer than a preview does.
    return kind.__name__ in _MARKS and kind.__module__.partition(".")[0] == "pandas"
