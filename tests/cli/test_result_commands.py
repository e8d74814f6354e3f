"""`wait`, `export` and `report` against the sandbox."""

from __future__ import annotations

import csv
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agreeing import AGREED

from tokfluence_async.export import RESOURCES
from tokfluence_async.sandbox import Sandbox, Switches, serve_in_thread

CLI = Callable[..., tuple[int, str, str]]
Shell = Callable[..., subprocess.CompletedProcess[str]]
Sheet = Callable[..., Path]
CAMPAIGN = 4711


def seed(sandbox: Sandbox, key: str, posts: int = 3, **more: Any) -> None:
    urls = [f"https://www.tiktok.com/@maker_{n % 2}/video/75685331334240{n:05}" for n in range(posts)]
    campaign = {"key": key, "id": CAMPAIGN, "name": "Spring", **more}
    sandbox.seed({"campaigns": [campaign | {"posts": [{"url": url, "fee_cents": 5000} for url in urls]}]})


@pytest.fixture
def slow() -> Switches:
    return Switches(analysis_delay=3600)


@pytest.fixture
def pending(slow: Switches, monkeypatch: pytest.MonkeyPatch, cli: CLI, sheet: Sheet) -> Iterator[Sandbox]:
    """A sandbox with a campaign of 3 posts, loaded from ``spring.tokload``, whose analysis takes an hour."""
    with serve_in_thread(switches=slow) as sandbox:
        monkeypatch.setenv("TOKFLUENCE_BASE_URL", sandbox.base_url)
        assert cli("load", sheet(3), "--name", "Spring", *AGREED)[0] == 0
        yield sandbox


def test_wait_for_what_is_complete(cli: CLI, sandbox: Sandbox, key: str) -> None:
    seed(sandbox, key)
    code, out, err = cli("wait", CAMPAIGN)
    assert (code, out) == (0, "Campaign 4711: 0 of 3 posts pending; 2 credits so far\n")
    assert "in 3,600 s there are 18 at most: up to 36 credits" in err
    assert sandbox.ledger().net == 2


def test_wait_says_when_the_time_is_over(cli: CLI, pending: Sandbox) -> None:
    before = pending.ledger().net
    code, out, err = cli("wait", "spring.tokload", "--timeout", "0", "--json")
    status = json.loads(out)
    assert (code, status["state"], status["pending"], status["credits"]) == (6, "timed_out", 3, 2)
    assert status["schema"] == "tokfluence.wait/1"
    assert pending.ledger().net - before == 2
    code, _, err = cli("wait", "spring.tokload", "--timeout", "0")
    assert code == 6
    assert err.endswith("To go on: tokfluence wait spring.tokload --timeout 0\n")


def test_what_goes_on_is_what_was_given(
    cli: CLI, pending: Sandbox, key: str, tmp_path: Path, sheet: Sheet
) -> None:
    (tmp_path / "a key").write_text(key)
    (tmp_path / "a key").chmod(0o600)
    (tmp_path / "spring.tokload").rename(tmp_path / "-a b.tokload")
    flags = ["--timeout", "0.5", "--max-credits", "2", "--base-url", pending.base_url]
    code, _, err = cli("wait", "./-a b.tokload", *flags, "--api-key-file", "a key", "--json")
    assert code == 5
    words = shlex.split(err.splitlines()[-1].partition("To go on: ")[2])
    assert words == [
        *["tokfluence", "wait", "./-a b.tokload"], *flags, "--api-key-file", "a key", "--json",
    ]  # fmt: skip
    assert cli(*words[1:])[0] == 5


def test_wait_stops_at_the_cap(cli: CLI, pending: Sandbox) -> None:
    code, out, err = cli("wait", "spring.tokload", "--max-credits", "3")
    assert code == 5
    assert out.startswith("Campaign ")
    assert "up to 3 credits" in err
    assert "the credit cap is reached" in err
    assert cli("wait", "spring.tokload", "--max-credits", "1")[0] == 5


def test_wait_is_interrupted_in_order(
    started: Callable[..., subprocess.Popen[str]], env: dict[str, str], pending: Sandbox
) -> None:
    env["TOKFLUENCE_BASE_URL"] = pending.base_url
    process = started("wait", "spring.tokload", "--json")
    assert process.stderr is not None
    while "looking again" not in (line := process.stderr.readline()):
        assert line
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 6
    assert process.stdout is not None
    assert json.loads(process.stdout.read())["pending"] == 3
    assert "To go on: tokfluence wait spring.tokload --json" in process.stderr.read()


def test_what_a_long_wait_may_cost_is_told_at_once(cli: CLI, sandbox: Sandbox, key: str) -> None:
    seed(sandbox, key, posts=1)
    code, out, err = cli("wait", CAMPAIGN, "--timeout", "1000000000")
    assert (code, out) == (0, "Campaign 4711: 0 of 1 post pending; 2 credits so far\n")
    assert "there are 3,333,340 at most: up to 6,666,680 credits." in err


def test_wait_says_why_no_look_was_answered(cli: CLI, sandbox: Sandbox, key: str) -> None:
    seed(sandbox, key)
    sandbox.add_fault(call="campaigns.posts", effect="status", status=503, count=99)
    code, out, err = cli("wait", CAMPAIGN, "--timeout", "0")
    assert (code, out) == (1, "")
    assert "503" in err.splitlines()[-1]


def test_a_wait_without_end_is_told_in_words(cli: CLI, sandbox: Sandbox, key: str) -> None:
    seed(sandbox, key)
    code, _, err = cli("wait", CAMPAIGN, "--timeout", "1e308")
    assert code == 0
    assert "in so long a time there is no end to them." in err
    assert max(map(len, err.split())) < 40


@pytest.mark.parametrize(
    "words",
    [
        ["posts", "-o", "missing/x.csv"],
        ["posts", "-o", "x.parquet.gz"],
        ["posts", "-o", "x.csv", "--resume", "7568:1"],
        ["comments", "-o", "x.csv", "--resume", "garbage"],
    ],
)
def test_an_export_that_can_not_be_names_no_price(
    cli: CLI, sandbox: Sandbox, tmp_path: Path, words: list[str]
) -> None:
    code, out, err = cli("export", CAMPAIGN, *words, "--yes")
    assert (code, out) == (2, "")
    assert "credits" not in err
    assert err.rstrip().endswith("Nothing was sent")
    assert not sandbox.requests()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["wait", "missing.tokload"], 2, "no such file"),
        (["wait", "4711", "--timeout", "-1"], 2, "timeout"),
        (["wait", "4711"], 1, "campaign_not_found"),
        (["export", "4711", "posts", "-o", "x.xlsx"], 2, "--format"),
        (["export", "4711", "likes", "-o", "x.csv"], 2, "likes"),
        (["export", "4711", "posts"], 2, "--output"),
        (["export", "4711", "posts", "-o", "missing/x.csv"], 2, "can't be written"),
        (["export", "4711", "posts", "-o", "x.csv", "--resume", "7568:1"], 2, "only comments"),
        (["export", "4711", "comments", "-o", "x.csv"], 2, "--max-credits"),
        (["export", "4711", "comments", "-o", "x.csv", "--yes", "--resume", "garbage"], 2, "no place"),
        (["wait", "4711", "--timeout", "inf"], 2, "timeout"),
        (["wait", "4711", "--timeout", "nan"], 2, "timeout"),
        (["report", "4711", "-o", "x.html", "--max-credits", "3"], 5, "cap of 3"),
        (["export", "4711", "posts", "-o", "x.csv"], 1, "campaign_not_found"),
        (["export", "4711", "posts", "-o", "x.csv", "--max-credits", "1"], 5, "cap of 1"),
        (["report", "missing.tokload", "-o", "x.html"], 2, "no such file"),
        (["report", "4711", "-o", "missing/x.html"], 2, "no file can be written"),
    ],
)
def test_what_goes_wrong_leaves_nothing(
    cli: CLI, tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    if words[0] == "report":
        pytest.importorskip("altair")
        pytest.importorskip("vl_convert")
    ended, out, err = cli(*words)
    assert (ended, out) == (code, ""), err
    assert says in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("resource", ["posts", "influencers", "metrics"])
def test_export_says_the_price_first_and_charges_it(
    cli: CLI, sandbox: Sandbox, key: str, tmp_path: Path, resource: str
) -> None:
    seed(sandbox, key)
    code, out, err = cli("export", CAMPAIGN, resource, "-o", "x.csv")
    assert (code, out) == (0, "")
    assert err.startswith(f"Exporting the {resource} of campaign 4711 costs 2 credits")
    rows = "1 row" if resource == "metrics" else "2 rows" if resource == "influencers" else "3 rows"
    assert f"{rows} in x.csv, 2 credits." in err
    assert sandbox.ledger().net == 2
    header = (tmp_path / "x.csv").read_text().splitlines()[0]
    assert header.split(",") == list(RESOURCES[resource].names)  # type: ignore[index]


def test_export_to_stdout(cli: CLI, sandbox: Sandbox, key: str) -> None:
    seed(sandbox, key)
    code, out, _ = cli("export", CAMPAIGN, "posts", "-o", "-")
    assert code == 0
    assert len(list(csv.DictReader(out.splitlines()))) == 3
    code, out, _ = cli("export", CAMPAIGN, "posts", "-o", "-", "--format", "jsonl")
    assert [json.loads(line)["fee_cents"] for line in out.splitlines()] == [5000] * 3


@pytest.mark.parametrize("into", ["pipe", "file"])
def test_arrow_on_stdout_is_read_as_it_comes(
    sandbox: Sandbox, key: str, script: list[str], env: dict[str, str], tmp_path: Path, into: str
) -> None:
    ipc = pytest.importorskip("pyarrow.ipc")
    seed(sandbox, key)
    words = [*script, "export", str(CAMPAIGN), "posts", "-o", "-", "--format", "arrow"]
    with (tmp_path / "out").open("wb") as file:
        out = file if into == "file" else subprocess.PIPE
        ended = subprocess.run(words, env=env, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=True)
    data = ended.stdout if into == "pipe" else (tmp_path / "out").read_bytes()
    assert ipc.open_stream(data).read_all().num_rows == 3


def test_export_tells_what_is_pending(cli: CLI, pending: Sandbox) -> None:
    code, _, err = cli("export", "spring.tokload", "posts", "-o", "x.csv")
    assert code == 0
    assert "3 posts are still pending: `tokfluence wait spring.tokload`" in err


def test_comments_can_be_resumed_as_it_says(cli: CLI, sandbox: Sandbox, key: str, tmp_path: Path) -> None:
    seed(sandbox, key)
    assert cli("export", CAMPAIGN, "comments", "-o", "whole.csv", "--yes")[0] == 0
    whole = (tmp_path / "whole.csv").read_text().splitlines()
    code, out, err = cli("export", CAMPAIGN, "comments", "-o", "c.csv", "--max-credits", "4")
    assert (code, out) == (5, "")
    assert "The comments of 3 posts are about" in err
    assert not (tmp_path / "c.csv").exists()
    part = (tmp_path / "c.partial.csv").read_text().splitlines()
    words = err.splitlines()[-1].partition("The rest: tokfluence ")[2].split()
    # Not over the file that is to hold all of them.
    assert words[:5] == ["export", "4711", "comments", "-o", "c.rest.csv"]
    assert cli(*words, "--yes")[0] == 0
    rest = (tmp_path / "c.rest.csv").read_text().splitlines()
    # Rows hold no line breaks here.
    assert part + rest[1:] == whole


def test_a_post_whose_comments_never_come_can_be_left_out_as_it_says(
    cli: CLI, sandbox: Sandbox, key: str, tmp_path: Path
) -> None:
    seed(sandbox, key)
    ids = sandbox.tracked(CAMPAIGN)
    sandbox.add_fault(call="posts.comments", effect="status", status=422, count=99)
    code, out, err = cli("export", CAMPAIGN, "comments", "-o", "c.csv", "--yes")
    assert (code, out) == (1, "")
    assert "422 missing_parameter" in err.splitlines()[-1]
    words = shlex.split(err.partition("go on with the others: tokfluence ")[2].splitlines()[0])
    assert words[-2:] == ["--resume", f"{ids[1]}:0"]
    assert not list(tmp_path.iterdir())
    sandbox.clear_faults()
    assert cli(*words, "--yes")[0] == 0
    with (tmp_path / "c.csv").open(newline="") as file:
        assert {row["post_id"] for row in csv.DictReader(file)} == set(ids[1:])


def test_a_report_of_a_load_sends_nothing(
    cli: CLI, sheet: Sheet, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    assert cli("load", sheet(3), "--name", "Spring", *AGREED)[0] == 0
    sent = len(sandbox.requests())
    with monkeypatch.context() as without_key:
        without_key.delenv("TOKFLUENCE_API_KEY")
        code, out, err = cli("report", "spring.tokload", "-o", "r.html")
    assert (code, out) == (0, "r.html\n")
    assert "tokfluence report spring.tokload -o r.html --results" in err
    assert len(sandbox.requests()) == sent
    assert "Results" not in (tmp_path / "r.html").read_text()
    before = sandbox.ledger().net
    code, out, err = cli("report", "spring.tokload", "-o", "r.html", "--results")
    assert (code, out) == (0, "r.html\n")
    assert "costs 7 credits" in err
    assert sandbox.ledger().net - before == 7
    assert "<h2>Results" in (tmp_path / "r.html").read_text()


def test_a_report_that_the_cap_has_no_room_for_sends_nothing(
    cli: CLI, sandbox: Sandbox, key: str, tmp_path: Path
) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    seed(sandbox, key)
    code, out, err = cli("report", CAMPAIGN, "-o", "r.html", "--max-credits", "6")
    assert (code, out) == (5, "")
    assert "costs 7 credits" in err
    assert not sandbox.requests()
    assert not list(tmp_path.iterdir())
    assert cli("report", CAMPAIGN, "-o", "r.html", "--max-credits", "7")[0] == 0


def test_a_report_on_stdout(cli: CLI, sheet: Sheet, sandbox: Sandbox, tmp_path: Path, shell: Shell) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    assert cli("load", sheet(3), "--name", "Spring", *AGREED)[0] == 0
    code, out, _ = cli("report", "spring.tokload", "-o", "-")
    assert code == 0
    assert out.startswith("<!doctype html>")
    assert out.endswith("</html>\n")
    assert not (tmp_path / "-").exists()
    ended = shell("report", "spring.tokload", "-o", "/dev/stdout", "--results")
    assert (ended.returncode, "<h2>Results" in ended.stdout) == (0, True)


def test_a_report_without_the_extra_costs_nothing(
    cli: CLI, sandbox: Sandbox, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(sandbox, key)
    monkeypatch.setitem(sys.modules, "altair", None)
    code, _, err = cli("report", CAMPAIGN, "-o", "r.html")
    assert code == 2
    assert "tokfluence-async[report]" in err
    assert not sandbox.requests()


def test_a_load_without_a_campaign(cli: CLI, sheet: Sheet) -> None:
    assert cli("preview", sheet(3), "--save", "spring.tokload")[0] == 0
    for words in (["wait"], ["export", "posts", "-o", "x.csv"]):
        code, _, err = cli(words[0], "spring.tokload", *words[1:])
        assert code == 2
        assert "no campaign yet; go on with it by `tokfluence resume spring.tokload`" in err


@pytest.mark.parametrize(
    "words", [("report",), ("export", "posts", "--format", "csv")], ids=["report", "export"]
)
def test_a_load_file_is_not_written_over(
    words: tuple[str, ...], cli: CLI, sheet: Sheet, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert cli("load", sheet(3), "--name", "Spring", *AGREED)[0] == 0
    spent, before = sandbox.ledger().net, (tmp_path / "spring.tokload").read_bytes()
    command, *rest = words
    code, out, err = cli(command, "spring.tokload", *rest, "-o", "spring.tokload")
    assert (code, out) == (2, "")
    assert "--output would write into this load file" in err
    assert (tmp_path / "spring.tokload").read_bytes() == before
    assert sandbox.ledger().net == spent
