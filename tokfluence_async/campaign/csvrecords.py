"""Lines of a delimited text to records: by `csv.reader` where there are quotes, by splitting where there are none."""

from __future__ import annotations

import csv
from collections.abc import Iterator

__all__ = ["CSVRecords"]

_FIELD_LIMIT = csv.field_size_limit()


class CSVRecords:
    """The records of a delimited text, some at a time.

    Few tables need quotes, and without any in a block of lines a record is a line split at its delimiters: the same
    records as `csv.reader` makes, in a third of the time.

    Args:
        blocks: The lines, with their ends, some at a time.
        delimiter: The character between fields.

    Attributes:
        line_num: Lines that the records so far took.
    """

    def __init__(self, blocks: Iterator[list[str]], delimiter: str) -> None:
        self.line_num: int = 0
        self._blocks = blocks
        self._delimiter = delimiter
        self._plain: list[list[str]] = []
        """Records of a block without quotes that were not taken yet, the last one first."""
        self._quoted: list[str] = []
        """Lines for `csv.reader` that it has not begun with."""
        self._fed = self._before = 0
        """Lines that went to `csv.reader`, and those of them that it had taken when `line_num` was last brought up."""
        self._reader = csv.reader(self._feed(), delimiter=delimiter, strict=True)

    def take(self, into: list[list[str]], limit: int) -> None:
        """Appends records to a list, until it holds as many as it may, or there are no more.

        Args:
            into: The list. What came before an error is in it.
            limit: Records that it may hold.

        Raises:
            csv.Error: A quote is not closed properly, or a field is too long.
        """
        while len(into) < limit:
            if self._plain:
                some = self._plain[: -(limit - len(into)) - 1 : -1]
                del self._plain[-len(some) :]
                self.line_num += len(some)
                into += some
            elif self._reader.line_num < self._fed:
                self._parse(into, limit)
            elif not self._next_block():
                return

    def _parse(self, into: list[list[str]], limit: int) -> None:
        reader = self._reader
        try:
            for record in reader:
                into.append(record)
                # Never past the lines that it was given: what follows may need no parsing.
                if len(into) >= limit or reader.line_num >= self._fed:
                    break
        finally:
            self.line_num += reader.line_num - self._before
            self._before = reader.line_num

    def _next_block(self) -> bool:
        lines = next(self._blocks, None)
        if lines is None:
            return False
        text = "".join(lines)
        if '"' in text or len(text) > _FIELD_LIMIT:
            self._fed += len(lines)
            self._quoted = lines
        else:
            delimiter = self._delimiter
            self._plain = [line.rstrip("\r\n").split(delimiter) for line in reversed(lines)]
        return True

    def _feed(self) -> Iterator[str]:
        while True:
            lines, self._quoted = self._quoted, []
            if not lines:
                # It is in the middle of a record, and only what follows can tell where that ends.
                lines = next(self._blocks, list[str]())
                if not lines:
                    return
                self._fed += len(lines)
            yield from lines
