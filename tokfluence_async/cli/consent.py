"""Consent to spend, or to delete: from a person at a terminal, or from ``--yes``."""

from __future__ import annotations

import sys

from tokfluence_async.errors import InputError

__all__ = ["can_ask", "check_capped", "consents"]


def can_ask() -> bool:
    """Whether there is a terminal at which somebody can be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def consents(total: int, *, yes: bool, question: str | None = None) -> bool:
    """Whether the caller agrees to spend credits, or to something else that can't be undone.

    Args:
        total: How many credits.
        yes: Whether ``--yes`` was given.
        question: What to ask instead.

    Raises:
        InputError: It was not, and there is no terminal at which somebody could be asked.
    """
    if yes:
        return True
    if not can_ask():
        what = "this can't be undone" if question else f"this spends up to {total:,} credits"
        raise InputError(f"{what}, and there is no terminal to ask at; add --yes to agree. Nothing was sent")
    sys.stderr.write(f"{question or f'Spend up to {total:,} credits?'} [y/N] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in {"y", "yes"}


def check_capped(total: int, cap: int | None, *, yes: bool) -> None:
    """Where nobody looks on, a load spends under a cap that somebody has named, and not whatever its input comes to.

    Args:
        total: What it costs by its plan, in credits.
        cap: The cap, if there is one.
        yes: Whether ``--yes`` was given.

    Raises:
        InputError: There is none, and no terminal at which somebody could be asked.
    """
    if cap is not None or can_ask():
        return
    raise InputError(
        f"this costs {total:,} credits, and there is no terminal to ask at; add --max-credits {total}"
        f"{'' if yes else ' --yes'} (or set TOKFLUENCE_MAX_CREDITS): what the load may cost at most, in all. A few "
        "credits more leave room to look up what a lost answer leaves in doubt. Nothing was sent"
    )
