"""Halves of characters, which text from Python or a file's name may hold, though no encoding of Unicode has them."""

from __future__ import annotations

__all__ = ["escaped"]


def escaped(text: str) -> str:
    r"""A text that can be stored and printed: with an escape such as ``\ud83d`` for each lone surrogate.

    Args:
        text: Any text. One without surrogates is returned as it is.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace").decode()
    return text
