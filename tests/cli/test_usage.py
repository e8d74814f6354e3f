"""What goes wrong before anything is sent: exit 2, a line on stderr, and nothing created."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from agreeing import AGREED

from tokfluence_async import __version__
from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Shell = Callable[..., subprocess.CompletedProcess[str]]
Sheet = Callable[..., Path]


def test_the_script_and_the_module_tell_the_version(shell: Shell, offline_env: dict[str, str]) -> None:
    assert shell("--version").stdout == f"{__version__}\n"
    module = [sys.executable, "-m", "tokfluence_async", "--version"]
    ended = subprocess.run(
        module, env=offline_env, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert ended.stdout == f"{__version__}\n"


@pytest.mark.parametrize("command", ["preview", "load", "resume", "status", "sandbox", "demo"])
def test_every_command_has_a_help_text(cli: CLI, command: str) -> None:
    assert command in cli("--help")[1]
    code, out, err = cli(command, "--help")
    assert (code, err) == (0, "")
    assert f"Usage: tokfluence {command}" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["preview"], "name a file of posts"),
        (["preview", "x.csv", "y.csv"], "y.csv"),
        (["preview", "x.csv", "--conflict", "best"], "best"),
        (["preview", "x.csv", "--batch-size", "many"], "many"),
        (["load", "x.csv", "--name", "x", "--yess"], "--yess"),
        (["load", "x.csv", "--name", "x", "--no-yes"], "--no-yes"),
        (["load", "x.csv", "--name", "x", "--campaign-id", "0"], "campaign-id"),
        (["loud", "x.csv"], "loud"),
        (["preview", "x.csv", "--delimiter", ",,"], "delimiter"),
        (["preview", "x.csv", "--encoding", "no-such-one"], "no-such-one"),
        (["preview", "x.csv", "--currency", "euro"], "euro"),
        (["preview", "x.csv", "--batch-size", "0"], "at least 1"),
        (["preview", "missing.csv"], "no such file"),
        (["preview", f"{'x' * 300}.csv"], "File name too long"),
        (["load", f"{'x' * 300}.csv", "--name", "x", *AGREED], "File name too long"),
        (["preview", "x.csv", "--name", ""], "a campaign's name"),
        (["load", "x.csv", "--name", "", *AGREED], "a campaign's name"),
        (["preview", "."], ""),
        (["status", "missing.tokload"], "no such file"),
        (["resume", "-"], "no such file"),
        (["sandbox", "--port", "70000"], "port"),
        (["sandbox", "--host", "0.0.0.0"], "loopback"),
        (["demo", "missing.csv"], "no such file"),
    ],
)
def test_wrong_usage_exits_2_with_one_message(cli: CLI, tmp_path: Path, words: list[str], says: str) -> None:
    if "missing.csv" not in words:
        (tmp_path / "x.csv").write_text("url\nhttps://www.tiktok.com/@a/video/7568533133424000001\n")
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert err.startswith("tokfluence: error: ")
    assert says in err
    assert "Traceback" not in err


def test_a_missing_key_is_told_before_anything_is_made(
    cli: CLI, sheet: Sheet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    monkeypatch.delenv("TOKFLUENCE_API_KEY")
    code, out, err = cli("load", sheet(3), "--name", "Spring", *AGREED)
    assert (code, out) == (2, "")
    assert "TOKFLUENCE_API_KEY" in err
    assert [each.name for each in tmp_path.iterdir()] == ["spring.csv"]
    assert not sandbox.requests()


def test_nobody_to_ask_means_yes_must_be_said(
    cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox
) -> None:
    code, out, err = cli("load", sheet(3), "--name", "Spring", "--max-credits", "100")
    assert (code, out) == (2, "")
    assert "add --yes" in err
    assert "1 + 25 × 3 = 76" in err
    assert [each.name for each in tmp_path.iterdir()] == ["spring.csv"]
    assert not sandbox.requests()


def test_what_costs_more_than_its_cap_is_not_begun(
    cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox
) -> None:
    ended, out, err = cli("load", sheet(1), "--name", "Spring", "--yes", "--max-credits", "25")
    assert (ended, out) == (5, "")
    assert "more than the cap of 25" in err
    assert [each.name for each in tmp_path.iterdir()] == ["spring.csv"]
    assert not sandbox.requests()


def test_nobody_to_ask_means_a_cap_must_be_said(
    cli: CLI, sheet: Sheet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    cli("preview", sheet(3), "--name", "Spring", "--save", "saved.tokload")
    for words in (
        ("load", "spring.csv", "--name", "Spring"),
        ("load", "saved.tokload"),
        ("resume", "saved.tokload"),
    ):
        for agreed in ((), ("--yes",)):
            code, out, err = cli(*words, *agreed)
            assert (code, out) == (2, "")
            assert f"add --max-credits 76{'' if agreed else ' --yes'} (or set TOKFLUENCE_MAX_CREDITS)" in err
    assert {each.name for each in tmp_path.iterdir()} == {"spring.csv", "saved.tokload"}
    assert not sandbox.requests()
    monkeypatch.setenv("TOKFLUENCE_MAX_CREDITS", "76")
    code, out, _ = cli("load", "saved.tokload", "--yes", "--json")
    assert (code, json.loads(out)["credits"]["cap"]) == (0, 76)


@pytest.mark.parametrize(
    ("content", "words", "code", "says"),
    [
        ("", [], 2, "empty"),
        ("url\n", [], 2, ""),
        ("video;when\nx;y\n", ["--url-column", "nope"], 2, "nope"),
        ("url\nnot-a-post\n", [], 2, "nothing to load"),
        (
            "url,fee_cents\n{0},1\n{0},2\n",
            [],
            2,
            "--conflict first",
        ),
        ("url,fee\n{0},5.00\n", [], 2, "--fee-unit"),
        ("url,fee\n{0},EUR 5.00\n", ["--fee-unit", "units", "--currency", "USD"], 2, "EUR"),
        ("url\nhttps://vm.tiktok.com/x/\n{0}\n", ["--invalid", "fail"], 2, "short link"),
    ],
)
def test_what_can_not_be_bought_is_not_begun(
    cli: CLI, tmp_path: Path, sandbox: Sandbox, content: str, words: list[str], code: int, says: str
) -> None:
    source = tmp_path / "posts.csv"
    source.write_text(content.format("https://www.tiktok.com/@a/video/7568533133424000001"))
    ended, out, err = cli("load", source, "--name", "Spring", *AGREED, *words)
    assert (ended, out) == (code, "")
    assert says in err
    assert [each.name for each in tmp_path.iterdir()] == ["posts.csv"]
    assert not sandbox.requests()


def test_a_name_must_be_said_for_a_table(cli: CLI, sheet: Sheet) -> None:
    code, _, err = cli("load", sheet(1), *AGREED)
    assert code == 2
    assert "--name spring;" in err


def test_the_key_comes_from_a_file_too(
    cli: CLI, sheet: Sheet, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKFLUENCE_API_KEY")
    secret = tmp_path / "key"
    secret.write_text(f"{key}\n")
    secret.chmod(0o644)
    code, _, err = cli("load", sheet(2), "--name", "Spring", *AGREED, "--api-key-file", secret)
    assert code == 0
    assert "can be read by others" in err
    assert key not in err
    secret.chmod(0o600)
    code, _, err = cli(
        "load", sheet(2), "--name", "Two", *AGREED, "--state", "2.tokload", "--api-key-file", secret
    )
    assert code == 0
    assert "can be read" not in err


@pytest.mark.parametrize("content", ["", " \n", "\xff\xfe", "x" * 5000, "tkf_live_ab cd"])
def test_a_file_without_a_key_is_told_and_not_quoted(
    cli: CLI, sheet: Sheet, tmp_path: Path, content: str
) -> None:
    secret = tmp_path / "key"
    secret.write_text(content, encoding="latin-1")
    secret.chmod(0o600)
    code, _, err = cli("load", sheet(1), "--name", "Spring", *AGREED, "--api-key-file", secret)
    assert code == 2
    assert "key" in err
    assert not content.strip() or content.strip() not in err


def test_without_the_extra_the_message_names_it(offline_env: dict[str, str]) -> None:
    code = (
        "import sys; sys.modules['cyclopts'] = None; sys.argv = ['tokfluence', '--help']; "
        "from tokfluence_async.__main__ import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env=offline_env, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'tokfluence-async[cli]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_reader_that_left_is_no_error(started: Callable[..., subprocess.Popen[str]], sheet: Sheet) -> None:
    process = started("preview", sheet(10))
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(20) == 141
    assert process.stderr.read() == ""
    # communicate() in the fixture would trip over the closed stream
    process.stdout = None


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_the_shell_closed_is_done_without(
    script: list[str], offline_env: dict[str, str], sheet: Sheet, closed: str
) -> None:
    line = f'exec "$@" {closed}>&-'
    ended = subprocess.run(
        ["sh", "-c", line, "sh", *script, "preview", sheet(2)],
        env=offline_env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ("= 51" in ended.stdout) == (closed == "2")


@pytest.mark.parametrize("command", ["preview", "load"])
def test_standard_input_that_the_shell_closed_is_told(
    script: list[str], env: dict[str, str], tmp_path: Path, command: str
) -> None:
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *script, command, "-", "--name", "x"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "tokfluence: error: -: standard input is closed; name a file\n"


def test_a_folder_that_may_not_be_looked_into_is_told(
    cli: CLI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut" / "x.csv").write_text("url\n")
    (tmp_path / "shut").chmod(0)
    if os.access(tmp_path / "shut", os.X_OK):  # as root, whom no mode stops
        look, opened = os.stat, Path.open

        def refuse(path: Any, *words: Any, **more: Any) -> Any:
            if "shut/" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return look(path, *words, **more)

        def refuse_open(path: Path, mode: str) -> object:
            refuse(path)
            return opened(path, mode)

        monkeypatch.setattr(os, "stat", refuse)
        monkeypatch.setattr(Path, "open", refuse_open)
    for words in (["preview", "shut/x.csv"], ["load", "shut/x.csv", "--name", "x", *AGREED]):
        code, out, err = cli(*words)
        assert (code, out) == (2, "")
        assert err == "tokfluence: error: shut/x.csv: this file may not be read: permission denied\n"


@pytest.mark.parametrize("words", [["--help"], ["load", "--help"], ["--version"]])
def test_a_help_text_that_nobody_reads_is_no_error(
    script: list[str], offline_env: dict[str, str], words: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [*script, *words], env=offline_env, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("words", [["preview"], ["--help"], ["load", "--help"], ["--version"]])
def test_a_full_disk_is_told(
    script: list[str], offline_env: dict[str, str], sheet: Sheet, words: list[str]
) -> None:
    source = [sheet(2)] if words == ["preview"] else []
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*script, *words, *source],
            env=offline_env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "tokfluence: error: the output can't be written: No space left on device\n"


def test_ctrl_c_outside_a_load_exits_130(offline_env: dict[str, str], tmp_path: Path) -> None:
    # A process that runs tests may ignore SIGINT, and its children with it.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from tokfluence_async.__main__ import main; main()"
    )
    fifo = tmp_path / "posts.csv"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "preview", fifo], env=offline_env, stderr=subprocess.PIPE, text=True
    )
    # Opening for writing returns once the command is reading.
    with fifo.open("w") as writer:
        writer.write("url\n")
        writer.flush()
        # Python drops an interrupt that falls into a finaliser; a person presses Ctrl-C again.
        for _ in range(6):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                _, err = process.communicate(timeout=4)
                break
        else:
            process.kill()
            pytest.fail("six interrupts did not end it")
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_pipe_with_a_name_is_read_whole(shell: Shell, tmp_path: Path) -> None:
    fifo = tmp_path / "posts"
    os.mkfifo(fifo)
    post = "https://www.tiktok.com/@a/video/7568533133424000001"
    writer = threading.Thread(target=fifo.write_text, args=(f"url\n{post}\n",))
    writer.start()
    ended = shell("preview", fifo)
    writer.join(20)
    assert ended.returncode == 0, ended.stderr
    assert "1 + 25 × 1 = 26" in ended.stdout


def test_a_bug_is_told_in_full(cli: CLI, sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("out of reach")

    monkeypatch.setattr("tokfluence_async.cli.previewing.build_plan", broken)
    code, _, err = cli("preview", sheet(1))
    assert code == 1
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("tokfluence: error: ZeroDivisionError")
