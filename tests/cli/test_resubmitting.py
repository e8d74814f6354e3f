"""The commands that a load names after a resubmission that the cap stopped lead to its end."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from answering import LOST, Answer, Answering, Asked
from loads import KEY, video_id

URLS = 20


@pytest.fixture
def api() -> Iterator[Answering]:
    """Charges each batch, and does nothing for it; its answer is lost."""

    serving = Answering()

    def after(asked: Asked, answer: Answer) -> Answer:
        if asked.call == "analyze" and not asked.repeated:
            serving.tracked.clear()
            return LOST
        return answer

    serving.after = after
    with serving:
        yield serving


def test_the_next_command_buys_what_it_says(
    api: Answering, offline_env: dict[str, str], script: list[str], tmp_path: Path
) -> None:
    urls = [f"https://www.tiktok.com/@maker_{number}/video/{video_id(number)}" for number in range(URLS)]
    (tmp_path / "in.txt").write_text("\n".join(urls))
    env = offline_env | {
        "TOKFLUENCE_API_KEY": KEY,
        "TOKFLUENCE_BASE_URL": api.base_url,
        "TOKFLUENCE_SETTLE": "0.05",
        "TOKFLUENCE_BACKOFF": "0.01",
    }

    def call(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [*script, *words], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    def following(out: str) -> list[str]:
        (line,) = (each for each in out.splitlines() if each.startswith("Next: tokfluence "))
        return shlex.split(line)[2:]

    options = ("--name", "Spring", "--yes", "--batch-size", "10", "--state", "x.tokload")
    assert call("load", "in.txt", *options, "--max-credits", "520")[0] == 8
    code, out = call("resume", "x.tokload", "--resubmit-unknown")
    assert code == 5
    words = following(out)
    assert words == ["resume", "x.tokload", "--resubmit-unknown", "--max-credits", "1012"]
    assert following(call("status", "x.tokload")[1]) == words
    api.after = lambda _, answer: answer
    code, out = call(*words)
    assert code == 0, out
    assert "Done: nothing is left to do." in out
