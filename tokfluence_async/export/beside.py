"""Names beside a file's, for what is not to replace it: a part that was read, or the rest."""

from __future__ import annotations

import os
import re
from itertools import chain, count
from pathlib import Path
from typing import Final

from tokfluence_async.export.compression import without_compression

__all__ = ["file_beside"]

_BESIDE: Final = re.compile(r"\.(?:partial|rest)\d*$")
_LONGEST: Final = 255
"""Bytes that a file's name may have."""
_LONGEST_SUFFIX: Final = 32
"""What is longer is no suffix that tells a format."""


def file_beside(path: Path, word: str) -> Path:
    """A name beside a file's that is free, as what was paid for earlier is not replaced: ``x.partial.csv``.

    A name that would be too long for a file system is cut before the word.

    Args:
        path: The file's name.
        word: What the name is told by: ``partial`` or ``rest``.
    """
    plain = without_compression(path)
    packed = path.name.removeprefix(plain.name)
    stem, suffix = (plain.stem, plain.suffix) if len(plain.suffix) <= _LONGEST_SUFFIX else (plain.name, "")
    stem = stem if word == "partial" else _BESIDE.sub("", stem)
    ends = (f".{word}{number}{suffix}{packed}" for number in chain([""], count(2)))
    names = (path.with_name(_cut(stem, end) + end) for end in ends)
    return next(free for free in names if not os.path.lexists(free))


def _cut(stem: str, end: str) -> str:
    # By characters: half of one would be no text.
    while len(os.fsencode(stem + end)) > _LONGEST:
        stem = stem[:-1]
    return stem
