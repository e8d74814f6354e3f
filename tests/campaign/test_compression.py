"""Compressed inputs of several parts: all of each is read, and one that is damaged is never taken for the end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


REPEATED = b"https://www.tiktok.com/@maker/video/7301234567890123401,maker,5\n" * 2000
BOUND = 16 << 20
"""Bytes that reading may take besides what was asked for: the window of xz is the largest, with 8 MiB."""


@pytest.mark.parametrize(
    "compress", [gzip.compress, lzma.compress, zstandard.compress], ids=["gz", "xz", "zst"]
)
@pytest.mark.parametrize("ahead", [b"", bytes(random.Random(7).randbytes(200_000))], ids=["", "after noise"])
def test_repeated_rows_are_read_in_constant_memory(compress: Callable[[bytes], bytes], ahead: bytes) -> None:
    data = compress(ahead + REPEATED * 300)  # 38 MB
    stream = decompressed(io.BytesIO(data), "posts.csv")
    found = 0
    tracemalloc.start()
    try:
        while block := stream.read(1 << 16):
            found += len(block)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == len(ahead) + len(REPEATED) * 300
    assert most < BOUND


def test_a_frame_of_zstandard_that_repeats_one_byte_is_read_in_constant_memory() -> None:
    # A block of four bytes stands for 128 KiB of one letter: the most that the format can inflate.
    size = 1 << 17
    block = (size << 3 | 1 << 1).to_bytes(3, "little") + b"a"
    frame = b"\x28\xb5\x2f\xfd\x00\x58" + block * 3000 + (1).to_bytes(3, "little")
    stream = decompressed(io.BytesIO(frame), "posts.csv")
    tracemalloc.start()
    try:
        found = sum(map(len, iter(lambda: stream.read(1 << 16), b"")))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == size * 3000
    assert most < BOUND


@pytest.mark.parametrize("sums", [False, True])
@pytest.mark.parametrize("sized", [False, True])
@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_frames_of_every_make_are_read_however_they_come(
    *, sums: bool, sized: bool, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokfluence_async.campaign.compression._BLOCK_BYTES", step)
    new = zstandard.ZstdCompressor(write_checksum=sums, write_content_size=sized, level=19)
    skippable = b"\x5a\x2a\x4d\x18" + (9).to_bytes(4, "little") + b"meta data"
    parts = [b"url\n", DATA[:3000], b"", DATA[3000:9000]]
    data = skippable.join(map(new.compress, parts)) + skippable
    assert content(data, 1000) == b"".join(parts)
    for cut in (1, 9, 16, 18, 40, 100):
        with pytest.raises(OSError, match="damaged or cut off"):
            content(data[:-cut], 1000)
    whole = new.compress(DATA[:3000])
    if sums:
        with pytest.raises(OSError, match="damaged or cut off"):
            content(whole[:-1] + bytes([whole[-1] ^ 1]))


@given(st.data())
def test_any_damage_to_a_frame_is_an_error_or_reads(data: st.DataObject) -> None:
    whole = bytearray(zstandard.compress(DATA[:2000]) * 2)
    place = data.draw(st.integers(4, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    try:
        content(bytes(whole), 1000)
    except OSError as error:
        assert "damaged or cut off" in str(error)  # noqa: PT017 - most damage is told, not all
