"""A plan: what will be bought, for how much, settled before anything is sent.

Making a plan needs no network and no key. A plan is a purchase order: it has a random id from which the idempotency
keys of all its calls follow, so that applying it twice, or on two machines, buys once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any, Final, Literal
from uuid import UUID

from attrs import asdict, field, frozen

from tokfluence_async.campaign.batch import Post, unpack
from tokfluence_async.campaign.origins import Origin
from tokfluence_async.campaign.skips import Skipped, unpack_skipped
from tokfluence_async.errors import ConflictError, InputError

__all__ = ["Conflict", "ConflictRule", "Estimate", "Plan", "Skipped"]

ConflictRule = Literal["fail", "first", "last"]
"""Of two rows that disagree about a video: which counts, or that nobody has decided."""

SECONDS_PER_BATCH: Final = 3.0
"""What a batch's answer is assumed to take when the time of a load is estimated; the API promises nothing."""


@frozen(kw_only=True)
class Estimate:
    """What applying a plan costs, in credits: `create` + `per_url` × `urls`."""

    urls: int
    """URLs that will be sent."""
    create: int
    """For the empty campaign."""
    per_url: int
    """For each URL that is sent for analysis."""
    skipped: int
    """Rows that are not sent, because they are duplicates or invalid."""

    @property
    def total(self) -> int:
        """The price of the whole plan; 0 if there is nothing to send, as then no campaign is created."""
        return self.create + self.per_url * self.urls if self.urls else 0

    @property
    def saved(self) -> int:
        """What the rows that are not sent would have cost."""
        return self.per_url * self.skipped

    @property
    def formula(self) -> str:
        """The sum, spelled out: ``1 + 25 × 80 = 2,001``."""
        if not self.urls:
            return "0"
        return f"{self.create:,} + {self.per_url:,} × {self.urls:,} = {self.total:,}"


@frozen
class Conflict:
    """Two rows with one video and two fees or creators."""

    video_id: str
    row: int
    first_row: int
    what: str
    """The values that differ."""
    source: str | None = None
    """The input of the row."""
    first_source: str | None = None
    """The input of the row that it disagrees with."""


@frozen(kw_only=True)
class Plan:
    """What a load will buy. Made by `CampaignBuilder.plan`, kept in a load file."""

    plan_id: UUID
    name: str
    currency: str | None
    """ISO 4217 code; None leaves it to the account's default."""
    created_at: datetime
    batch_size: int
    create_credits: int
    credits_per_url: int
    rows: int
    """Rows of the input, blank lines not counted."""
    duplicates: int
    invalid: int
    urls: int
    """URLs that will be sent: each video once."""
    without_handle: int = 0
    """URLs whose creator neither the input nor the URL tells."""
    handles_from_url: int = 0
    """URLs whose creator was taken from the URL, because the input does not tell."""
    other_creators: int = 0
    """Rows that name another creator than their URL does, which counts; ``tkc_`` ids can't be compared."""
    other_creators_at: tuple[tuple[str | None, int], ...] = ()
    """The inputs and numbers of the first of those rows."""
    from_future: int = 0
    """URLs whose video id says that it was made in the future: likely a typing error."""
    without_time: int = 0
    """URLs whose video id has not the 19 digits of TikTok's, as one that was cut off."""
    conflicts: tuple[Conflict, ...] = ()
    """The first conflicts that nobody has decided; while there are any, the plan can't be saved or applied."""
    conflict_count: int = 0
    on_conflict: ConflictRule | None = None
    """Of rows that disagree about a video, which counts; None where the load file, an older one, does not tell."""
    reasons: Mapping[str, int] = field(factory=dict[str, int])
    """Rows that are not sent, by reason code."""
    samples: Mapping[str, Sequence[Skipped]] = field(factory=dict[str, Sequence[Skipped]])
    """The first rows of each reason."""
    notes: tuple[str, ...] = ()
    """What was assumed of the input, such as which columns were taken."""
    origins: tuple[Origin, ...] = (Origin(None),)
    """The inputs, in their order; a post's `origin` is a place in here."""
    batch_blobs: Iterable[bytes] = field(factory=list[bytes], repr=False)
    """The posts of each batch, packed; to be gone through any number of times, as is `skipped_blobs`."""
    skipped_blobs: Iterable[bytes] = field(factory=list[bytes], repr=False)

    @property
    def estimate(self) -> Estimate:
        """What applying this plan costs."""
        return Estimate(
            urls=self.urls,
            create=self.create_credits,
            per_url=self.credits_per_url,
            skipped=self.rows - self.urls,
        )

    @property
    def valid(self) -> int:
        """Rows that name a post, duplicates included."""
        return self.rows - self.invalid

    @property
    def batches(self) -> int:
        """Analyze calls that applying it makes."""
        return ceil(self.urls / self.batch_size)

    def eta_seconds(self, *, requests_per_minute: int, concurrency: int) -> float:
        """About how long applying it takes, in seconds, at a rate limit and a concurrency."""
        if not self.urls:
            return 0.0
        by_rate = self.batches / requests_per_minute * 60 if requests_per_minute else 0.0
        by_latency = ceil(self.batches / concurrency) * SECONDS_PER_BATCH
        return round(max(by_rate, by_latency), 1)

    def posts(self) -> Iterator[Post]:
        """What will be sent, in the order of the input."""
        for blob in self.batch_blobs:
            yield from unpack(blob)

    def skipped(self) -> Iterator[Skipped]:
        """The rows that are not sent, in the order of the input."""
        for blob in self.skipped_blobs:
            yield from unpack_skipped(blob)

    @property
    def conflicts_decided(self) -> bool:
        """Whether it is said which counts of rows that disagree."""
        return self.on_conflict != "fail"

    def check_applicable(self) -> None:
        """Refuse a plan that can't be bought as it stands.

        Raises:
            ConflictError: A conflict is undecided.
            InputError: There is nothing to send: an empty campaign is never paid for.
        """
        if self.conflict_count and not self.conflicts_decided:
            first = self.conflicts[0]
            many = f"{self.conflict_count:,} rows name" if self.conflict_count > 1 else "1 row names"
            raise ConflictError(
                f"{many} a video that an earlier row names too, with another fee or "
                f"creator; the first is {self.place(first.source, first.row)} against "
                f"{self.place(first.first_source, first.first_row)} ({first.what}). Say which "
                "counts with --conflict first or --conflict last (on_conflict=… in Python), or mend the input",
                source=first.source,
                row=first.row,
            )
        if not self.urls:
            raise InputError("no row of the input names a post that can be sent, so there is nothing to load")

    def place(self, source: str | None, row: int) -> str:
        """Where a row stands, in words: ``line 7``, or ``posts.csv:7`` where there are several inputs."""
        if len(self.origins) == 1:
            return self.origins[0].place(row, short=True)
        return next((each for each in self.origins if each.name == source), Origin(source)).place(row)

    def to_dict(
        self, *, requests_per_minute: int, concurrency: int, file: str | None = None
    ) -> dict[str, Any]:
        """The preview as JSON-able data, in the form of ``tokfluence preview --json``."""
        return {
            "schema": "tokfluence.preview/1",
            "plan_id": str(self.plan_id),
            "file": file,
            "name": self.name,
            "currency": self.currency,
            "rows": self.rows,
            "valid": self.valid,
            "duplicates": self.duplicates,
            "invalid": self.invalid,
            "conflicts": self.conflict_count,
            "urls": self.urls,
            "batches": self.batches,
            "batch_size": self.batch_size,
            "credits": {
                "create": self.estimate.create,
                "per_url": self.estimate.per_url,
                "total": self.estimate.total,
                "saved": self.estimate.saved,
            },
            "eta_seconds": self.eta_seconds(requests_per_minute=requests_per_minute, concurrency=concurrency),
            "without_handle": self.without_handle,
            "other_creators": self.other_creators,
            "other_creators_at": [{"source": source, "row": row} for source, row in self.other_creators_at],
            "from_future": self.from_future,
            "without_time": self.without_time,
            "sources": [asdict(each) for each in self.origins],
            "reasons": dict(self.reasons),
            "samples": {
                reason: [asdict(each) for each in samples] for reason, samples in self.samples.items()
            },
            "notes": list(self.notes),
        }
