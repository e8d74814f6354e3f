"""Results of a search in plain English."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from tokfluence_async.models.creators import Creator
from tokfluence_async.models.items import Items
from tokfluence_async.models.result import Model

__all__ = ["AISearchMeta", "AISearchResults"]


@define(slots=True, kw_only=True)
class AISearchMeta(Model):
    """What the search made of its query."""

    interpreted_filters: dict[str, Any] = field(factory=dict[str, Any])
    """The query as the structured filters that a search for creators takes."""

    total_matches: int | None = None
    """How many creators match, those beyond `max_results` included."""

    model: str | None = None
    """Language model that read the query."""

    cost: float | None = None
    """What the search cost, in credits as the API tells it."""


@define(slots=True, kw_only=True)
class AISearchResults(Items[Creator]):
    """Creators that match a query in plain English. A search costs 25 credits."""

    meta_model: ClassVar[type[Model]] = AISearchMeta
    item_model: ClassVar[type[Model]] = Creator

    @property
    def interpreted_filters(self) -> dict[str, Any]:
        """The query as the structured filters that a search for creators takes."""
        return self.meta.get("interpreted_filters") or {}

    @property
    def total_matches(self) -> int | None:
        """How many creators match; None where the API does not say."""
        return self.meta.get("total_matches")

    @property
    def model(self) -> str | None:
        """Language model that read the query; None where the API does not say."""
        return self.meta.get("model")

    @property
    def cost(self) -> float | None:
        """What the search cost, in credits as the API tells it; None where it does not."""
        return self.meta.get("cost")
