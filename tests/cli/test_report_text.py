from __future__ import annotations

import shlex

from attrs import evolve

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.funds import RESUBMISSION
from tokfluence_async.campaign.report import Credits, LoadReport, URLCounts
from tokfluence_async.cli.render import next_command, report_lines

URL = "https://www.tiktok.com/@maker/video/75685331334240{:05}"


def make_builder() -> CampaignBuilder:
    builder = CampaignBuilder("Spring")
    for number in range(10):
        builder.add(URL.format(number))
    return builder


PLAN = make_builder().plan()
STOPPED = LoadReport(
    state="stopped",
    stopped_by="interrupted",
    message="interrupted; resume it from its load file",
    campaign_id=7,
    file="my load.tokload",
    urls=URLCounts(accepted=4, rejected=0, duplicate=0, invalid=0, unsent=6, unknown=0),
    credits=Credits(planned=251, cap=None, charged_min=101, charged_max=101, remaining=900),
    requests=5,
    retries=1,
    elapsed_seconds=1.25,
)
FRESH = evolve(
    STOPPED,
    stopped_by=None,
    message="",
    campaign_id=None,
    requests=0,
    urls=evolve(STOPPED.urls, accepted=0, unsent=10),
    credits=evolve(STOPPED.credits, charged_min=0, charged_max=0, remaining=None),
)


def text_of(report: LoadReport) -> str:
    return "\n".join(line.text for line in report_lines(report, PLAN, ["--settle", "5"]))


def test_a_stopped_load_says_why_and_what_to_type() -> None:
    text = text_of(STOPPED)
    assert "Why       interrupted: interrupted; resume it from its load file" in text
    assert "Campaign  7, 'Spring'" in text
    assert "101 charged" in text
    assert "900 left in the wallet" in text
    assert text.endswith("Next: tokfluence resume 'my load.tokload' --settle 5")


def test_the_next_command_can_be_split_as_a_shell_does() -> None:
    assert shlex.split(next_command(STOPPED, PLAN)) == ["tokfluence", "resume", "my load.tokload"]
    assert next_command(evolve(STOPPED, file="-x.tokload"), PLAN) == "tokfluence resume ./-x.tokload"


def test_a_load_that_the_cap_stopped_is_told_a_cap_that_is_enough() -> None:
    capped = evolve(STOPPED, stopped_by="max_credits", credits=evolve(STOPPED.credits, cap=101))
    assert next_command(capped, PLAN).endswith("--max-credits 251")
    in_doubt = evolve(
        capped,
        urls=evolve(capped.urls, unsent=4, unknown=2),
        credits=evolve(capped.credits, charged_max=151),
    )
    assert next_command(in_doubt, PLAN).endswith("--max-credits 254")


def test_a_resubmission_that_the_cap_stopped_is_told_what_it_costs() -> None:
    money = evolve(STOPPED.credits, cap=260, charged_min=5, charged_max=255)
    unknown = evolve(
        STOPPED,
        state="needs_review",
        stopped_by="max_credits",
        message=f"{RESUBMISSION} costs 250 credits, and 5 are left under the cap; raise --max-credits",
        urls=evolve(STOPPED.urls, accepted=0, unsent=0, unknown=10),
        credits=money,
    )
    assert next_command(unknown, PLAN).endswith("--resubmit-unknown --max-credits 511")
    # A look that did not fit is no word to buy anything anew.
    look = evolve(unknown, message="what is in doubt has to be looked for in the campaign")
    assert next_command(look, PLAN).endswith("tokload' --max-credits 263")


def test_a_cap_that_is_told_is_above_that_which_was_not_enough() -> None:
    capped = evolve(STOPPED, stopped_by="max_credits", credits=evolve(STOPPED.credits, cap=900))
    assert next_command(capped, PLAN).endswith("--max-credits 903")


def test_a_lost_create_asks_for_the_campaigns_id() -> None:
    lost = evolve(STOPPED, stopped_by="create_unknown", campaign_id=None)
    assert next_command(lost, PLAN) == "tokfluence resume 'my load.tokload' --campaign-id ID"


def test_a_plan_that_was_never_begun_is_loaded() -> None:
    text = text_of(FRESH)
    assert text.startswith("Load      not begun")
    assert text.endswith("Next: tokfluence load 'my load.tokload' --max-credits 251 --settle 5")


def test_an_interval_of_credits_is_told_as_one() -> None:
    unknown = evolve(
        STOPPED, state="needs_review", stopped_by=None, credits=evolve(STOPPED.credits, charged_max=151)
    )
    text = text_of(unknown)
    assert text.startswith("Load      needs review")
    assert "101 to 151 charged" in text


def test_a_complete_load_leaves_nothing_to_type() -> None:
    done = evolve(STOPPED, state="complete", stopped_by=None, message="")
    assert next_command(done, PLAN) == ""
    assert text_of(done).endswith("Done: nothing is left to do.")
