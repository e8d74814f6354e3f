"""The campaign builder: takes posts one by one or from a source, and makes a plan of them. No network, no key.

Memory stays small for any input: posts are packed batch by batch as they come, and each video costs one entry of a
table that tells duplicates. Past a million videos both go on in temporary files.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterable, Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import BinaryIO, Final, Literal
from uuid import uuid4

from tokfluence_async.campaign.arrow import ArrowStream, open_table
from tokfluence_async.campaign.batch import pack, unpack
from tokfluence_async.campaign.blobs import Blobs
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.handles import parse_handle
from tokfluence_async.campaign.intake import Intake
from tokfluence_async.campaign.items import Item, ItemReader, read_items, read_items_async
from tokfluence_async.campaign.marks import FeeMarks
from tokfluence_async.campaign.money import FEE_UNITS
from tokfluence_async.campaign.origins import Origin
from tokfluence_async.campaign.plan import ConflictRule, Plan
from tokfluence_async.campaign.rows import BLOCK_ROWS, BadRow, Row, RowBlock, RowStream, block_of
from tokfluence_async.campaign.sources import open_source
from tokfluence_async.errors import InputError
from tokfluence_async.tariff import Tariff

__all__ = ["CampaignBuilder", "ConflictRule", "InvalidRule", "ShortLinkRule"]

ShortLinkRule = Literal["refuse", "send"]
InvalidRule = Literal["skip", "fail"]

MAX_NAME: Final = 255
GRACE: Final = 86_400.0
"""Seconds by which clocks may differ before a video id is said to be from the future."""
_CURRENCY = re.compile(r"[A-Z]{3}")


class CampaignBuilder:
    """Collects the posts of a campaign.

    Args:
        name: The campaign's name, unique in the account.
        currency: ISO 4217 code of the fees; None leaves it to the account's default.
        batch_size: URLs in one analyze call.
        tariff: Prices, where they differ from the public ones.
        on_conflict: One video with two fees or creators: ``fail`` makes a plan that can't be applied, ``first`` and
            ``last`` say which row counts.
        short_links: ``vm.tiktok.com`` and its like can't be told apart without asking TikTok: ``refuse`` counts them as
            invalid, ``send`` sends each (at the risk of paying for one video twice).
        on_invalid: ``skip`` reports invalid rows and goes on, ``fail`` raises at the first.
        now: The present, for telling ids from the future; the clock's by default.

    Raises:
        InputError: The name or the currency is not one.
    """

    def __init__(
        self,
        name: str,
        *,
        currency: str | None = None,
        batch_size: int = 50,
        tariff: Tariff | None = None,
        on_conflict: ConflictRule = "fail",
        short_links: ShortLinkRule = "refuse",
        on_invalid: InvalidRule = "skip",
        now: datetime | None = None,
    ) -> None:
        self.name: str = _check_name(name)
        if currency is not None and not _CURRENCY.fullmatch(currency):
            raise InputError(f"{currency!r} is not an ISO 4217 currency code such as USD")
        if batch_size < 1:
            raise InputError(f"a batch holds at least 1 URL, not {batch_size}")
        self.currency = currency
        self._tariff = tariff or Tariff()
        self._batch_size = batch_size
        self._on_conflict: ConflictRule = on_conflict
        self._now = now or datetime.now(UTC)
        self._intake = Intake(
            batch_size=batch_size,
            last_counts=on_conflict == "last",
            send_short_links=short_links == "send",
            fail=on_invalid == "fail",
        )
        self._origins: dict[Origin, int] = {}
        self._unnamed = 0
        self._added = 0
        self._broken: str | None = None
        self._notes: list[str] = []
        self._marks = FeeMarks(currency)

    def note(self, text: str) -> None:
        """Add something that a preview should say of the input, such as which columns were taken."""
        self._notes.append(text)

    def add(
        self,
        url: str,
        *,
        creator_handle: str | None = None,
        fee_cents: int | None = None,
    ) -> CampaignBuilder:
        """Add one post.

        Args:
            url: Any spelling of a TikTok post's address.
            creator_handle: TikTok username or ``tkc_`` id; taken from the URL if None.
            fee_cents: The creator's fee, in cents; None counts as 0.

        Returns:
            The builder itself.

        Raises:
            InputError: The handle or fee is not one. A URL that is none is counted as invalid, as in a file.
        """
        number = self._added + 1
        if fee_cents is not None and (type(fee_cents) is not int or not 0 <= fee_cents < 2**63):
            raise InputError(f"a fee is a whole number of cents, not {fee_cents!r}", row=number)
        handle = None
        if creator_handle is not None:
            handle = parse_handle(creator_handle)
            if handle is None:
                raise InputError(f"{creator_handle!r} is not a TikTok username or tkc_ id", row=number)
        self._added = number
        # Named only where its numbers could be mistaken for those of another input without a name.
        origin = Origin("added" if self._unnamed else None)
        self.add_block(RowBlock([number], [url], [handle], [fee_cents], [[url]]), origin)
        return self

    def add_file(
        self, source: str | os.PathLike[str] | BinaryIO, options: InputOptions | None = None
    ) -> CampaignBuilder:
        """Add the rows of a file: CSV, TSV, JSON Lines, a JSON array, Parquet, Arrow, or a list of URLs.

        All but Parquet may be compressed with gzip, bzip2, xz or Zstandard. Call it once for each of several files.
        What was assumed of each, such as which columns were taken, is in the plan's `notes`.

        Args:
            source: A file's name, ``-`` for standard input, or a file that is open for reading bytes.
            options: Which columns to take, and how to read them; guessed by default.

        Returns:
            The builder itself.

        Raises:
            InputError: The file can't be read, or its columns can't be told. Nothing of it is lost: no plan is made of
                half a file.
            MissingExtraError: The format needs a package that is not installed.
        """
        with open_source(source, options) as rows:
            self.add_stream(rows)
        return self

    def add_table(
        self, table: ArrowStream, options: InputOptions | None = None, *, name: str | None = None
    ) -> CampaignBuilder:
        """Add the rows of a data frame, query result or other table that speaks the Arrow stream protocol.

        Pandas, polars (a lazy frame once collected), DuckDB and pyarrow do. Fees are integers of cents, or decimals of
        a stated unit; floating-point fees are refused, because most amounts have no exact one.

        Args:
            table: The table.
            options: Which columns to take; guessed by default.
            name: What to call it in messages.

        Returns:
            The builder itself.

        Raises:
            InputError: It is no such table, or holds what has no form in Arrow; or its columns can't be told, or are of
                types that hold no URLs, creators or fees.
            MissingExtraError: Pyarrow is not installed.
        """
        with open_table(table, options, name=name or self._next_name("table") or "table") as rows:
            self.add_stream(rows)
        return self

    def add_items(
        self, items: Iterable[Item], options: InputOptions | None = None, *, name: str | None = None
    ) -> CampaignBuilder:
        """Add posts from an iterable: URLs, tuples of URL, handle and fee in cents, or what has names for these.

        Args:
            items: The posts. Names have mappings, the rows of database drivers, named tuples, and instances of
                dataclasses and attrs classes.
            options: Which keys of mappings to take; guessed by default.
            name: What to call it in messages, where there are several.

        Returns:
            The builder itself.

        Raises:
            InputError: This is no iterable of posts but, for example, a table or an async iterable; or the first item
                is none; or the names of the first that has some do not tell which is the URL; or the fees are in
                another currency than the campaign. No plan is made of half an input.
        """
        reader = ItemReader(options, name=name)
        with self._whole():
            self.add_rows(read_items(items, reader), name=name)
            self._finish(reader)
        return self

    async def add_items_async(
        self, items: AsyncIterable[Item], options: InputOptions | None = None, *, name: str | None = None
    ) -> CampaignBuilder:
        """Add posts from an async iterable, as `add_items` does.

        Returns:
            The builder itself.

        Raises:
            InputError: As for `add_items`.
        """
        origin = Origin(name or self._next_name("input"))
        reader = ItemReader(options, name=origin.name)
        rows: list[Row | BadRow] = []
        with self._whole():
            async for row in read_items_async(items, reader):
                rows.append(row)
                if len(rows) == BLOCK_ROWS:
                    self.add_block(block_of(rows), origin)
                    rows.clear()
            self.add_block(block_of(rows), origin)
            self._finish(reader)
        return self

    def _finish(self, reader: ItemReader) -> None:
        """Check the fees' currency, and note what the keys of mappings were taken for, as for the columns of a file."""
        for unit in FEE_UNITS:
            self._marks.add(reader.fees(unit), reader.name)
        if reader.choice is not None:
            for note in (reader.choice.describe(), *reader.notes):
                self.note(f"{reader.name or 'mappings'}: {note}")

    def add_rows(self, rows: Iterable[Row | BadRow], *, name: str | None = None) -> CampaignBuilder:
        """Add the rows of a source that was read by other means.

        Args:
            rows: The rows, in the order of their numbers.
            name: What to call their source in messages, where there are several.

        Returns:
            The builder itself.
        """
        origin = Origin(name or self._next_name("input"))
        with self._whole():
            left = iter(rows)
            while some := list(islice(left, BLOCK_ROWS)):
                self.add_block(block_of(some), origin)
        return self

    def add_stream(
        self, rows: RowStream, tell: Callable[[RowStream, int], None] | None = None
    ) -> CampaignBuilder:
        """Add the rows of an open source.

        Args:
            rows: The source.
            tell: Called now and then with the source and how many rows of it were taken; `RowStream.progress` tells
                how much of it that is.

        Returns:
            The builder itself.

        Raises:
            InputError: It can't be read to its end, or its fees are in another currency than the campaign or
                the fees added before.
        """
        with self._whole():
            before, origin = self._intake.rows, rows.origin
            for block in rows.blocks():
                self.add_block(block, origin)
                if tell is not None:
                    tell(rows, self._intake.rows - before)
            for note in (rows.columns.describe(), *rows.notes):
                self.note(f"{rows.name}: {note}")
            self._marks.add(rows.fees, rows.name)
        return self

    def add_block(self, block: RowBlock, origin: Origin) -> None:
        """Add some rows of an input."""
        place = self._origins.setdefault(origin, len(self._origins))
        with self._stored():
            self._intake.take(block, origin, place)

    @property
    def fee_marks(self) -> tuple[str, ...]:
        """The currency signs and codes of the fees added so far, as `FeeParser.currency` tells them."""
        return self._marks.found

    def _next_name(self, what: str) -> str | None:
        """A name for an input without one. The first needs none: its row numbers can't be mistaken for another's."""
        self._unnamed += 1
        return None if self._unnamed == 1 and not self._added else f"{what} {self._unnamed}"

    @contextmanager
    def _whole(self) -> Generator[None]:
        """An input is added as a whole: after an error in its middle, no plan is made."""
        try:
            yield
        except BaseException as error:
            self._broken = str(error) or type(error).__name__
            raise

    @contextmanager
    def _stored(self) -> Generator[None]:
        """Around what may put a large plan into temporary files: where there is no room for them, no plan is made."""
        try:
            yield
        except OSError as error:
            self._broken = (
                f"the plan does not fit into the folder for temporary files ({error}); set TMPDIR to another"
            )
            raise InputError(self._broken) from error

    def plan(self) -> Plan:
        """The plan for what was added so far. Pure: nothing is sent, nothing is written.

        Adding more afterwards and planning again makes another plan, which would be bought besides the first.

        Raises:
            InputError: An input was added in part only, because it ended with an error; or the folder for temporary
                files has no room for a plan of millions of rows.
        """
        if self._broken is not None:
            raise InputError(f"an input was read in part only: {self._broken}")
        with self._stored():
            return self._plan()

    def _plan(self) -> Plan:
        intake, videos = self._intake, self._intake.videos
        from_future, without_time = videos.count_odd_ids(self._now.timestamp() + GRACE)
        without_handle = videos.count_without_handle()
        blobs = intake.posts.blobs()
        if videos.changed:
            changed = Blobs()
            for blob in blobs:
                changed.append(pack(videos.apply(unpack(blob))))
            blobs = changed.view()
        return Plan(
            plan_id=uuid4(),
            name=self.name,
            currency=self.currency,
            created_at=self._now,
            batch_size=self._batch_size,
            create_credits=self._tariff.price("campaigns.create"),
            credits_per_url=self._tariff.price("posts.analyze", urls=1),
            rows=intake.rows,
            duplicates=intake.duplicates,
            invalid=intake.invalid,
            urls=len(videos),
            without_handle=without_handle,
            handles_from_url=intake.handles_from_url,
            other_creators=intake.other_creators,
            other_creators_at=tuple(intake.other_creators_at),
            from_future=from_future,
            without_time=without_time,
            conflicts=intake.placed_conflicts(blobs, tuple(self._origins)),
            conflict_count=intake.conflict_count,
            on_conflict=self._on_conflict,
            reasons=dict(intake.skips.reasons),
            samples={reason: tuple(samples) for reason, samples in intake.skips.samples.items()},
            notes=tuple(self._notes),
            origins=tuple(self._origins) or (Origin(None),),
            batch_blobs=blobs,
            skipped_blobs=intake.skips.blobs(),
        )


def _check_name(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise InputError(f"a campaign's name has 1 to {MAX_NAME} printable characters, not {name[:80]!r}")
    return cleaned
