"""`campaign`, `post`, `creator` and `ai-search` against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.cli import records
from tokfluence_async.models import CampaignPost
from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
CAMPAIGN = 4711
VIDEO = "7568533133424000001"
URL = f"https://www.tiktok.com/@some.creator/video/{VIDEO}"


@pytest.fixture
def campaign(sandbox: Sandbox, key: str) -> int:
    post = {"url": URL, "creator_handle": "some.creator", "fee_cents": 5000}
    sandbox.seed({"campaigns": [{"key": key, "id": CAMPAIGN, "name": "Spring", "posts": [post]}]})
    return CAMPAIGN


@pytest.fixture
def creator_id(cli: CLI, sandbox: Sandbox) -> str:
    return str(sandbox.seed({"creators": ["some.creator"]})["creators"][0])


@pytest.mark.parametrize(
    ("words", "says", "price"),
    [
        (["campaign", "show"], "Spring", 1),
        (["campaign", "metrics"], "gmv_cents", 2),
        (["campaign", "posts"], VIDEO, 2),
        (["campaign", "influencers"], "some.creator", 2),
    ],
)
def test_campaigns(
    cli: CLI, campaign: int, sandbox: Sandbox, words: list[str], says: str, price: int
) -> None:
    code, out, _ = cli(*words, campaign)
    assert (code, says in out) == (0, True)
    assert sandbox.ledger().net == price
    code, out, _ = cli(*words, campaign, "--json")
    document = json.loads(out)
    assert (code, document["schema"]) == (0, f"tokfluence.campaigns.{words[1]}/1")
    assert document.keys() >= {"schema", "data", "request_id", "credits_remaining"}


def test_deleting_is_asked_for(cli: CLI, campaign: int, sandbox: Sandbox) -> None:
    code, out, err = cli("campaign", "delete", campaign)
    assert (code, out) == (2, "")
    assert "add --yes" in err
    assert not sandbox.requests()
    assert cli("campaign", "delete", campaign, "--yes") == (0, "Campaign 4711 is deleted.\n", "")
    assert cli("campaign", "show", campaign)[0] == 1


def test_posts(cli: CLI, campaign: int, sandbox: Sandbox) -> None:
    code, out, _ = cli("post", "show", VIDEO, "--json")
    assert (code, json.loads(out)["data"]["post_id"]) == (0, VIDEO)
    assert cli("post", "show", "7199999999999999999")[0] == 1
    assert json.loads(cli("post", "show", f"{URL}?lang=en", "--json")[1])["data"]["post_id"] == VIDEO
    sent = len(sandbox.requests())
    for wrong in ("no/id", "https://vm.tiktok.com/ZMabc/", "https://www.tiktok.com/@some.creator"):
        assert cli("post", "show", wrong)[0] == 2
        assert cli("post", "comments", wrong)[0] == 2
    assert len(sandbox.requests()) == sent


def test_comments_go_on_from_where_they_stopped(cli: CLI, sandbox: Sandbox) -> None:
    sandbox.seed({"posts": [VIDEO]})
    whole = json.loads(cli("post", "comments", VIDEO, "--limit", "1000", "--json")[1])
    assert whole["meta"] == {"next_cursor": None}
    first = json.loads(cli("post", "comments", VIDEO, "--limit", "3", "--json")[1])
    rest = json.loads(cli("post", "comments", VIDEO, "--limit", "999", "--cursor", "3", "--json")[1])
    assert first["meta"] == {"next_cursor": 3}
    assert first["data"] + rest["data"] == whole["data"]
    code, out, err = cli("post", "comments", VIDEO, "--limit", "3")
    assert code == 0
    assert len(out.splitlines()) == 3 + 2
    assert "--cursor 3" in err


def test_analysing_says_the_price_and_asks(cli: CLI, sandbox: Sandbox) -> None:
    other = "https://www.tiktok.com/@ghost.one/video/7568533133424000002"
    code, out, err = cli("post", "analyze", URL, other)
    assert (code, out) == (2, "")
    assert "25 × 2 = 50 credits" in err
    assert not sandbox.requests()
    code, out, err = cli("post", "analyze", URL, other, "--yes", "--max-credits", "49")
    assert (code, out) == (5, "")
    assert not sandbox.requests()
    code, out, err = cli("post", "analyze", URL, "--yes")
    assert "Analysing 1 post costs 25 × 1 = 25 credits." in err
    assert (code, out) == (0, f"accepted  {URL}\n")
    assert sandbox.ledger().net == 25
    code, out, _ = cli("post", "analyze", URL, "--yes", "--json")
    document = json.loads(out)
    assert (code, document["submitted"], document["rejected"]) == (0, 1, [])


def test_analysing_into_a_campaign_tells_what_was_rejected(cli: CLI, campaign: int) -> None:
    other = "https://www.tiktok.com/@ghost.one/video/7568533133424000002"
    code, out, _ = cli("post", "analyze", other, "--yes", "--campaign-id", campaign)
    assert code == 3
    assert out.startswith(f"rejected  {other}  ")


@pytest.mark.parametrize(
    "urls",
    [
        [URL, f"https://m.tiktok.com/v/{VIDEO}.html"],
        ["https://www.tiktok.com/@some.creator"],
        ["https://vm.tiktok.com/ZMabc/"],
    ],
)
def test_what_would_be_charged_for_nothing_is_refused(cli: CLI, sandbox: Sandbox, urls: list[str]) -> None:
    code, _, err = cli("post", "analyze", *urls, "--yes")
    assert code == 2
    assert "Nothing was sent" in err
    assert not sandbox.requests()


def test_an_unknown_outcome_names_the_key(
    cli: CLI, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKFLUENCE_MAX_RETRIES", "0")
    sandbox.add_fault(call="posts.analyze", nth=1, effect="reset", phase="after_tracking")
    code, _, err = cli("post", "analyze", URL, "--yes")
    assert code == 8
    key = err.partition("--idempotency-key ")[2].split()[0]
    code, _, err = cli("post", "analyze", URL, "--yes", "--idempotency-key", key)
    assert "duplicate_request" in err
    assert sandbox.ledger().net == 25


def test_creators(cli: CLI, sandbox: Sandbox, creator_id: str) -> None:
    code, out, _ = cli("creator", "show", creator_id)
    assert code == 0
    assert "some.creator" in out
    code, out, err = cli("creator", "posts", creator_id)
    assert (code, out) == (2, "")
    assert "cost 25 credits" in err
    code, out, _ = cli("creator", "posts", creator_id, "--yes", "--json")
    assert (code, json.loads(out)["schema"]) == (0, "tokfluence.creators.posts/1")
    assert sandbox.ledger().net == 1 + 25


def test_searching_creators(cli: CLI, sandbox: Sandbox) -> None:
    words = ("creator", "search", "--region", "US", "--min-followers", "1000", "--filter", "language=en")
    code, out, _ = cli(*words, "--json")
    document = json.loads(out)
    assert code == 0
    assert {each["region"] for each in document["data"]} == {"US"}
    assert sandbox.ledger().net == 1
    request = sandbox.requests("creators.search")[0]
    assert "language" in str(request)
    code, out, err = cli("creator", "search", "--limit", "21")
    assert code == 0
    assert sandbox.ledger().net == 3
    cursor = err.partition("--cursor ")[2].strip()
    assert cli("creator", "search", "--cursor", cursor)[0] == 0


@pytest.mark.parametrize("pair", ["language", "=en", "a b=c", "cursor=1"])
def test_what_is_no_filter(cli: CLI, pair: str) -> None:
    code, _, err = cli("creator", "search", "--filter", pair)
    assert code == 2
    assert "NAME=VALUE" in err


def test_searching_in_english(cli: CLI, sandbox: Sandbox) -> None:
    code, out, err = cli("ai-search", "cooking creators")
    assert (code, out) == (2, "")
    assert "costs 25 credits" in err
    code, out, err = cli("ai-search", "cooking creators", "--yes", "--max-results", "2")
    assert code == 0
    assert "Read as: " in err
    code, out, _ = cli("ai-search", "cooking creators", "--yes", "--max-results", "2", "--json")
    assert json.loads(out)["meta"]["cost"] == 25
    assert sandbox.ledger().net == 50


def test_a_wrong_key_exits_4(cli: CLI, sandbox: Sandbox, key: str) -> None:
    sandbox.revoke(key)
    assert cli("campaign", "show", 1)[0] == 4


def test_nothing_from_the_server_drives_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    post = CampaignPost(
        post_id="1", caption="\x1b[31mred\x1b]0;title\x07 \u202ereversed [bold]x[/bold]\nnext"
    )
    fields = [records.Field("caption", lambda item: item.caption)]
    records.print_items("campaigns.posts", [post], fields, as_json=False)
    records.print_record({"caption": post.caption, "list": ["\x1b[2J"]})
    records.print_items("campaigns.posts", [post], fields, as_json=True)
    out = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "red reversed [bold]x[/bold] next" in out


def test_a_table_of_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    values: list[Any] = [None, True, 1234567, 0.071234, ["a"], "x" * 100]
    for elastic, last in ((False, "x" * 100), (True, "x" * 59 + "…")):
        field = records.Field("value", lambda item: item[0], elastic=elastic)
        records.print_table([field], [(value,) for value in values])
        lines = capsys.readouterr().out.splitlines()
        assert lines[2:] == ["–", "yes", "1,234,567", "0.07123", '["a"]', last]
    records.print_table([field], [])
    assert capsys.readouterr().out.splitlines()[0] == "value"


def test_a_key_file_and_a_base_url_may_be_named(
    cli: CLI, campaign: int, sandbox: Sandbox, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "key"
    secret.write_text(key)
    secret.chmod(0o600)
    monkeypatch.delenv("TOKFLUENCE_API_KEY")
    monkeypatch.delenv("TOKFLUENCE_BASE_URL")
    flags = ("--api-key-file", secret, "--base-url", sandbox.base_url)
    assert cli("campaign", "show", campaign, *flags)[0] == 0
