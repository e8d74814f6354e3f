"""Compressed inputs of several parts: all of each is read, and one that is damaged is never taken for the end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from typing import Any

import pytest

from tokfluence_async.campaign.compression import decompressed

zstandard: Any = pytest.importorskip("zstandard")

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}
DATA = b"".join(b"%d,%d\n" % (n, n * 7919 % 104_729) for n in range(30_000))

each_compression = pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)


def content(data: bytes, size: int = -1) -> bytes:
    stream = decompressed(io.BytesIO(data), "posts.csv")
    return stream.read() if size < 0 else b"".join(iter(lambda: stream.read(size), b""))


@each_compression
@pytest.mark.parametrize("size", [-1, 1000, 1 << 16, 1 << 20])
def test_all_parts_are_read(compress: Callable[[bytes], bytes], size: int) -> None:
    parts = DATA[:5], DATA[5:100_000], b"", DATA[100_000:]
    assert content(b"".join(map(compress, parts)), size) == DATA


@each_compression
def test_a_second_part_whose_beginning_is_damaged_is_an_error(compress: Callable[[bytes], bytes]) -> None:
    second = bytearray(compress(DATA))
    second[:2] = b"??"
    with pytest.raises(OSError, match="damaged or cut off"):
        content(compress(b"url\n") + second)


@each_compression
@pytest.mark.parametrize("tail", [b"B", b"not compressed", b"\0\0\0?"])
def test_what_follows_and_is_no_part_is_an_error(compress: Callable[[bytes], bytes], tail: bytes) -> None:
    with pytest.raises(OSError, match="damaged or cut off"):
        content(compress(DATA) + tail)


@each_compression
@pytest.mark.parametrize("cut", [1, 8, 2000])
def test_a_second_part_that_is_cut_is_an_error(compress: Callable[[bytes], bytes], cut: int) -> None:
    with pytest.raises(OSError, match="damaged or cut off"):
        content(compress(b"url\n") + compress(DATA)[:-cut])


def test_xz_files_may_be_padded_with_zeros_by_fours() -> None:
    first, second = lzma.compress(DATA), lzma.compress(b"more")
    assert content(first + bytes(4) + second + bytes(8)) == DATA + b"more"
    assert content(first + bytes(1 << 17)) == DATA
    for zeros in (1, 3, 6, (1 << 16) + 1):
        with pytest.raises(OSError, match="zeros"):
            content(first + bytes(zeros) + second)
        with pytest.raises(OSError, match="zeros"):
            content(first + bytes(zeros))


def test_a_bomb_is_read_in_small_pieces() -> None:
    for compress in (bz2.compress, lzma.compress):
        stream = decompressed(io.BytesIO(compress(bytes(5_000_000))), "posts.csv")
        assert stream.read(1000) == bytes(1000)
