"""The command line against a sandbox: as the real console script, or in this process where that is enough."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tokfluence_async.cli.entry import run
from tokfluence_async.sandbox import Sandbox, Switches, serve_in_thread

SCRIPT = Path(sysconfig.get_path("scripts"), "tokfluence")
PATIENCE = 30


@pytest.fixture
def switches() -> Switches:
    return Switches()


@pytest.fixture
def sandbox(switches: Switches) -> Iterator[Sandbox]:
    with serve_in_thread(switches=switches) as sandbox:
        yield sandbox


@pytest.fixture
def key() -> str:
    return "tkf_live_" + "a" * 32


@pytest.fixture
def offline_env() -> dict[str, str]:
    """An environment without any of the client's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TOKFLUENCE_")}


@pytest.fixture
def env(offline_env: dict[str, str], sandbox: Sandbox, key: str) -> dict[str, str]:
    """An environment that leads to the sandbox, with short waits."""
    return offline_env | {
        "TOKFLUENCE_BASE_URL": sandbox.base_url,
        "TOKFLUENCE_API_KEY": key,
        "TOKFLUENCE_SETTLE": "0.3",
        "TOKFLUENCE_BACKOFF": "0.02",
    }


@pytest.fixture
def script() -> list[str]:
    """The console script that pip made; the module, where the package was not installed by pip."""
    return [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "tokfluence_async"]


@pytest.fixture
def shell(
    env: dict[str, str], script: list[str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the console script in a folder of its own, to its end."""

    def call(*words: object, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*script, *map(str, words)],
            env=env,
            cwd=tmp_path,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return call


@pytest.fixture
def started(
    env: dict[str, str], script: list[str], tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the console script, and sees to it that it has ended."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*script, *map(str, words)],
            env=env,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def cli(
    env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command in this process: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TOKFLUENCE_")]:
        monkeypatch.delenv(name)
    for name, value in env.items():
        if name.startswith("TOKFLUENCE_"):
            monkeypatch.setenv(name, value)

    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([*map(str, words)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    """Writes a table of posts, each of another video."""

    def write(posts: int, *more: str, name: str = "spring.csv", handle: str = "some.creator") -> Path:
        path = tmp_path / name
        rows = [
            f"https://www.tiktok.com/@{handle}/video/75685331334240{number:05},{handle},5000"
            for number in range(posts)
        ]
        path.write_text("\n".join(["url,creator,fee_cents", *rows, *more]) + "\n")
        return path

    return write
