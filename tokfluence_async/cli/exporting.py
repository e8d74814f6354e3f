"""Exporting a campaign's results from the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.cli.connection import ConnectionFlags, run
from tokfluence_async.cli.consent import can_ask, consents
from tokfluence_async.cli.counting import counted
from tokfluence_async.cli.exits import Exit, exit_for_error
from tokfluence_async.cli.output import say
from tokfluence_async.cli.side_files import check_side_file
from tokfluence_async.cli.targets import find_target
from tokfluence_async.cli.terminals import binary_stdout, is_stdout, refuse_terminal
from tokfluence_async.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from typing import BinaryIO

    from tokfluence_async.client import Tokfluence
    from tokfluence_async.export import Exported, Format, Position, Resource
    from tokfluence_async.models import CampaignPost

__all__ = ["export_to"]


def export_to(
    text: str,
    resource: Resource,
    output: str,
    *,
    format_: Format | None,
    raw: bool,
    resume: str | None,
    yes: bool,
    connection: ConnectionFlags,
) -> Exit:
    """Write one resource of a campaign into a file, or to stdout.

    Args:
        text: The campaign's number, or its load file.
        resource: What to export.
        output: The file, or ``-`` for standard output.
        format_: The format; by the file's suffix if None.
        raw: Whether CSV has text as it is.
        resume: For comments: where to begin.
        yes: Whether the caller has agreed to spend what comments cost.
        connection: Where the API is.

    Raises:
        ConfigurationError: The format, the file or a setting is wrong. Nothing was sent.
        InputError: The file is a load file, or a source of the load; or comments cost more than was agreed to, and
            nobody can be asked.
        TokfluenceError: The API gave no usable answer; nothing is left of the file.
    """
    from tokfluence_async.export.exporting import price_of, try_export  # noqa: PLC0415 - a help text needs none

    named = find_target(text)
    campaign_id = named.require_campaign()
    with _nothing_sent():
        target, chosen, position = _check(resource, output, format_, resume, named.sources)
    agreed = yes or connection.max_credits is not None
    if resource == "comments" and not agreed and not can_ask():
        raise InputError(
            "comments cost 2 credits a page, and there is no terminal to ask at; bound them with --max-credits, or add "
            "--yes. Nothing was sent"
        )

    async def main(tok: Tokfluence) -> Exit:
        price = price_of(tok, resource)
        more = "" if resource != "comments" else ", and 2 for each page of 200 comments"
        if resource == "posts":
            more = " (a page, should the list be paged)"
        say(f"Exporting the {resource} of campaign {campaign_id} costs {counted(price, 'credit')}{more}.")

        async def agree(posts: Sequence[CampaignPost]) -> bool:
            return _agree(tok, posts, yes=agreed)

        def again(rest: str) -> str:
            words: list[object] = ["export", file_argument(text), resource, "-o", file_argument(rest)]
            words += [*(["--format", format_] if format_ else []), *(["--raw"] if raw else [])]
            # The cap is what may have ended it.
            return command(*words, *connection.arguments(cap=False))

        def keep(done: Exported) -> None:
            _tell_kept(done, text, output, again)

        done = await try_export(
            tok,
            campaign_id,
            resource,
            target,
            format=chosen,
            raw=raw,
            resume=position,
            agree=agree,
            on_cancelled=keep,
        )
        return _tell(done, text, output, again)

    return run(connection, main)


@contextmanager
def _nothing_sent() -> Generator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{error.message}. Nothing was sent") from None


def _check(
    resource: Resource, output: str, format_: Format | None, resume: str | None, sources: Sequence[str]
) -> tuple[str | BinaryIO, Format, Position | None]:
    """See that it can be exported as it was asked for, before its price is told: the target, format and place.

    Raises:
        ConfigurationError: It can't be.
        InputError: The file is a load file, or one of the sources.
        MissingExtraError: The format needs a library that is not installed.
    """
    from tokfluence_async.export.destination import Destination  # noqa: PLC0415 - a help text needs none
    from tokfluence_async.export.formats import is_text  # noqa: PLC0415 - likewise
    from tokfluence_async.export.position import place_of  # noqa: PLC0415 - likewise
    from tokfluence_async.export.schema import schema_of  # noqa: PLC0415 - likewise

    target: str | BinaryIO = output
    if is_stdout(output):
        format_ = format_ or "csv"
        target = binary_stdout(f"{format_} is binary", is_text=is_text(format_))
    else:
        refuse_terminal(output)
        check_side_file("--output", Path(output), what="the table", sources=sources)
    where, place = Destination.of(target, format_), place_of(resource, resume)
    where.check(schema_of(resource))
    return target, where.format, place


def _agree(tok: Tokfluence, posts: Sequence[CampaignPost], *, yes: bool) -> bool:
    from tokfluence_async.export.comments import pages_of  # noqa: PLC0415 - a help text needs none

    pages = pages_of(posts)
    total = pages * tok.tariff.price("posts.comments")
    say(
        f"The comments of {counted(len(posts), 'post')} are about {counted(pages, 'page')}: {total:,} credits."
    )
    return consents(total, yes=yes)


def _tell(done: Exported, text: str, output: str, again: Callable[[str], str]) -> Exit:
    """Say what came of it, on stderr: stdout may be the table.

    Args:
        done: What came of it.
        text: The campaign's number, or its load file.
        output: The file that was asked for.
        again: The command that goes on into a file, but for the place.

    Raises:
        TokfluenceError: What ended it before the first row, or kept what was read from being written.
    """
    if done.lost is None and (done.error is None or done.rows):
        _say_count(done, text)
    if done.error is None:
        return Exit.INCOMPLETE if done.missing else Exit.DONE
    following = None if done.following is None else f"--resume {done.following}"
    if done.lost is not None or not done.rows:
        if done.lost is not None and done.lost is not done.error:
            say(f"tokfluence: error: {done.error}", "red")
        rest = _say_place(done, output, again)
        if following is not None:
            say(f"To leave out that post, and go on with the others: {rest} {following}", "yellow")
        raise done.lost or done.error
    say(f"tokfluence: error: {done.error}", "red")
    rest = _say_rest(done, output, again)
    if following is not None:
        say(f"Should that page never come, on without its post: {rest} {following}", "yellow")
    return exit_for_error(done.error)


def _tell_kept(done: Exported, text: str, output: str, again: Callable[[str], str]) -> None:
    """Say what a signal has left: as `_tell`, but nothing of an end."""
    unkept = done.lost is not None or not done.rows
    if unkept:
        _say_place(done, output, again)
    else:
        _say_count(done, text)
    for error in (None if done.error is done.lost else done.error, done.lost):
        if error is not None:
            say(f"tokfluence: error: {error}", "red")
    if not unkept and done.position is not None:
        _say_rest(done, output, again)


def _say_place(done: Exported, output: str, again: Callable[[str], str]) -> str:
    """Say where it goes on, if it came past its beginning and left no file; that command, but for the place."""
    rest = again(output if done.lost is None else _free_name(output))
    if done.advanced:
        why = "There were no comments until then" if done.lost is None else "What was read is lost"
        say(f"{why}. To go on with what was not read yet: {rest} --resume {done.position}", "yellow")
    return rest


def _free_name(output: str) -> str:
    """What to write the rest into where no part was kept: not over a table that stands there."""
    from tokfluence_async.export.atomic import descriptor_of  # noqa: PLC0415 - a help text needs none
    from tokfluence_async.export.beside import file_beside  # noqa: PLC0415 - likewise

    is_free = is_stdout(output) or descriptor_of(output) is not None or not os.path.isfile(output)  # noqa: PTH113 - as given
    return output if is_free else str(file_beside(Path(output), "rest"))


def _say_count(done: Exported, text: str) -> None:
    pending = (
        f"; {counted(done.pending, 'post is', 'posts are')} still pending: `{command('wait', file_argument(text))}`"
        if done.pending
        else ""
    )
    missing = (
        f"; {counted(len(done.missing), 'post is', 'posts are')} not in the API's index"
        if done.missing
        else ""
    )
    say(
        f"{counted(done.rows, 'row')} in {_where(done)}, {counted(done.credits, 'credit')}{pending}{missing}."
    )


def _say_rest(done: Exported, output: str, again: Callable[[str], str]) -> str:
    """Say what reads the rest; that command, but for the place."""
    from tokfluence_async.export.beside import file_beside  # noqa: PLC0415 - a help text needs none

    # Into the same file it would write the rest alone, over whatever stands there.
    same = done.file is None or done.file == output
    rest = again(output if same else str(file_beside(Path(output), "rest")))
    say(f"{_where(done)} holds what was read until then. The rest: {rest} --resume {done.position}", "yellow")
    return rest


def _where(done: Exported) -> str:
    return done.file or "standard output"
