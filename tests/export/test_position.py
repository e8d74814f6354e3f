"""Places in the comments of many posts, and their text."""

from __future__ import annotations

import shlex
import string

import pytest

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.export import Position


@pytest.mark.parametrize("text", ["7568", "7568:400", "7568:abc==", "7568:400,7569:,7570:200"])
def test_a_position_reads_back(text: str) -> None:
    assert Position.parse(str(Position.parse(text))) == Position.parse(text)


def test_a_position_is_one_word_whatever_its_cursors_are() -> None:
    place = Position("1", "a,2:b c%2C", (("3", "$(x)`'\"+/é"), ("4", None), ("5", 0)))
    assert Position.parse(str(place)) == place
    assert shlex.split(str(place)) == [str(place)]
    assert set(str(place)) <= {*string.ascii_letters, *string.digits, *":,%=-_.~"}


def test_a_position_elsewhere_is_refused() -> None:
    for text in (
        "",
        ":1",
        "garbage",
        "7568:1,",
        "7568:1,7568:",
        "7568:1,7569:1,7569:2",
        "7568:1,x:1",
        "garbage:200",
        "75x:1",
        "7568:a b",
        "７５:1",
    ):
        with pytest.raises(ConfigurationError):
            Position.parse(text)
