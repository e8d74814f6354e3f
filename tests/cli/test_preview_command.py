from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from agreeing import AGREED

from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Shell = Callable[..., subprocess.CompletedProcess[str]]
Sheet = Callable[..., Path]

POST = "https://www.tiktok.com/@a/video/7568533133424099999"

WITHOUT_A_SOCKET = """
import socket, sys

def refuse(*words):
    raise AssertionError("a connection was opened")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from tokfluence_async.__main__ import main
try:
    main()
finally:
    heavy = {"aiohttp", "pyarrow", "ssl", "asyncio"} & set(sys.modules)
    print("heavy:", *sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["--help"], ["preview", "spring.csv"]])
def test_a_dry_run_opens_no_connection_and_imports_no_http(
    offline_env: dict[str, str], sheet: Sheet, tmp_path: Path, words: list[str]
) -> None:
    sheet(60)
    env = offline_env | {
        "TOKFLUENCE_BASE_URL": "http://127.0.0.1:9",
        "TOKFLUENCE_API_KEY": "not a key, and not looked at",
    }
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_SOCKET, *words],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (ended.returncode, ended.stderr) == (0, "heavy:\n")
    assert [each.name for each in tmp_path.iterdir()] == ["spring.csv"]
    assert words == ["--help"] or "1 + 25 × 60 = 1,501" in ended.stdout


def test_the_preview_as_json(cli: CLI, sheet: Sheet) -> None:
    source = sheet(60, f"{POST},,", f"{POST},,", "nonsense,,", "https://vm.tiktok.com/x/,,")
    code, out, err = cli("preview", source, "--name", "Spring", "--currency", "EUR", "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert shown.pop("plan_id")
    assert shown.pop("samples").keys() == shown["reasons"].keys() == {"duplicate", "not_a_url", "short_link"}
    assert shown.pop("notes")
    assert shown.pop("next").startswith("tokfluence load ")
    assert shown.pop("rejects") is None
    assert shown.pop("sources") == [{"name": str(source), "counted": "line"}]
    assert shown == {
        "schema": "tokfluence.preview/1",
        "file": None,
        "name": "Spring",
        "currency": "EUR",
        "rows": 64,
        "valid": 62,
        "duplicates": 1,
        "invalid": 2,
        "conflicts": 0,
        "urls": 61,
        "batches": 2,
        "batch_size": 50,
        "credits": {"create": 1, "per_url": 25, "total": 1526, "saved": 75},
        "eta_seconds": 3.0,
        "without_handle": 0,
        "other_creators": 0,
        "other_creators_at": [],
        "from_future": 0,
        "without_time": 0,
        "reasons": {"duplicate": 1, "not_a_url": 1, "short_link": 1},
    }


def test_the_name_is_made_from_the_files(cli: CLI, sheet: Sheet) -> None:
    _, out, _ = cli("preview", sheet(1, name="spring launch.csv"))
    assert "Campaign  'spring launch' (made from the source's name" in out


def test_the_next_command_can_be_copied(cli: CLI, sheet: Sheet) -> None:
    source = sheet(3, f"{POST},,1", f"{POST},,2", name="the posts.csv")
    code, out, _ = cli("preview", source, "--batch-size", "2", "--delimiter", ",")
    assert code == 0
    following = out.splitlines()[-1]
    assert following.startswith("Next: tokfluence load ")
    words = shlex.split(following.removeprefix("Next: tokfluence "))
    assert words[-6:] == ["--batch-size", "2", "--conflict", "first", "--max-credits", "101"]
    code, out, _ = cli(*words, "--yes", "--json")
    assert (code, json.loads(out)["urls"]["accepted"]) == (0, 4)


def test_standard_input_is_a_source(shell: Shell, sandbox: Sandbox) -> None:
    rows = f"url\n{POST}\n"
    ended = shell("preview", "-", "--delimiter", ",", stdin=rows)
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1] == (
        "Next: tokfluence load - --name stdin --delimiter , --max-credits 26 --yes"
    )
    ended = shell("load", "-", "--name", "From a pipe", *AGREED, "--json", stdin=rows)
    assert (ended.returncode, json.loads(ended.stdout)["file"]) == (0, "From-a-pipe.tokload")
    assert sandbox.ledger().net == 26


def test_only_invalid_rows_are_previewed_but_not_saved(cli: CLI, tmp_path: Path) -> None:
    source = tmp_path / "posts.csv"
    source.write_text("url\nhttps://www.tiktok.com/@someone\n")
    code, out, _ = cli("preview", source)
    assert code == 0
    assert "nothing would be bought" in out
    code, out, err = cli("preview", source, "--save", "x.tokload")
    assert code == 2
    assert "nothing to load" in err
    assert not (tmp_path / "x.tokload").exists()


def test_an_undecided_conflict_is_previewed_but_not_saved(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    sheet(1, f"{POST},,1", f"{POST},,2")
    code, out, err = cli("preview", "spring.csv", "--save", "x.tokload")
    assert code == 2
    assert "Undecided: 1 row" in out
    assert err.startswith("tokfluence: error: spring.csv:4: 1 row names a video that")
    assert "--conflict first" in err
    assert not (tmp_path / "x.tokload").exists()


def test_where_it_can_not_be_saved_is_told_before_the_preview(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    (tmp_path / "shut").mkdir(mode=0o500)
    for name, says in (
        ("taken", "exists already"),
        ("none/x.tokload", "no such folder"),
        ("shut/x", "written"),
    ):
        if name == "shut/x" and os.access(tmp_path / "shut", os.W_OK):
            continue  # as root, whom no mode stops
        code, out, err = cli("preview", sheet(1), "--save", name)
        assert (code, out) == (2, "")
        assert err.startswith(f"tokfluence: error: {name}: ")
        assert says in err


def test_a_saved_plan_is_a_load_file(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    code, out, _ = cli("preview", sheet(3), "--name", "Spring", "--save", "spring.tokload")
    assert code == 0
    assert "Saved as spring.tokload. Nothing was sent." in out
    assert out.splitlines()[-1] == "Next: tokfluence load spring.tokload --max-credits 76"
    assert (tmp_path / "spring.tokload").stat().st_mode & 0o777 == 0o600
    code, out, _ = cli("status", "spring.tokload", "--json")
    assert (code, json.loads(out)["urls"]["unsent"]) == (0, 3)
    assert cli("preview", sheet(3), "--save", "spring.tokload")[0] == 2
    code, _, err = cli("preview", "spring.tokload")
    assert code == 2
    assert "tokfluence status spring.tokload" in err


def test_a_file_whose_name_begins_with_a_dash(cli: CLI, sheet: Sheet) -> None:
    sheet(2, name="-posts.csv")
    code, out, _ = cli("preview", "--", "-posts.csv")
    assert code == 0
    assert "tokfluence load ./-posts.csv --name=-posts" in out


@pytest.mark.parametrize("form", [[], ["--markdown"]])
@pytest.mark.parametrize("told", ["\t", "tab"])
def test_a_tab_is_told_by_its_name(cli: CLI, tmp_path: Path, form: list[str], told: str) -> None:
    (tmp_path / "a.txt").write_text(f"url\tnote, short\n{POST}\ta, b\n")
    code, out, _ = cli("preview", "a.txt", "--delimiter", told, *form)
    assert code == 0
    next_line = next(line for line in out.splitlines() if "tokfluence load" in line)
    words = shlex.split(next_line.partition("tokfluence ")[2])
    assert words[words.index("--delimiter") + 1] == "tab"
    assert cli("preview", "a.txt", "--delimiter", "tab")[0] == 0


def test_a_name_for_people_is_made_of_any_file_name(cli: CLI, sheet: Sheet) -> None:
    sheet(1, name="esc\x1b[31m.csv")
    code, out, _ = cli("preview", "esc\x1b[31m.csv")
    assert code == 0
    assert "Campaign  'esc_[31m' (made" in out


def test_a_sign_beside_the_fees_is_mentioned(cli: CLI, tmp_path: Path) -> None:
    source = tmp_path / "posts.csv"
    source.write_text(f"url,fee\n{POST},€5.00\n")
    _, out, _ = cli("preview", source, "--fee-unit", "units")
    assert "the fees are marked €; without --currency" in out
    assert cli("preview", source, "--fee-unit", "units", "--currency", "EUR")[0] == 0
    assert cli("preview", source, "--fee-unit", "units", "--currency", "USD")[0] == 2


def test_text_of_the_input_does_not_drive_the_terminal(cli: CLI, tmp_path: Path) -> None:
    source = tmp_path / "posts.csv"
    source.write_text("url,creator\n\x1b[31mred\u202e,a\n" + f"{POST},a\n")
    _, out, _ = cli("preview", source)
    assert "red" in out
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_a_terminal_without_unicode_still_gets_a_preview(
    script: list[str], offline_env: dict[str, str], sheet: Sheet
) -> None:
    env = offline_env | {"PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(
        [*script, "preview", sheet(2)], env=env, capture_output=True, check=False, timeout=20
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert rb"1 + 25 \xd7 2 = 51" in ended.stdout
