"""Rows whose fields have names, though they are no mappings: of database drivers, named tuples, and plain classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, cast

import attrs

__all__ = ["by_name"]


def by_name(row: Any) -> Mapping[Any, object] | None:
    """The fields of a row under their names; None if it has no such names.

    Known are named tuples, instances of dataclasses and of attrs classes, the rows of SQLAlchemy, and whatever tells
    its `keys` and is indexed by them, as the rows of sqlite3, asyncpg and psycopg2 are.

    Args:
        row: Any object.
    """
    kind = cast("Any", type(row))
    if isinstance(row, type):
        return None
    names = getattr(kind, "_fields", None)
    if tuple in kind.__mro__ and isinstance(names, tuple):
        return dict(zip(cast("tuple[str, ...]", names), row, strict=True))
    mapping = getattr(row, "_mapping", None)
    if isinstance(mapping, Mapping):
        return cast("Mapping[Any, object]", mapping)
    if dataclasses.is_dataclass(kind):
        return {each.name: getattr(row, each.name) for each in dataclasses.fields(kind)}
    if attrs.has(kind):
        return {each.name: getattr(row, each.name) for each in attrs.fields(kind)}
    keys = getattr(row, "keys", None)
    if callable(keys) and hasattr(kind, "__getitem__"):
        return {key: row[key] for key in cast("Iterable[Any]", keys())}
    return None
