"""Search in plain English."""

from __future__ import annotations

from typing import Any, Final

from tokfluence_async.models import AISearchResults
from tokfluence_async.protocol import endpoints
from tokfluence_async.resources.arguments import checked_count, checked_text, refuse_overlap
from tokfluence_async.resources.caller import Caller, CallOptions

__all__ = ["ai_search"]

MAX_RESULTS: Final = 50
"""Creators that one search gives at most."""


async def ai_search(
    caller: Caller, query: str, *, max_results: int | None = None, options: CallOptions
) -> AISearchResults:
    """Search creators in plain English: 25 credits. It takes seconds.

    Args:
        caller: Makes the call.
        query: What to look for.
        max_results: Creators, 50 at most; 20 by default.
        options: What this call does differently.

    Returns:
        The creators, and the filters that the query was read as.

    Raises:
        ConfigurationError: The query is blank, `max_results` out of range, or an option wrong. Nothing was sent.
        BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
        InsufficientCreditsError: The wallet is too low. Nothing was done, nothing charged.
        OutcomeUnknownError: It may have been applied; repeat it with the error's `request_id` as key only.
        DuplicateRequestError: The key was used before. Nothing was done now, nothing charged.
        RequestError: There is no usable answer for another reason, which its subclass tells.
    """
    body: dict[str, Any] = {"query": checked_text("query", query)}
    if max_results is not None:
        body["max_results"] = checked_count("max_results", max_results, most=MAX_RESULTS)
    refuse_overlap(endpoints.AI_SEARCH, "extra_body", options.get("extra_body"), ("query", "max_results"))
    return await caller.call(endpoints.AI_SEARCH, AISearchResults, body=body, options=options)
