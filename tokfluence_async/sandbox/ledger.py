"""The append-only ledger: every movement of every wallet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from attrs import define, field, frozen

from tokfluence_async.sandbox.videos import parse_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EntryKind = Literal["charge", "refund", "refill", "set"]

PREFIX_LENGTH = 13
"""Characters of a key that may be shown."""


@frozen
class Entry:
    """One movement of one wallet."""

    sequence: int
    """Its place in the ledger, from 1."""
    time: float
    """When, in seconds on the sandbox clock."""
    key: str
    """The key's public prefix."""
    kind: EntryKind
    """A charge, the refund of one, the wallet's refill, or a test's setting of the wallet."""
    call: str
    """The call's name, such as ``posts.analyze``; empty for a refill or a setting."""
    credits: int
    """Credits taken from the wallet; negative where it was given some."""
    request_id: str
    """The request's id; empty for a refill or a setting."""
    campaign_id: int | None
    """The campaign that the call was about, if any."""
    urls: tuple[str, ...]
    """The URLs that were paid for, as submitted and as often as submitted."""
    balance: int
    """The wallet afterwards, in credits."""

    def video_ids(self) -> tuple[str | None, ...]:
        """The video id of each of `urls`; None where the URL names no video."""
        return tuple(video.id if (video := parse_video(url)) else None for url in self.urls)


@define
class CallTotals:
    """What one kind of call has cost."""

    charges: int = 0
    """How many charges were made."""
    charged: int = 0
    """Credits charged."""
    refunded: int = 0
    """Credits given back."""

    @property
    def net(self) -> int:
        """Credits charged and not given back."""
        return self.charged - self.refunded


def _int_counter() -> Counter[str]:
    return Counter()


def _no_totals() -> dict[str, CallTotals]:
    return {}


@define
class LedgerSummary:
    """The ledger's entries and what they come to."""

    entries: tuple[Entry, ...]
    """Every entry, oldest first."""
    charged: int = 0
    """Credits charged."""
    refunded: int = 0
    """Credits given back."""
    calls: dict[str, CallTotals] = field(factory=_no_totals)
    """Totals by the call's name."""
    videos: Counter[str] = field(factory=_int_counter)
    """How often each video was charged and not refunded, by its id."""
    unidentified: Counter[str] = field(factory=_int_counter)
    """The same for URLs that name no video, by the URL."""

    @property
    def net(self) -> int:
        """Credits charged and not given back."""
        return self.charged - self.refunded

    @property
    def charged_twice(self) -> dict[str, int]:
        """The videos that were charged more than once, and how often."""
        return {video: times for video, times in self.videos.items() if times > 1}


def summarise(entries: Iterable[Entry]) -> LedgerSummary:
    """Add a ledger's entries up."""
    summary = LedgerSummary(tuple(entries))
    for entry in summary.entries:
        if entry.kind == "charge":
            sign = 1
            summary.charged += entry.credits
        elif entry.kind == "refund":
            sign = -1
            summary.refunded -= entry.credits
        else:
            continue
        totals = summary.calls.setdefault(entry.call, CallTotals())
        if sign > 0:
            totals.charges += 1
            totals.charged += entry.credits
        else:
            totals.refunded -= entry.credits
        for url, video_id in zip(entry.urls, entry.video_ids(), strict=True):
            counter = summary.unidentified if video_id is None else summary.videos
            counter[url if video_id is None else video_id] += sign
    return summary


class Ledger:
    """Entries, in the order in which they were made."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def append(
        self,
        *,
        time: float,
        key: str,
        kind: EntryKind,
        amount: int,
        balance: int,
        call: str = "",
        request_id: str = "",
        campaign_id: int | None = None,
        urls: tuple[str, ...] = (),
    ) -> Entry:
        """Write an entry; `amount` is in credits, negative where the wallet was given some."""
        entry = Entry(
            len(self._entries) + 1, time, key, kind, call, amount, request_id, campaign_id, urls, balance
        )
        self._entries.append(entry)
        return entry

    def entries(self, key: str | None = None) -> Sequence[Entry]:
        """The entries of one key, given by its prefix or whole, or of all."""
        if key is None:
            return tuple(self._entries)
        prefix = key[:PREFIX_LENGTH]
        return tuple(entry for entry in self._entries if entry.key == prefix)
