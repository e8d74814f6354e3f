"""The dry run: reads sources, tells what it would cost, and keeps the plan if asked to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.sources import STDIN, find_sources
from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.inputs import InputFlags
from tokfluence_async.cli.output import Line, print_json, print_lines
from tokfluence_async.cli.planning import (
    build_plan,
    default_name,
    default_state,
    describe,
    free_state,
    is_saved_plan,
    offline_options,
)
from tokfluence_async.cli.preview import Preview
from tokfluence_async.errors import ConfigurationError, InputError, LoadFileError, TokfluenceError

__all__ = ["run_preview"]


def run_preview(
    sources: Sequence[str],
    *,
    name: str | None,
    currency: str | None,
    save: Path | None,
    rejects: Path | None = None,
    as_json: bool,
    as_markdown: bool = False,
    inputs: InputFlags,
) -> Exit:
    """Show what the posts of some sources would cost. Needs no key and sends nothing.

    Args:
        sources: Names of files, patterns that match some, or ``-`` for standard input.
        name: The campaign's name; made from the sources' if None.
        currency: ISO 4217 code of the fees.
        save: The load file to write the plan into.
        rejects: The file to write the rows into that are not sent, plain duplicates apart.
        as_json: Whether it is printed as JSON.
        as_markdown: Whether it is printed as Markdown.
        inputs: How to read the sources.

    Raises:
        ConfigurationError: Both forms are asked for, or a setting is wrong.
        InputError: A source can't be read; or the plan was to be saved and can't be bought as it stands; or the rejects
            would be written over something else.
        LoadFileError: The load file exists, or it or the rejects can't be written.
    """
    if as_json and as_markdown:
        raise ConfigurationError("--json and --markdown can't be given together")
    files = _check_files(sources, save, rejects)
    options = offline_options(inputs.batch_size)
    plan = build_plan(
        files,
        name=default_name(*files) if name is None else name,
        currency=currency,
        flags=inputs,
        batch_size=options.batch_size,
    )
    refusal: TokfluenceError | None = None
    saved = None
    if save is not None:
        try:
            LoadFile.create(save, plan).close()
            saved = str(save)
        except TokfluenceError as error:
            # The preview says what is wrong better than the error does: it comes first.
            refusal = error
    reject_count = _write_rejects(plan, rejects)
    rate, concurrency = options.requests_per_minute, options.concurrency
    shown = Preview(
        plan=plan,
        source=describe(files),
        eta_seconds=plan.eta_seconds(requests_per_minute=rate, concurrency=concurrency),
        name_is_made=name is None,
        saved_as=saved,
        rejects=None if rejects is None else str(rejects),
        reject_count=reject_count,
        next_command=_after_preview(plan, sources, files, saved, inputs),
    )
    if as_json:
        document = plan.to_dict(requests_per_minute=rate, concurrency=concurrency, file=saved)
        print_json(document | {"rejects": shown.rejects, "next": shown.next_command or None})
    elif as_markdown:
        from tokfluence_async.cli.markdown import markdown  # noqa: PLC0415 - what other forms do not need

        print_lines(Line(text) for text in markdown(shown))
    else:
        print_lines(shown.lines())
    if refusal is not None:
        raise refusal
    return Exit.DONE


def _check_files(sources: Sequence[str], save: Path | None, rejects: Path | None) -> Sequence[str]:
    """See that the sources are none that were planned already, and that what is to be written can be.

    Returns:
        The names of the files that are read.

    Raises:
        InputError: A source is a load file, or there is no such file; or the rejects would be written over something.
        LoadFileError: The load file can't be made.
    """
    for source in sources:
        if is_saved_plan(source):
            raise InputError(
                f"this is a load file; look at it with `{command('status', file_argument(source))}`",
                source=source,
            )
    files = find_sources(sources)
    if save is not None:
        _check_save(save)
    if rejects is not None:
        from tokfluence_async.cli.side_files import check_preview_files  # noqa: PLC0415 - what other previews need not

        check_preview_files(files, save=save, rejects=rejects)
    return files


def _write_rejects(plan: Plan, path: Path | None) -> int:
    """Write the rows that are not sent, if they are asked for; how many they are."""
    if path is None:
        return 0
    from tokfluence_async.campaign.rejectsfile import write_plan_rejects  # noqa: PLC0415 - as above

    return write_plan_rejects(plan, path)


def _check_save(path: Path) -> None:
    """See that a load file can be made, before the sources are read.

    Raises:
        LoadFileError: There is such a file already, no such folder, or nobody may write there.
    """
    # Unlike a path's own methods, these do not raise where nobody may look.
    if os.path.lexists(path):
        again = command("resume", file_argument(path))
        instead = f"go on with it by `{again}`, or " if is_saved_plan(str(path)) else ""
        raise LoadFileError(f"exists already; {instead}name another file", file=str(path))
    if not os.path.isdir(path.parent):  # noqa: PTH112 - as above
        raise LoadFileError("can't be created: there is no such folder", file=str(path))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise LoadFileError("can't be created: this folder may not be written to", file=str(path))


def _after_preview(
    plan: Plan, sources: Sequence[str], files: Sequence[str], saved: str | None, inputs: InputFlags
) -> str:
    if not plan.urls:
        return ""
    cap = ("--max-credits", plan.estimate.total)
    if saved is not None:
        return command("load", file_argument(saved), *cap)
    decide = ("--conflict", "first") if plan.conflict_count and not plan.conflicts_decided else ()
    currency = ("--currency", plan.currency) if plan.currency else ()
    # Whoever pipes the rows in can't be asked on the same standard input.
    agree = ("--yes",) if STDIN in sources else ()
    name = (f"--name={plan.name}",) if plan.name.startswith("-") else ("--name", plan.name)
    # The file of that name is another load's: a job whose source has the same name each day.
    is_taken = os.path.lexists(default_state(files, plan.name))
    state = ("--state", free_state(plan.name)) if is_taken else ()
    flags = (*currency, *inputs.arguments(), *decide, *cap, *agree, *state)
    return command("load", *map(file_argument, sources), *name, *flags)
