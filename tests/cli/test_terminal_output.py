"""What a terminal gets: nothing that drives it, and no number or id cut short."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from terminals import Shown, run_on_terminal

from tokfluence_async.cli.sanitise import sanitise_lines
from tokfluence_async.sandbox import Sandbox

VIDEO = 7_568_533_133_424_000_000
NASTY = "\x1b[31mred\x1b[0m \x9b2J \x1b]0;title \u202egnp.exe\u2066 \u200b|\nnext"


def post(number: int, **more: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "post_id": str(VIDEO + number),
        "url": f"https://www.tiktok.com/@maker/video/{VIDEO + number}",
        "status": "analyzed",
        "published_at": "2026-03-01T10:00:00Z",
        "fee_cents": 1000,
        "views": 1_234_567,
        "likes": 98_765,
        "caption": "A slow morning",
    }
    return known | more


INFLUENCER = {
    "id": "tkc_a1b2c3d4e5f6a7b8",
    "username": "a.maker.with.a.long.name",
    "status": "collaborating",
    "tracked_posts_count": 12,
    "creator_fee_cents": 5_000_000,
    "agency_fee_cents": 1_250_000,
    "gmv_cents": 987_654_321,
}


def answers(sandbox: Sandbox, call: str, data: list[dict[str, Any]]) -> None:
    sandbox.add_fault(call=call, effect="status", status=200, count=9, body=json.dumps({"data": data}))


@pytest.fixture
def show(script: list[str], env: dict[str, str], tmp_path: Path) -> Any:
    def call(*words: object, columns: int = 80) -> Shown:
        return run_on_terminal([*script, *words], env=env, folder=tmp_path, columns=columns)

    return call


@pytest.mark.parametrize("words", [(), ("--format", "jsonl")])
@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_an_export_on_a_terminal_does_not_drive_it(
    show: Any, sandbox: Sandbox, words: tuple[str, ...], output: str
) -> None:
    answers(sandbox, "campaigns.posts", [post(1, caption=NASTY), post(2)])
    shown = show("export", 7, "posts", "-o", output, *words)
    assert shown.code == 0, shown.errors
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u206f]", shown.screen)
    # What stands behind an unfinished sequence is shown all the same: the rest of its row is another field.
    assert "gnp.exe" in shown.screen
    assert shown.screen.count("1234567") == 2
    if not words:
        assert len(list(csv.DictReader(shown.screen.splitlines(keepends=True)))) == 2


def test_an_export_into_a_pipe_is_as_it_came(cli: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    answers(sandbox, "campaigns.posts", [post(1, caption=NASTY)])
    code, out, _ = cli("export", 7, "posts", "-o", "-", "--format", "jsonl")
    assert (code, json.loads(out)["caption"]) == (0, NASTY)
    assert cli("export", 7, "posts", "-o", "x.csv", "--raw")[0] == 0
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["caption"] == NASTY


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("buffered", [True, False])
def test_an_export_that_does_not_fit_is_told(
    script: list[str], env: dict[str, str], sandbox: Sandbox, *, buffered: bool
) -> None:
    answers(sandbox, "campaigns.posts", [post(1)])
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*script, "export", "7", "posts", "-o", "-", "--format", "csv"],
            env=env if buffered else env | {"PYTHONUNBUFFERED": "1"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        "tokfluence: error: the output can't be written: No space left on device"
    )
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("words", [("export", 7, "posts", "--format", "csv"), ("report", 7)])
def test_a_terminal_by_another_name_is_refused(cli: Any, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    if words[0] == "report":
        pytest.importorskip("altair")
        pytest.importorskip("vl_convert")
    ours, theirs = pty.openpty()
    try:
        code, out, err = cli(*words, "-o", os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)
    assert (code, out) == (2, "")
    assert "is a terminal" in err
    assert not sandbox.requests()


@pytest.mark.parametrize("words", [("export", 7, "posts", "--format", "parquet"), ("report", 7)])
def test_what_is_for_no_terminal_is_refused_before_anything_is_sent(
    show: Any, sandbox: Sandbox, tmp_path: Path, words: tuple[str, ...]
) -> None:
    if words[0] == "report":
        pytest.importorskip("altair")
        pytest.importorskip("vl_convert")
    shown = show(*words, "-o", "-")
    assert (shown.code, shown.screen) == (2, "")
    assert "into a file with -o, or into a pipe" in shown.errors
    assert not sandbox.requests()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\nb\n", "a\nb\n"),
        ("a\r\nb\tc", "a \nb c"),
        ("\x1b]0;a,1\nb\x07,2", "]0;a,1\nb,2"),
        ("\x9b31m \u202ex\u2028y", "31m x y"),
    ],
)
def test_lines_stay_lines(text: str, clean: str) -> None:
    assert sanitise_lines(text) == clean


@pytest.mark.parametrize("columns", [60, 79, 80, 117, 118])
def test_no_number_and_no_id_is_cut_short(show: Any, sandbox: Sandbox, columns: int) -> None:
    answers(sandbox, "campaigns.influencers", [INFLUENCER])
    answers(sandbox, "campaigns.posts", [post(1), post(2, caption="x" * 200), post(3, caption="中文" * 40)])
    shown = show("campaign", "influencers", 7, columns=columns)
    assert shown.code == 0, shown.errors
    for whole in (
        "tkc_a1b2c3d4e5f6a7b8",
        "a.maker.with.a.long.name",
        "5,000,000",
        "1,250,000",
        "987,654,321",
    ):
        assert whole in shown.screen
    assert "gmv_cents" in shown.screen
    shown = show("campaign", "posts", 7, columns=columns)
    assert shown.screen.count("1,234,567") == 3
    assert len(re.findall(r"\b1,000\b", shown.screen)) == 3
    assert all(str(VIDEO + number) in shown.screen for number in (1, 2, 3))
    assert "fee_cents" in shown.screen


def test_a_table_is_a_table_where_it_fits_and_records_where_it_does_not(show: Any, sandbox: Sandbox) -> None:
    answers(sandbox, "campaigns.posts", [post(1), post(2, caption="x" * 200)])
    screens = (show("campaign", "posts", 7, columns=columns).screen for columns in (100, 50))
    wide, narrow = (re.sub(r"\x1b\[[0-9;]*m", "", screen) for screen in screens)
    assert len(wide.splitlines()) == 4
    assert all(len(line) <= 100 for line in wide.splitlines())
    assert "x…" in wide
    first, second = narrow.strip().split("\n\n")
    assert first.splitlines()[0].split() == ["post_id", str(VIDEO + 1)]
    assert len(second.splitlines()) == 7
    assert "fee_cents  1,000" in second
