"""Search in plain English."""

from __future__ import annotations

from typing import Unpack

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.models import AISearchResults
from tokfluence_async.protocol import endpoints
from tokfluence_async.resources.caller import Caller, CallOptions

__all__ = ["ai_search"]

MAX_RESULTS = 50


async def ai_search(
    caller: Caller, query: str, *, max_results: int | None = None, **options: Unpack[CallOptions]
) -> AISearchResults:
    """See `Tokfluence.ai_search`."""
    if not query.strip():
        raise ConfigurationError("a search needs a query")
    if max_results is not None and not 1 <= max_results <= MAX_RESULTS:
        raise ConfigurationError(f"a search gives 1 to {MAX_RESULTS} results, not {max_results}")
    body: dict[str, object] = {"query": query}
    if not query.strip():
        raise ConfigurationError("a search needs a query")
    if max_results is not None:
        body["max_results"] = max_results
    return await caller.call(endpoints.AI_SEARCH, AISearchResults, body=body, **options)
