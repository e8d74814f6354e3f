"""The campaign builder: takes posts one by one or from a source, and makes a plan of them. No network, no key.

Memory stays small for any input: posts are packed batch by batch as they come, and each video costs one entry of a
table that tells duplicates.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import AsyncIterable, Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO, Final, Literal
from uuid import uuid4

from attrs import evolve

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.batch import pack, pack_columns, unpack
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.dedupe import Key, Videos, key_of
from tokfluence_async.campaign.handles import parse_handle
from tokfluence_async.campaign.items import Item
from tokfluence_async.campaign.plan import Conflict, Plan, Skipped
from tokfluence_async.campaign.rows import BadRow, Row
from tokfluence_async.campaign.sources import open_source, read_items, read_items_async
from tokfluence_async.errors import InputError
from tokfluence_async.tariff import Tariff

__all__ = ["CampaignBuilder", "ConflictRule", "InvalidRule", "ShortLinkRule"]

ConflictRule = Literal["fail", "first", "last"]
ShortLinkRule = Literal["refuse", "send"]
InvalidRule = Literal["skip", "fail"]

SAMPLES: Final = 5
"""Rows of each reason that a preview shows."""
SHOWN_CONFLICTS: Final = 20
SKIPPED_PER_CHUNK: Final = 500
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
        self.name = _check_name(name)
        if currency is not None and not _CURRENCY.fullmatch(currency):
            raise InputError(f"{currency!r} is not an ISO 4217 currency code such as USD")
        if batch_size < 1:
            raise InputError(f"a batch holds at least 1 URL, not {batch_size}")
        self.currency = currency
        self._tariff = tariff or Tariff()
        self._batch_size = batch_size
        self._on_conflict: ConflictRule = on_conflict
        self._short_links: ShortLinkRule = short_links
        self._on_invalid: InvalidRule = on_invalid
        self._now = now or datetime.now(UTC)
        self._videos = Videos(last_counts=on_conflict == "last")
        self._broken: str | None = None
        self._rows = 0
        self._handles_from_url = 0
        # Columns rather than posts: they are packed as such, and an object for each row would take as long again.
        self._open = _no_posts()
        self._blobs: list[bytes] = []
        self._skipped_open: list[Skipped] = []
        self._skipped_blobs: list[bytes] = []
        self._samples: dict[str, list[Skipped]] = {}
        self._reasons: Counter[str] = Counter()
        self._conflicts: list[Conflict] = []
        self._counts: Counter[str] = Counter()
        self._notes: list[str] = []

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
        row = self._rows + 1
        if fee_cents is not None and (type(fee_cents) is not int or not 0 <= fee_cents < 2**63):
            raise InputError(f"a fee is a whole number of cents, not {fee_cents!r}", row=row)
        handle = None
        if creator_handle is not None:
            handle = parse_handle(creator_handle)
            if handle is None:
                raise InputError(f"{creator_handle!r} is not a TikTok username or tkc_ id", row=row)
        self.add_row(
            Row(number=row, url=url, creator_handle=handle, fee_cents=fee_cents, record=[url], source=None)
        )
        return self

    def add_file(
        self, source: str | os.PathLike[str] | BinaryIO, options: InputOptions | None = None
    ) -> CampaignBuilder:
        """Add the rows of a file: CSV or TSV, perhaps gzipped.

        What was assumed of it, such as which columns were taken, is in the plan's `notes`.

        Args:
            source: A file's name, ``-`` for standard input, or a file that is open for reading bytes.
            options: Which columns to take, and how to read them; guessed by default.

        Returns:
            The builder itself.

        Raises:
            InputError: The file can't be read, or its columns can't be told. Nothing of it is lost: no plan is made of
                half a file.
        """
        with open_source(source, options) as rows:
            self.note(f"{rows.name}: {rows.columns.describe()}")
            self.add_rows(rows)
            seen = rows.fees.currency
            if seen is not None and _CURRENCY.fullmatch(seen) and self.currency not in {None, seen}:
                raise InputError(f"the fees are in {seen}, the campaign in {self.currency}", source=rows.name)
        return self

    def add_items(self, items: Iterable[Item], options: InputOptions | None = None) -> CampaignBuilder:
        """Add posts from an iterable: URLs, tuples of URL, handle and fee in cents, or mappings.

        Args:
            items: The posts.
            options: Which keys of mappings to take; guessed by default.

        Returns:
            The builder itself.
        """
        return self.add_rows(read_items(items, options))

    async def add_items_async(
        self, items: AsyncIterable[Item], options: InputOptions | None = None
    ) -> CampaignBuilder:
        """Add posts from an async iterable, as `add_items` does.

        Returns:
            The builder itself.
        """
        with self._whole():
            async for row in read_items_async(items, options):
                self.add_row(row)
        return self

    def add_rows(self, rows: Iterable[Row | BadRow]) -> CampaignBuilder:
        """Add the rows of a source.

        Returns:
            The builder itself.
        """
        with self._whole():
            for row in rows:
                self.add_row(row)
        return self

    @contextmanager
    def _whole(self) -> Generator[None]:
        """An input is added as a whole: after an error in its middle, no plan is made."""
        try:
            yield
        except BaseException as error:
            self._broken = str(error) or type(error).__name__
            raise

    def add_row(self, row: Row | BadRow) -> None:
        """Add one row of a source."""
        self._rows += 1
        if isinstance(row, BadRow):
            self._skip_invalid(row.number, row.source, row.reason, row.message, row.text)
            return
        found = urls.parse(row.url)
        if isinstance(found, urls.Refused):
            if found.reason == "short_link" and self._short_links == "send":
                self._take(row, found.url, found, row.creator_handle)
            else:
                self._skip_invalid(row.number, row.source, found.reason, found.message, row.text)
            return
        handle = row.creator_handle
        if handle is None:
            handle = found.handle
            self._handles_from_url += handle is not None
        self._take(row, int(found.video_id), found, handle)

    def _take(self, row: Row, key: Key, found: urls.PostURL | urls.Refused, handle: str | None) -> None:
        differing = self._videos.meet(key, handle, row.fee_cents)
        if differing is not None:
            self._skip_duplicate(row, key, differing)
            return
        url = found.url
        if (
            handle is not None
            and isinstance(found, urls.PostURL)
            and found.handle is None
            and urls.is_username(handle)
        ):
            url = urls.canonical_url(handle, found.kind, found.video_id)
        rows, addresses, handles, fees = self._open
        rows.append(row.number)
        addresses.append(url)
        handles.append(handle)
        fees.append(row.fee_cents or 0)
        if len(rows) == self._batch_size:
            self._blobs.append(pack_columns(self._open))
            self._open = _no_posts()

    def _skip_duplicate(self, row: Row, key: Key, differing: list[str]) -> None:
        what = ", ".join(differing)
        self._counts["duplicates"] += 1
        if differing:
            self._counts["conflicts"] += 1
            if len(self._conflicts) < SHOWN_CONFLICTS:
                self._conflicts.append(Conflict(str(key), row.number, 0, what))
        reason = "conflict" if differing else "duplicate"
        self._skip(Skipped(row.number, row.source, reason, what, row.text, str(key)))

    def _skip_invalid(self, number: int, source: str | None, reason: str, message: str, text: str) -> None:
        if self._on_invalid == "fail":
            raise InputError(f"{message} [{reason}]: {text[:200]!r}", source=source, row=number)
        self._counts["invalid"] += 1
        self._skip(Skipped(number, source, reason, message, text, None))

    def _skip(self, skipped: Skipped) -> None:
        self._reasons[skipped.reason] += 1
        samples = self._samples.setdefault(skipped.reason, [])
        if len(samples) < SAMPLES:
            samples.append(skipped)
        self._skipped_open.append(skipped)
        if len(self._skipped_open) == SKIPPED_PER_CHUNK:
            self._flush_skipped()

    def _flush_skipped(self) -> None:
        if self._skipped_open:
            self._skipped_blobs.append(_pack_skipped(self._skipped_open))
            self._skipped_open.clear()

    def plan(self) -> Plan:
        """The plan for what was added so far. Pure: nothing is sent, nothing is written.

        Adding more afterwards and planning again makes another plan, which would be bought besides the first.

        Raises:
            InputError: An input was added in part only, because it ended with an error.
        """
        if self._broken is not None:
            raise InputError(f"an input was read in part only: {self._broken}")
        blobs = [*self._blobs, *([pack_columns(self._open)] if self._open[0] else [])]
        skipped = [*self._skipped_blobs, *([_pack_skipped(self._skipped_open)] if self._skipped_open else [])]
        if self._videos.changed:
            blobs = [pack(self._videos.apply(post) for post in unpack(blob)) for blob in blobs]
        rows = _first_rows(blobs, {conflict.video_id for conflict in self._conflicts})
        create = self._tariff.price("campaigns.create")
        return Plan(
            plan_id=uuid4(),
            name=self.name,
            currency=self.currency,
            created_at=self._now,
            batch_size=self._batch_size,
            create_credits=create,
            credits_per_url=self._tariff.price("posts.analyze", urls=1),
            rows=self._rows,
            duplicates=self._counts["duplicates"],
            invalid=self._counts["invalid"],
            urls=len(self._videos),
            without_handle=self._videos.without_handle,
            handles_from_url=self._handles_from_url,
            from_future=self._videos.newer_than(self._now.timestamp() + GRACE),
            conflicts=tuple(
                evolve(each, first_row=rows.get(each.video_id, each.first_row)) for each in self._conflicts
            ),
            conflict_count=self._counts["conflicts"],
            conflicts_decided=self._on_conflict != "fail",
            reasons=dict(self._reasons),
            samples={reason: tuple(samples) for reason, samples in self._samples.items()},
            notes=tuple(self._notes),
            batch_blobs=blobs,
            skipped_blobs=skipped,
        )


def _no_posts() -> tuple[list[int], list[str], list[str | None], list[int]]:
    """The columns of no posts: rows, URLs, handles, fees."""
    return [], [], [], []


def _first_rows(blobs: Iterable[bytes], video_ids: set[str]) -> dict[str, int]:
    """The rows that are sent for some videos."""
    rows: dict[str, int] = {}
    for blob in blobs:
        if len(rows) == len(video_ids):
            break
        for post in unpack(blob):
            key = str(key_of(post.url))
            if key in video_ids:
                rows[key] = post.row
    return rows


def _pack_skipped(skipped: list[Skipped]) -> bytes:
    columns: list[Callable[[Skipped], object]] = [
        lambda each: each.row,
        lambda each: each.source,
        lambda each: each.reason,
        lambda each: each.message,
        lambda each: each.text,
        lambda each: each.video_id,
    ]
    return pack_columns([[column(each) for each in skipped] for column in columns])


def _check_name(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise InputError(f"a campaign's name has 1 to {MAX_NAME} printable characters, not {name[:80]!r}")
    return cleaned
