"""The commands that are printed for a person to paste: right in a shell, and harmless on a terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from agreeing import AGREED
from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.report import Credits, LoadReport, URLCounts
from tokfluence_async.cli.arguments import command, quoted
from tokfluence_async.cli.render import report_lines
from tokfluence_async.cli.sanitise import sanitise
from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Sheet = Callable[..., Path]
Shell = Callable[..., subprocess.CompletedProcess[str]]

BASH = shutil.which("bash") or ""
needs_bash = pytest.mark.skipif(not BASH, reason="bash is not installed")

POST = "https://www.tiktok.com/@a/video/7568533133424099999"
NAMES = [
    "plain.csv",
    "a b.csv",
    "it's.csv",
    'q"uote.csv',
    "$HOME`x`.csv",
    "-dash.csv",
    "=equals.csv",
    "*[1].csv",
    "back\\slash.csv",
    "bang!.csv",
    "日本.csv",
    "```.csv",
    "tab\tname.csv",
    "new\nline's.csv",
    "esc\x1b[31m.csv",
    "esc\x1b]0;title.csv",
    "rtl\u202e!\\.csv",
    "no\u00a0break.csv",
    "bad\udcff.csv",
]
WORDS = st.text(
    st.sampled_from("ab01 \t\n\x1b\x9b[31m'\"\\$`!=-\u202e\u2028\u200b日\udcff")
    | st.characters(codec="utf-8"),
    max_size=8,
).map(lambda text: text.replace("\0", ""))


def split(text: str) -> list[str]:
    """The words of a command, as bash hands them over."""
    ended = subprocess.run(
        [BASH, "-c", f"tokfluence() {{ printf '%s\\0' \"$@\"; }}; {text}"],
        capture_output=True,
        check=True,
        env={"PATH": os.defpath, "LC_ALL": "C"},
    )
    return os.fsdecode(ended.stdout).split("\0")[:-1]


def test_plain_words_stay_as_they_are() -> None:
    assert (
        command("load", "spring.csv", "--name", "Ünï 日本", 7)
        == "tokfluence load spring.csv --name 'Ünï 日本' 7"
    )
    assert quoted("") == "''"


def test_what_a_terminal_would_not_show_is_spelled_out() -> None:
    assert quoted("a\tb's\\!\x1b[0m") == r"$'a\tb\'s\\\x21\x1b[0m'"
    assert quoted("x\u202ey\udcff1") == r"$'x\xe2\x80\xaey\xff1'"
    assert quoted("=x") == "'=x'", "zsh takes it for a command's path"


@needs_bash
@settings(deadline=None, max_examples=25)
@given(st.lists(WORDS, min_size=1, max_size=30))
@example(NAMES)
def test_a_shell_gets_the_very_words_and_a_terminal_nothing_else(words: list[str]) -> None:
    text = command(*words)
    assert sanitise(text) == text
    assert "\n" not in text
    assert split(text) == words


def next_of(out: str, form: str) -> str:
    if form == "--json":
        found: str = json.loads(out)["next"]
        return found
    pattern = r"^\$ (tokfluence .*)$" if form else r"^Next: (tokfluence .*)$"
    (only,) = re.findall(pattern, out, re.MULTILINE)
    return str(only)


@needs_bash
@pytest.mark.parametrize("form", ["", "--json", "--markdown"])
def test_the_next_command_names_the_files(cli: CLI, tmp_path: Path, form: str) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_text(f"url\n{POST[:-2]}{number:02}\n")
    total = str(1 + 25 * len(NAMES))
    code, out, err = cli("preview", "--name", "N '1", *filter(None, [form]), "--", *NAMES)
    assert code == 0, err
    text = next_of(out, form)
    assert sanitise(text) == text
    files = [f"./{name}" if name.startswith("-") else name for name in NAMES]
    assert split(text) == ["load", *files, "--name", "N '1", "--max-credits", total]


@needs_bash
@pytest.mark.parametrize("form", ["", "--json", "--markdown"])
@pytest.mark.parametrize("column", ["U\tRL", "\x1b[2Jurl", "\u202elru", "-u\nrl"])
def test_the_next_command_names_the_column(cli: CLI, tmp_path: Path, column: str, form: str) -> None:
    (tmp_path / "a.csv").write_text(f'"{column}",other\n{POST},x\n')
    code, out, err = cli(
        "preview", "a.csv", "--delimiter", ",", f"--url-column={column}", *filter(None, [form])
    )
    assert code == 0, err
    words = split(next_of(out, form))
    assert column in words or f"--url-column={column}" in words
    code, out, err = cli(*words, "--yes", "--json")
    assert (code, json.loads(out)["urls"]["accepted"]) == (0, 1), err


IN_DOUBT = LoadReport(
    state="needs_review",
    stopped_by=None,
    message="",
    campaign_id=7,
    file="-d.tokload",
    urls=URLCounts(accepted=0, rejected=0, duplicate=0, invalid=0, unsent=0, unknown=1),
    credits=Credits(planned=26, cap=None, charged_min=1, charged_max=26, remaining=None),
    requests=2,
    retries=0,
    elapsed_seconds=0.1,
)
CONNECTION = ["--base-url", "http://127.0.0.1:9", "--api-key-file", "./-key", "--settle", "0.1"]


def not_applied(report: LoadReport) -> str:
    plan = CampaignBuilder("Spring").add(POST).plan()
    text = "\n".join(line.text for line in report_lines(report, plan, CONNECTION))
    (found,) = re.findall(r"If it was not applied: (tokfluence .*)", text)
    return str(found)


def test_what_to_type_if_it_was_not_applied_leads_where_the_load_did() -> None:
    expected = f"tokfluence resume ./-d.tokload {' '.join(CONNECTION)} --resubmit-unknown"
    assert not_applied(IN_DOUBT) == expected
    odd = not_applied(evolve(IN_DOUBT, file="a\tb.tokload"))
    assert odd.startswith(r"tokfluence resume $'a\tb.tokload' --base-url")


def test_flags_that_are_what_is_wrong_are_left_out_of_it() -> None:
    assert not_applied(evolve(IN_DOUBT, stopped_by="plan_stale")) == (
        "tokfluence resume ./-d.tokload --resubmit-unknown"
    )


@needs_bash
def test_what_is_printed_for_a_doubt_resolves_it(
    shell: Shell, sandbox: Sandbox, sheet: Sheet, env: dict[str, str], key: str, tmp_path: Path
) -> None:
    sandbox.add_fault(effect="reset", call="posts.analyze", phase="after_charge", nth=2)
    (tmp_path / "key").write_text(key)
    (tmp_path / "key").chmod(0o600)
    elsewhere = ("--base-url", env.pop("TOKFLUENCE_BASE_URL"), "--api-key-file", "key")
    del env["TOKFLUENCE_API_KEY"]
    ended = shell(
        "load",
        sheet(20),
        "--name",
        "Spring",
        *AGREED,
        "--batch-size",
        10,
        "--state",
        "./-d.tokload",
        *elsewhere,
    )
    assert ended.returncode == 8, ended.stderr
    (printed,) = re.findall(r"If it was not applied: (tokfluence .*)", ended.stdout)
    ended = shell(*split(printed), "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["urls"]["accepted"] == 20
