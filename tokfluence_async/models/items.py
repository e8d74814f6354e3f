"""Lists of the API as typed sequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, TypeVar, overload

from attrs import define, field

from tokfluence_async.models.result import Model, Result

__all__ = ["Items", "Page", "PageMeta"]

T = TypeVar("T", bound=Model)


@define(slots=True, kw_only=True)
class Items(Result, Sequence[T]):
    """A list of the API: a sequence of models, and what the API said about it."""

    meta_model: ClassVar[type[Model] | None] = None
    """What the list's `meta` is checked against when it is decoded; None where nothing depends on it."""

    item_model: ClassVar[type[Model]] = Model
    """What the list holds, unless it is told in brackets, as in ``Items[Post]``."""

    data: list[T] = field(factory=list[T])
    """The list's objects, in the API's order."""

    meta: dict[str, Any] = field(factory=dict[str, Any])
    """What the API said about the list, as it sent it; empty where it said nothing."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self.data[index]

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def to_dict(self) -> dict[str, Any]:
        """The envelope of the API, ``{"data": […], "meta": {…}}``, that decodes to an equal list again."""
        return {
            "data": [item.to_dict() for item in self.data],
            "meta": dict(self.meta),
            **(self._extra or {}),
        }


@define(slots=True, kw_only=True)
class PageMeta(Model):
    """What a page says about its place."""

    next_cursor: int | str | None = None
    """Cursor of the next page; None at the end."""

    total: int | None = None
    """How many objects all pages have together."""


@define(slots=True, kw_only=True)
class Page(Items[T]):
    """One page of a longer list."""

    meta_model: ClassVar[type[Model] | None] = PageMeta

    @property
    def next_cursor(self) -> int | str | None:
        """Cursor of the next page; None at the end."""
        return self.meta.get("next_cursor")

    @property
    def total(self) -> int | None:
        """How many objects all pages have together; None where the API does not say."""
        return self.meta.get("total")
