"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from tokfluence_async.errors import ConfigurationError

__all__ = ["AtomicFile"]


class AtomicFile:
    """A file that appears under its name once it is complete, in one step, and replaces what was there.

    Use it as ``with AtomicFile(path) as file:`` and call `commit` in the end. If that is not reached, nothing is left,
    and what was there before stays. Where the system has files without a name (Linux), nothing is left after a kill
    either. What is no regular file, such as a pipe or a device, is written to directly.

    Args:
        path: The file's name. A symbolic link is followed.

    Attributes:
        file: What to write to, in binary.

    Raises:
        ConfigurationError: It can't be created there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._target = Path(os.path.realpath(path))
        self._name: Path | None = None
        self._direct = False
        try:
            self.file: BinaryIO = self._open()
        except OSError as error:
            raise ConfigurationError(f"{self.path}: can't be written: {error.strerror or error}") from None

    def _open(self) -> BinaryIO:
        if self._target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if self._target.exists() and not stat.S_ISREG(self._target.stat().st_mode):
            self._direct = True
            return self._target.open("wb")
        nameless = getattr(os, "O_TMPFILE", 0)
        if nameless:
            with suppress(OSError):  # not every file system has them
                return os.fdopen(os.open(self._target.parent, nameless | os.O_RDWR, 0o666), "wb")
        descriptor, name = tempfile.mkstemp(prefix=f".{self._target.name}.", dir=self._target.parent)
        self._name = Path(name)
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return os.fdopen(descriptor, "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def commit(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Have it appear.

        Args:
            path: Another name, in the same folder.

        Returns:
            Its name.

        Raises:
            OSError: It can't be written whole. Nothing is left.
        """
        target = self._target if path is None else Path(path)
        self.file.flush()
        if not self._direct:
            os.fsync(self.file.fileno())
            name = self._name or self._give_name()
            self._name = name
            name.replace(target)
            self._name = None
            _sync(target.parent)
        self.file.close()
        return self.path if path is None else target

    def _give_name(self) -> Path:
        # A file without a name can't replace another in one step: it needs one for that moment.
        source = f"/proc/self/fd/{self.file.fileno()}"
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            while True:
                name = f".{self._target.name}.{os.urandom(4).hex()}"
                with suppress(FileExistsError):
                    # Only with a folder's descriptor does Python follow the link, whatever else it is told.
                    os.link(source, name, dst_dir_fd=folder, follow_symlinks=True)
                    return self._target.with_name(name)
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Leave nothing; does nothing after `commit`."""
        with suppress(OSError):
            self.file.close()
        if self._name is not None:
            with suppress(OSError):
                self._name.unlink()
            self._name = None


def _sync(folder: Path) -> None:
    # A name is on disk once its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
