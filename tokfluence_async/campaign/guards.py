"""A rejects file as an input: what tells it, and the apostrophes that keep spreadsheets from running its cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["REJECT_COLUMNS", "is_guarded", "unguarded"]

REJECT_COLUMNS: Final = (
    "url",
    "creator_handle",
    "fee_cents",
    "source",
    "row",
    "outcome",
    "code",
    "message",
    "retryable",
)
"""The first three are what a load reads again; the others say where the row stood and what became of it."""


def is_guarded(header: Sequence[str] | None) -> bool:
    """Whether a table has the header of a rejects file, so that its cells may have apostrophes in front."""
    return header is not None and tuple(header) == REJECT_COLUMNS


def unguarded(cells: Sequence[str]) -> list[str]:
    """What stood in cells of a rejects file before apostrophes were put in front of some."""
    # It comes with all that exports need, of which a preview needs nothing.
    from tokfluence_async.export.cells import plain_text  # noqa: PLC0415 - as above

    return [plain_text(cell) if "'" in cell else cell for cell in cells]
