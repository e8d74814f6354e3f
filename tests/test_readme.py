"""What the README shows is what happens: each of its examples is run against the sandbox."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from agreeing import AGREED

from tokfluence_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(match[1], match[2], README[: match.start()].count("\n") + 1) for match in FENCE.finditer(README)]
PYTHON = [
    (code, line) for language, code, line in BLOCKS if language == "python" and "pytest_plugins" not in code
]
SHELL = [code for language, code, _ in BLOCKS if language == "console" and "tokfluence preview" in code]
AFTER = [code for language, code, _ in BLOCKS if language == "console" and "tokfluence wait" in code]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def test_the_three_uses_are_there() -> None:
    assert len(PYTHON) == 3
    assert len(SHELL) == 1


@pytest.mark.parametrize("code", [pytest.param(code, id=f"line {line}") for code, line in PYTHON])
def test_python(code: str, folder: Path, tokfluence_env: Sandbox) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    for expected in re.findall(r"print\(plan\.estimate\.formula\)  # (.*)", code):
        assert expected in done.stdout
    assert not tokfluence_env.ledger().charged_twice


def test_shell(folder: Path, tokfluence_env: Sandbox) -> None:
    expected = {"preview": 0, "load": 3, "resume": 3, "status": 3}
    seen: list[str] = []
    for line in SHELL[0].replace("\\\n", "").splitlines():
        words = shlex.split(line.removeprefix("$ "))
        assert words[0] == "tokfluence"
        words[0] = str(Path(sysconfig.get_path("scripts")) / "tokfluence")
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        seen.append(words[1])
        assert done.returncode == expected[words[1]], f"{line}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
    assert seen == list(expected)
    assert not tokfluence_env.ledger().charged_twice


def test_the_rest_of_the_job(folder: Path, tokfluence_env: Sandbox) -> None:
    """Each command as it stands, after a load."""
    script = str(Path(sysconfig.get_path("scripts")) / "tokfluence")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60, check=False)

    options = ["--conflict", "first", *AGREED, "--state", "spring.tokload"]
    assert run(script, "load", "examples/spring_launch.csv", "--name", "Spring", *options).returncode == 3
    lines = [shlex.split(line.removeprefix("$ "), comments=True) for line in AFTER[0].splitlines()]
    assert [words[1] for words in lines] == ["wait", "export", "report", "resume", "--help"]
    for words in lines:
        done = run(script, *words[1:])
        assert done.returncode == (3 if words[1] == "resume" else 0), f"{words}\n{done.stdout}\n{done.stderr}"
    assert (folder / "posts.parquet").stat().st_size > 1000
    assert b"</html>" in (folder / "report.html").read_bytes()


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench"])
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    if target in {"demo", "test", "bench"}:
        assert f"make {target}" in README
