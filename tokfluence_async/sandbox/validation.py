"""Validators for the fields of switches and faults, which also arrive as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast, get_args

if TYPE_CHECKING:
    from attrs import Attribute

Validator = Callable[[Any, "Attribute[Any]", Any], None]


def whole(least: int = 0, most: int | None = None, *, optional: bool = False) -> Validator:
    """An integer within bounds; with `optional`, or None."""
    bounds = f"from {least}" if most is None else f"from {least} to {most}"

    def check(_instance: Any, attribute: Attribute[Any], value: Any) -> None:
        if optional and value is None:
            return
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or value < least or (most is not None and value > most):
            raise ValueError(f"{attribute.name} must be an integer {bounds}; not {value!r}")

    return check


def number(
    least: float = 0, most: float = math.inf, *, above: bool = False, optional: bool = False
) -> Validator:
    """A finite number within bounds; with `above`, not the lower one itself; with `optional`, or None."""

    def check(_instance: Any, attribute: Attribute[Any], value: Any) -> None:
        if optional and value is None:
            return
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or value < least or value > most or (above and value == least):
            bounds = f"{'above' if above else 'from'} {least}{'' if math.isinf(most) else f' to {most}'}"
            raise ValueError(f"{attribute.name} must be a number {bounds}; not {value!r}")

    return check


def flag(*, optional: bool = False) -> Validator:
    """True or False; with `optional`, or None."""

    def check(_instance: Any, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, bool) and not (optional and value is None):
            raise ValueError(f"{attribute.name} must be true or false; not {value!r}")

    return check


def text(pattern: str = "", *, optional: bool = False) -> Validator:
    """A string, of a pattern if one is given; with `optional`, or None."""
    compiled = re.compile(pattern) if pattern else None

    def check(_instance: Any, attribute: Attribute[Any], value: Any) -> None:
        if optional and value is None:
            return
        if not isinstance(value, str) or (compiled is not None and compiled.fullmatch(value) is None):
            raise ValueError(f"{attribute.name} is not a string of the right form: {value!r}")

    return check


def one_of(choices: Any) -> Validator:
    """One of the values of a `Literal`."""
    values: tuple[Any, ...] = get_args(choices)

    def check(_instance: Any, attribute: Attribute[Any], value: Any) -> None:
        if value not in values:
            raise ValueError(f"{attribute.name} must be one of {', '.join(values)}; not {value!r}")

    return check


def texts(value: Any) -> frozenset[str]:
    """A set of strings, from any collection of them; to be used as a converter."""
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError(f"must be a list of strings; not {value!r}")  # noqa: TRY004 - as the validators do
    items = cast("frozenset[Any]", value)
    if not all(isinstance(item, str) for item in items):
        raise ValueError("must be a list of strings")
    return frozenset(items)
