"""What the API answers with, as typed values.

Every model keeps the fields that this version does not know in ``extra``, and goes back to JSON by
``to_dict()``. Instants are aware, in UTC. Amounts of money are integer cents. Ids of posts, comments and
creators are strings.
"""

from __future__ import annotations

from tokfluence_async.models.analysis import Analysis, ApiResult, Rejected
from tokfluence_async.models.campaigns import (
    Campaign,
    CampaignPost,
    CreateMeta,
    Influencer,
    Metrics,
    TagCount,
)
from tokfluence_async.models.creators import Creator
from tokfluence_async.models.items import Items, Page
from tokfluence_async.models.posts import Comment, Music, Post
from tokfluence_async.models.result import NO_RESPONSE, Deleted, Model, ResponseInfo, Result
from tokfluence_async.models.search import AISearchResults

__all__ = [
    "NO_RESPONSE",
    "AISearchResults",
    "Analysis",
    "ApiResult",
    "Campaign",
    "CampaignPost",
    "Comment",
    "CreateMeta",
    "Creator",
    "Deleted",
    "Influencer",
    "Items",
    "Metrics",
    "Model",
    "Music",
    "Page",
    "Post",
    "Rejected",
    "ResponseInfo",
    "Result",
    "TagCount",
]
