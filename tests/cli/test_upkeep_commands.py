"""`doctor`, `completion`, ``--events``, and what every command's help text has."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from agreeing import AGREED
from cyclopts import App

from tokfluence_async.cli.arguments import protect
from tokfluence_async.cli.commands import app
from tokfluence_async.cli.entry import run
from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Sheet = Callable[..., Path]


def commands(parent: App, *words: str) -> Iterator[tuple[str, ...]]:
    """Every command, as words."""
    for name in parent:
        if not name.startswith("-"):
            yield (*words, name)
            yield from commands(parent[name], *words, name)


COMMANDS = sorted(commands(app))


def test_every_command_is_found() -> None:
    assert {("preview",), ("export",), ("campaign", "delete"), ("post", "analyze"), ("doctor",)} <= set(
        COMMANDS
    )
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("words", [pytest.param(each, id=" ".join(each)) for each in COMMANDS])
def test_every_help_text_shows_an_example_that_parses(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    assert run([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert not err
    examples = re.findall(r"^  \$ (.*)$", out, re.MULTILINE)
    assert examples, out
    for line in examples:
        assert f"tokfluence {' '.join(words)}" in line
        assert len(line) <= 78, "it would be broken in a terminal of 80 columns"
        if "$(" in line or "|" in line:
            continue
        command, bound, _ = app.parse_args(
            protect(shlex.split(line)[1:]),
            print_error=False,
            exit_on_error=False,
        )
        assert bound.arguments or words in {("demo",), ("doctor",)}, command


def test_help_texts_import_nothing_heavy(offline_env: dict[str, str]) -> None:
    code = (
        "import sys; from tokfluence_async.cli.entry import run\n"
        "for words in (['preview'], ['export'], ['report'], ['campaign', 'posts']): run([*words, '--help'])\n"
        "heavy = {'aiohttp', 'asyncio', 'pyarrow', 'altair', 'vl_convert', 'orjson', 'sqlite3', 'pandas'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env=offline_env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_the_doctor_sends_nothing(cli: CLI, sandbox: Sandbox, key: str) -> None:
    code, out, err = cli("doctor")
    assert (code, err) == (0, "")
    assert f"{key[:13]}…, of the right form" in out
    assert key not in out
    assert sandbox.base_url in out
    assert not sandbox.requests()
    document = json.loads(cli("doctor", "--json")[1])
    assert document["ok"] is True
    names = {each["name"] for each in document["checks"]}
    assert names >= {"version", "libraries", "extras", "key", "base URL", "clock", "locks", "load files"}


def test_the_doctor_online_costs_a_credit_at_most(cli: CLI, sandbox: Sandbox) -> None:
    code, out, _ = cli("doctor", "--online")
    assert code == 0
    assert "reached, and the key is taken" in out
    assert "credits in the wallet" in out
    assert len(sandbox.requests()) == 1
    assert sandbox.ledger().net <= 1


def test_the_doctor_finds_what_is_wrong(
    cli: CLI, sandbox: Sandbox, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.revoke(key)
    code, out, _ = cli("doctor", "--online")
    assert (code, "401 unauthorized" in out) == (1, True)
    monkeypatch.setenv("TOKFLUENCE_API_KEY", "wrong")
    code, out, _ = cli("doctor", "--online")
    assert (code, "wrong" in out, "bad   key" in out) == (1, False, True)
    monkeypatch.delenv("TOKFLUENCE_API_KEY")
    assert "there is none" in cli("doctor")[1]
    monkeypatch.setenv("TOKFLUENCE_BASE_URL", "http://tokfluence.example")
    code, out, _ = cli("doctor")
    assert (code, "must be https" in out) == (1, True)


def test_the_doctor_asks_nothing_that_the_cap_has_no_room_for(cli: CLI, sandbox: Sandbox) -> None:
    code, out, err = cli("doctor", "--online", "--max-credits", "0")
    assert (code, err) == (1, "")
    assert "not asked: it costs 1 credit at most, and the cap is 0 credits" in out
    assert "base URL" in out
    assert not sandbox.requests()


def test_the_doctor_tells_what_is_not_limited_in_words(cli: CLI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKFLUENCE_REQUESTS_PER_MINUTE", "0")
    code, out, _ = cli("doctor")
    assert (code, "no limit on requests a minute" in out, "no cap" in out) == (0, True, True)


def test_the_doctor_names_what_is_not_installed(cli: CLI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    out = cli("doctor")[1]
    assert re.search(r"not installed +.*report.*pip install 'tokfluence-async\[.*report", out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(cli: CLI, shell: str) -> None:
    code, out, err = cli("completion", shell)
    assert (code, err) == (0, "")
    assert "influencers" in out
    if shell == "bash":
        # What it does not know the words of is completed as bash would: with the names of files.
        assert "\ncomplete -o bashdefault -o default -F _tokfluence tokfluence\n" in out
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, "-n"], input=out, text=True, check=True, capture_output=True)


def lines_of(text: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in text.splitlines()]
    assert [each["number"] for each in events] == list(range(1, len(events) + 1))
    assert {each["schema"] for each in events} == {"tokfluence.event/1"}
    times = [datetime.fromisoformat(each["time"]) for each in events]
    assert times == sorted(times)
    assert all(each.tzinfo is not None for each in times)
    return events


def test_events_of_a_load(cli: CLI, sheet: Sheet, tmp_path: Path, key: str, sandbox: Sandbox) -> None:
    sandbox.add_fault(call="posts.analyze", nth=1, effect="status", status=502)
    code, out, _ = cli("load", sheet(120), "--name", "A", *AGREED, "--json", "--events", "e.ndjson")
    assert code == 0
    file = tmp_path / "e.ndjson"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert key not in text
    events = lines_of(text)
    kinds = [each["event"] for each in events]
    assert kinds[-1] == "load_ended"
    assert {"load_started", "load_progress", "request_started", "request_ended"} <= set(kinds)
    assert events[-1]["report"] == json.loads(out)
    assert sum(each.get("accepted", 0) for each in events if each["event"] == "load_progress") == 120
    assert all("message" not in each for each in events if each["event"] == "request_ended")
    code, _, _ = cli("resume", "spring.tokload", "--events", "e.ndjson")
    assert code == 0
    # What the first run told is still there, and the second is numbered anew.
    assert file.read_text().startswith(text)
    assert [each["event"] for each in lines_of(file.read_text().removeprefix(text))] == ["load_ended"]


def test_events_after_a_crash_begin_on_a_line_of_their_own(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    file = tmp_path / "e.ndjson"
    file.write_text('{"number":1}\n{"num')
    assert cli("load", sheet(3), "--name", "A", *AGREED, "--events", file)[0] == 0
    first, cut, *rest = file.read_text().splitlines(keepends=True)
    assert (first, cut) == ('{"number":1}\n', '{"num\n')
    assert lines_of("".join(rest))[-1]["event"] == "load_ended"


def test_events_on_stdout_move_the_report_to_stderr(cli: CLI, sheet: Sheet) -> None:
    code, out, err = cli("load", sheet(3), "--name", "A", *AGREED, "--events", "-")
    assert code == 0
    assert lines_of(out)[-1]["report"]["state"] == "complete"
    assert "Load      complete" in err
    code, out, err = cli("resume", "spring.tokload", "--events", "-")
    assert (code, len(lines_of(out))) == (0, 1)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "out"])
def test_events_into_the_file_that_stdout_is(
    sheet: Sheet, env: dict[str, str], script: list[str], tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    for command in (["load", str(sheet(3)), "--name", "A", *AGREED], ["resume", "spring.tokload"]):
        with out.open("wb") as file:
            ended = subprocess.run(
                [*script, *command, "--events", name],
                env=env,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                text=True,
                timeout=30,
                check=False,
            )
        assert ended.returncode == 0, ended.stderr
        # Each line is a whole event, from the first to the report.
        assert lines_of(out.read_text())[-1]["event"] == "load_ended"
    assert "complete" in ended.stderr or "complete" in out.read_text()


@pytest.mark.parametrize("name", ["/dev/stderr", "/dev/fd/2", "err"])
def test_events_into_the_file_that_stderr_is(
    sheet: Sheet, env: dict[str, str], script: list[str], tmp_path: Path, name: str
) -> None:
    err = tmp_path / "err"
    with err.open("wb") as file:
        ended = subprocess.run(
            [*script, "load", str(sheet(3)), "--name", "A", *AGREED, "--json", "--events", name],
            env=env,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            timeout=30,
            check=False,
        )
    text = err.read_text()
    assert ended.returncode == 0, text
    assert "Load file" in text
    events = lines_of("".join(line for line in text.splitlines(keepends=True) if line.startswith("{")))
    assert events[-1]["report"] == json.loads(ended.stdout)


def test_events_into_an_open_file_are_added_where_it_is(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    file = tmp_path / "e.ndjson"
    with file.open("wb") as opened:
        opened.write(b"before\n")
        opened.flush()
        assert cli("load", sheet(3), "--name", "A", *AGREED, "--events", f"/dev/fd/{opened.fileno()}")[0] == 0
        opened.write(b"after\n")
    before, *events, after = file.read_text().splitlines()
    assert (before, after) == ("before", "after")
    assert lines_of("\n".join(events))[-1]["event"] == "load_ended"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--events", "/dev/stdout", "--json"], "--events /dev/stdout and --json both want standard output"),
        (["--events", "/dev/fd/1", "--json"], "standard output"),
        (["--events", "/dev/fd/987654"], "Bad file descriptor"),
        (["--events", "-", "--json"], "standard output"),
        (["--events", "missing/e.ndjson"], "--events"),
    ],
)
def test_where_events_can_not_go(
    cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox, words: list[str], says: str
) -> None:
    code, _, err = cli("load", sheet(3), "--name", "A", *AGREED, *words)
    assert code == 2
    assert says in err
    assert not sandbox.requests()
    assert [each.name for each in tmp_path.iterdir()] == ["spring.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_does_not_end_a_load(cli: CLI, sheet: Sheet) -> None:
    code, out, err = cli("load", sheet(3), "--name", "A", *AGREED, "--events", "/dev/full")
    assert code == 0
    assert err.count("events are no longer written") == 1
    assert "Load      complete" in out
