"""What is submitted for analysis, checked before it costs 25 credits each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol.codec import PostEntry, urls_body
from tokfluence_async.resources.arguments import refuse_table

__all__ = ["checked_entries", "refuse_dropped"]


def checked_entries(posts: Sequence[str] | Sequence[PostEntry]) -> list[PostEntry]:
    """Posts to submit, as entries of URL, creator's handle, and fee in cents.

    Raises:
        ConfigurationError: They are no list, an entry is not of that form, or a URL is in it twice, blanks around it
            apart, and would be charged twice.
    """
    entries = [_entry(f"posts[{place}]", post) for place, post in enumerate(_listed(posts))]
    seen: set[str] = set()
    for url, _, _ in entries:
        if url in seen:
            raise ConfigurationError(f"{scalars.quoted(url)} is submitted twice, and would be charged twice")
        seen.add(url)
    return entries


def _listed(posts: object) -> Iterable[object]:
    if isinstance(posts, str | bytes):
        raise ConfigurationError("posts must be a list of URLs, not a single string")
    refuse_table("posts", posts)
    # A mapping's keys are not its posts, and a set has another order, so another body, in each process.
    if not isinstance(posts, Iterable) or isinstance(posts, Mapping | set | frozenset):
        raise ConfigurationError(f"posts must be a list, not {type(cast('Any', posts)).__name__}")
    return cast("Iterable[object]", posts)


def _entry(place: str, post: object) -> PostEntry:
    if isinstance(post, str):
        return _url(place, post), None, 0
    if isinstance(post, tuple | list):
        parts = cast("Sequence[object]", post)
        if len(parts) == 3:
            return _url(place, parts[0]), _handle(place, parts[1]), _fee(place, parts[2])
    raise ConfigurationError(
        f"{place} must be a URL, or a URL, a creator's handle and a fee in whole cents, not {scalars.quoted(post)}"
    )


def _url(place: str, given: object) -> str:
    url = _stripped(given)
    if not url:
        raise ConfigurationError(
            f"{place}: the URL must be text that is not blank, not {scalars.quoted(given)}"
        )
    if not url.isprintable():
        raise ConfigurationError(
            f"{place}: {scalars.quoted(url)} holds a character that can't be seen, such as a line end; no URL does"
        )
    if "/" not in url and "." not in url:
        raise ConfigurationError(
            f"{place}: {scalars.quoted(url)} is no URL: pass the post's whole address, not its id alone"
        )
    return url


def _handle(place: str, given: object) -> str | None:
    if given is None:
        return None
    handle = _stripped(given)
    if not handle or not handle.isprintable():
        raise ConfigurationError(
            f"{place}: the creator's handle must be None or text that is not blank, without line ends, "
            f"not {scalars.quoted(given)}"
        )
    return handle


def _stripped(given: object) -> str:
    """Text without the blanks and line ends around it; empty for what is no text."""
    return (scalars.text(given) or "").strip()


def _fee(place: str, given: object) -> int:
    fee = scalars.whole(given)
    if fee is None or not 0 <= fee <= scalars.LARGEST:
        raise ConfigurationError(
            f"{place}: the fee must be whole cents, at least 0, not {scalars.quoted(given)}"
        )
    return fee


def refuse_dropped(entries: Sequence[PostEntry], body: Mapping[str, Any]) -> None:
    """See to it that a bare analysis is given nothing but URLs, for its body holds nothing else.

    Args:
        entries: What is submitted without a campaign.
        body: The body that the encoder made of it. A caller's own encoder may have a place for handles and fees.

    Raises:
        ConfigurationError: A handle or a fee would be dropped.
    """
    for place, (url, handle, fee) in enumerate(entries):
        told = [what for what, there in (("a creator's handle", handle), ("a fee", fee)) if there]
        if told and body == urls_body([each for each, _, _ in entries]):
            raise ConfigurationError(
                f"posts[{place}] has {' and '.join(told)}, which can be sent with a campaign_id only: "
                f"{scalars.quoted(url)}"
            )
