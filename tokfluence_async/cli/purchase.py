"""Spending: a plan is shown, agreed to and bought; or a load that was begun goes on; or is looked at."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from attrs import frozen

from tokfluence_async.campaign.loadfile import LoadFile, is_load_file
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.rejectsfile import default_path, place_beside, write_rejects
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.campaign.sources import find_sources
from tokfluence_async.cli.arguments import command, file_argument, quoted
from tokfluence_async.cli.consent import check_capped, consents
from tokfluence_async.cli.events import EventWriter, follow
from tokfluence_async.cli.exits import Exit, exit_for_report, exit_for_status
from tokfluence_async.cli.inputs import InputFlags
from tokfluence_async.cli.loading import drive
from tokfluence_async.cli.output import print_json, print_lines, say, say_lines
from tokfluence_async.cli.planning import (
    build_plan,
    default_name,
    default_state,
    describe,
    free_state,
    is_saved_plan,
)
from tokfluence_async.cli.preview import Preview, told_rejects
from tokfluence_async.cli.render import is_begun, report_lines
from tokfluence_async.cli.settings import SettingFlags
from tokfluence_async.cli.side_files import check_load_files, check_rejects, names_of_sources
from tokfluence_async.errors import InputError, LoadFileError, PlanStaleError
from tokfluence_async.options import Options

__all__ = ["Purchase", "show_status"]


@frozen(kw_only=True)
class Purchase:
    """How a plan is bought: what `load` and `resume` have in common."""

    settings: SettingFlags
    max_credits: int | None
    """The cap that was given."""
    campaign_id: int | None
    """The campaign to load into, if not a new one or the one on record."""
    yes: bool
    """Whether the caller has agreed to spend."""
    as_json: bool
    """Whether the report is printed as JSON."""
    events: Path | None = None
    """Where each event of the load is written, if somebody follows it."""
    resubmit_unknown: bool = False
    """Whether what stayed unknown is bought anew."""
    rejects: Path | None = None
    """Where the rows that were refused are written; beside the load file if None."""

    def load(
        self,
        sources: Sequence[str],
        *,
        name: str | None,
        currency: str | None,
        state: Path | None,
        inputs: InputFlags,
    ) -> Exit:
        """Buy what some sources, or a saved plan, name.

        Args:
            sources: Names of files, patterns that match some, ``-`` for standard input; or one load file.
            name: The campaign's name.
            currency: ISO 4217 code of the fees.
            state: The load file to make.
            inputs: How to read the sources.

        Raises:
            ConfigurationError: A setting is wrong, or there is no key. Nothing was created or sent.
            InputError: A source can't be read, or its plan not bought; or what is to be written would be written over
                something else. Nothing was created or sent.
            PlanStaleError: The plan was begun or applied already. Nothing was sent.
        """
        options = self.settings.options(max_credits=self.max_credits)
        files = find_sources(sources)
        source = files[0]
        if is_saved_plan(source) and len(files) == 1:
            _refuse_input_flags(source, inputs, currency=currency, state=state)
            return self._load_saved(Path(source), name, options)
        if name is None:
            example = quoted(default_name(*files))
            raise InputError(
                f"say the campaign's name, such as --name {example}; it must be new in the account"
            )
        path = state or default_state(files, name)
        self._check_files(path, files, is_new=True)
        _refuse_existing(path, name)
        batch_size = options.batch_size if inputs.batch_size is None else inputs.batch_size
        with follow(self.events, as_json=self.as_json) as writer:
            plan = build_plan(files, name=name, currency=currency, flags=inputs, batch_size=batch_size)
            return self._begin(path, plan, describe(files), options, writer)

    def _load_saved(self, path: Path, name: str | None, options: Options) -> Exit:
        file = LoadFile.open(path)
        try:
            plan = _never_begun(file, name)
            self._check_files(path, names_of_sources(plan, path))
            with follow(self.events, as_json=self.as_json) as writer:
                return self._begin(file, plan, str(path), options, writer)
        finally:
            file.close()

    def resume(self, path: Path) -> Exit:
        """Go on with a load; begin it, if it was never begun; print its report, if it is complete.

        Args:
            path: The load file.

        Raises:
            ConfigurationError: A setting is wrong, or there is no key. Nothing was sent.
            InputError: It was never begun, and nobody can be asked; or what is to be written would be written over
                something else.
            LoadFileError: It can't be read, or is in use.
        """
        opened = LoadFile.open(path)
        try:
            plan = opened.plan()
            self._check_files(path, names_of_sources(plan, path))
            with follow(self.events, as_json=self.as_json) as writer:
                return self._resume(opened, plan, writer)
        finally:
            opened.close()

    def _resume(self, file: LoadFile, plan: Plan, writer: EventWriter | None) -> Exit:
        report = LoadReport.of(file)
        if report.state == "complete":
            self._write_rejects(file)
            if writer is not None:
                writer.end(report)
            if writer is None or not writer.to_stdout:
                _show(report, plan, as_json=self.as_json)
            return exit_for_report(report)
        options = self.settings.options(max_credits=self.max_credits)
        if options.max_credits is None:
            # A cap holds for the load, until another is given.
            options = options.replace(max_credits=report.credits.cap)
        if is_begun(report) or file.agreed:
            return self._go_on(file, plan, options, writer)
        return self._begin(file, plan, str(file.path), options, writer)

    def _begin(
        self,
        target: Path | LoadFile,
        plan: Plan,
        source: str,
        options: Options,
        writer: EventWriter | None,
    ) -> Exit:
        """Show a plan, have it agreed to, and buy it.

        Args:
            target: Where the load file shall be, or the open load file that holds the plan.
            plan: What to buy.
            source: Where its rows come from.
            options: The client's settings.
            writer: Gets each event, if somebody follows it.

        Raises:
            InputError: The plan can't be bought as it stands, or nobody can be asked. Nothing was created or sent.
            LoadFileError: The load file exists, or can't be written. Nothing was sent.
        """
        eta = plan.eta_seconds(
            requests_per_minute=options.requests_per_minute, concurrency=options.concurrency
        )
        say_lines(Preview(plan=plan, source=source, eta_seconds=eta, is_all=False).lines())
        plan.check_applicable()
        total = plan.estimate.total
        if options.max_credits is not None and total > options.max_credits:
            say(
                f"tokfluence: error: the load costs {total:,} credits, more than the cap of {options.max_credits:,}; "
                f"raise --max-credits by {total - options.max_credits:,}. Nothing was sent",
                "red",
            )
            return Exit.CREDITS
        check_capped(total, options.max_credits, yes=self.yes)
        if not consents(total, yes=self.yes):
            say("Not agreed to: nothing was sent.")
            return Exit.FAILED
        if isinstance(target, LoadFile):
            target.agree(options.max_credits)
            return self._go_on(target, plan, options, writer)
        _refuse_existing(target, plan.name)  # once more: somebody may have been asked meanwhile
        file = LoadFile.create(target, plan, agreed=True, max_credits=options.max_credits)
        try:
            return self._go_on(file, plan, options, writer)
        finally:
            file.close()

    def _go_on(self, file: LoadFile, plan: Plan, options: Options, writer: EventWriter | None) -> Exit:
        """Go on with a load, and print its report on stdout.

        Args:
            file: The load file, open and locked.
            plan: What it buys.
            options: The client's settings.
            writer: Gets each event, if somebody follows it.

        Raises:
            LoadFileError: The load file can't be read.
        """
        say(f"Load file {file.path}: should this be interrupted, it goes on from there.")
        verbose = logging.getLogger("tokfluence_async").isEnabledFor(logging.DEBUG)
        ended = drive(
            file,
            options,
            campaign_id=self.campaign_id,
            resubmit_unknown=self.resubmit_unknown,
            verbose=verbose,
            events=writer,
        )
        self._write_rejects(file)
        if writer is not None and writer.to_stdout:
            # Standard output has the events, the report among them.
            say_lines(report_lines(ended.report, plan, self.settings.arguments()))
        elif self.as_json:
            print_json(ended.report.to_dict())
        else:
            print_lines(report_lines(ended.report, plan, self.settings.arguments()))
        return ended.exit

    def _check_files(self, state: Path, sources: Iterable[str], *, is_new: bool = False) -> None:
        """See that what is to be written is no file that would be lost by it, while nothing is spent yet.

        Args:
            state: The load file.
            sources: What the load is made of.
            is_new: Whether that is still to be made.

        Raises:
            InputError: It is one of those, a load file, or not to be written.
        """
        rejects = self.rejects
        check_load_files(sources, state, is_new=is_new, rejects=rejects, events=self.events)
        if rejects is not None:
            check_rejects(rejects)

    def _write_rejects(self, file: LoadFile) -> None:
        """Write the rows that were refused, or left out. That it fails is told, and changes nothing about the load."""
        wanted = self.rejects or default_path(file.path)
        try:
            path = wanted if self.rejects else place_beside(file, wanted)
            number = write_rejects(file, path)
        except LoadFileError as error:
            say(f"tokfluence: the rejects could not be written: {error}", "yellow")
            return
        if path != wanted:
            say(f"tokfluence: {wanted}: it is not as this load wrote it, and stays as it is", "yellow")
        if number:
            say(f"Rejects   {path}: {told_rejects(number, file.plan())}", "yellow")


def _refuse_input_flags(source: str, inputs: InputFlags, *, currency: str | None, state: Path | None) -> None:
    """A saved plan says all of this by itself.

    Raises:
        InputError: One of the flags was given.
    """
    given = [f"--{name.replace('_', '-')}" for name in inputs.given()]
    given += ["--currency"] * (currency is not None) + ["--state"] * (state is not None)
    if given:
        raise InputError(
            f"{', '.join(given)} can't be given with a saved plan: it says so itself", source=source
        )


def _never_begun(file: LoadFile, name: str | None) -> Plan:
    """The plan in a load file, if nothing of it was ever sent.

    Raises:
        PlanStaleError: It was begun, or is complete.
        InputError: It is not for a campaign of that name.
    """
    plan, report = file.plan(), LoadReport.of(file)
    again = command("resume", file_argument(file.path))
    if report.state == "complete":
        raise PlanStaleError(
            f"this plan was applied completely, and is not bought again; `{again}` shows its report. Nothing was sent",
            file=str(file.path),
        )
    if is_begun(report):
        raise PlanStaleError(
            f"this load was begun already; go on with it by `{again}`. Nothing was sent", file=str(file.path)
        )
    if name is not None and name.strip() != plan.name:
        raise InputError(
            f"the saved plan is for a campaign named {plan.name!r}, not {name!r}", source=str(file.path)
        )
    return plan


def _refuse_existing(path: Path, name: str) -> None:
    """Never load twice what one name of a load file stands for.

    Args:
        path: The load file that was to be made.
        name: The name of the campaign that was to be loaded.

    Raises:
        PlanStaleError: There is a load file of that name.
        InputError: There is another file of that name.
    """
    if not path.exists():
        return
    if not is_load_file(path):
        raise InputError(
            "exists and is not a load file; name another with --state. Nothing was sent", source=str(path)
        )
    with closing(LoadFile.read(path)) as file:
        plan, report = file.plan(), LoadReport.of(file)
    if report.state == "complete":
        state, verb, rest = "which is complete", "resume", "shows its report"
    elif is_begun(report):
        state, verb, rest = "which was begun already", "resume", "goes on with it"
    else:
        state, verb, rest = "a saved plan of which nothing was sent yet", "load", "buys it"
    again = command(verb, file_argument(path))
    if plan.name == name.strip():
        other = "to load another campaign, name another file"
    else:
        other = f"this is {name.strip()!r}: name another file for it"
    free = f"--state {quoted(free_state(name))}"
    raise PlanStaleError(
        f"holds campaign {plan.name!r}, {state}; `{again}` {rest}. Nothing was sent; {other}, such as `{free}`",
        file=str(path),
    )


def show_status(path: Path, *, as_json: bool) -> Exit:
    """Print the report of a load as it stands. Needs no key and sends nothing.

    Args:
        path: The load file.
        as_json: Whether it is printed as JSON.

    Raises:
        LoadFileError: It is not a load file, or can't be read.
    """
    opened = LoadFile.read(path)
    try:
        plan, report = opened.plan(), LoadReport.of(opened)
    finally:
        opened.close()
    _show(report, plan, as_json=as_json)
    return exit_for_status(report)


def _show(report: LoadReport, plan: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_dict())
    else:
        print_lines(report_lines(report, plan))
