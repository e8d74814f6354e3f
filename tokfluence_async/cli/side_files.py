"""Files that a command writes: never over a load file, nor over what the load is made of."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from attrs import frozen

from tokfluence_async.campaign.companions import belongs_to_load_file, files_of
from tokfluence_async.campaign.rejectsfile import default_path
from tokfluence_async.campaign.sources import STDIN
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from tokfluence_async.campaign.plan import Plan

__all__ = ["check_load_files", "check_preview_files", "check_rejects", "check_side_file", "names_of_sources"]

_STREAM: Final = "-"
_REJECTS: Final = "the file of the rejects"


def names_of_sources(plan: Plan, load_file: Path) -> list[str]:
    """What the sources of a load may be called now: files, and descriptions, of which there will be no file.

    Args:
        plan: What it buys.
        load_file: Its load file. A name is meant from this folder, and from that one, in which most loads are begun.
    """
    names = [each.name for each in plan.origins if each.name is not None]
    # Joined, an absolute name stays as it is.
    beside = [str(load_file.parent / each) for each in names if each != STDIN]
    return list(dict.fromkeys([*names, *beside]))


def check_side_file(option: str, path: Path, *, what: str = "", sources: Iterable[str] = ()) -> None:
    """See that a file may be written, before anything is spent or lost.

    Args:
        option: That named it, such as ``--output``.
        path: The file, whether it exists or not.
        what: What is written there, in words.
        sources: What it is made of, however indirectly: names of files, ``-`` for standard input.

    Raises:
        InputError: It is one of those, or a load file, or belongs to one.
    """
    if str(path) == _STREAM:
        return
    target = _Named(what, str(path), option)
    for each in _sources(sources):
        _refuse_same(each, target)
    if belongs_to_load_file(path):
        raise InputError(f"{option} would write into this load file; name another file", source=str(path))


def check_load_files(
    sources: Iterable[str], state: Path, *, is_new: bool, rejects: Path | None, events: Path | None
) -> None:
    """See that no two files of a load are one and the same, before any is opened to be written.

    Args:
        sources: What the load is made of: names of files, ``-`` for standard input.
        state: Its load file.
        is_new: Whether that is still to be made.
        rejects: Where the rows that are refused are to be written; beside the load file if None.
        events: Where the events are to be written, if anywhere; ``-`` for standard output.

    Raises:
        InputError: Two are; or a load file was to be written over. It names the options.
    """
    read = _sources(sources)
    kept = [_Named("the load file", str(each), "--state" if is_new else "") for each in files_of(state)]
    refused = _Named(_REJECTS, str(rejects or default_path(state)), "--rejects")
    told: list[_Named] = []
    if events is not None:
        stdout = sys.stdout if str(events) == _STREAM else None
        told = [_Named("the file of the events", str(events), "--events", stdout)]
    # A load that was begun is not held up by what nobody named: its rejects go beside what stands in their place.
    written = [*(kept if is_new else ()), *([refused] if is_new or rejects is not None else []), *told]
    others = [*product(kept, [refused, *told]), *combinations([refused, *told], 2)]
    for one, other in [*product(read, written), *others]:
        _refuse_same(one, other)
    for option, path in (("--rejects", rejects), ("--events", events)):
        if path is not None:
            check_side_file(option, path)


def check_preview_files(sources: Iterable[str], *, save: Path | None, rejects: Path) -> None:
    """See that the rejects of a preview are written over nothing that it reads or makes.

    Args:
        sources: What it reads: names of files, ``-`` for standard input.
        save: The load file that it makes, if any.
        rejects: Where the rows that are not sent are to be written.

    Raises:
        InputError: They would be; or they can't be written.
    """
    check_rejects(rejects)
    target = _Named(_REJECTS, str(rejects), "--rejects")
    for each in () if save is None else files_of(save):
        _refuse_same(_Named("the load file", str(each), "--save"), target)
    check_side_file("--rejects", rejects, what=_REJECTS, sources=sources)


def check_rejects(path: Path) -> None:
    """See that a file of rejects may have this name.

    Raises:
        InputError: It is a folder's, or there is no such folder.
    """
    # Unlike a path's own methods, these do not raise where nobody may look.
    if os.path.isdir(path) or not os.path.isdir(path.parent):  # noqa: PTH112 - as above
        raise InputError("this can't be written: name a file, in a folder that exists", source=str(path))


def _sources(names: Iterable[str]) -> list[_Named]:
    return [_Named("a source", each, "", sys.stdin if each == STDIN else None) for each in names]


def _refuse_same(one: _Named, other: _Named) -> None:
    if one.is_same(other):
        options = " or ".join(filter(None, (one.option, other.option)))
        raise InputError(
            f"{one.what} and {other.what} are one and the same; name another with {options}. Nothing was sent",
            source=other.path,
        )


@frozen
class _Named:
    """A file as a command names it, or is about to make it."""

    what: str
    path: str
    option: str
    """What names another; empty if nothing does."""
    stream: TextIO | None = None
    """What the name stands for, where it is no file's."""

    def is_same(self, other: _Named) -> bool:
        """Whether to write the one is to write over the other."""
        here, there = self._status(), other._status()
        if here is not None and there is not None:
            # Pipes and devices keep nothing that could be lost.
            return stat.S_ISREG(here.st_mode) and os.path.samestat(here, there)
        if self.stream is not None or other.stream is not None:
            return False
        return os.path.realpath(self.path) == os.path.realpath(other.path)

    def _status(self) -> os.stat_result | None:
        # A closed stream is None, or says so in one of these ways.
        with suppress(OSError, ValueError, AttributeError):
            return os.stat(self.path) if self.stream is None else os.fstat(self.stream.fileno())  # noqa: PTH116 - as it was given
        return None
