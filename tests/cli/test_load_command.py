from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agreeing import AGREED

from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.sandbox import Sandbox, serve_in_thread

CLI = Callable[..., tuple[int, str, str]]
Sheet = Callable[..., Path]
Shell = Callable[..., subprocess.CompletedProcess[str]]

KEYS = {
    "schema",
    "state",
    "stopped_by",
    "message",
    "campaign_id",
    "file",
    "urls",
    "credits",
    "requests",
    "retries",
    "elapsed_seconds",
    "doubts",
}


def report_of(out: str, rows: int) -> dict[str, Any]:
    """The report on stdout, its parts checked for what must always hold."""
    report: dict[str, Any] = json.loads(out)
    urls, money = report["urls"], report["credits"]
    assert report.keys() == KEYS
    assert report["schema"] == "tokfluence.load/1"
    assert urls.keys() == {"accepted", "rejected", "duplicate", "invalid", "unsent", "unknown"}
    assert sum(urls.values()) == rows
    assert money.keys() == {"planned", "cap", "charged_min", "charged_max", "remaining"}
    assert money["charged_min"] <= money["charged_max"]
    return report


def test_a_load_buys_what_the_preview_said(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    code, out, err = cli("load", sheet(120), "--name", "Spring", *AGREED, "--json")
    report = report_of(out, 120)
    assert (code, report["state"], report["file"]) == (0, "complete", "spring.tokload")
    assert "1 + 25 × 120 = 3,001" in err
    assert "Load file spring.tokload" in err
    assert "120 of 120 URLs" in err
    ledger = sandbox.ledger()
    assert ledger.net == 3001
    assert set(ledger.videos.values()) == {1}


def test_duplicates_alone_exit_0_and_invalid_rows_3(cli: CLI, sheet: Sheet) -> None:
    twice = "https://www.tiktok.com/@some.creator/photo/7568533133424000000?lang=en,,"
    code, out, _ = cli("load", sheet(2, twice), "--name", "A", *AGREED, "--json")
    assert (code, report_of(out, 3)["stopped_by"]) == (0, None)
    code, out, _ = cli(
        "load", sheet(2, "nonsense,,"), "--name", "B", "--state", "b.tokload", *AGREED, "--json"
    )
    assert (code, report_of(out, 3)["state"]) == (3, "complete")


def test_rejected_urls_exit_3(cli: CLI, sheet: Sheet) -> None:
    code, out, _ = cli("load", sheet(2, handle="ghost.one"), "--name", "A", *AGREED)
    assert code == 3
    assert "2  rejected   refused by the API" in out


def test_a_second_load_of_a_file_sends_nothing(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    assert cli("load", sheet(3), "--name", "Spring", *AGREED)[0] == 0
    sent = len(sandbox.requests())
    for words in (["spring.csv", "--name", "Spring"], ["spring.tokload"]):
        code, out, err = cli("load", *words, *AGREED)
        assert (code, out) == (7, "")
        assert "tokfluence resume spring.tokload" in err
    code, out, _ = cli("resume", "spring.tokload", "--json")
    assert (code, report_of(out, 3)["state"]) == (0, "complete")
    assert len(sandbox.requests()) == sent


def test_a_saved_plan_is_bought_once(
    cli: CLI, sheet: Sheet, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("preview", sheet(3), "--name", "Spring", "--save", "plan.tokload")[0] == 0
    assert cli("status", "plan.tokload")[0] == 0
    assert cli("load", "plan.tokload")[0] == 2
    assert cli("load", "plan.tokload", "--name", "Autumn", *AGREED)[0] == 2
    for extra in (["--conflict", "last"], ["--currency", "EUR"], ["--state", "x"], ["--batch-size", "9"]):
        code, _, err = cli("load", "plan.tokload", *AGREED, *extra)
        assert code == 2
        assert extra[0] in err
    # The name under which a table would be loaded is taken by a plan that was saved there.
    cli("preview", sheet(3), "--name", "Spring", "--save", "spring.tokload")
    code, _, err = cli("load", "spring.csv", "--name", "Spring", *AGREED)
    assert code == 7
    assert "tokfluence load spring.tokload" in err
    assert not sandbox.requests()
    code, out, _ = cli("load", "plan.tokload", "--name", "Spring", *AGREED, "--json")
    assert (code, report_of(out, 3)["file"]) == (0, "plan.tokload")
    assert sandbox.ledger().net == 76
    assert cli("load", "plan.tokload", *AGREED)[0] == 7
    assert sandbox.ledger().net == 76


def test_resume_begins_a_saved_plan_with_consent_only(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    cli("preview", sheet(3), "--name", "Spring", "--save", "plan.tokload")
    code, _, err = cli("resume", "plan.tokload")
    assert code == 2
    assert "--yes" in err
    assert not sandbox.requests()
    assert cli("resume", "plan.tokload", *AGREED)[0] == 0
    assert sandbox.ledger().net == 76


def test_a_file_that_exists_is_not_overwritten(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("dear diary")
    code, _, err = cli("load", sheet(1), "--name", "Spring", *AGREED, "--state", "mine.txt")
    assert code == 2
    assert "not a load file" in err
    assert (tmp_path / "mine.txt").read_text() == "dear diary"


def test_a_file_in_use_exits_7(cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox) -> None:
    cli("preview", sheet(3), "--name", "Spring", "--save", "plan.tokload")
    held = LoadFile.open(tmp_path / "plan.tokload")
    try:
        for command in ("load", "resume"):
            code, _, err = cli(command, "plan.tokload", "--yes")
            assert code == 7
            assert "in use" in err
        assert cli("status", "plan.tokload")[0] == 0
    finally:
        held.close()
    assert not sandbox.requests()


def test_a_key_that_is_refused_exits_4_and_can_be_resumed(
    cli: CLI, sheet: Sheet, sandbox: Sandbox, key: str
) -> None:
    sandbox.revoke(key)
    code, out, _ = cli("load", sheet(3), "--name", "Spring", *AGREED)
    assert code == 4
    assert "Why       unauthorized" in out
    assert out.splitlines()[-1] == "Next: tokfluence resume spring.tokload"
    assert cli("status", "spring.tokload")[0] == 4
    sandbox.set_standing(key, "active")
    assert cli("resume", "spring.tokload")[0] == 0
    assert sandbox.ledger().net == 76


def test_a_wallet_that_is_too_low_exits_5_and_can_be_resumed(
    cli: CLI, sheet: Sheet, sandbox: Sandbox, key: str
) -> None:
    sandbox.set_wallet(key, 50)
    code, out, _ = cli("load", sheet(3), "--name", "Spring", *AGREED, "--json")
    assert (code, report_of(out, 3)["stopped_by"]) == (5, "insufficient_credits")
    assert sandbox.ledger().net == 1
    sandbox.set_wallet(key, 75)
    assert cli("resume", "spring.tokload")[0] == 0
    assert sandbox.wallet(key) == 0


def test_the_cap_holds_until_another_is_given(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    # The answer to the batch is lost, and the cap leaves no room for the look that would tell what became of it.
    sandbox.add_fault(call="posts.analyze", effect="reset", phase="after_tracking")
    words = ("--name", "Spring", "--yes", "--max-credits", "76")
    code, out, _ = cli("load", sheet(3), *words)
    assert code == 5
    assert "max_credits" in out
    following = out.splitlines()[-1]
    assert following.startswith("Next: tokfluence resume spring.tokload --max-credits ")
    assert cli("resume", "spring.tokload")[0] == 5
    assert cli(*following.removeprefix("Next: tokfluence ").split())[0] == 0
    assert sandbox.ledger().net == 78
    assert not sandbox.ledger().charged_twice


def test_outcomes_that_stay_unknown_exit_8(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    # Charged, the id used up, and nothing done: neither the repeat nor the campaign's list can tell.
    sandbox.add_fault(call="posts.analyze", effect="reset", phase="after_charge")
    code, out, _ = cli("load", sheet(3), "--name", "Spring", *AGREED, "--json")
    report = report_of(out, 3)
    assert (code, report["state"]) == (8, "needs_review")
    assert cli("status", "spring.tokload")[0] == 8


def test_a_lost_create_exits_8_and_goes_on_with_the_campaigns_id(
    cli: CLI, sheet: Sheet, sandbox: Sandbox
) -> None:
    sandbox.add_fault(call="campaigns.create", effect="reset", phase="after_tracking", count=1)
    code, out, _ = cli("load", sheet(3), "--name", "Spring", *AGREED)
    assert code == 8
    assert out.splitlines()[-1] == "Next: tokfluence resume spring.tokload --campaign-id ID"
    (campaign,) = (each.campaign_id for each in sandbox.ledger().entries if each.call == "campaigns.create")
    code, out, _ = cli("resume", "spring.tokload", "--campaign-id", campaign or _only_campaign(sandbox))
    assert code == 0
    assert not sandbox.ledger().charged_twice


def _only_campaign(sandbox: Sandbox) -> int:
    state = sandbox.state
    with state.lock:
        (found,) = (each for account in state.accounts() for each in account.campaigns)
    return found


def test_another_account_or_place_is_refused(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    sandbox.add_fault(effect="status", status=401, call="posts.analyze")
    assert cli("load", sheet(3), "--name", "Spring", *AGREED)[0] == 4
    with serve_in_thread() as elsewhere:
        code, out, _ = cli("resume", "spring.tokload", "--base-url", elsewhere.base_url)
        assert code == 7
        assert "base URL" in out
        assert not elsewhere.requests()


def test_a_name_that_is_taken_exits_1(cli: CLI, sheet: Sheet) -> None:
    assert cli("load", sheet(1), "--name", "Spring", *AGREED)[0] == 0
    code, out, _ = cli("load", sheet(2), "--name", "Spring", *AGREED, "--state", "again.tokload")
    assert code == 1
    assert "name is taken" in out


def test_an_api_out_of_reach_exits_6(cli: CLI, sheet: Sheet) -> None:
    with serve_in_thread() as gone:
        url = gone.base_url
    code, out, _ = cli("load", sheet(1), "--name", "Spring", *AGREED, "--base-url", url, "--max-retries", "1")
    assert code == 6
    assert f"tokfluence resume spring.tokload --base-url {url} --max-retries 1" in out


def test_the_servers_text_does_not_drive_the_terminal(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    sandbox.add_fault(
        call="campaigns.create",
        effect="status",
        status=422,
        code="invalid_campaign",
        message="\x1b[2J\u202eno",
    )
    words = ("load", sheet(1), "--name", "Spring", *AGREED)
    code, out, _ = cli(*words)
    assert code == 1
    assert "\x1b" not in out
    assert "\u202e" not in out
    code, out, _ = cli("status", "spring.tokload", "--json")
    assert out.isascii()
    assert "\x1b" not in out


def test_what_stays_unknown_is_named_and_bought_anew_by_explicit_word(
    shell: Shell, sandbox: Sandbox, sheet: Sheet
) -> None:
    sandbox.add_fault(effect="reset", call="posts.analyze", phase="after_charge", nth=2)
    ended = shell("load", sheet(20), "--name", "Spring", *AGREED, "--batch-size", 10, "--state", "x.tokload")
    assert ended.returncode == 8
    assert "10 URLs, up to 250 credits at stake, key " in ended.stdout
    assert "tokfluence resume x.tokload --resubmit-unknown" in ended.stdout
    assert shell("resume", "x.tokload").returncode == 8, "not without the word"
    ended = shell("resume", "x.tokload", "--resubmit-unknown", "--json")
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["urls"]["accepted"] == 20
    assert report["credits"]["charged_min"] <= sandbox.ledger().net <= report["credits"]["charged_max"]


@pytest.mark.parametrize("option", ["--rejects", "--events"])
def test_what_a_load_needs_is_not_written_over(
    option: str, cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox
) -> None:
    source = sheet(3)
    assert cli("preview", source, "--name", "Spring", "--save", "old.tokload")[0] == 0
    (tmp_path / "link.csv").symlink_to(source)
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    load = ("load", source, "--name", "Spring", *AGREED, "--state", "new.tokload", option)
    for name in (source, f"./{source.name}", "link.csv", "old.tokload", "new.tokload"):
        code, _, err = cli(*load, name)
        assert code == 2, name
        assert option in err
    assert cli("resume", "old.tokload", "--yes", option, "old.tokload")[0] == 2
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before
    assert sandbox.ledger().net == 0
