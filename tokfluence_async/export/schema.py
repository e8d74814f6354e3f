"""The columns of each exported table: their names, their types and their order, which do not change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.models import Model

__all__ = ["RESOURCES", "Column", "Resource", "Row", "Schema", "schema_of"]

Resource = Literal["posts", "influencers", "metrics", "comments"]
"""What can be exported of a campaign."""

Row: TypeAlias = tuple[Any, ...]
"""A row's values, in the order of its schema's columns; None where the API told nothing."""

Kind = Literal["text", "integer", "number", "boolean", "instant", "texts", "counts", "music", "json"]
"""A column's type. ``texts`` is a list of texts, ``counts`` one of values and how often each occurs; ``music`` is an
object of title, author and whether it is original, ``json`` one of any fields."""


@frozen
class Column:
    """A column of a table."""

    name: str
    kind: Kind
    also: str | None = None
    """Another name that the API may send the same text by: taken where there is nothing under its own."""


@frozen
class Schema:
    """The columns of a table, in their order.

    A new version may add columns at the end, before ``extra``; it does not rename, retype or reorder them.
    """

    resource: Resource
    columns: tuple[Column, ...]
    keys: int = field(default=1)
    """How many columns at the front are not the model's own: the campaign, and for comments the post."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    def rows(self, items: Iterable[Model], *key: object) -> list[Row]:
        """Models as rows.

        Args:
            items: Models of the kind that the table holds.
            *key: Values of the columns at the front.
        """
        own = self.columns[self.keys :]
        return [(*key, *[_value(item, column) for column in own]) for item in items]


def _value(item: Model, column: Column) -> Any:
    value = getattr(item, column.name)
    if value is None:
        other = None if column.also is None else item.extra.get(column.also)
        return other if isinstance(other, str) else None
    match column.kind:
        case "instant":
            return _in_utc(value)
        case "counts":
            return [{"value": each.value, "count": each.count} for each in value]
        case "music":
            return {"title": value.title, "author": value.author, "original": value.original}
        case "json":
            return value or None
        case "number":
            return float(value)
        case _:
            return value


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def _columns(also: Mapping[str, str] | None = None, /, **kinds: Kind) -> tuple[Column, ...]:
    others = also or {}
    return tuple(Column(name, kind, others.get(name)) for name, kind in kinds.items())


RESOURCES: Final[Mapping[Resource, Schema]] = MappingProxyType(
    {
        "posts": Schema(
            "posts",
            _columns(
                # The API's pages name the creator in what they take, but not in what they list.
                {"creator_handle": "creator_username"},
                campaign_id="integer",
                post_id="text",
                url="text",
                status="text",
                creator_handle="text",
                fee_cents="integer",
                caption="text",
                published_at="instant",
                cover_url="text",
                duration="number",
                views="integer",
                likes="integer",
                comments="integer",
                shares="integer",
                saves="integer",
                hashtags="texts",
                mentions="texts",
                music="music",
                is_sponsored="boolean",
                extra="json",
            ),
        ),
        "influencers": Schema(
            "influencers",
            _columns(
                campaign_id="integer",
                id="text",
                username="text",
                picture="text",
                status="text",
                tracked_at="instant",
                tracked_posts_count="integer",
                creator_fee_cents="integer",
                agency_fee_cents="integer",
                gmv_cents="integer",
                extra="json",
            ),
        ),
        "metrics": Schema(
            "metrics",
            _columns(
                campaign_id="integer",
                currency="text",
                spend_cents="integer",
                agency_fee_cents="integer",
                creator_fee_cents="integer",
                gmv_cents="integer",
                roi="number",
                cpm_cents="integer",
                total_views="integer",
                total_likes="integer",
                total_engagement="integer",
                engagement_rate="number",
                posts_published="integer",
                top_hashtags="counts",
                top_mentions="counts",
                extra="json",
            ),
        ),
        "comments": Schema(
            "comments",
            _columns(
                campaign_id="integer",
                post_id="text",
                comment_id="text",
                text="text",
                published_at="instant",
                likes="integer",
                reply_count="integer",
                parent_comment_id="text",
                author_username="text",
                author_picture="text",
                extra="json",
            ),
            keys=2,
        ),
    }
)
"""The tables by the name of what they hold. ``extra`` is what the API sent that this version does not know."""


def schema_of(resource: Any) -> Schema:
    """The table of a resource.

    Raises:
        ConfigurationError: There is no resource of this name.
    """
    for name, schema in RESOURCES.items():
        if name == resource:
            return schema
    raise ConfigurationError(f"there is no resource {resource!r}; there are {', '.join(RESOURCES)}")
