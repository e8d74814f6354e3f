"""Files that a command writes: never over a load file, nor over what the load is made of."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from tokfluence_async.campaign.loadfile import is_load_file
from tokfluence_async.campaign.sources import STDIN
from tokfluence_async.errors import InputError

__all__ = ["check_side_file"]


def check_side_file(option: str, path: Path, used: Iterable[str | Path] = ()) -> None:
    """See that a file may be written, before anything is spent or lost.

    Args:
        option: That named it, such as ``--output``.
        path: The file, whether it exists or not.
        used: What the load is made of or kept in; whether they exist or not.

    Raises:
        InputError: It is one of those, or a load file.
    """
    if str(path) == STDIN:
        return
    with suppress(OSError):  # whoever writes it says why it can't be
        if path.is_file() and is_load_file(path):
            raise InputError(f"{option} would write into this load file; name another file", source=str(path))
        whole = path.resolve()
        for each in map(Path, used):
            if each.resolve() == whole or (path.exists() and each.exists() and each.samefile(path)):
                raise InputError(
                    f"{option} names a file that this load needs; name another", source=str(path)
                )
