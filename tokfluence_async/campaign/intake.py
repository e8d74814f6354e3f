"""The intake: rows go in a block at a time; posts, each once, and the rows that are not sent come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress, repeat
from operator import ne
from typing import Final

from attrs import define, evolve

from tokfluence_async.campaign import urls
from tokfluence_async.campaign.batch import Address, Packer, unpack
from tokfluence_async.campaign.dedupe import CENTRE, Key, Videos, key_of_link, shown
from tokfluence_async.campaign.handles import names_another
from tokfluence_async.campaign.origins import Origin
from tokfluence_async.campaign.plan import Conflict
from tokfluence_async.campaign.rows import RowBlock, csv_line
from tokfluence_async.campaign.skips import SkippedFields, Skips
from tokfluence_async.errors import InputError

__all__ = ["Intake"]

SHOWN_CONFLICTS: Final = 20
SHOWN_CREATORS: Final = 5
_VIDEO: Final = "video"
_TEXT: Final = 200


@define
class _Posts:
    """What the rows of a block name, column by column."""

    keys: list[Key]
    addresses: list[Address]
    handles: list[str | None]


class Intake:
    """Normalises rows, drops duplicates, and packs what is left.

    Args:
        batch_size: URLs in one analyze call.
        last_counts: Whether, of two rows that disagree about a video, the last counts rather than the first.
        send_short_links: Whether short links are sent, each as a video of its own, rather than refused.
        fail: Whether an invalid row is an error.

    Attributes:
        videos: The videos that were seen.
        posts: What is sent.
        skips: What is not.
        rows: Rows taken so far.
        handles_from_url: Rows whose creator was taken from the URL.
        other_creators: Rows that name another creator than their URL does.
        other_creators_at: The inputs and numbers of the first of those.
        conflict_count: Rows that disagree with an earlier one about their video.
        conflicts: The first of those.
    """

    def __init__(self, *, batch_size: int, last_counts: bool, send_short_links: bool, fail: bool) -> None:
        self.videos: Videos = Videos(last_counts=last_counts)
        self.posts: Packer = Packer(batch_size)
        self.skips: Skips = Skips()
        self.rows: int = 0
        self.handles_from_url: int = 0
        self.other_creators: int = 0
        self.other_creators_at: list[tuple[str | None, int]] = []
        self.duplicates: int = 0
        self.conflict_count: int = 0
        self.conflicts: list[Conflict] = []
        self._send_short_links = send_short_links
        self._fail = fail

    @property
    def invalid(self) -> int:
        """Rows that name no post, or have a field that is wrong."""
        return self.rows - len(self.videos) - self.duplicates

    def take(self, block: RowBlock, origin: Origin, place: int) -> None:
        """Take the rows of a block.

        Args:
            block: The rows.
            origin: The input in which they stand.
            place: That input's place among those of the plan.

        Raises:
            InputError: A row is invalid, and that is an error.
        """
        skipped: list[SkippedFields] = [
            (
                bad.number,
                bad.source,
                bad.reason,
                bad.message,
                bad.text,
                None,
                bad.url,
                bad.creator_handle,
                bad.fee,
            )
            for bad in block.bad
        ]
        self.rows += len(block.numbers) + len(block.bad)
        if block.numbers:
            self._take(block, origin, place, skipped)
        if skipped:
            self._skip(skipped)

    def placed_conflicts(self, blobs: Iterable[bytes], origins: Sequence[Origin]) -> tuple[Conflict, ...]:
        """The first conflicts, each with the row that it is against: the one that is sent.

        Args:
            blobs: The batches.
            origins: The plan's inputs.
        """
        sought = {conflict.video_id for conflict in self.conflicts}
        first: dict[str, tuple[int, str | None]] = {}
        for blob in blobs:
            if len(first) == len(sought):
                break
            for post in unpack(blob):
                video = shown(post.url)
                if video in sought:
                    first[video] = post.row, origins[post.origin].name
        found = ((each, first.get(each.video_id, (0, None))) for each in self.conflicts)
        return tuple(evolve(each, first_row=row, first_source=source) for each, (row, source) in found)

    def _take(self, block: RowBlock, origin: Origin, place: int, skipped: list[SkippedFields]) -> None:
        # Column by column, so that the usual row meets little but what runs in C: at a million rows, whatever Python
        # itself does for each of them is a tenth of a second.
        found = urls.parse_usual(block.urls)
        names, _, digits = zip(*found, strict=True)
        ids = list(map(int, digits)) if all(digits) else [int(each or 0) for each in digits]
        posts = _Posts(
            keys=[video_id - CENTRE for video_id in ids],
            addresses=[*ids],
            handles=[owner or name for owner, name in zip(block.handles, names, strict=True)],
        )
        # What has not the usual spelling has no kind.
        unusual = map(ne, zip(posts.handles, repeat(_VIDEO), digits, strict=False), found)
        closer = [*compress(range(len(found)), unusual)]
        absent = self._look_closer(block, found, closer, posts, origin, skipped)
        if None in block.handles:
            self.handles_from_url += sum(
                owner is None and bool(handle)
                for owner, handle in zip(block.handles, posts.handles, strict=True)
            )
        self.videos.recall(posts.keys)
        absent |= self._drop_duplicates(block, posts, absent, origin, skipped)
        self.videos.make_room()
        numbers, fees = [*block.numbers], [fee or 0 for fee in block.fees]
        for index in sorted(absent, reverse=True):
            del numbers[index], posts.addresses[index], posts.handles[index], fees[index]
        self.posts.extend(numbers, posts.addresses, posts.handles, fees, place)

    def _look_closer(
        self,
        block: RowBlock,
        found: Sequence[tuple[str, str, str]],
        closer: Sequence[int],
        posts: _Posts,
        origin: Origin,
        skipped: list[SkippedFields],
    ) -> set[int]:
        """Set right what the columns say of rows that are not as nearly all are; which rows name no post."""
        absent: set[int] = set()
        for index in closer:
            name, kind, video_id = found[index]
            if not video_id:
                unusual = self._unusual(block, index, origin, skipped)
                if unusual is None:
                    absent.add(index)
                else:
                    posts.keys[index], posts.handles[index], posts.addresses[index] = unusual
            else:
                self._compare(block, index, name, origin)
                posts.addresses[index] = urls.canonical_url(name, kind, video_id)
        return absent

    def _compare(self, block: RowBlock, index: int, name: str, origin: Origin) -> None:
        """Count a row if it names another creator than its URL does."""
        owner = block.handles[index]
        if owner is not None and names_another(owner, name):
            self.other_creators += 1
            if len(self.other_creators_at) < SHOWN_CREATORS:
                self.other_creators_at.append((origin.name, block.numbers[index]))

    def _drop_duplicates(
        self,
        block: RowBlock,
        posts: _Posts,
        absent: set[int],
        origin: Origin,
        skipped: list[SkippedFields],
    ) -> set[int]:
        """Take note of the videos of those rows that are not absent; which rows name one that is known already."""
        known, again = self.videos.known, set[int]()
        codes = self.videos.codes.of(posts.handles, block.fees)
        for index, key in enumerate(posts.keys):
            if key not in known:
                if index not in absent:
                    known[key] = codes[index]
            elif index not in absent:
                differing = self.videos.meet_again(key, posts.handles[index], codes[index])
                skipped.append(self._duplicate(block, index, origin, differing))
                again.add(index)
        return again

    def _unusual(
        self, block: RowBlock, index: int, origin: Origin, skipped: list[SkippedFields]
    ) -> tuple[Key, str | None, Address] | None:
        """A closer look at one row: its key, creator and address; if it names no post, it is among the skipped."""
        found = urls.parse_thoroughly(block.urls[index])
        owner = block.handles[index]
        if isinstance(found, urls.Refused):
            if found.reason == "short_link" and self._send_short_links:
                return key_of_link(found.url), owner, found.url
            skipped.append(
                (
                    *(
                        block.numbers[index],
                        origin.name,
                        found.reason,
                        found.message,
                        block.records[index],
                        None,
                    ),
                    *(block.urls[index], owner, block.fees[index]),
                )
            )
            return None
        if found.handle is not None:
            self._compare(block, index, found.handle, origin)
        video_id = int(found.video_id)
        handle = owner or found.handle
        # The canonical form needs a username: the URL's own or, where it has none, the row's.
        name = found.handle or (owner if owner is not None and urls.is_username(owner) else None)
        address: Address
        if name is None:
            address = found.url
        elif found.kind == _VIDEO and name == handle:
            address = video_id
        else:
            address = urls.canonical_url(name, found.kind, found.video_id)
        return video_id - CENTRE, handle, address

    def _duplicate(
        self, block: RowBlock, index: int, origin: Origin, differing: Sequence[str]
    ) -> SkippedFields:
        number, video = block.numbers[index], shown(block.urls[index])
        what = ", ".join(differing)
        self.duplicates += 1
        if differing:
            self.conflict_count += 1
            if len(self.conflicts) < SHOWN_CONFLICTS:
                self.conflicts.append(Conflict(video, number, 0, what, origin.name))
        reason = "conflict" if differing else "duplicate"
        record = block.records[index]
        if not differing:
            return number, origin.name, reason, what, record, video, None, None, None
        url, handle, fee = block.urls[index], block.handles[index], block.fees[index]
        return number, origin.name, reason, what, record, video, url, handle, fee

    def _skip(self, skipped: list[SkippedFields]) -> None:
        skipped.sort(key=lambda fields: fields[0])
        if self._fail:
            for number, source, reason, message, text, video, *_ in skipped:
                if video is None:
                    shown = text if isinstance(text, str) else csv_line(text)
                    raise InputError(f"{message} [{reason}]: {shown[:_TEXT]!r}", source=source, row=number)
        self.skips.extend(skipped)
