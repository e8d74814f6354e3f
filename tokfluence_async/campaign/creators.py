"""Whether a column that was taken for the creators' by its name alone is one: the URLs' own handles tell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from attrs import define, field

from tokfluence_async.campaign import headings, urls
from tokfluence_async.campaign.columns import Column, ColumnChoice
from tokfluence_async.campaign.handles import is_tracked, names_another, parse_handle
from tokfluence_async.campaign.missing import is_missing
from tokfluence_async.campaign.surrogates import escaped

__all__ = ["GuessedCreators", "as_judged", "guessed_creators"]


def guessed_creators(choice: ColumnChoice) -> GuessedCreators | None:
    """What judges the column of creators; None if there is none, or no doubt: the caller told it, or its name does."""
    column = choice.handle
    if column is None or not column.guessed or headings.names_creators(column.name):
        return None
    return GuessedCreators(column)


def as_judged(choice: ColumnChoice, doubts: Iterable[GuessedCreators]) -> ColumnChoice:
    """A choice without its column of creators, if that was judged to be none.

    Args:
        choice: The choice.
        doubts: What judges columns of creators, its own perhaps among them.
    """
    column = choice.handle
    if column is None or not any(each.refused and each.column.name == column.name for each in doubts):
        return choice
    return choice.without(column)


@define
class GuessedCreators:
    """Judges a guessed column of creators by the first of its values that tell, before any of it is used.

    Names such as "channel" and "creator_id" stand above other things, too: "organic", or the keys of a database. Most
    posts are their creators' own, so that a column which mostly names others than the URLs do is none of creators. One
    of ids is taken only if most of them are ``tkc_`` ids, or the usernames in the URLs.

    Attributes:
        column: The column.
        settled: Whether it was judged; until then it held nothing that tells.
        refused: Whether it is not taken.
    """

    column: Column
    settled: bool = False
    refused: bool = False
    _for: int = field(default=0, init=False)
    _against: int = field(default=0, init=False)

    def judge(self, posts: Sequence[object], cells: Sequence[object]) -> None:
        """Look at some more rows, unless it is settled.

        Args:
            posts: What stands in their URL column.
            cells: What stands in the column.
        """
        if self.settled:
            return
        for post, cell in zip(posts, cells, strict=True):
            verdict = self._verdict(post, cell)
            self._for += verdict is True
            self._against += verdict is False
        self.settled = self._for + self._against > 0
        self.refused = self._against > self._for

    @property
    def notes(self) -> tuple[str, ...]:
        """What should be said of it; empty if it is taken."""
        if not self.refused:
            return ()
        found = (
            "it holds neither a tkc_ id nor the username in the URL"
            if headings.names_id(self.column.name)
            else "it names another than the URL does"
        )
        rows = "1 row that tells" if self._told == 1 else f"{self._told:,} rows that tell"
        note = (
            f"creator not taken from {self.column.name!r}: in {self._against:,} of the first {rows}, {found}; "
            f"--handle-column {escaped(shlex.quote(self.column.name))} takes it all the same (handle_column= in Python)"
        )
        return (note,)

    @property
    def _told(self) -> int:
        return self._for + self._against

    def _verdict(self, post: object, cell: object) -> bool | None:
        """Whether a row speaks for the column; None if it does not tell."""
        if not isinstance(cell, str):
            return None if is_missing(cell) else False  # what is no text names no creator
        if not cell.strip():
            return None
        strict = headings.names_id(self.column.name)
        handle = parse_handle(cell)
        if handle is None:
            # A creator that is wrong, such as a display name, is told of row by row.
            return False if strict else None
        if is_tracked(handle):
            return True if strict else None
        found = urls.parse(post) if isinstance(post, str) else None
        name = found.handle if isinstance(found, urls.PostURL) else None
        if name is None:
            return False if strict else None
        return not names_another(handle, name)
