"""Posts of TikTok, their music and their comments."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from tokfluence_async.models.result import ExactId, Model, Result

__all__ = ["Comment", "Music", "Post"]


@define(slots=True, kw_only=True)
class Music(Model):
    """The sound of a post."""

    title: str | None = None
    """Title of the sound."""

    author: str | None = None
    """Who made it."""

    original: bool | None = None
    """Whether the sound was made for this post."""


@define(slots=True, kw_only=True)
class Post(Result):
    """A post as the API's index knows it."""

    post_id: ExactId
    """Video id, the trailing number of its URL: digits, as a string."""

    url: str | None = None
    """Address of the post on TikTok."""

    caption: str | None = None
    """Text of the post."""

    published_at: datetime | None = None
    """When the post was published, in UTC."""

    cover_url: str | None = None
    """Address of the cover picture; such addresses expire."""

    duration: float | None = None
    """Length of the video, in seconds."""

    views: int | None = None
    """Views when the index last saw the post."""

    likes: int | None = None
    """Likes when the index last saw the post."""

    comments: int | None = None
    """Number of comments when the index last saw the post."""

    shares: int | None = None
    """Shares when the index last saw the post."""

    saves: int | None = None
    """Saves when the index last saw the post."""

    hashtags: list[str] = field(factory=list[str])
    """Hashtags of the caption, without ``#``."""

    mentions: list[str] = field(factory=list[str])
    """Usernames that the caption mentions, without ``@``."""

    music: Music | None = None
    """The sound of the post."""

    is_sponsored: bool | None = None
    """Whether the post is marked as advertising."""


@define(slots=True, kw_only=True)
class Comment(Model):
    """A comment on a post, or a reply to one."""

    comment_id: ExactId
    """Id of the comment: digits, as a string."""

    text: str | None = None
    """What it says."""

    published_at: datetime | None = None
    """When it was published, in UTC."""

    likes: int | None = None
    """Likes of the comment."""

    reply_count: int | None = None
    """How many replies it has."""

    parent_comment_id: ExactId | None = None
    """Id of the comment that this one replies to; None for a comment on the post itself."""

    author_username: str | None = None
    """TikTok username of its author, without ``@``."""

    author_picture: str | None = None
    """Address of the author's profile picture."""
