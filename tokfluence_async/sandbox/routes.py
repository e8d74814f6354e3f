"""Which call a method and path belong to."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote

from attrs import frozen

_PLAIN = {
    ("GET", "/v1/creators/search"): "creators.search",
    ("POST", "/v1/posts/analyze"): "posts.analyze",
    ("POST", "/v1/campaigns"): "campaigns.create",
    ("POST", "/v1/ai_search"): "ai_search",
}
_WITH_ID = {
    ("GET", "creators", ""): "creators.show",
    ("GET", "creators", "posts"): "creators.posts",
    ("GET", "posts", ""): "posts.show",
    ("GET", "posts", "comments"): "posts.comments",
    ("GET", "campaigns", ""): "campaigns.show",
    ("GET", "campaigns", "metrics"): "campaigns.metrics",
    ("GET", "campaigns", "posts"): "campaigns.posts",
    ("GET", "campaigns", "influencers"): "campaigns.influencers",
    ("DELETE", "campaigns", ""): "campaigns.delete",
}
_SEGMENTS_WITH_ID = (4, 5)


@frozen
class Route:
    """A call, and the id in its path."""

    call: str
    target: str = ""


def route(method: str, path: str) -> Route | None:
    """The call that a method and an undecoded path belong to; None if there is none."""
    plain = _PLAIN.get((method, path))
    if plain is not None:
        return Route(plain)
    segments = path.split("/")
    if len(segments) not in _SEGMENTS_WITH_ID or segments[0] or segments[1] != "v1" or not segments[3]:
        return None
    last = segments[4] if len(segments) == _SEGMENTS_WITH_ID[1] else ""
    if last == "" and len(segments) == _SEGMENTS_WITH_ID[1]:
        return None
    call = _WITH_ID.get((method, segments[2], last))
    return Route(call, unquote(segments[3])) if call else None


def parse_query(query: str) -> dict[str, str]:
    """The parameters of a query string; of one that is given twice, the last."""
    return dict(parse_qsl(query, keep_blank_values=True)) if query else {}
