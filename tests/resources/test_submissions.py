"""What may be submitted for analysis: 25 credits each."""

from __future__ import annotations

import io
from collections import deque
from typing import Any

import pytest

from tokfluence_async import ConfigurationError
from tokfluence_async.resources.submissions import checked_entries

URL = "https://www.tiktok.com/@alice/video/7234567890123456789"
OTHER = "https://www.tiktok.com/@bob/video/7234567890123456790"


class Table:
    """As a data frame is: iterated, it gives the names of its columns."""

    columns = ("url", "handle")
    shape = (2, 2)

    def __iter__(self) -> Any:
        return iter(self.columns)


def test_lines_of_a_file_have_no_ends() -> None:
    assert checked_entries(io.StringIO(f"{URL}\n {OTHER}\r\n")) == [(URL, None, 0), (OTHER, None, 0)]  # type: ignore[arg-type]
    assert checked_entries([(f"{URL} ", " alice\n", 5)]) == [(URL, "alice", 5)]


def test_a_url_is_the_same_whatever_blanks_are_around_it() -> None:
    with pytest.raises(ConfigurationError, match="submitted twice"):
        checked_entries([f"{URL}\n", URL])


@pytest.mark.parametrize("inside", ["\n", "\t", "\0", "\x7f", "\u200b", "\u202e", "\ud800"])
def test_characters_that_no_url_has(inside: str) -> None:
    with pytest.raises(ConfigurationError, match=r"posts\[1\]: .* can't be seen"):
        checked_entries([OTHER, f"{URL}{inside}x"])
    with pytest.raises(ConfigurationError, match=r"posts\[0\]: the creator's handle"):
        checked_entries([(OTHER, f"al{inside}ice", 0)])


@pytest.mark.parametrize("wrong", ["7234567890123456789", "url", "alice"])
def test_what_is_no_url(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"posts\[1\]: '{wrong}' is no URL"):
        checked_entries([OTHER, wrong])
    with pytest.raises(ConfigurationError, match=r"posts\[0\]: .* is no URL"):
        checked_entries([(wrong, "alice", 0)])


@pytest.mark.parametrize("url", ["vm.tiktok.com/ZM1", "/@alice/video/1", "tiktok.com", "https://b/x y"])
def test_whatever_may_be_one_is_left_to_the_api(url: str) -> None:
    assert checked_entries([url]) == [(url, None, 0)]


def test_a_table_s_columns_are_not_its_urls() -> None:
    table: Any = Table()
    with pytest.raises(
        ConfigurationError, match=r"posts must be a list, not a table \(Table\): pass a column"
    ):
        checked_entries(table)


def test_data_frames_and_their_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"url": [URL, OTHER]})
    with pytest.raises(ConfigurationError, match="pass a column"):
        checked_entries(frame)
    assert [url for url, _, _ in checked_entries(frame["url"])] == [URL, OTHER]


def test_only_sets_have_no_order() -> None:
    byurl = {URL: 1, OTHER: 2}
    ordered: list[Any] = [byurl.keys(), [*byurl], deque(byurl), iter(byurl), {1: URL, 2: OTHER}.values()]
    for posts in ordered:
        assert [url for url, _, _ in checked_entries(posts)] == [URL, OTHER]
    unordered: list[Any] = [{URL}, frozenset([URL]), byurl]
    for posts in unordered:
        with pytest.raises(ConfigurationError, match=r"posts must be a list, not (set|frozenset|dict)"):
            checked_entries(posts)


def test_a_fee_is_whole_cents() -> None:
    wrong: list[Any] = [True, 1.0, "5", -1, 2**63, 10**5000, None]
    for fee in wrong:
        with pytest.raises(ConfigurationError, match=r"posts\[0\]: the fee must be whole cents"):
            checked_entries([(URL, None, fee)])
