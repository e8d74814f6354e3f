"""Rows that would not be sent, listed before anything is paid for."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from agreeing import AGREED

from tokfluence_async.campaign.guards import REJECT_COLUMNS
from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Sheet = Callable[..., Path]

POST = "https://www.tiktok.com/@some.creator/video/75685331334240{:05}"
OTHERS = (
    f"{POST.format(0)},,6000",
    f"{POST.format(1)},other.one,7000",
    f"{POST.format(0)},,5000",
    "nonsense,,",
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as text:
        reader = csv.DictReader(text)
        assert tuple(reader.fieldnames or ()) == REJECT_COLUMNS
        return list(reader)


def test_they_are_those_of_the_load(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    sheet(3, *OTHERS)
    code, out, err = cli("preview", "spring.csv", "--conflict", "first", "--rejects", "r.csv")
    assert (code, err) == (0, "")
    assert (
        "Rejects   r.csv: 1 row that was refused, and 2 that disagree with another, with the reasons" in out
    )
    told = [
        [each[name] for name in ("row", "outcome", "code", "retryable", "fee_cents")]
        for each in rows_of(tmp_path / "r.csv")
    ]
    assert told == [
        ["5", "duplicate", "conflict", "false", "6000"],
        ["6", "duplicate", "conflict", "false", "7000"],
        ["8", "invalid", "not_a_url", "false", ""],
    ]
    assert [each["message"] for each in rows_of(tmp_path / "r.csv")][:2] == [
        "fee_cents 6000 against 5000; the first row counts: line 2",
        "creator other.one against some.creator, fee_cents 7000 against 5000; the first row counts: line 3",
    ]
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == 0o600
    code, _, err = cli("load", "spring.csv", "--name", "Spring", "--conflict", "first", *AGREED)
    assert code == 3
    assert "1 row that was refused, and 2 that disagree with another" in err
    assert (tmp_path / "spring.tokload.rejects.csv").read_bytes() == (tmp_path / "r.csv").read_bytes()


def test_which_row_counts_is_told(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    more = [f"{POST.format(0)},,{fee}" for fee in (6000, 7000)]
    words = ("preview", sheet(3, *more), "--rejects", "r.csv")
    assert cli(*words, "--conflict", "last")[0] == 0
    assert [each["message"] for each in rows_of(tmp_path / "r.csv")] == [
        "fee_cents 6000 against 5000; the last row counts: line 6",
        "fee_cents 7000 against 6000; the last row counts: line 6",
    ]
    assert cli(*words)[0] == 0
    (_, last) = rows_of(tmp_path / "r.csv")
    assert last["message"] == (
        "fee_cents 7000 against 5000, the first row being line 2; "
        "which counts is undecided: --conflict first or --conflict last says it"
    )


@pytest.mark.parametrize("rule", ["first", "last"])
def test_conflicts_alone_exit_0_and_count_as_duplicates(
    cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox, rule: str
) -> None:
    sheet(2, f"{POST.format(0)},,6000", f"{POST.format(1)},,5000")
    code, out, _ = cli("load", "spring.csv", "--name", "A", "--conflict", rule, *AGREED, "--json")
    urls = json.loads(out)["urls"]
    assert (code, urls["accepted"], urls["duplicate"], sum(urls.values())) == (0, 2, 2, 4)
    rejects = tmp_path / "spring.tokload.rejects.csv"
    assert [each["row"] for each in rows_of(rejects)] == ["4"]
    assert cli("resume", "spring.tokload")[0] == cli("status", "spring.tokload")[0] == 0
    # Its video is bought: no load of the rejects buys it again.
    code, out, _ = cli("preview", rejects.name, "--json")
    assert (code, json.loads(out)["urls"], json.loads(out)["credits"]["total"]) == (0, 0, 0)
    assert cli("load", rejects.name, "--name", "B", *AGREED)[0] == 2
    assert set(sandbox.ledger().videos.values()) == {1}


@pytest.mark.parametrize("cell", ["{}", " <{}> ", "'{}'", "{}?lang=en", "see {}"])
def test_whatever_the_spelling_a_conflict_is_not_bought_from_the_rejects(
    cli: CLI, sheet: Sheet, tmp_path: Path, cell: str
) -> None:
    sheet(1, f"{cell.format(POST.format(0))},,6000")
    assert cli("preview", "spring.csv", "--conflict", "first", "--rejects", "r.csv")[0] == 0
    assert len(rows_of(tmp_path / "r.csv")) == 1
    assert json.loads(cli("preview", "r.csv", "--json")[1])["urls"] == 0


def test_the_report_shows_them(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    sheet(2, *OTHERS)
    assert cli("load", "spring.csv", "--name", "A", "--conflict", "first", *AGREED)[0] == 3
    assert cli("report", "spring.tokload", "-o", "r.html")[0] == 0
    page = (tmp_path / "r.html").read_text()
    assert "Rows that were not accepted: 3" in page
    assert "fee_cents 6000 against 5000; the first row counts: line 2" in page


def test_without_any_the_header_is_all_there_is(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    words = ("preview", sheet(2, "nonsense,,"), "--rejects", "r.csv", "--json")
    assert json.loads(cli(*words)[1])["rejects"] == "r.csv"
    assert len(rows_of(tmp_path / "r.csv")) == 1
    sheet(2, f"{POST.format(0)},,")
    assert cli(*words)[0] == 0
    assert rows_of(tmp_path / "r.csv") == []


def test_they_are_told_in_markdown(cli: CLI, sheet: Sheet) -> None:
    out = cli("preview", sheet(2, "nonsense,,"), "--rejects", "r.csv", "--markdown")[1]
    assert "Rejects: `r.csv`, 1 row that was refused, with the reasons." in out


def test_nothing_is_written_over(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    source = sheet(2, "nonsense,,")
    (tmp_path / "link.csv").symlink_to("spring.csv")
    os.link(source, tmp_path / "hard.csv")
    assert cli("preview", source, "--save", "old.tokload")[0] == 0
    before = {each: each.read_bytes() for each in tmp_path.iterdir()}
    for name in (
        "spring.csv",
        "./spring.csv",
        "link.csv",
        "hard.csv",
        "old.tokload",
        "old.tokload-wal",
        "no/r.csv",
        ".",
    ):
        code, out, err = cli("preview", source, "--rejects", name)
        assert (code, out) == (2, ""), name
        assert "--rejects" in err or "this can't be written" in err
    code, _, err = cli("preview", source, "--save", "x.tokload", "--rejects", "./x.tokload")
    assert code == 2
    assert "--save or --rejects" in err
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_with_invalid_rows_as_errors_conflicts_are_none(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    words = ("preview", "spring.csv", "--conflict", "first", "--invalid", "fail", "--rejects", "r.csv")
    sheet(2, f"{POST.format(0)},,6000")
    assert cli(*words)[0] == 0
    assert len(rows_of(tmp_path / "r.csv")) == 1
    sheet(2, "nonsense,,")
    assert cli(*words)[0] == 2
