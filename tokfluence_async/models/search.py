"""Results of a search in plain English."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from attrs import define

from tokfluence_async.models.creators import Creator
from tokfluence_async.models.items import Items
from tokfluence_async.models.result import Model

__all__ = ["AISearchResults"]


@define(slots=True, kw_only=True)
class AISearchResults(Items[Creator]):
    """Creators that match a query in plain English. A search costs 25 credits.

    What it says of itself beside the creators is read as far as it can be: they are paid for.
    """

    item_model: ClassVar[type[Model]] = Creator

    @property
    def interpreted_filters(self) -> dict[str, Any]:
        """The query as the structured filters that a search for creators takes."""
        filters: Any = self.meta.get("interpreted_filters")
        return cast("dict[str, Any]", filters) if isinstance(filters, dict) else {}

    @property
    def total_matches(self) -> int | None:
        """How many creators match, those beyond `max_results` included; None where the API does not say."""
        total: Any = self.meta.get("total_matches")
        return total if type(total) is int else None

    @property
    def model(self) -> str | None:
        """Language model that read the query; None where the API does not say."""
        model: Any = self.meta.get("model")
        return model if isinstance(model, str) else None

    @property
    def cost(self) -> float | None:
        """What the search cost, in credits as the API tells it; None where it does not."""
        cost: Any = self.meta.get("cost")
        return cost if type(cost) in {int, float} else None
