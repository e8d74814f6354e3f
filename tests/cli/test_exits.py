from __future__ import annotations

import pytest
from attrs import evolve

from tokfluence_async import errors
from tokfluence_async.campaign.report import Credits, LoadReport, URLCounts
from tokfluence_async.cli.exits import Exit, exit_for_error, exit_for_report, exit_for_status

DONE = LoadReport(
    state="complete",
    stopped_by=None,
    message="",
    campaign_id=7,
    file="x.tokload",
    urls=URLCounts(accepted=3, rejected=0, duplicate=2, invalid=0, unsent=0, unknown=0),
    credits=Credits(planned=76, cap=None, charged_min=76, charged_max=76, remaining=4),
    requests=2,
    retries=0,
    elapsed_seconds=0.5,
)
STOPPED = evolve(DONE, state="stopped", urls=evolve(DONE.urls, accepted=1, unsent=2))


def test_a_complete_load_exits_by_its_rows() -> None:
    assert exit_for_report(DONE) is Exit.DONE
    assert exit_for_report(evolve(DONE, urls=evolve(DONE.urls, rejected=1))) is Exit.INCOMPLETE
    assert exit_for_report(evolve(DONE, urls=evolve(DONE.urls, invalid=1))) is Exit.INCOMPLETE


@pytest.mark.parametrize(
    ("stopped_by", "code"),
    [
        ("unauthorized", 4),
        ("forbidden", 4),
        ("plan_required", 4),
        ("account_banned", 4),
        ("http_401", 4),
        ("http_403", 4),
        ("insufficient_credits", 5),
        ("max_credits", 5),
        ("http_402", 5),
        ("interrupted", 6),
        ("outcome_unknown", 6),
        ("not_sent", 6),
        ("rate_limited", 6),
        ("upstream_error", 6),
        ("internal_error", 6),
        ("plan_stale", 7),
        ("duplicate_request", 7),
        ("create_unknown", 8),
        ("invalid_campaign", 1),
        ("campaign_not_found", 1),
        ("load_file", 1),
        ("http_302", 1),
        ("a_code_of_tomorrow", 1),
    ],
)
def test_a_stopped_load_exits_by_what_stopped_it(stopped_by: str, code: int) -> None:
    report = evolve(STOPPED, stopped_by=stopped_by)
    assert exit_for_report(report) == code
    assert exit_for_status(report) == code


def test_unknown_outcomes_have_a_code_of_their_own() -> None:
    report = evolve(DONE, state="needs_review", urls=evolve(DONE.urls, accepted=2, unknown=1))
    assert exit_for_report(report) is exit_for_status(report) is Exit.UNKNOWN


def test_an_unfinished_load_is_no_failure_to_look_at() -> None:
    assert exit_for_status(STOPPED) is Exit.DONE
    assert exit_for_report(STOPPED) is Exit.INTERRUPTED


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError("x"), 2),
        (errors.InputError("x"), 2),
        (errors.ConflictError("x"), 2),
        (errors.MissingExtraError("x", "cli"), 2),
        (errors.LoadFileError("x"), 2),
        (errors.LoadFileInUseError("x"), 7),
        (errors.PlanStaleError("x"), 7),
        (errors.AuthenticationError("x"), 4),
        (errors.AccountBannedError("x"), 4),
        (errors.InsufficientCreditsError("x"), 5),
        (errors.BudgetExceededError(price=1, max_credits=0, committed=0), 5),
        (errors.OutcomeUnknownError("x"), 8),
        (errors.NotSentError("x"), 1),
        (errors.ServerError("x"), 1),
        (errors.UsageError("x"), 1),
        (errors.LoadStoppedError("x", report=evolve(STOPPED, stopped_by="max_credits")), 5),
        (errors.LoadStoppedError("x"), 1),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 141),
        (RuntimeError("x"), 1),
    ],
)
def test_an_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_for_error(error) == code
