"""Why a text is not the address of one post."""

from __future__ import annotations

from typing import Literal, get_args

from attrs import define

__all__ = ["REFUSAL_REASONS", "RefusalReason", "Refused"]

RefusalReason = Literal[
    "empty",
    "not_a_url",
    "several_urls",
    "not_tiktok",
    "lookalike_host",
    "short_link",
    "profile",
    "live",
    "music",
    "tag",
    "sticker",
    "collection",
    "discover",
    "search",
    "not_a_post",
    "no_video_id",
    "bad_video_id",
]
"""Why a text is not the address of one post; stable codes."""

REFUSAL_REASONS: tuple[RefusalReason, ...] = get_args(RefusalReason)
"""All of the codes of `RefusalReason`."""

_MESSAGES: dict[RefusalReason, str] = {
    "empty": "there is no URL",
    "not_a_url": "this is not a URL",
    "several_urls": "this holds more than one URL; give each a row of its own",
    "not_tiktok": "this is not a TikTok URL",
    "lookalike_host": "this host looks like TikTok's, but is not",
    "short_link": (
        "a short link does not tell its video offline, so duplicates can't be seen; "
        "open it and use the address that it leads to, or allow short links"
    ),
    "profile": "this is a creator's profile, not a post",
    "live": "this is a live stream, not a post",
    "music": "this is a sound's page, not a post",
    "tag": "this is a hashtag's page, not a post",
    "sticker": "this is an effect's page, not a post",
    "collection": "this is a collection or playlist, not a post",
    "discover": "this is a page of the Discover section, not a post",
    "search": "this is a search page, not a post",
    "not_a_post": "this is a TikTok page, but not a post's",
    "no_video_id": "the URL ends before the video id",
    "bad_video_id": "what stands in the place of the video id is not one",
}


@define(unsafe_hash=True)
class Refused:
    """A text that is not the address of one post.

    Attributes:
        reason: A stable code, one of `REFUSAL_REASONS`.
        message: The reason in words, with what to do where there is something.
        url: The text, freed of surrounding noise; for ``short_link`` the link in its shortest spelling, which
            is what to send if short links are allowed.
    """

    reason: RefusalReason
    message: str
    url: str

    @classmethod
    def because(cls, reason: RefusalReason, url: str, detail: str = "") -> Refused:
        """A refusal with the words that belong to its reason.

        Args:
            reason: The code.
            url: The text, freed of surrounding noise.
            detail: What to add to the words.
        """
        return cls(reason, _MESSAGES[reason] + detail, url)
