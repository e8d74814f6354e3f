"""A quote that belongs to the text of a cell can't make rows vanish."""

from __future__ import annotations

import csv
import io
import json

import pytest
from source_rows import URL, fails, read, urls_of

from tokfluence_async.campaign.guards import REJECT_COLUMNS
from tokfluence_async.campaign.sources import Row


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|"])
@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        # A caption that begins with a quote, and a later one that ends with one.
        ([f'{URL.format(0)}~"best day', f"{URL.format(1)}~x", f'{URL.format(2)}~the end"'], (2, 4)),
        ([f'{URL.format(0)}~"best day', f'{URL.format(1)}~the end"', f"{URL.format(2)}~x"], (2, 3)),
        ([f"{URL.format(3)}~x", f'{URL.format(0)}~"best', f'{URL.format(1)}~the end"'], (3, 4)),
        # Not in the same column, so that the record has too few fields as well.
        ([f'{URL.format(0)}~"best day', f"{URL.format(1)}~x", f'"{URL.format(2)}"~x'], None),
        # Rows of short links vanish as well.
        (
            [f'{URL.format(0)}~"best', "https://vm.tiktok.com/ZMa/~x", 'https://vm.tiktok.com/ZMb/~end"'],
            (2, 4),
        ),
    ],
)
def test_rows_that_a_quote_swallows_are_an_error(
    end: str, delimiter: str, rows: list[str], lines: tuple[int, int] | None
) -> None:
    text = end.join(["url~caption", *rows, f"{URL.format(4)}~x", ""]).replace("~", delimiter)
    error = fails(text, delimiter=delimiter)
    assert error.source == "open file"
    if lines is None:
        return
    first, last = lines
    assert error.row == first
    assert f"opens on line {first} and closes on line {last}" in error.message
    assert "doubled" in error.message


def test_the_url_may_stand_behind_the_caption() -> None:
    rows = [f'"best day\t{URL.format(0)}', f"x\t{URL.format(1)}", f'the end"\t{URL.format(2)}']
    error = fails("\n".join(["caption\turl", *rows, f"z\t{URL.format(3)}", ""]))
    assert (error.row, "on line 2 and closes on line 4" in error.message) == (2, True)
    two = ["caption\turl", f'"best day\t{URL.format(0)}', f'the end"\t{URL.format(2)}', ""]
    assert fails("\n".join(two)).row == 2


def test_the_first_record_may_be_the_one() -> None:
    error = fails(f'{URL.format(0)}\t"best\n{URL.format(1)}\tend"\n{URL.format(2)}\tx\n', handle_column="")
    assert (error.row, "closes on line 2" in error.message) == (1, True)
    assert fails(f'url\t"note\n{URL.format(1)}\tend"\n{URL.format(2)}\tx\n').row == 1


def test_the_lines_are_told_behind_other_records_of_several_lines() -> None:
    rows = [f'{URL.format(0)}\t"a\nb\n\nc"\td', "", f'{URL.format(1)}\t"a\nb"\t"c', f'{URL.format(2)}\tx\td"']
    error = fails("\n".join(["url\tcaption\tmore", *rows, ""]))
    assert error.row == 7
    assert "opens on line 8 and closes on line 9" in error.message
    assert "'more'" in error.message


def test_rows_far_down_are_told_too() -> None:
    plain = f"{URL.format(5)}\tx\n" * 5000
    text = f'url\tcaption\n{plain}{URL.format(0)}\t"a\n{URL.format(1)}\tb"\n{plain}'
    assert fails(text).row == 5002


@pytest.mark.parametrize(
    "caption",
    [
        f"my other one:\n{URL.format(1)}",
        f"{URL.format(1)}\n{URL.format(2)}\nbye",
        "one, two;\tthree|\nfour, five",
        f"see {URL.format(1)}, and\nsome more, too",
        "https://example.com/a, x\nhttps://www.tiktok.com/@maker, y",
        f"{URL.format(1)}, all on one line",
        # URLs in sentences and lists, none of them where a row has its own.
        f"Part 2!\nPart 1: here, {URL.format(1)}, enjoy",
        f"the rest of it\nib, {URL.format(1)}",
        f"the rest of it\nib, {URL.format(1)}\nbye",
        "all of it\nshop now, https://vm.tiktok.com/ZMa/, with my code",
        f"related:\n{URL.format(1)}, {URL.format(2)}",
        f"related:\n{URL.format(1)},{URL.format(2)}\nbye",
        f"both:\n{URL.format(1)},\n{URL.format(2)}",
        f"{URL.format(1)}, first of three\nbye, all",
        json.dumps([URL.format(1), URL.format(2)], indent=2),
        json.dumps({"url": URL.format(1), "more": [URL.format(2), URL.format(3)]}, indent=2),
        f"['{URL.format(1)}',\n '{URL.format(2)}']",
        f"[{URL.format(1)}, {URL.format(2)},\n{URL.format(3)}, {URL.format(4)}]",
    ],
)
def test_what_is_one_text_stays_one(caption: str) -> None:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerows([["url", "caption"], [URL.format(0), caption], [URL.format(3), 'a "b"\nc']])
    rows = read(table.getvalue(), delimiter="comma")
    assert urls_of(rows) == [URL.format(0), URL.format(3)]
    assert isinstance(rows[0], Row)
    assert rows[0].record[1] == caption
    # Nor in a table with the caption first, or without a header.
    swapped = io.StringIO()
    csv.writer(swapped).writerows([["caption", "url"], [caption, URL.format(0)]])
    assert urls_of(read(swapped.getvalue(), delimiter="comma")) == [URL.format(0)]
    bare = io.StringIO()
    csv.writer(bare).writerow([URL.format(0), caption])
    assert urls_of(read(bare.getvalue(), delimiter="comma", handle_column="", url_column=1)) == [
        URL.format(0)
    ]


def test_rows_of_two_urls_are_missed_if_swallowed() -> None:
    rows = [f"{URL.format(n)}\t{URL.format(n)}\t{text}" for n, text in enumerate(['"best day', "x", 'end"'])]
    error = fails("\n".join(["post_url\tshare\tcaption", *rows, ""]))
    assert (error.row, "closes on line 4" in error.message) == (2, True)


def test_a_rejects_file_is_read_whatever_its_cells_hold() -> None:
    table = io.StringIO()
    odd = f'{URL.format(0)},"best\n{URL.format(1)},x'
    csv.writer(table).writerows([REJECT_COLUMNS, [odd, "", "5", "x.csv", "2", "invalid", "x", "y", "false"]])
    (row,) = read(table.getvalue())
    assert isinstance(row, Row)
    assert row.url == odd
