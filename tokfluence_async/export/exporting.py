"""Exporting: from the API to a file, as it is read."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final, TypeVar, cast

from attrs import define, evolve, field, frozen

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import (
    AccountBannedError,
    AuthenticationError,
    InsufficientCreditsError,
    NotSentError,
    PlanRequiredError,
    RateLimitedError,
    RequestError,
    TokfluenceError,
)
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.beside import file_beside
from tokfluence_async.export.comments import Comments, with_comments
from tokfluence_async.export.compression import compressing
from tokfluence_async.export.destination import Destination
from tokfluence_async.export.formats import Format, is_text, writing
from tokfluence_async.export.position import Position, place_of
from tokfluence_async.export.reading import tracked_posts
from tokfluence_async.export.schema import Resource, Row, Schema, schema_of
from tokfluence_async.export.unwritable import unwritable_told
from tokfluence_async.models import CampaignPost

__all__ = ["Exported", "export", "price_of", "try_export"]

T = TypeVar("T")
Agree = Callable[[Sequence[CampaignPost]], Awaitable[bool]]
"""Asked before the comments of posts are read; False reads none."""
_ABOUT_ALL: Final = (
    AccountBannedError,
    AuthenticationError,
    InsufficientCreditsError,
    NotSentError,
    PlanRequiredError,
    RateLimitedError,
)
"""What would be answered about any other post too."""


def price_of(tok: Tokfluence, resource: Resource) -> int:
    """What an export costs for certain, in credits: for comments, the list of the posts alone."""
    return tok.tariff.price("campaigns.posts" if resource == "comments" else f"campaigns.{resource}")


@frozen(kw_only=True)
class Exported:
    """What came of an export."""

    resource: Resource
    file: str | None
    """The file that was written; None for an open file. Where `error` is not None, a file beside the target with what
    was read until then: what is paid for is not thrown away, and does not replace what stands under the target's
    name. What is written to directly, such as a pipe, has it itself. An export that began at `resume` holds the
    comments from there on alone. Where the target is a symbolic link, the file beside is in the folder that it leads
    to."""
    rows: int
    credits: int
    """Credits that the client was charged meanwhile, at most."""
    missing: tuple[str, ...] = ()
    """For comments: posts that the API's index does not have."""
    pending: int = 0
    """Posts whose analysis is unfinished, so that their figures, or comments, are still to come."""
    error: TokfluenceError | None = None
    """What ended an export of comments before its end; None if it is complete."""
    position: Position | None = None
    """Where to resume one that was ended: it names each post that was begun, so that no page is bought again."""
    advanced: bool = False
    """Whether `position` is past the place where it began: resumed there, what was read before is not bought again."""
    lost: TokfluenceError | None = None
    """Why what was read could not be kept; None if it was, or there was nothing to keep."""
    following: Position | None = None
    """Where to resume without the post that ended it, if it was an answer about one post, and that may never change;
    None if something else did, or there is no other to read."""

    def raise_for_error(self) -> Exported:
        """Return it, unless it is incomplete.

        Raises:
            TokfluenceError: What ended it.
        """
        if self.error is not None:
            raise self.error
        return self


async def export(
    tok: Tokfluence,
    campaign_id: int,
    resource: Resource,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    format: Format | None = None,  # noqa: A002 - the word that everybody uses
    raw: bool = False,
    resume: Position | str | None = None,
    agree: Agree | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Exported:
    """Write one resource of a campaign into a file, which is there whole or not at all.

    It costs 2 credits for posts (a page), influencers and metrics; for comments 2 for the list of posts and 2 a page of
    200 comments. ``tok.budget(max_credits=…)`` bounds that.

    The comments of as many posts as the client's `concurrency` are read at once, and written in the order of the posts.
    An export of comments that fails on the way lets the pages under way arrive, keeps whatever was read and paid for in
    a file beside the target, named ``….partial…``, and returns where to resume: it and the rest hold each comment once,
    those of a post that was being read in both. One that is cancelled, also by a time limit, keeps it as well: a note
    on the `asyncio.CancelledError` names the file and the place. Pages under way then have a second to arrive, and may
    be charged without.

    Args:
        tok: An open client.
        campaign_id: The campaign's number.
        resource: What to export.
        target: A file's name, or a file that is open in binary; the latter is left open. CSV and JSONL are compressed
            where the name ends with ``.gz``, ``.bz2``, ``.xz`` or ``.zst``.
        format: The format; by the file's suffix if None. Arrow has its streaming form in what can't be sought in.
        raw: Whether CSV has text as it is, though a spreadsheet may run it as a formula.
        resume: For comments: where to begin, as a `Position` or its text.
        agree: For comments: asked with the posts, once their list is read; if it says no, none are read.
        on_rows: Called with the number of rows after each page.

    Raises:
        ConfigurationError: The format or the file is not fit. Nothing was sent.
        MissingExtraError: The format needs a library that is not installed. Nothing was sent.
        CampaignNotFoundError: There is no such campaign in the account.
        BudgetExceededError: The cap leaves no room for the first call.
        RequestError: The API gave no usable answer; for comments, before the first of them. Where the comments of one
            post did not come, its note tells where to go on without it.
        TokfluenceError: The file can't be written whole, or a value does not fit its column's type.

    What ends an export of comments without a file beside the target has a note of where to resume, once anything was
    read: posts without comments are paid for too.
    """
    done = await try_export(
        tok,
        campaign_id,
        resource,
        target,
        format=format,
        raw=raw,
        resume=resume,
        agree=agree,
        on_rows=on_rows,
    )
    error = done.lost or done.error
    unkept = done.lost is not None or (done.file is None and isinstance(target, str | os.PathLike))
    if error is None or not unkept:
        return done
    if done.advanced:
        error.add_note(_place_of_rest(done))
    if done.following is not None:
        error.add_note(f"Without its post, the rest begins at resume='{done.following}'.")
    if error is done.error:
        raise error
    raise error from done.error


async def try_export(
    tok: Tokfluence,
    campaign_id: int,
    resource: Resource,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    format: Format | None = None,  # noqa: A002 - as above
    raw: bool = False,
    resume: Position | str | None = None,
    agree: Agree | None = None,
    on_rows: Callable[[int], None] | None = None,
    on_cancelled: Callable[[Exported], None] | None = None,
) -> Exported:
    """As `export`, but an error in the comments is always returned, also before the first of them: without a file.

    So is what keeps them from being written, as `Exported.lost`, once there is a place to go on from. A cancellation
    that finds something read calls `on_cancelled` with that before it goes on.
    """
    schema, where, place = schema_of(resource), Destination.of(target, format), place_of(resource, resume)
    run = _Run(tok, campaign_id, resource, schema, raw, resume=place, agree=agree, on_rows=on_rows)
    lost: TokfluenceError | None = None
    done: Exported | None = None
    try:
        if isinstance(where.target, Path):
            done = await _to_path(run, where.target, where)
        else:
            done = await _to_stream(run, where.target, where, "the output")
    except (TokfluenceError, OSError) as error:
        advanced = run.advanced and isinstance(error, TokfluenceError)
        if run.cancelled is None and not advanced:
            raise
        lost = error if isinstance(error, TokfluenceError) else TokfluenceError(str(error))
    if done is None:
        done = evolve(run.result(None), error=run.error or lost, lost=lost)
    if run.cancelled is None:
        return done
    raise _cancelled(run, done, on_cancelled)


def _place_of_rest(done: Exported) -> str:
    if done.lost is not None:
        return f"What was read is lost; what was not read yet begins at resume='{done.position}'."
    return f"There were no comments until then; the rest begins at resume='{done.position}'."


def _cancelled(
    run: _Run, done: Exported, on_cancelled: Callable[[Exported], None] | None
) -> asyncio.CancelledError:
    """The cancellation that ended a run, with a note of what there is."""
    cancelled = run.cancelled or asyncio.CancelledError()
    if done.lost is not None:
        cancelled.add_note(f"What was read is lost: {done.lost}")
    elif done.rows and done.position is not None:
        count = f"{done.rows:,} {'row' if done.rows == 1 else 'rows'}"
        what = f"{done.file or 'The output'} holds {count} that were read"
        cancelled.add_note(f"{what}; the rest begins at resume='{done.position}'.")
    elif done.rows:
        cancelled.add_note(f"{done.file or 'The output'} is whole.")
    if done.advanced and (done.lost is not None or not done.rows):
        cancelled.add_note(_place_of_rest(done))
    if on_cancelled is not None and (done.rows or done.advanced):
        on_cancelled(done)
    return cancelled


async def _to_stream(run: _Run, file: BinaryIO, where: Destination, told: str) -> Exported:
    if is_text(where.format):
        return await run.write(file, where, told)
    # Writers of binary formats seek, or want to know where they are: a pipe can do neither.
    with tempfile.TemporaryFile() as spool:
        done = await run.write(cast("BinaryIO", spool), where, told)
        spool.seek(0)
        with unwritable_told(told):
            if run.cancelled is None:
                await asyncio.to_thread(shutil.copyfileobj, spool, file)
            else:
                shutil.copyfileobj(spool, file)
            file.flush()
    return done


async def _to_path(run: _Run, path: Path, where: Destination) -> Exported:
    told = f"{path}:"
    with AtomicFile(path) as target:
        if target.direct:
            done = await _to_stream(run, target.file, evolve(where, streamed=True), told)
        else:
            done = await run.write(target.file, where, told)
        in_part = done.error is not None or run.cancelled is not None
        if in_part and not done.rows:
            return done
        name = file_beside(target.place, "partial") if in_part and not target.direct else None
        with unwritable_told(told):
            return run.result(str(await run.finish(lambda: target.commit(name))))


@define
class _Run:
    """One export, and how far it came."""

    tok: Tokfluence
    campaign_id: int
    resource: Resource
    schema: Schema
    raw: bool
    resume: Position | None
    agree: Agree | None
    on_rows: Callable[[int], None] | None
    rows: int = 0
    pending: int = 0
    error: TokfluenceError | None = None
    cancelled: asyncio.CancelledError | None = None
    """What asked for its end, and is raised once what was read is kept."""
    comments: Comments | None = None
    begin: Position | None = None
    """Where it begins to read comments."""
    charged: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.charged = self.tok.spent.charged_max

    async def write(self, file: BinaryIO, where: Destination, told: str) -> Exported:
        """Read the rows and write them."""
        with unwritable_told(told):
            try:
                with (
                    compressing(file, where.compression) as stream,
                    writing(
                        where.format, stream, self.schema, raw=self.raw, streamed=where.streamed
                    ) as writer,
                ):
                    async for rows in self._chunks():
                        writer.write(rows)
                        self.rows += len(rows)
                        if self.on_rows is not None:
                            self.on_rows(self.rows)
            finally:
                if self.comments is not None:
                    await self.comments.aclose()
            # What a buffer holds back would be lost without a word.
            file.flush()
        return self.result(None)

    async def finish(self, work: Callable[[], T]) -> T:
        """Do what must not be left in its middle. A cancellation waits for its end."""
        if self.cancelled is not None:
            # Here and now: a scope of anyio cancels every further wait at once.
            return work()
        with ThreadPoolExecutor(1) as thread:
            future = thread.submit(work)
            try:
                return await asyncio.wrap_future(future)
            except asyncio.CancelledError as cancelled:
                self.cancelled = cancelled
        return work() if future.cancelled() else future.result()

    def result(self, file: str | None) -> Exported:
        """What came of it."""
        return Exported(
            resource=self.resource,
            file=file,
            rows=self.rows,
            credits=self.tok.spent.charged_max - self.charged,
            missing=() if self.comments is None else tuple(self.comments.missing),
            pending=self.pending,
            error=self.error,
            position=None if self.comments is None else self.comments.position,
            advanced=self.advanced,
            following=self._following(),
        )

    @property
    def advanced(self) -> bool:
        """Whether there is a place to go on from, past that where it began."""
        position = None if self.comments is None else self.comments.position
        return position is not None and position != self.begin

    def _following(self) -> Position | None:
        about_post = isinstance(self.error, RequestError) and not isinstance(self.error, _ABOUT_ALL)
        return self.comments.following if about_post and self.comments is not None else None

    async def _chunks(self) -> AsyncIterator[list[Row]]:
        schema = self.schema
        match self.resource:
            case "posts":
                async for page in tracked_posts(self.tok, self.campaign_id).pages():
                    self._count_pending(page)
                    yield schema.rows(page, self.campaign_id)
            case "influencers":
                yield schema.rows(await self.tok.campaigns.influencers(self.campaign_id), self.campaign_id)
            case "metrics":
                yield schema.rows([await self.tok.campaigns.metrics(self.campaign_id)], self.campaign_id)
            case "comments":
                async for rows in self._comments():
                    yield rows

    async def _comments(self) -> AsyncIterator[list[Row]]:
        posts = [post async for post in tracked_posts(self.tok, self.campaign_id)]
        self._count_pending(posts)
        ids = with_comments(posts)
        reader = self.comments = Comments(
            self.tok, ids, resume=self.resume, concurrency=self.tok.options.concurrency
        )
        self.begin = reader.position
        if self.agree is not None and not await self.agree(posts):
            raise TokfluenceError("not agreed to: no comments were read")
        while True:
            try:
                post_id, comments = await reader.next_page()
            except StopAsyncIteration:
                return
            except TokfluenceError as error:
                self.error = error
                break
            except asyncio.CancelledError as cancelled:
                self.cancelled = cancelled
                break
            yield self.schema.rows(comments, self.campaign_id, post_id)
        # What was read until here is paid for, and is kept.
        for post_id, comments in reader.arrived():
            yield self.schema.rows(comments, self.campaign_id, post_id)

    def _count_pending(self, posts: Sequence[CampaignPost]) -> None:
        self.pending += sum(post.status == "pending" for post in posts)
