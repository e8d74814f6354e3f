from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.cli.sanitise import sanitise


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain, with ümlauts, 中文 and 👍", "plain, with ümlauts, 中文 and 👍"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://evil.test\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mC1\x9d0;title\x9c", "C1"),
        ("one\r\ntwo\tthree\u2028four", "one two three four"),
        ("over\b\b\bwrite\x00\x7f", "overwrite"),
        ("\u202egnp.exe\u2066x\u2069\u200f", "gnp.exex"),
        ("a\u200bb\ufeffc", "abc"),
        ("\x1b", ""),
        ("lone \udc80 surrogate", "lone \\udc80 surrogate"),
    ],
)
def test_what_drives_a_terminal_is_taken_out(text: str, clean: str) -> None:
    assert sanitise(text) == clean


def test_long_text_ends_in_an_ellipsis() -> None:
    assert sanitise("abcdef", 4) == "abc…"
    assert sanitise("abcd", 4) == "abcd"


@given(st.text(alphabet=st.characters()))
def test_no_control_character_is_left(text: str) -> None:
    assert not {unicodedata.category(each) for each in sanitise(text)} & {"Cc", "Zl", "Zp", "Cs"}
