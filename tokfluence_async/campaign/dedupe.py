"""Telling duplicates: each video is sent once, however often and however spelt the input names it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from attrs import evolve

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.handles import handle_key

if TYPE_CHECKING:
    from tokfluence_async.campaign.videostore import StoredVideo, VideoStore

__all__ = ["CENTRE", "Key", "Videos", "key_of_link", "key_of_url", "shown"]

Key = int
"""What two rows are compared by: the video id less `CENTRE`; of a short link, a digest, which is past all ids."""

CENTRE: Final = 7_300_000_000_000_000_000
"""Amid the ids of our time: less this they fit 60 bits, for which Python takes a third less memory than for 63."""

Facts = tuple[str | None, int | None]
"""A video's creator, in the form in which two are compared, and its fee in cents; None where no row tells."""

_TIMED: Final = range(10**18, 10**19)
"""The ids that carry a time."""
_LINKS: Final = 2**66
"""Where the keys of short links begin."""
_DIGEST: Final = 16
"""Bytes of a short link's digest; no two links have ever been found to share one."""
_ID_BYTES: Final = 8
_PAST_IDS: Final = b"\xff" * (_ID_BYTES + 1)
_LINK_BYTES: Final = _DIGEST + 1

MOST_HELD: Final = 1_050_000
"""Videos, and different creators and fees, that are held in memory at most."""
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

    def __len__(self) -> int:
        """How many creators and fees there are."""
        return len(self._handles) + len(self._fees)

    def without_handle(self, codes: Iterable[int]) -> int:
        """How many of some codes tell no creator."""
        number = self._handles.get(None)
        return 0 if number is None else sum(1 for code in codes if code >> _FEE_BITS == number)


class Videos:
    """The videos that were seen, in some 75 bytes each, and in constant memory: past `MOST_HELD` they are stored.

    Args:
        last_counts: Whether, of two rows that disagree about a video, the last counts rather than the first.

    Attributes:
        known: The code of what is known of each video that is held. Whoever meets one that is not in it, once it was
            recalled, puts it in.
        codes: The codes of rows' creators and fees.
        changed: Whether later rows change posts that were taken from earlier ones.
    """

    def __init__(self, *, last_counts: bool) -> None:
        self.known: dict[Key, int] = {}
        self.codes: _Codes = _Codes()
        self.changed: bool = False
        self._last_counts = last_counts
        # What a later row changes of a post that is packed already: its creator as spelt there, and its fee.
        self._changes: dict[Key, Facts] = {}
        self._store: VideoStore | None = None
        self._stored = 0
        self._recalled = 0
        """Of those that are stored, how many are held as well; what is held counts."""

    def __len__(self) -> int:
        return len(self.known) + self._stored - self._recalled

    def recall(self, keys: Iterable[Key]) -> None:
        """Have what is known of some videos in `known`.

        Raises:
            OSError: They can't be read.
        """
        if self._store is None:
            return
        for packed, handle, fee, new_handle, new_fee in self._store.find(_packed(keys, but=self.known)):
            key = _unpacked(packed)
            (self.known[key],) = self.codes.of((handle,), (fee,))
            if (new_handle, new_fee) != (None, None):
                self._changes[key] = (new_handle, new_fee)
            self._recalled += 1

    def make_room(self) -> None:
        """Store what is held, if that is much.

        Raises:
            OSError: The temporary folder is full.
        """
        if len(self.known) + len(self.codes) >= MOST_HELD:
            self._put_away()

    def _put_away(self) -> None:
        if self._store is None:
            # Imported where it is needed, which is seldom.
            from tokfluence_async.campaign.videostore import VideoStore  # noqa: PLC0415 - as above

            self._store = VideoStore()
        total = len(self)
        self._store.put(map(self._as_stored, sorted(self.known)))
        self._stored, self._recalled = total, 0
        self.known.clear()
        self._changes.clear()
        self.codes = _Codes()

    def _as_stored(self, key: Key) -> StoredVideo:
        return _pack(key), *self.codes.facts(self.known[key]), *self._changes.get(key, (None, None))

    def count_without_handle(self) -> int:
        """Videos whose creator no row tells."""
        if self._store is None:
            return self.codes.without_handle(self.known.values())
        self._put_away()
        return self._store.count_without_handle()

    def count_odd_ids(self, seconds: float) -> tuple[int, int]:
        """Videos whose id is likely a typing error.

        Args:
            seconds: The present, in Unix seconds.

        Returns:
            How many ids say that their video was made later than this, and how many carry no time, because they have
            not the 19 digits of TikTok's.
        """
        first, limit = _TIMED.start, min(int(seconds) + 1 << 32, _TIMED.stop)
        if self._store is not None:
            self._put_away()
            bounds = [each.to_bytes(_ID_BYTES) for each in (0, first, limit, _TIMED.stop)]
            short, _, later, long = (
                self._store.count_between(*each) for each in pairwise([*bounds, _PAST_IDS])
            )
            return later, short + long
        if not self.known or (min(self.known) >= first - CENTRE and max(self.known) < limit - CENTRE):
            return 0, 0
        odd = [key + CENTRE for key in self.known if not first <= key + CENTRE < limit and key < _LINKS]
        later = sum(1 for video_id in odd if video_id in _TIMED)
        return later, len(odd) - later

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
            self.changed = True

    def apply(self, posts: Sequence[Post]) -> Iterator[Post]:
        """Some posts, with what later rows changed of them.

        Raises:
            OSError: What was changed can't be read.
        """
        keys = [key_of_url(post.url) for post in posts]
        changes: Mapping[Key, Facts] = self._changes
        if self._store is not None:
            stored = self._store.find(_packed(keys, but=self.known))
            changes = {
                _unpacked(packed): (handle, fee) for packed, _, _, handle, fee in stored
            } | self._changes
        for key, post in zip(keys, posts, strict=True):
            yield _changed(post, *changes.get(key, (None, None)))


def key_of_link(url: str) -> Key:
    """What a short link, in its shortest spelling, is compared by."""
    digest = blake2b(url.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()
    return _LINKS + int.from_bytes(digest)


def key_of_url(url: str) -> Key:
    """What a URL that is sent is compared by."""
    found = urls.parse(url)
    return key_of_link(found.url) if isinstance(found, urls.Refused) else int(found.video_id) - CENTRE


def shown(url: str) -> str:
    """What tells two URLs that are sent apart, for people: the video id, or the short link."""
    found = urls.parse(url)
    return found.url if isinstance(found, urls.Refused) else found.video_id


def _pack(key: Key) -> bytes:
    number = key + CENTRE
    return number.to_bytes(_ID_BYTES if key < _LINKS else _LINK_BYTES)


def _unpacked(packed: bytes) -> Key:
    return int.from_bytes(packed) - CENTRE


def _packed(keys: Iterable[Key], *, but: Mapping[Key, int]) -> list[bytes]:
    return [_pack(key) for key in keys if key not in but]


def _changed(post: Post, handle: str | None, fee: int | None) -> Post:
    if handle is not None:
        found = urls.parse(post.url)
        post = evolve(post, creator_handle=handle)
        if isinstance(found, urls.PostURL) and urls.is_username(handle):
            post = evolve(post, url=urls.canonical_url(handle, found.kind, found.video_id))
    return post if fee is None else evolve(post, fee_cents=fee)
