"""Telling duplicates: each video is sent once, however often and however spelt the input names it."""

from __future__ import annotations

from attrs import evolve

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.handles import handle_key

__all__ = ["Key", "Videos", "key_of"]

Key = int | str
"""What two rows are compared by: the video id, as an integer to save memory; for a short link the link itself."""

_Facts = tuple[str | None, int | None]
"""A video's creator, in the form in which two are compared, and its fee in cents; None where no row tells."""


class Videos:
    """The videos that were seen, in some 80 bytes each.

    Args:
        last_counts: Whether, of two rows that disagree about a video, the last counts rather than the first.
    """

    def __init__(self, *, last_counts: bool) -> None:
        self._last_counts = last_counts
        self._known = 0
        self._facts: dict[Key, _Facts] = {}
        # Few creators and fees make many posts: equal facts share one tuple.
        self._shared: dict[tuple[str | None, int | None], _Facts] = {}
        # What a later row changes of a post that is packed already: its creator as spelt there, and its fee.
        self._changes: dict[Key, _Facts] = {}

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def changed(self) -> bool:
        """Whether later rows change posts that were taken from earlier ones."""
        return bool(self._changes)

    @property
    def without_handle(self) -> int:
        """Videos whose creator no row tells."""
        return sum(1 for handle, _ in self._facts.values() if handle is None)

    def newer_than(self, seconds: float) -> int:
        """Videos whose id, of the 19 digits that carry a time, says that they were made after this Unix time."""
        limit = int(seconds) << 32
        return sum(
            1 for key in self._facts if isinstance(key, int) and 10**18 <= key < 10**19 and key > limit
        )

    def meet(self, key: Key, handle: str | None, fee_cents: int | None) -> list[str] | None:
        """Take note of a row's video.

        Returns:
            None if it is seen for the first time; else in what the row disagrees with earlier ones, which is an empty
            list for a plain duplicate. What earlier rows left open is filled in from this one.
        """
        facts = self._shared.get((handle, fee_cents)) or self._share(handle, fee_cents)
        before = self._facts.setdefault(key, facts)
        if before is facts:
            # The same tuple, but not necessarily the same row: the table's size tells.
            return self._first_or_plain()
        differing = [
            f"{what} {ours} against {theirs}"
            for what, ours, theirs in zip(("creator", "fee_cents"), facts, before, strict=True)
            if ours is not None and theirs is not None and ours != theirs
        ]
        self._merge(key, handle, before, facts)
        return differing

    def _first_or_plain(self) -> list[str] | None:
        if len(self._facts) == self._known:
            return []
        self._known += 1
        return None

    def _merge(self, key: Key, handle: str | None, before: _Facts, facts: _Facts) -> None:
        new_handle, new_fee = self._changes.get(key, (None, None))
        creator, fee = before
        if facts[0] is not None and facts[0] != creator and (creator is None or self._last_counts):
            creator, new_handle = facts[0], handle
        if facts[1] is not None and facts[1] != fee and (fee is None or self._last_counts):
            fee = new_fee = facts[1]
        if (creator, fee) != before:
            self._facts[key] = self._share(creator, fee)
            self._changes[key] = (new_handle, new_fee)

    def _share(self, handle: str | None, fee_cents: int | None) -> _Facts:
        facts: _Facts = (None if handle is None else handle_key(handle), fee_cents)
        # By the facts themselves and by the handle's own spelling, so that looking it up again costs nothing.
        facts = self._shared.setdefault(facts, facts)
        self._shared[handle, fee_cents] = facts
        return facts

    def apply(self, post: Post) -> Post:
        """A post with what later rows changed of it."""
        found = urls.parse(post.url)
        handle, fee = self._changes.get(_key(found), (None, None))
        if handle is not None:
            post = evolve(post, creator_handle=handle)
            if isinstance(found, urls.PostURL) and urls.is_username(handle):
                post = evolve(post, url=urls.canonical_url(handle, found.kind, found.video_id))
        return post if fee is None else evolve(post, fee_cents=fee)


def key_of(url: str) -> Key:
    """What a URL that is sent is compared by."""
    return _key(urls.parse(url))


def _key(found: urls.PostURL | urls.Refused) -> Key:
    return found.url if isinstance(found, urls.Refused) else int(found.video_id)
