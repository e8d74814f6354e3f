"""What a load writes besides its load file: never over what it reads or keeps, nor over what somebody has mended."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from agreeing import AGREED

from tokfluence_async.campaign.guards import REJECT_COLUMNS
from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Sheet = Callable[..., Path]

LOAD = ("--name", "Spring", *AGREED)
REJECTS = "spring.tokload.rejects.csv"
BESIDE = "spring.tokload.rejects.2.csv"


@pytest.fixture
def refused(cli: CLI, tmp_path: Path, sandbox: Sandbox) -> Callable[..., str]:
    """Runs a command that is to be refused: exit code 2, nothing sent, and every file as it was; what it says."""

    def call(*words: object) -> str:
        before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
        code, out, err = cli(*words)
        assert (code, out) == (2, ""), err
        assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before
        assert not sandbox.requests()
        return err

    return call


def rejects_sheet(path: Path) -> Path:
    cells = [
        "https://www.tiktok.com/@k/video/7301234567890900001",
        "k",
        "5",
        "s",
        "1",
        "invalid",
        "x",
        "y",
        "",
    ]
    path.write_text(f"{','.join(REJECT_COLUMNS)}\n{','.join(cells)}\n")
    return path


@pytest.mark.parametrize(
    "name", ["spring.tokload", "./spring.tokload", "link.tokload", "sub/../spring.tokload"]
)
@pytest.mark.parametrize("option", ["--rejects", "--events"])
def test_the_load_file_of_its_own_making_is_not_written_over(
    refused: Callable[..., str], sheet: Sheet, tmp_path: Path, option: str, name: str
) -> None:
    (tmp_path / "link.tokload").symlink_to("spring.tokload")
    (tmp_path / "sub").mkdir()
    said = refused("load", sheet(3, "nonsense,,"), *LOAD, option, name)
    assert "the load file" in said
    assert f"--state or {option}" in said


@pytest.mark.parametrize("option", ["--rejects", "--events"])
@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_nor_are_the_files_that_sqlite_keeps_beside_it(
    refused: Callable[..., str], cli: CLI, sheet: Sheet, option: str, suffix: str
) -> None:
    refused("load", sheet(3), *LOAD, option, f"spring.tokload{suffix}")
    assert cli("preview", sheet(3), "--name", "Spring", "--save", "saved.tokload")[0] == 0
    refused("load", sheet(3), *LOAD, option, f"saved.tokload{suffix}")
    refused("load", "saved.tokload", *AGREED, option, f"saved.tokload{suffix}")
    refused("resume", "saved.tokload", "--yes", option, f"saved.tokload{suffix}")


@pytest.mark.parametrize("option", ["--rejects", "--events"])
def test_a_source_that_a_pattern_finds_is_not_written_over(
    refused: Callable[..., str], sheet: Sheet, tmp_path: Path, option: str
) -> None:
    (tmp_path / "d").mkdir()
    sheet(3, name="d/x.csv")
    os.link(tmp_path / "d" / "x.csv", tmp_path / "other.csv")
    for name in ("d/x.csv", "other.csv"):
        said = refused("load", "d/*.csv", *LOAD, option, name, "--state", "b.tokload")
        assert "a source" in said
        assert option in said


@pytest.mark.parametrize("option", ["--rejects", "--events"])
def test_a_source_on_standard_input_is_not_written_over(
    script: list[str], env: dict[str, str], sheet: Sheet, tmp_path: Path, sandbox: Sandbox, option: str
) -> None:
    text = sheet(3).read_bytes()
    with (tmp_path / "spring.csv").open("rb") as source:
        ended = subprocess.run(
            [*script, "load", "-", *LOAD, option, "spring.csv"],
            env=env,
            cwd=tmp_path,
            stdin=source,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert option in ended.stderr
    assert (tmp_path / "spring.csv").read_bytes() == text
    assert not sandbox.requests()


def test_the_rejects_of_their_own_accord_are_not_written_over_a_source(
    refused: Callable[..., str], cli: CLI, tmp_path: Path
) -> None:
    source = rejects_sheet(tmp_path / "s.tokload.rejects.csv")
    said = refused("load", source.name, *LOAD, "--state", "s.tokload")
    assert "--rejects" in said
    assert cli("load", source.name, *LOAD, "--state", "t.tokload")[0] == 0
    assert source.exists()


@pytest.mark.parametrize("words", [(), ("--rejects", "r.csv")])
def test_events_and_rejects_are_two_files(
    refused: Callable[..., str], sheet: Sheet, words: tuple[str, ...]
) -> None:
    name = words[-1] if words else REJECTS
    said = refused("load", sheet(3, "nonsense,,"), *LOAD, *words, "--events", f"./{name}")
    assert "--rejects or --events" in said


def test_events_on_stdout_and_rejects_are_two_files(
    script: list[str], env: dict[str, str], sheet: Sheet, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("wb") as out:
        ended = subprocess.run(
            [*script, "load", sheet(3, "x,,"), *LOAD, "--events", "-", "--rejects", "out"],
            env=env,
            cwd=tmp_path,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert "--rejects or --events" in ended.stderr


def test_what_keeps_nothing_may_be_named_twice(cli: CLI, sheet: Sheet) -> None:
    code, _, err = cli("load", sheet(3, "x,,"), *LOAD, "--events", "/dev/null", "--rejects", "/dev/null")
    assert code == 3, err


def test_a_stream_is_added_to_whatever_file_it_is(
    script: list[str], env: dict[str, str], sheet: Sheet, tmp_path: Path
) -> None:
    words = [*script, "load", str(sheet(3, "nonsense,,")), *LOAD, "--rejects", "/dev/stderr"]
    (tmp_path / "log").write_text("earlier\n")
    with (tmp_path / "log").open("ab") as log:
        ended = subprocess.run(
            words, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=log, check=False
        )
    text = (tmp_path / "log").read_text()
    assert ended.returncode == 3, text
    assert text.startswith("earlier\n")
    assert ",".join(REJECT_COLUMNS) in text


@pytest.mark.parametrize("option", ["--rejects", "--events"])
def test_resume_does_not_write_over_the_source_either(
    refused: Callable[..., str], cli: CLI, sheet: Sheet, option: str
) -> None:
    assert cli("preview", sheet(3), "--name", "Spring", "--save", "spring.tokload")[0] == 0
    assert option in refused("resume", "spring.tokload", "--yes", option, "spring.csv")
    assert "--rejects" in refused("resume", "spring.tokload", "--yes", "--events", REJECTS)


def test_the_name_that_a_load_lacks_can_be_pasted(refused: Callable[..., str], sheet: Sheet) -> None:
    assert "such as --name 'it'\"'\"'s $HOME';" in refused("load", sheet(1, name="it's $HOME.csv"))


def test_rejects_that_were_mended_stay(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    assert cli("load", sheet(2, "nonsense,,"), *LOAD)[0] == 3
    ours = (tmp_path / REJECTS).read_bytes()
    assert cli("resume", "spring.tokload")[0] == 3
    assert not (tmp_path / BESIDE).exists(), "as it was written, it is written again"
    mended = ours.replace(b"nonsense", b"https://www.tiktok.com/@k/video/7301234567890900001")
    (tmp_path / REJECTS).write_bytes(mended)
    for _ in range(2):
        code, _, err = cli("resume", "spring.tokload")
        assert code == 3
        assert f"{REJECTS}: it is not as this load wrote it, and stays" in err
        assert f"Rejects   {BESIDE}: 1 row that was refused" in err
    assert (tmp_path / REJECTS).read_bytes() == mended
    assert (tmp_path / BESIDE).read_bytes() == ours
    assert sorted(each.name for each in tmp_path.glob("*rejects*")) == [BESIDE, REJECTS]


def test_rejects_of_another_load_stay(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    text = rejects_sheet(tmp_path / REJECTS).read_bytes()
    code, _, err = cli("load", sheet(2), *LOAD)
    assert code == 0
    assert f"{REJECTS}: it is not as this load wrote it, and stays" in err
    assert (tmp_path / REJECTS).read_bytes() == text


def test_rejects_that_are_named_are_written_there(cli: CLI, sheet: Sheet, tmp_path: Path) -> None:
    """As by a job that runs each day."""
    rejects_sheet(tmp_path / "r.csv")
    assert cli("load", sheet(2, "nonsense,,"), *LOAD, "--rejects", "r.csv")[0] == 3
    written = (tmp_path / "r.csv").read_bytes()
    assert b"nonsense" in written
    (tmp_path / "r.csv").write_bytes(written + b"mine\n")
    assert cli("resume", "spring.tokload", "--rejects", "r.csv")[0] == 3
    assert (tmp_path / "r.csv").read_bytes() == written


def test_the_first_load_keeps_its_file_and_buys_once(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    """The load file that the rejects once replaced is what keeps a second load from paying again."""
    assert cli("load", sheet(3, "nonsense,,"), *LOAD, "--rejects", "spring.tokload")[0] == 2
    assert cli("load", sheet(3, "nonsense,,"), *LOAD)[0] == 3
    assert cli("load", sheet(3, "nonsense,,"), *LOAD)[0] == 7
    code, out, _ = cli("status", "spring.tokload", "--json")
    assert (code, json.loads(out)["urls"]["accepted"]) == (3, 3)
    assert sandbox.ledger().net == 76


@pytest.mark.parametrize("command", [("export", "spring.tokload", "posts"), ("report", "spring.tokload")])
def test_what_comes_of_a_load_is_not_written_over_its_sources(
    cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox, command: tuple[str, ...]
) -> None:
    text = sheet(2).read_bytes()
    assert cli("load", "spring.csv", *LOAD, "--state", "spring.tokload")[0] == 0
    (tmp_path / "link.csv").symlink_to("spring.csv")
    os.link(tmp_path / "spring.csv", tmp_path / "hard.csv")
    sent = len(sandbox.requests())
    more = ("--format", "csv") if command[0] == "export" else ()
    for name in ("spring.csv", "./spring.csv", tmp_path / "spring.csv", "link.csv", "hard.csv"):
        code, out, err = cli(*command, "-o", name, *more)
        assert (code, out) == (2, "")
        assert "a source and the " in err
        assert "are one and the same; name another with --output. Nothing was sent" in err
        assert (tmp_path / "spring.csv").read_bytes() == text
    assert len(sandbox.requests()) == sent
    assert cli(*command, "-o", "other.csv", *more)[0] == 0


def test_nor_from_another_folder(
    cli: CLI, sheet: Sheet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sheet(2, "nonsense,,").read_bytes()
    assert cli("load", "spring.csv", *LOAD)[0] == 3
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    for words in (
        ("export", "../spring.tokload", "posts", "-o", "../spring.csv"),
        ("report", "../spring.tokload", "-o", "../spring.csv"),
        ("resume", "../spring.tokload", "--rejects", "../spring.csv"),
        ("resume", "../spring.tokload", "--events", "../spring.csv"),
    ):
        assert cli(*words)[0] == 2
        assert (tmp_path / "spring.csv").read_bytes() == text
