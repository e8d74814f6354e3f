"""The dry run: reads a source, tells what it would cost, and keeps the plan if asked to."""

from __future__ import annotations

from pathlib import Path

from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.sources import STDIN
from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.inputs import InputFlags
from tokfluence_async.cli.output import print_json, print_lines
from tokfluence_async.cli.planning import build_plan, default_name, is_saved_plan, offline_options
from tokfluence_async.cli.preview import Preview
from tokfluence_async.errors import InputError, TokfluenceError

__all__ = ["run_preview"]


def run_preview(
    source: str,
    *,
    name: str | None,
    currency: str | None,
    save: Path | None,
    as_json: bool,
    inputs: InputFlags,
) -> Exit:
    """Show what a source would cost. Needs no key and sends nothing.

    Args:
        source: A file's name, or ``-`` for standard input.
        name: The campaign's name; made from the source's if None.
        currency: ISO 4217 code of the fees.
        save: The load file to write the plan into.
        as_json: Whether it is printed as JSON.
        inputs: How to read the source.

    Raises:
        InputError: The source can't be read; or the plan was to be saved and can't be bought as it stands.
        LoadFileError: The load file exists, or can't be written.
    """
    if is_saved_plan(source):
        raise InputError(
            f"this is a load file; look at it with `{command('status', file_argument(source))}`",
            source=source,
        )
    options = offline_options(inputs.batch_size)
    made = default_name(source)
    plan = build_plan(
        source, name=name or made, currency=currency, flags=inputs, batch_size=options.batch_size
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
    rate, concurrency = options.requests_per_minute, options.concurrency
    if as_json:
        print_json(plan.to_dict(requests_per_minute=rate, concurrency=concurrency, file=saved))
    else:
        shown = Preview(
            plan=plan,
            source=source,
            eta_seconds=plan.eta_seconds(requests_per_minute=rate, concurrency=concurrency),
            name_is_made=name is None,
            saved_as=saved,
            next_command=_after_preview(plan, source, saved, inputs),
        )
        print_lines(shown.lines())
    if refusal is not None:
        raise refusal
    return Exit.DONE


def _after_preview(plan: Plan, source: str, saved: str | None, inputs: InputFlags) -> str:
    if not plan.urls:
        return ""
    cap = ("--max-credits", plan.estimate.total)
    if saved is not None:
        return command("load", file_argument(saved), *cap)
    decide = ("--conflict", "first") if plan.conflict_count and not plan.conflicts_decided else ()
    currency = ("--currency", plan.currency) if plan.currency else ()
    # Whoever pipes the rows in can't be asked on the same standard input.
    agree = ("--yes",) if source == STDIN else ()
    name = (f"--name={plan.name}",) if plan.name.startswith("-") else ("--name", plan.name)
    return command(
        "load", file_argument(source), *name, *currency, *inputs.arguments(), *decide, *cap, *agree
    )
