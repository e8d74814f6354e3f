"""Exporting: from the API to a file, as it is read."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from attrs import define, field, frozen

from tokfluence_async.client import Tokfluence
from tokfluence_async.errors import ConfigurationError, TokfluenceError
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.export.comments import Comments, Position
from tokfluence_async.export.compression import Compression, compressing, without_compression
from tokfluence_async.export.formats import Format, compression_for, format_of, is_text, open_writer
from tokfluence_async.export.reading import tracked_posts
from tokfluence_async.export.schema import RESOURCES, Resource, Row
from tokfluence_async.models import CampaignPost

__all__ = ["Exported", "export", "price_of"]

Agree = Callable[[Sequence[CampaignPost]], Awaitable[bool]]
"""Asked before the comments of posts are read; False reads none."""


def price_of(tok: Tokfluence, resource: Resource) -> int:
    """What an export costs for certain, in credits: for comments, the list of the posts alone."""
    return tok.tariff.price("campaigns.posts" if resource == "comments" else f"campaigns.{resource}")


@frozen(kw_only=True)
class Exported:
    """What came of an export."""

    resource: Resource
    file: str | None
    """The file that was written; None for an open file. Where `error` is not None, the file of what was read until
    then: what is paid for is not thrown away, but never stands under the name of a complete export."""
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
    """Where to resume one that was ended."""

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
    resume: Position | None = None,
    agree: Agree | None = None,
    on_rows: Callable[[int], None] | None = None,
) -> Exported:
    """Write one resource of a campaign into a file, which is there whole or not at all.

    It costs 2 credits for posts (a page), influencers and metrics; for comments 2 for the list of posts and 2 a page of
    200 comments. ``tok.budget(max_credits=…)`` bounds that.

    An export of comments that fails on the way keeps what was read and paid for in a file beside the target, named
    ``….partial…``, and returns where to resume.

    Args:
        tok: An open client.
        campaign_id: The campaign's number.
        resource: What to export.
        target: A file's name, or a file that is open in binary; the latter is left open. CSV and JSONL are compressed
            where the name ends with ``.gz``, ``.bz2``, ``.xz`` or ``.zst``.
        format: The format; by the file's suffix if None.
        raw: Whether CSV has text as it is, though a spreadsheet may run it as a formula.
        resume: For comments: where to begin.
        agree: For comments: asked with the posts, once their list is read; if it says no, none are read.
        on_rows: Called with the number of rows after each page.

    Raises:
        ConfigurationError: The format or the file is not fit. Nothing was sent.
        MissingExtraError: The format needs a library that is not installed. Nothing was sent.
        CampaignNotFoundError: There is no such campaign in the account.
        BudgetExceededError: The cap leaves no room for the first call.
        RequestError: The API gave no usable answer; for comments, before the first of them.
    """
    if resource not in RESOURCES:
        raise ConfigurationError(f"there is no resource {resource!r}; there are {', '.join(RESOURCES)}")
    if resume is not None and resource != "comments":
        raise ConfigurationError(f"{resource} are read at once: only comments can be resumed")
    if format is None:
        if not isinstance(target, str | os.PathLike):
            raise ConfigurationError("an open file tells no format; say format='csv' or another")
        format = format_of(target)  # noqa: A001 - the parameter, made up for
    run = _Run(tok, campaign_id, resource, resume=resume, agree=agree, on_rows=on_rows)
    if isinstance(target, str | os.PathLike):
        return await _to_path(run, Path(target), format, raw=raw)
    return await _to_stream(run, target, format, raw=raw)


async def _to_stream(
    run: _Run,
    target: BinaryIO,
    format: Format,  # noqa: A002 - as above
    *,
    raw: bool,
    compression: Compression | None = None,
) -> Exported:
    if is_text(format):
        return await run.write(target, format, raw=raw, compression=compression)
    # Writers of binary formats seek, or want to know where they are: a pipe can do neither.
    with tempfile.TemporaryFile() as spool:
        done = await run.write(spool, format, raw=raw)
        spool.seek(0)
        with _told("the output"):
            await asyncio.to_thread(shutil.copyfileobj, spool, target)
            target.flush()
    return done


async def _to_path(run: _Run, path: Path, format: Format, *, raw: bool) -> Exported:  # noqa: A002 - as above
    compression = compression_for(path, format)
    with AtomicFile(path) as target:
        write = _to_stream if target.direct else _Run.write
        done = await write(run, target.file, format, raw=raw, compression=compression)
        if done.error is not None and not done.rows:
            raise done.error
        with _told(f"{path}:"):
            if done.error is None:
                return run.result(str(await asyncio.to_thread(target.commit)))
            return run.result(str(await asyncio.to_thread(target.commit, _partial(path))))


@contextmanager
def _told(what: str) -> Generator[None]:
    """Whatever the system has against writing, as an error of this package; that nobody reads any more is left."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TokfluenceError(f"{what} can't be written: {error.strerror or error}") from None


def _partial(path: Path) -> Path:
    """A name beside a file's that is free: an earlier part is paid for too, and is not replaced."""
    plain = without_compression(path)
    suffixes = f"{plain.suffix}{path.name.removeprefix(plain.name)}"
    names = (f"{plain.stem}.partial{number}{suffixes}" for number in chain([""], count(2)))
    return next(free for name in names if not (free := path.with_name(name)).exists())


@define
class _Run:
    """One export, and how far it came."""

    tok: Tokfluence
    campaign_id: int
    resource: Resource
    resume: Position | None
    agree: Agree | None
    on_rows: Callable[[int], None] | None
    rows: int = 0
    pending: int = 0
    error: TokfluenceError | None = None
    comments: Comments | None = None
    charged: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.charged = self.tok.spent.charged_max

    async def write(
        self,
        file: BinaryIO,
        format: Format,  # noqa: A002 - as above
        *,
        raw: bool,
        compression: Compression | None = None,
    ) -> Exported:
        """Read the rows and write them."""
        with _told("the output"):
            with compressing(file, compression) as stream:
                writer = open_writer(format, stream, RESOURCES[self.resource], raw=raw)
                async for rows in self._chunks():
                    writer.write(rows)
                    self.rows += len(rows)
                    if self.on_rows is not None:
                        self.on_rows(self.rows)
                writer.close()
            # What a buffer holds back would be lost without a word.
            file.flush()
        return self.result(None)

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
        )

    async def _chunks(self) -> AsyncIterator[list[Row]]:
        schema = RESOURCES[self.resource]
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
        schema = RESOURCES["comments"]
        posts = [post async for post in tracked_posts(self.tok, self.campaign_id)]
        self._count_pending(posts)
        reader = self.comments = Comments.of_posts(self.tok, posts, resume=self.resume)
        if self.agree is not None and not await self.agree(posts):
            raise TokfluenceError("not agreed to: no comments were read")
        while True:
            try:
                post_id, comments = await reader.next_page()
            except StopAsyncIteration:
                return
            except TokfluenceError as error:
                # What was read until here is paid for, and is kept.
                self.error = error
                return
            yield schema.rows(comments, self.campaign_id, post_id)

    def _count_pending(self, posts: Sequence[CampaignPost]) -> None:
        self.pending += sum(post.status == "pending" for post in posts)
