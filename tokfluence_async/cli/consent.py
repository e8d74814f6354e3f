"""Consent to spend: from a person at a terminal, or from ``--yes``."""

from __future__ import annotations

import sys

from tokfluence_async.errors import InputError

__all__ = ["consents"]


def consents(total: int, *, yes: bool) -> bool:
    """Whether the caller agrees to spend credits.

    Args:
        total: How many.
        yes: Whether ``--yes`` was given.

    Raises:
        InputError: It was not, and there is no terminal at which somebody could be asked.
    """
    if yes:
        return True
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise InputError(
            f"this spends up to {total:,} credits, and there is no terminal to ask at; add --yes to agree. "
            "Nothing was sent"
        )
    sys.stderr.write(f"Spend up to {total:,} credits? [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in {"y", "yes"}
