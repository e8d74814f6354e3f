"""The files that a load file consists of: itself, and those that SQLite keeps beside it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from tokfluence_async.campaign.loadfile import is_load_file

__all__ = ["belongs_to_load_file", "files_of"]

_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


def files_of(load_file: Path) -> tuple[Path, ...]:
    """Where a load file and its companions are, or would be.

    Args:
        load_file: The load file, whether it exists or not. SQLite follows a link before it names the companions.
    """
    place = os.path.realpath(load_file)
    return tuple(Path(f"{place}{suffix}") for suffix in _SUFFIXES)


def belongs_to_load_file(path: Path) -> bool:
    """Whether a name is that of a load file that exists, or of a companion of one, which may not exist yet."""
    place = os.path.realpath(path)
    for suffix in _SUFFIXES:
        # Where nobody may look, whoever writes there is told so.
        with suppress(OSError):
            if place.endswith(suffix) and is_load_file(Path(place.removesuffix(suffix))):
                return True
    return False
