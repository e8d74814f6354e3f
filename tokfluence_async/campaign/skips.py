"""The rows of an input that are not sent: counted by reason, sampled for a preview, and packed for the load file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, cast

from attrs import frozen

from tokfluence_async.campaign.batch import pack_columns, unpack_columns
from tokfluence_async.campaign.blobs import Blobs
from tokfluence_async.campaign.rows import csv_line
from tokfluence_async.campaign.surrogates import escaped

__all__ = ["SAMPLES", "Skipped", "Skips", "unpack_skipped"]

SAMPLES: Final = 5
"""Rows of each reason that a preview shows."""
_PER_CHUNK: Final = 500


@frozen
class Skipped:
    """A row of the input that is not sent."""

    row: int
    """Its line, or record, in its source; counted from 1."""
    source: str | None
    """The source's name; None if it has none."""
    reason: str
    """A code such as ``duplicate``, ``short_link`` or ``bad_fee``."""
    message: str
    text: str
    """The row's own text; of a table's row, its fields as one line of comma-separated CSV."""
    video_id: str | None
    """For a duplicate, or a conflict: the video, which an earlier row names already."""
    url: str | None = None
    """For an invalid row, or a conflict: what stands in its URL column, if it has that column."""
    creator_handle: str | None = None
    """For an invalid row, or a conflict: what stands in its creator column."""
    fee: str | int | None = None
    """For an invalid row, or a conflict: its fee in cents; the text itself, if that is no fee."""


SkippedFields = tuple[
    int, str | None, str, str, str | Sequence[str], str | None, str | None, str | None, str | int | None
]
"""The fields of a `Skipped`: an object for each of many duplicates would take longer than finding them."""


class Skips:
    """Collects the rows that are not sent.

    Attributes:
        reasons: Rows by reason code.
        samples: The first rows of each reason.
    """

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.samples: dict[str, list[Skipped]] = {}
        self._open: list[SkippedFields] = []
        self._blobs = Blobs()

    def extend(self, skipped: Sequence[SkippedFields]) -> None:
        """Take some rows, in the order of the input."""
        self.reasons.update([fields[2] for fields in skipped])
        for fields in skipped:
            samples = self.samples.get(fields[2])
            if samples is None:
                samples = self.samples[fields[2]] = []
            if len(samples) < SAMPLES:
                samples.append(_skipped(_storable(fields)))
        self._open.extend(skipped)
        while len(self._open) >= _PER_CHUNK:
            self._blobs.append(_pack(self._open[:_PER_CHUNK]))
            del self._open[:_PER_CHUNK]

    def blobs(self) -> Iterable[bytes]:
        """All of them, packed; `unpack_skipped` reads each."""
        return self._blobs.view(*([_pack(self._open)] if self._open else []))


def unpack_skipped(blob: bytes) -> list[Skipped]:
    """The rows in one packed chunk."""
    return [_skipped(cast("SkippedFields", fields)) for fields in zip(*unpack_columns(blob), strict=True)]


def _pack(skipped: Sequence[SkippedFields]) -> bytes:
    try:
        return pack_columns(list(zip(*skipped, strict=True)))
    except TypeError:
        # Text that is no Unicode; looking for it beforehand would take as long as packing.
        return pack_columns(list(zip(*map(_storable, skipped), strict=True)))


def _storable(fields: SkippedFields) -> SkippedFields:
    """The fields with escapes for what is no Unicode in them."""
    return cast(
        "SkippedFields",
        tuple(
            escaped(each)
            if isinstance(each, str)
            else each
            if each is None or isinstance(each, int)
            else [escaped(text) for text in each]
            for each in fields
        ),
    )


def _skipped(fields: SkippedFields) -> Skipped:
    row, source, reason, message, record, video_id, url, handle, fee = fields
    # Fields become a line only where somebody looks: writing one for each duplicate would take as long as finding it.
    text = record if isinstance(record, str) else csv_line(record)
    return Skipped(row, source, reason, message, text, video_id, url, handle, fee)
