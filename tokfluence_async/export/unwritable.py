"""What the system has against writing, in this package's words."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from tokfluence_async.errors import TokfluenceError

__all__ = ["unwritable_told"]


@contextmanager
def unwritable_told(what: str) -> Generator[None]:
    """Whatever the system has against writing, as an error of this package.

    Args:
        what: What is written, such as ``posts.csv:``.

    Raises:
        BrokenPipeError: Nobody reads it any more: left as it is, as that is no failure.
        TokfluenceError: It can't be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TokfluenceError(f"{what} can't be written: {error.strerror or error}") from None
