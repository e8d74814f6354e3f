"""The preview of several sources, as Markdown, and of sources of every kind."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from agreeing import AGREED

from tokfluence_async.campaign.sources import open_source
from tokfluence_async.cli.reading import Reading, reading
from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Sheet = Callable[..., Path]

POST = "https://www.tiktok.com/@a/video/7568533133424099999"


def test_several_sources_are_one_plan(cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox) -> None:
    sheet(3, "nonsense,,", name="week-1.csv")
    sheet(5, name="week-2.csv")
    (tmp_path / "more.jsonl").write_text(json.dumps({"url": POST, "fee_cents": 5}) + "\n")
    code, out, err = cli("preview", "week-*.csv", "more.jsonl")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert "Source    3 files: week-1.csv, week-2.csv, more.jsonl" in lines
    assert "             week-1.csv:5: nonsense,," in lines
    assert "             week-2.csv:2: " in out
    assert "1 + 25 × 6 = 151" in out
    words = shlex.split(lines[-1].removeprefix("Next: tokfluence "))
    assert words[:3] == ["load", "week-*.csv", "more.jsonl"]
    code, out, err = cli(*words, "--yes", "--json")
    assert code == 3
    assert json.loads(out)["urls"] == {
        "accepted": 6,
        "rejected": 0,
        "duplicate": 3,
        "invalid": 1,
        "unsent": 0,
        "unknown": 0,
    }
    assert sandbox.ledger().net == 151
    rejects = next(tmp_path.glob("*.rejects.csv"))
    assert f"Rejects   {rejects.name}: 1 row that was refused" in err
    assert rejects.read_text().splitlines()[1].startswith("nonsense,,,week-1.csv,5,invalid,not_a_url,")


def test_the_name_is_what_the_sources_have_in_common(cli: CLI, sheet: Sheet) -> None:
    sheet(1, name="spring-1.csv")
    sheet(2, name="spring-2.csv.gz")
    assert "Campaign  'spring' (made" in cli("preview", "spring-1.csv", "spring-2.csv.gz")[1]


def test_no_source_and_no_match(cli: CLI) -> None:
    assert cli("preview")[0] == 2
    code, _, err = cli("preview", "*.csv")
    assert (code, err) == (2, "tokfluence: error: *.csv: no file matches this pattern\n")


def test_the_preview_as_markdown(cli: CLI, tmp_path: Path) -> None:
    (tmp_path / "a|b.csv").write_text(
        f"url,creator,fee_cents\n{POST},a,1\n{POST},a,2\n`|<b>@all</b>\x1b[31m,,\nhttps://vm.tiktok.com/x/,,\n"
    )
    code, out, err = cli("preview", "a|b.csv", "--markdown", "--name", "*Spring*")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == r"## Preview of '\*Spring\*'"
    assert "**1 + 25 × 1 = 26 credits** to analyse 1 post of 4 rows." in lines
    for cell in (
        "| rows | 4 |",
        "| **to send** | **1** |",
        "| credits saved | 75 |",
        "| batches of 50 | 1 |",
    ):
        assert cell in lines
    assert r"- Source: `a\|b.csv`" in lines
    (row,) = [line for line in lines if line.startswith("| `not_a_url`")]
    assert r"line 4: `` `\|<b>@all</b>,, ``" in row
    assert "\x1b" not in out
    assert "### Undecided: 1 row against an earlier row with the same video" in lines
    assert "- line 3 against line 2, video `7568533133424099999`: fee\\_cents 2 against 1" in lines
    assert lines[-3:] == [
        "```console",
        "$ tokfluence load 'a|b.csv' --name '*Spring*' --conflict first --max-credits 26",
        "```",
    ]


def test_one_form_at_a_time(cli: CLI, sheet: Sheet) -> None:
    code, out, err = cli("preview", sheet(1), "--json", "--markdown")
    assert (code, out) == (2, "")
    assert "can't be given together" in err


def test_ids_that_were_cut_off_are_warned_of(cli: CLI, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("url\nhttps://www.tiktok.com/@a/video/75685331334\n")
    _, out, _ = cli("preview", "a.csv")
    assert "Warning: 1 video id without the 19 digits of TikTok's" in out
    assert json.loads(cli("preview", "a.csv", "--json")[1])["without_time"] == 1


def test_an_invalid_row_can_end_it(cli: CLI, sheet: Sheet) -> None:
    code, out, err = cli("preview", sheet(1, "nonsense,,"), "--invalid", "fail")
    assert (code, out) == (2, "")
    assert "spring.csv:3: this is not a URL [not_a_url]" in err


def test_fees_in_two_currencies_are_refused(cli: CLI, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"url,fee\n{POST},$5\n")
    (tmp_path / "b.csv").write_text(f"url,fee\n{POST[:-1]}1,5 EUR\n")
    code, _, err = cli("preview", "a.csv", "b.csv", "--fee-unit", "units")
    assert code == 2
    assert "b.csv: the fees are marked EUR here and $ in a.csv" in err


def test_a_sign_is_no_other_currency_than_its_code(cli: CLI, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"url,fee_usd\n{POST},5\n")
    (tmp_path / "b.csv").write_text(f"url,fee\n{POST[:-1]}1,$5\n")
    for names in (("a.csv", "b.csv"), ("b.csv", "a.csv")):
        for told in ((), ("--currency", "USD")):
            code, _, err = cli("preview", *names, "--fee-unit", "units", *told)
            assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("fee", "currency"), [("A$500", "EUR"), ("$500", "EUR"), ("€5", "USD"), ("5 USD", "CAD")]
)
def test_fees_in_another_currency_than_told_are_refused(
    cli: CLI, tmp_path: Path, fee: str, currency: str
) -> None:
    (tmp_path / "a.csv").write_text(f"url,fee\n{POST},{fee}\n", encoding="utf-8")
    code, _, err = cli("preview", "a.csv", "--fee-unit", "units", "--currency", currency)
    assert code == 2
    assert f"the campaign in {currency}" in err


def test_a_folder_for_the_rejects_must_exist(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    code, _, err = cli("load", sheet(1), "--name", "Spring", *AGREED, "--rejects", "no/r.csv")
    assert code == 2
    assert "no/r.csv: this can't be written" in err
    assert sandbox.ledger().net == 0


def test_the_rejects_where_they_are_wanted(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    source = sheet(2, "nonsense,,")
    code, _, err = cli("load", source, "--name", "Spring", *AGREED, "--rejects", "r.csv")
    assert code == 3
    assert "Rejects   r.csv: 1 row that was refused" in err
    assert (tmp_path / "r.csv").exists()
    assert not list(tmp_path.glob("*.rejects.csv"))
    # A load that is complete writes them once more, where it is told to.
    assert cli("resume", "spring.tokload", "--rejects", "again.csv")[0] == 3
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "r.csv").read_bytes()


def test_without_rejects_no_file_is_written(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    code, _, err = cli("load", sheet(2), "--name", "Spring", *AGREED)
    assert (code, "Rejects" in err) == (0, False)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["spring.csv", "spring.tokload"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_where_reading_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    file = tmp_path / "posts.csv"
    file.write_text(f"url\n{POST}\n")
    now = [0.0]
    shown = Reading(clock=lambda: now[0])
    with open_source(file) as rows:
        shown(rows, 1)
        assert terminal.getvalue() == ""
        now[0] = 1.0
        shown(rows, 1234)
        shown.close()
    assert "posts.csv: 1,234 rows" in terminal.getvalue()


def test_no_bar_where_nobody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with reading() as shown:
        assert shown is None
    monkeypatch.setattr(sys, "stderr", Terminal())
    with reading() as shown:
        assert shown is not None
