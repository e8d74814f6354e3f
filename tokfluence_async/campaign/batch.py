"""A batch: the posts that one analyze call submits, and how they are kept in memory and on disk."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, repeat
from operator import sub
from typing import Any, Final, cast
from uuid import UUID, uuid5

import orjson
from attrs import define, field, frozen

from tokfluence_async.campaign.blobs import Blobs
from tokfluence_async.campaign.urls import canonical_url

__all__ = [
    "Address",
    "Packer",
    "Post",
    "addresses_in",
    "idempotency_key",
    "pack",
    "pack_columns",
    "unpack",
    "unpack_columns",
]

Address = int | str
"""A post's URL in short: the video id, where the URL is the canonical one of the post's own creator; else the URL."""

_MAX_ID: Final = 2**64 - 1
_SMALL_TABLES: Final = 5
"""``memLevel``: 16 KiB of tables, where the default of 8 takes 128."""
_MAX_DIGITS: Final = len(str(_MAX_ID))
_VIDEO: Final = "video"
_CHECKSUM: Final = 4
"""Bytes of the CRC-32 that a packed batch ends with: a flipped bit in an id would buy another video."""


@frozen
class Post:
    """One post to be analysed."""

    row: int
    """Its first row in the input: the line of a text file, the record of another; counted from 1."""
    url: str
    """What is sent: the canonical URL where the creator's username is known, else the row's own."""
    creator_handle: str | None
    """TikTok username or ``tkc_`` id; None where neither the input nor the URL tells."""
    fee_cents: int
    """The creator's fee for the post, in cents."""
    origin: int = 0
    """Which input the row stands in: a place in the plan's `origins`."""


def idempotency_key(plan_id: UUID, step: str, generation: int) -> str:
    """The key of one step of a plan: the same on every machine, so that a plan can be spent only once."""
    return str(uuid5(plan_id, f"{step}/{generation}"))


def pack(posts: Iterable[Post]) -> bytes:
    """A batch's posts as compressed columns: some 15 bytes a post, where a table row each takes 90."""
    columns = _Columns()
    for post in posts:
        columns.rows.append(post.row)
        columns.addresses.append(_shortened(post))
        columns.handles.append(post.creator_handle)
        columns.fees.append(post.fee_cents)
        columns.origins.append(post.origin)
    return columns.pack()


def unpack(blob: bytes) -> list[Post]:
    """The posts that `pack` packed.

    Raises:
        ValueError: They are not as they were packed.
        TypeError: There are none at all.
    """
    (steps, handles, fees, origins, urls), ids = _columns_in(blob)
    if isinstance(origins, int):
        origins = repeat(origins)
    rows: Iterable[int] = accumulate(cast("list[int]", steps))
    return [
        Post(row, urls.get(str(place)) or canonical_url(handle, _VIDEO, str(video_id)), handle, fee, origin)
        for place, (row, video_id, handle, fee, origin) in enumerate(
            zip(rows, ids, handles, fees, origins, strict=False)  # as many as there are ids
        )
    ]


def _columns_in(blob: bytes) -> tuple[list[Any], array[int]]:
    packed = blob[:-_CHECKSUM]
    if zlib.crc32(packed).to_bytes(_CHECKSUM, "little") != blob[-_CHECKSUM:]:
        raise ValueError("the checksum of a batch's posts does not fit")
    head = zlib.decompressobj()
    columns: list[Any] = orjson.loads(head.decompress(packed))
    ids = array("Q", head.unused_data)
    if sys.byteorder == "big":
        ids.byteswap()
    return columns, ids


def addresses_in(blob: bytes) -> list[Address]:
    """The addresses alone of the posts that `pack` packed: a video id for each whose URL is made of it and the handle.

    Raises:
        ValueError: They are not as they were packed.
        TypeError: There are none at all.
    """
    (*_, urls), ids = _columns_in(blob)
    addresses: list[Address] = list(ids)
    for place, url in urls.items():
        addresses[int(place)] = url
    return addresses


def pack_columns(columns: Sequence[object]) -> bytes:
    """Columns of JSON values, compressed.

    Level 1 takes a third of the time of the default for a tenth more bytes. Of a batch's columns, which are short, most
    of the rest goes into making tables of the usual size.
    """
    packing = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, _SMALL_TABLES)
    return packing.compress(orjson.dumps(columns)) + packing.flush()


def unpack_columns(blob: bytes) -> list[list[object]]:
    """What `pack_columns` packed."""
    columns: list[list[object]] = orjson.loads(zlib.decompress(blob))
    return columns


def _shortened(post: Post) -> Address:
    digits = post.url.rpartition("/")[2]
    if (
        post.creator_handle is not None
        and digits.isdecimal()
        and digits.isascii()
        and len(digits) <= _MAX_DIGITS
    ):
        video_id = int(digits)
        if video_id <= _MAX_ID and canonical_url(post.creator_handle, _VIDEO, str(video_id)) == post.url:
            return video_id
    return post.url


@define
class _Columns:
    """Posts, column by column."""

    rows: list[int] = field(factory=list[int])
    addresses: list[Address] = field(factory=list[Address])
    handles: list[str | None] = field(factory=list["str | None"])
    fees: list[int] = field(factory=list[int])
    origins: list[int] = field(factory=list[int])

    def pack(self) -> bytes:
        urls: dict[str, str] = {}
        try:
            # Tried rather than looked at: most batches hold nothing but ids.
            ids = array("Q", cast("list[int]", self.addresses))
        except TypeError:
            urls = {str(place): each for place, each in enumerate(self.addresses) if isinstance(each, str)}
            ids = array("Q", [0 if isinstance(each, str) else each for each in self.addresses])
        if sys.byteorder == "big":
            ids.byteswap()
        # Row numbers as steps, and one number where all posts come from one input: both pack to next to nothing.
        steps = [*self.rows[:1], *map(sub, self.rows[1:], self.rows)]
        one = set(self.origins)
        origins = self.origins if len(one) > 1 else next(iter(one), 0)
        # Ids are as good as random: compressing them would take as long as all the rest, for half a byte each.
        packed = pack_columns((steps, self.handles, self.fees, origins, urls)) + ids.tobytes()
        return packed + zlib.crc32(packed).to_bytes(_CHECKSUM, "little")


class Packer:
    """Cuts a stream of posts into batches, and packs each as soon as it is full.

    Posts come as columns rather than objects: an object for each would take as long again as all the rest.

    Args:
        size: Posts in a batch.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._open = _Columns()
        self._blobs = Blobs()

    def extend(
        self,
        rows: Sequence[int],
        addresses: Sequence[Address],
        handles: Sequence[str | None],
        fees: Sequence[int],
        origin: int,
    ) -> None:
        """Take posts of one input. The columns are as long as one another."""
        columns = self._open
        columns.rows.extend(rows)
        columns.addresses.extend(addresses)
        columns.handles.extend(handles)
        columns.fees.extend(fees)
        columns.origins.extend(repeat(origin, len(rows)))
        held, size = len(columns.rows), self._size
        whole = held - held % size
        if not whole:
            return
        for first in range(0, whole, size):
            self._blobs.append(_slice(columns, first, first + size).pack())
        self._open = _slice(columns, whole, held)

    def blobs(self) -> Iterable[bytes]:
        """The batches so far, the last one perhaps not full."""
        return self._blobs.view(*([self._open.pack()] if self._open.rows else []))


def _slice(columns: _Columns, first: int, last: int) -> _Columns:
    return _Columns(
        columns.rows[first:last],
        columns.addresses[first:last],
        columns.handles[first:last],
        columns.fees[first:last],
        columns.origins[first:last],
    )
