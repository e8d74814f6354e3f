"""Telling duplicates: each video is sent once, however often and however spelt the input names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from attrs import evolve

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.handles import handle_key

__all__ = ["CENTRE", "Key", "Videos"]

Key = int
"""What two rows are compared by: the video id less `CENTRE`; a number past all ids for a short link."""

CENTRE: Final = 7_300_000_000_000_000_000
"""Amid the ids of our time: less this they fit 60 bits, for which Python takes a third less memory than for 63."""

Facts = tuple[str | None, int | None]
"""A video's creator, in the form in which two are compared, and its fee in cents; None where no row tells."""

_TIMED: Final = range(10**18, 10**19)
"""The ids that carry a time."""
_LINKS: Final = 2**66
"""The key of the first short link."""
_FEE_BITS: Final = 32
_SHARED: Final = 1 << 17


class _Handles(dict["str | None", int]):
    """A number for each creator, by the handle as it is spelt."""

    def __init__(self) -> None:
        super().__init__()
        self.folded: list[str | None] = []

    def __missing__(self, handle: str | None) -> int:
        folded = None if handle is None else handle_key(handle)
        number = self.get(folded, len(self.folded))
        if number == len(self.folded):
            self.folded.append(folded)
            self[folded] = number
        self[handle] = number
        return number


class _Fees(dict["int | None", int]):
    """A number for each fee."""

    def __init__(self) -> None:
        super().__init__()
        self.fees: list[int | None] = []

    def __missing__(self, fee_cents: int | None) -> int:
        number = self[fee_cents] = len(self.fees)
        self.fees.append(fee_cents)
        return number


class _Codes:
    """Facts as one integer each.

    Integers, because they are shared where creators and fees repeat, are small where they do not, and are nothing that
    the garbage collector would go through again and again.
    """

    def __init__(self) -> None:
        self._handles, self._fees = _Handles(), _Fees()
        self._shared: dict[int, int] = {}

    def of(self, handles: Sequence[str | None], fees: Sequence[int | None]) -> list[int]:
        """The codes of some rows' creators, as they are spelt, and fees."""
        numbers = map(self._handles.__getitem__, handles)
        codes = [
            handle << _FEE_BITS | fee
            for handle, fee in zip(numbers, map(self._fees.__getitem__, fees), strict=True)
        ]
        full = len(self._shared) >= _SHARED
        share: Callable[[int, int], int] = self._shared.get if full else self._shared.setdefault
        return list(map(share, codes, codes))

    def facts(self, code: int) -> Facts:
        """What a code stands for."""
        return self._handles.folded[code >> _FEE_BITS], self._fees.fees[code & (1 << _FEE_BITS) - 1]

    def without_handle(self, codes: Iterable[int]) -> int:
        """How many of some codes tell no creator."""
        number = self._handles.get(None)
        return 0 if number is None else sum(1 for code in codes if code >> _FEE_BITS == number)


class Videos:
    """The videos that were seen, in some 75 bytes each.

    Args:
        last_counts: Whether, of two rows that disagree about a video, the last counts rather than the first.

    Attributes:
        known: The code of what is known of each video. Whoever meets one that is not in it puts it in.
        codes: The codes of rows' creators and fees.
    """

    def __init__(self, *, last_counts: bool) -> None:
        self.known: dict[Key, int] = {}
        self.codes: _Codes = _Codes()
        self._last_counts = last_counts
        self._links: dict[str, Key] = {}
        self._link_urls: list[str] = []
        # What a later row changes of a post that is packed already: its creator as spelt there, and its fee.
        self._changes: dict[Key, Facts] = {}

    def __len__(self) -> int:
        return len(self.known)

    @property
    def changed(self) -> bool:
        """Whether later rows change posts that were taken from earlier ones."""
        return bool(self._changes)

    @property
    def without_handle(self) -> int:
        """Videos whose creator no row tells."""
        return self.codes.without_handle(self.known.values())

    def odd_ids(self, seconds: float) -> tuple[int, int]:
        """Videos whose id is likely a typing error.

        Args:
            seconds: The present, in Unix seconds.

        Returns:
            How many ids say that their video was made later than this, and how many carry no time, because they have
            not the 19 digits of TikTok's.
        """
        first, limit = _TIMED.start - CENTRE, min((int(seconds) + 1 << 32), _TIMED.stop) - CENTRE
        if not self.known or (min(self.known) >= first and max(self.known) < limit):
            return 0, 0
        odd = [key + CENTRE for key in self.known if not first <= key < limit and key < _LINKS]
        later = sum(1 for video_id in odd if video_id in _TIMED)
        return later, len(odd) - later

    def key_of_link(self, url: str) -> Key:
        """What a short link, in its shortest spelling, is compared by."""
        key = self._links.get(url)
        if key is None:
            key = self._links[url] = _LINKS + len(self._links)
            self._link_urls.append(url)
        return key

    def key_of_url(self, url: str) -> Key:
        """What a URL that is sent is compared by."""
        found = urls.parse(url)
        return (
            self.key_of_link(found.url) if isinstance(found, urls.Refused) else int(found.video_id) - CENTRE
        )

    def shown(self, key: Key) -> str:
        """The video id, or the link, that a key stands for."""
        if key < _LINKS:
            return str(key + CENTRE)
        return self._link_urls[key - _LINKS]

    def meet_again(self, key: Key, handle: str | None, code: int) -> list[str]:
        """Take note of a further row of a known video.

        Args:
            key: The video.
            handle: The row's creator, as spelt there.
            code: The code of the row's creator and fee.

        Returns:
            In what the row disagrees with earlier ones: an empty list for a plain duplicate. What earlier rows left
            open is filled in from this one.
        """
        if code == self.known[key]:
            return []
        facts, before = self.codes.facts(code), self.codes.facts(self.known[key])
        differing = [
            f"{what} {ours} against {theirs}"
            for what, ours, theirs in zip(("creator", "fee_cents"), facts, before, strict=True)
            if ours is not None and theirs is not None and ours != theirs
        ]
        self._merge(key, handle, before, facts)
        return differing

    def _merge(self, key: Key, handle: str | None, before: Facts, facts: Facts) -> None:
        new_handle, new_fee = self._changes.get(key, (None, None))
        creator, fee = before
        if facts[0] is not None and facts[0] != creator and (creator is None or self._last_counts):
            creator, new_handle = facts[0], handle
        if facts[1] is not None and facts[1] != fee and (fee is None or self._last_counts):
            fee = new_fee = facts[1]
        if (creator, fee) != before:
            (self.known[key],) = self.codes.of((creator,), (fee,))
            self._changes[key] = (new_handle, new_fee)

    def apply(self, post: Post) -> Post:
        """A post with what later rows changed of it."""
        handle, fee = self._changes.get(self.key_of_url(post.url), (None, None))
        if handle is not None:
            found = urls.parse(post.url)
            post = evolve(post, creator_handle=handle)
            if isinstance(found, urls.PostURL) and urls.is_username(handle):
                post = evolve(post, url=urls.canonical_url(handle, found.kind, found.video_id))
        return post if fee is None else evolve(post, fee_cents=fee)
