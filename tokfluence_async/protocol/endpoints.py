"""The API's thirteen calls: their names, methods and paths."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from attrs import frozen

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol.wire import MAX_BODY

__all__ = [
    "AI_SEARCH",
    "CAMPAIGNS_CREATE",
    "CAMPAIGNS_DELETE",
    "CAMPAIGNS_INFLUENCERS",
    "CAMPAIGNS_METRICS",
    "CAMPAIGNS_POSTS",
    "CAMPAIGNS_SHOW",
    "CREATORS_POSTS",
    "CREATORS_SEARCH",
    "CREATORS_SHOW",
    "POSTS_ANALYZE",
    "POSTS_COMMENTS",
    "POSTS_SHOW",
    "Endpoint",
]


MAX_LIST: Final = 512 * 1024 * 1024
"""Bytes of a campaign's list of posts, all of which the API gives at once, as its page *Campaigns* has it."""


@frozen
class Endpoint:
    """One call of the API."""

    name: str
    """Its name, which is also its name in the tariff."""
    method: str
    """HTTP method."""
    template: str
    """Path, with ``{id}`` where an id goes."""
    max_body: int = MAX_BODY
    """Bytes of an answer that are read at most."""

    @property
    def keyed(self) -> bool:
        """Whether it carries an idempotency key.

        Only POSTs do: a read may be made any number of times, and a second deletion deletes nothing.
        """
        return self.method == "POST"

    @property
    def submits_urls(self) -> bool:
        """Whether its body submits post URLs, each of which is charged."""
        return self.name in {"campaigns.create", "posts.analyze"}

    def path(self, resource_id: str | int | None = None) -> str:
        """The path, with the id quoted into it.

        Args:
            resource_id: The id; None for a call whose path has none.

        Raises:
            ConfigurationError: The id is missing, empty, a URL, a number beyond 64 bits, or could climb out of its
                place in the path. A read that misses is charged, so it is not even tried.
        """
        if "{id}" not in self.template:
            return self.template
        text = scalars.text(resource_id)
        if text is None:
            text = _digits(resource_id)
        if text.isascii() and text.isalnum():
            return self.template.replace("{id}", text)
        if text in {"", ".", ".."} or text.startswith("-") or not text.isprintable() or not text.strip():
            raise ConfigurationError(f"{self.name}: {scalars.quoted(resource_id)} is not an id")
        if "://" in text:
            raise ConfigurationError(f"{self.name} takes an id, not a URL: {scalars.quoted(text)}")
        return self.template.replace("{id}", quote(text, safe=""))


def _digits(number: object) -> str:
    """A number as an id; an empty string for what can't be one."""
    whole = scalars.whole(number)
    return "" if whole is None or not 0 <= whole <= scalars.LARGEST else str(whole)


CAMPAIGNS_CREATE = Endpoint("campaigns.create", "POST", "/v1/campaigns")
CAMPAIGNS_SHOW = Endpoint("campaigns.show", "GET", "/v1/campaigns/{id}")
CAMPAIGNS_METRICS = Endpoint("campaigns.metrics", "GET", "/v1/campaigns/{id}/metrics")
CAMPAIGNS_POSTS = Endpoint("campaigns.posts", "GET", "/v1/campaigns/{id}/posts", MAX_LIST)
CAMPAIGNS_INFLUENCERS = Endpoint("campaigns.influencers", "GET", "/v1/campaigns/{id}/influencers")
CAMPAIGNS_DELETE = Endpoint("campaigns.delete", "DELETE", "/v1/campaigns/{id}")
POSTS_SHOW = Endpoint("posts.show", "GET", "/v1/posts/{id}")
POSTS_COMMENTS = Endpoint("posts.comments", "GET", "/v1/posts/{id}/comments")
POSTS_ANALYZE = Endpoint("posts.analyze", "POST", "/v1/posts/analyze")
CREATORS_SEARCH = Endpoint("creators.search", "GET", "/v1/creators/search")
CREATORS_SHOW = Endpoint("creators.show", "GET", "/v1/creators/{id}")
CREATORS_POSTS = Endpoint("creators.posts", "GET", "/v1/creators/{id}/posts")
AI_SEARCH = Endpoint("ai_search", "POST", "/v1/ai_search")
