"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from tokfluence_async.errors import ConfigurationError

__all__ = ["AtomicFile", "check_writable", "descriptor_of"]

_DESCRIPTOR: Final = re.compile(r"/dev/std(?:in|out|err)|/(?:dev|proc/self)/fd/(\d+)")
_STREAMS: Final = ("/dev/stdin", "/dev/stdout", "/dev/stderr")
_PREFIX: Final = ".tkf."
"""Of a name for a moment. It does not grow with the file's, which may be as long as a name can be."""


class AtomicFile:
    """A file that appears under its name once it is complete, in one step, and replaces what was there.

    Use it as ``with AtomicFile(path) as file:`` and call `commit` in the end. If that is not reached, nothing is left,
    and what was there before stays. Where the system has files without a name (Linux), nothing is left after a kill
    either. It has the mode of the file that it replaces.

    What is no regular file, such as a pipe or a device, is written to directly, and so is what the process has open
    already: ``/dev/stdout``, ``/dev/fd/63``.

    Args:
        path: The file's name. A symbolic link is followed.

    Attributes:
        place: Where it appears: its name, or that of the file which a symbolic link there leads to.
        file: What to write to, in binary.
        direct: Whether it is written to directly: what was written can't be taken back, and there may be no seeking.

    Raises:
        ConfigurationError: It can't be created there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._target = Path(os.path.realpath(path))
        self.place: Path = self._target if os.path.islink(path) else self.path  # noqa: PTH114 - this one never raises
        self._name: Path | None = None
        self.direct: bool = False
        try:
            self.file: BinaryIO = self._open()
        except OSError as error:
            raise ConfigurationError(f"{self.path}: can't be written: {error.strerror or error}") from None

    def _open(self) -> BinaryIO:
        held = descriptor_of(str(self.path))
        if held is not None:
            # Opened anew it would be emptied, and written from its beginning.
            self.direct = True
            os.write(held, b"")  # one that is open for reading only says so now
            return os.fdopen(os.dup(held), "wb")
        # By the name as it was given: what a link such as one to a pipe leads to may have no name.
        mode = _mode_of(self.path)
        if mode is not None and stat.S_ISDIR(mode):
            raise IsADirectoryError(None, "it is a folder")
        if mode is not None and not stat.S_ISREG(mode):
            self.direct = True
            return self.path.open("wb")
        descriptor = self._create()
        if mode is not None:
            os.fchmod(descriptor, mode & 0o777)
        return os.fdopen(descriptor, "wb")

    def _create(self) -> int:
        nameless = getattr(os, "O_TMPFILE", 0)
        if nameless:
            with suppress(OSError):  # not every file system has them
                return os.open(self._target.parent, nameless | os.O_RDWR, 0o666)
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, dir=self._target.parent)
        self._name = Path(name)
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def commit(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Have it appear.

        Args:
            path: Another name, in the folder of `place`. What is written to directly keeps its own.

        Returns:
            Its name.

        Raises:
            OSError: It can't be written whole. Nothing is left.
        """
        self.file.flush()
        if self.direct:
            self.file.close()
            return self.path
        target = self._target if path is None else self._target.with_name(Path(path).name)
        os.fsync(self.file.fileno())
        name = self._name or self._give_name()
        self._name = name
        name.replace(target)
        self._name = None
        _sync(target.parent)
        self.file.close()
        return self.path if path is None else Path(path)

    def _give_name(self) -> Path:
        # A file without a name can't replace another in one step: it needs one for that moment.
        source = f"/proc/self/fd/{self.file.fileno()}"
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            while True:
                name = f"{_PREFIX}{os.urandom(8).hex()}"
                with suppress(FileExistsError):
                    # Only with a folder's descriptor does Python follow the link, whatever else it is told.
                    os.link(source, name, dst_dir_fd=folder, follow_symlinks=True)
                    return self._target.with_name(name)
        finally:
            os.close(folder)

    def check(self) -> None:
        """See that it can have a name, as far as that can be told without replacing what is there.

        Raises:
            ConfigurationError: It can't.
        """
        if self.direct or self._name is not None:
            return
        try:
            self._name = self._give_name()
        except OSError as error:
            raise ConfigurationError(f"{self.path}: can't be written: {error.strerror or error}") from None

    def discard(self) -> None:
        """Leave nothing; does nothing after `commit`."""
        with suppress(OSError):
            self.file.close()
        if self._name is not None:
            with suppress(OSError):
                self._name.unlink()
            self._name = None


def check_writable(path: str | os.PathLike[str]) -> None:
    """See that a file could be written under a name; what is there stays as it is, and nothing is left.

    A pipe or a device is not tried: opening it is an event for whoever is at its other end.

    Args:
        path: The name.

    Raises:
        ConfigurationError: None could be.
    """
    try:
        mode = _mode_of(Path(path))
    except OSError:
        mode = None  # opening it tells why
    if mode is None or stat.S_ISREG(mode) or stat.S_ISDIR(mode) or descriptor_of(str(path)) is not None:
        with AtomicFile(path) as file:
            file.check()


def descriptor_of(name: str) -> int | None:
    """The number of an open file that a name stands for; None if it stands for none."""
    found = _DESCRIPTOR.fullmatch(name)
    if found is None:
        return None
    return _STREAMS.index(name) if found[1] is None else int(found[1])


def _mode_of(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _sync(folder: Path) -> None:
    # A name is on disk once its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
