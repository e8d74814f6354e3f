from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.reporting.figures import compact, duration, money, percent, quotient, ratio, whole
from tokfluence_async.reporting.markup import data_block, element, link, table, text
from tokfluence_async.unseen import without_unseen


class Reader(HTMLParser):
    """What a browser would see: tags, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.said = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.said += data


PRINTABLE = st.text(st.characters(blacklist_categories=["Cc", "Cf", "Cs"]))


@given(PRINTABLE)
def test_text_stays_text(said: str) -> None:
    read = Reader(element("p", said, title=said).html)
    assert read.tags == ["p"]
    assert read.said == said
    assert read.attributes == {"title": said}


@given(st.text())
def test_data_stays_data(said: str) -> None:
    try:
        said.encode()
    except UnicodeEncodeError:
        return
    html = data_block("chart-x", {"said": said}).html
    shown = without_unseen(said).replace("\u2028", " ").replace("\u2029", " ")
    read = Reader(html)
    assert read.tags == ["script"]
    assert html.count("<") == 2
    assert json.loads(re.fullmatch(r"<script[^>]*>(.*)</script>", html, re.DOTALL)[1]) == {"said": shown}  # type: ignore[index]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://a b", 'https://a"b', "//x", "", None]
)
def test_what_is_no_address_of_the_web_is_no_link(url: str | None) -> None:
    assert Reader(link(url, "label").html).tags == []


def test_a_link() -> None:
    read = Reader(link("https://www.tiktok.com/@a/video/1?x=1&y=2", "label").html)
    assert (read.tags, read.said) == (["a"], "label")
    assert read.attributes["href"] == "https://www.tiktok.com/@a/video/1?x=1&y=2"
    assert "noopener" in (read.attributes["rel"] or "")


def test_a_table_and_marks_that_nobody_sees() -> None:
    html = table(["name", "n"], [["a\u202eb\x1b[31m\ud800", "1"]], numbers=[1]).html
    assert '<td data-head="name">ab[31m\\ud800</td>' in html
    assert '<td class="number" data-head="n">1</td>' in html


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u061c", "\u200b", "\u200f", "\x1b", "\x07", "\ufeff"])
def test_marks_that_reorder_text_are_in_no_chart_either(mark: str) -> None:
    said = f"a{mark}b"
    spec = {"layer": [{"data": {"values": [{"name": said}]}, "sort": (said,)}]}
    html = data_block("chart-x", spec).html
    assert mark not in html
    assert f"\\u{ord(mark):04x}" not in html.lower()
    assert html.count('"ab"') == 2
    assert text(said).html == "ab"


def test_numbers_of_any_size_are_numbers_of_a_script() -> None:
    html = data_block("chart-x", [2**53, 2**63 * 40, -(10**400), float("nan"), True]).html
    assert json.loads(html.partition(">")[2].removesuffix("</script>")) == [
        2**53, 2.0**63 * 40, -1e300, None, True,
    ]  # fmt: skip


def test_figures() -> None:
    assert [whole(None), whole(1234567)] == ["–", "1,234,567"]
    assert [compact(each) for each in (None, 999, 12_345, 1_250_000, 3_000_000_000, -20_000)] == [
        "–", "999", "12.3 k", "1.2 M", "3.0 B", "-20.0 k",
    ]  # fmt: skip
    assert [money(each, "USD") for each in (None, 5, -123456, 10**18 + 1)] == [
        "–", "0.05 USD", "-1,234.56 USD", "10,000,000,000,000,000.01 USD",
    ]  # fmt: skip
    assert money(100, "") == "1.00"
    assert [percent(0.0712), ratio(1.4), percent(None), ratio(None)] == ["7.1 %", "1.40", "–", "–"]
    assert [quotient(each, by) for each, by in ((1, 4), (0, 4), (None, 4), (1, 0), (1, None), (10**400, 1))] == [
        0.25, 0.0, None, None, None, None,
    ]  # fmt: skip
    assert [percent(1e308), ratio(-1e308), ratio(float("nan"))] == ["1.0e+308", "-1.0e+308", "nan"]
    assert [duration(each) for each in (4.21, 185, 7620)] == ["4.2 s", "3 min 05 s", "2 h 07 min"]
