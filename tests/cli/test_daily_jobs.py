"""A job whose source has the same name each day: its load file of the day before is not taken for today's."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from agreeing import AGREED

from tokfluence_async.sandbox import Sandbox

CLI = Callable[..., tuple[int, str, str]]
Sheet = Callable[..., Path]


def test_it_is_told_whose_the_load_file_is(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    assert cli("load", sheet(3), "--name", "Day 1", *AGREED)[0] == 0
    sent = len(sandbox.requests())
    code, out, err = cli("load", sheet(2), "--name", "Day 2", *AGREED)
    assert (code, out) == (7, "")
    assert "spring.tokload" in err
    assert "holds campaign 'Day 1', which is complete; `tokfluence resume spring.tokload` shows" in err
    assert "this is 'Day 2': name another file for it, such as `--state Day-2.tokload`" in err
    assert len(sandbox.requests()) == sent
    assert cli("load", "spring.csv", "--name", "Day 2", *AGREED, "--state", "Day-2.tokload")[0] == 0


def test_the_state_of_the_other_is_told(cli: CLI, sheet: Sheet, sandbox: Sandbox) -> None:
    assert cli("preview", sheet(3), "--name", "Day 1", "--save", "spring.tokload")[0] == 0
    code, _, err = cli("load", "spring.csv", "--name", "Day 2", *AGREED)
    assert code == 7
    assert "holds campaign 'Day 1', a saved plan of which nothing was sent yet; `tokfluence load" in err
    sandbox.add_fault(effect="status", status=401, call="posts.analyze")
    assert cli("load", "spring.tokload", *AGREED)[0] == 4
    code, _, err = cli("load", "spring.csv", "--name", "Day 2", *AGREED)
    assert code == 7
    assert "holds campaign 'Day 1', which was begun already; `tokfluence resume spring.tokload`" in err
    for name in ("Day 2", "Day 1"):
        assert "--state Day-" in cli("load", "spring.csv", "--name", name, *AGREED)[2]


@pytest.mark.parametrize("more", [(), ("--json",), ("--markdown",)])
@pytest.mark.parametrize("taken", [False, True])
def test_the_next_command_of_a_preview_works(
    cli: CLI, sheet: Sheet, tmp_path: Path, sandbox: Sandbox, more: tuple[str, ...], *, taken: bool
) -> None:
    assert cli("load", sheet(3), "--name", "Day 1", *AGREED)[0] == 0
    if taken:
        (tmp_path / "Day-2.tokload").write_text("mine")
    out = cli("preview", sheet(2), "--name", "Day 2", *more)[1]
    text = json.loads(out)["next"] if "--json" in more else out[out.rindex("tokfluence load") :]
    words = shlex.split(text.split("\n")[0])
    assert words[-2:] == ["--state", "Day-2-2.tokload" if taken else "Day-2.tokload"]
    code, out, err = cli(*words[1:], "--yes")
    assert code == 0, err
    assert sandbox.ledger().net == 76 + 51


def test_a_name_that_is_free_needs_no_word(cli: CLI, sheet: Sheet) -> None:
    assert "--state" not in cli("preview", sheet(2), "--name", "Day 1")[1]
