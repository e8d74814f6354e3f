"""Exit codes: what a script can tell of a run without reading its output."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from tokfluence_async import errors

if TYPE_CHECKING:
    from tokfluence_async.campaign.report import LoadReport

__all__ = ["Exit", "exit_for_error", "exit_for_report", "exit_for_status"]


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    """Usage, configuration or input is wrong. Nothing was sent."""
    INCOMPLETE = 3
    """Done; some URLs of the input were invalid, or the API rejected them."""
    AUTHENTICATION = 4
    CREDITS = 5
    """The wallet or the cap is too low. A load can be resumed."""
    INTERRUPTED = 6
    """Interrupted, timed out or out of reach. A load can be resumed as it is."""
    STALE = 7
    """The plan was applied already, is applied elsewhere, or is in use by another process."""
    UNKNOWN = 8
    """The outcome of something is unknown: read the report."""
    CTRL_C = 130
    BROKEN_PIPE = 141
    """Nobody reads the output any more; what a shell reports of a process that SIGPIPE ends."""


_STOPPED_BY: Final = {
    "unauthorized": Exit.AUTHENTICATION,
    "forbidden": Exit.AUTHENTICATION,
    "plan_required": Exit.AUTHENTICATION,
    "account_banned": Exit.AUTHENTICATION,
    "http_401": Exit.AUTHENTICATION,
    "http_403": Exit.AUTHENTICATION,
    "insufficient_credits": Exit.CREDITS,
    "http_402": Exit.CREDITS,
    "max_credits": Exit.CREDITS,
    "interrupted": Exit.INTERRUPTED,
    "outcome_unknown": Exit.INTERRUPTED,
    "not_sent": Exit.INTERRUPTED,
    "rate_limited": Exit.INTERRUPTED,
    "upstream_error": Exit.INTERRUPTED,
    "internal_error": Exit.INTERRUPTED,
    "plan_stale": Exit.STALE,
    "duplicate_request": Exit.STALE,
    "create_unknown": Exit.UNKNOWN,
}

# The first class that fits counts, so that a class stands before the one that it is derived from.
_ERRORS: Final[tuple[tuple[type[BaseException], Exit], ...]] = (
    (KeyboardInterrupt, Exit.CTRL_C),
    (BrokenPipeError, Exit.BROKEN_PIPE),
    (errors.ConfigurationError, Exit.USAGE),
    (errors.InputError, Exit.USAGE),
    (errors.MissingExtraError, Exit.USAGE),
    (errors.LoadFileInUseError, Exit.STALE),
    (errors.PlanStaleError, Exit.STALE),
    (errors.LoadFileError, Exit.USAGE),
    (errors.AuthenticationError, Exit.AUTHENTICATION),
    (errors.ForbiddenError, Exit.AUTHENTICATION),
    (errors.InsufficientCreditsError, Exit.CREDITS),
    (errors.BudgetExceededError, Exit.CREDITS),
    (errors.OutcomeUnknownError, Exit.UNKNOWN),
)


def exit_for_report(report: LoadReport) -> Exit:
    """The exit code of a run that ended with this report."""
    if report.state == "complete":
        return Exit.INCOMPLETE if report.urls.rejected or report.urls.invalid else Exit.DONE
    if report.stopped_by is not None:
        return _STOPPED_BY.get(report.stopped_by, Exit.FAILED)
    return Exit.UNKNOWN if report.state == "needs_review" else Exit.INTERRUPTED


def exit_for_status(report: LoadReport) -> Exit:
    """The exit code of a look at a load: as for a run, but a load that is merely not finished is no failure."""
    if report.state == "stopped" and report.stopped_by is None:
        return Exit.DONE
    return exit_for_report(report)


def exit_for_error(error: BaseException) -> Exit:
    """The exit code of a run that an error ended."""
    if isinstance(error, errors.LoadStoppedError) and error.report is not None:
        return exit_for_report(error.report)
    return next((code for kind, code in _ERRORS if isinstance(error, kind)), Exit.FAILED)
