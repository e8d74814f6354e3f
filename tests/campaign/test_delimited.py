from __future__ import annotations

import codecs
import contextlib
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_rows import TABLE, URL, fails, read, urls_of

from tokfluence_async.campaign import textlines
from tokfluence_async.campaign.delimited import sniff
from tokfluence_async.campaign.sources import BadRow, InputOptions, Row, open_source
from tokfluence_async.errors import InputError


def test_a_table_becomes_rows(tmp_path: Path) -> None:
    file = tmp_path / "plan.csv"
    file.write_text(TABLE)
    with open_source(file) as stream:
        assert stream.header == ("url", "creator_handle", "fee_cents")
        assert stream.columns.fee_unit == "cents"
        assert list(stream) == [
            Row(
                2,
                URL.format(0),
                "kitchen.lab.07",
                50000,
                [URL.format(0), "@kitchen.lab.07", "50000"],
                str(file),
            ),
            Row(3, URL.format(1), None, None, [URL.format(1), "", ""], str(file)),
        ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_delimiters_line_ends_and_encodings_are_recognised(delimiter: str, end: str, encoding: str) -> None:
    text = (
        TABLE.replace(",", delimiter)
        .replace("\n", end)
        .replace("fee_cents", "fee_cents" + delimiter + "Notiz \u00e9\u20ac")
    )
    text = text.replace("50000", "50000" + delimiter + "sch\u00f6n").replace(
        delimiter * 2 + end, delimiter * 3 + end
    )
    rows = read(text.encode(encoding))
    assert urls_of(rows) == [URL.format(0), URL.format(1)]
    assert [row.number for row in rows] == [2, 3]
    assert isinstance(rows[0], Row)
    assert (rows[0].creator_handle, rows[0].fee_cents, rows[0].record[3]) == (
        "kitchen.lab.07",
        50000,
        "sch\u00f6n",
    )


@pytest.mark.parametrize(
    ("mark", "encoding"), [(codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF16_LE, "utf-16-le")]
)
def test_utf_16_of_either_order(mark: bytes, encoding: str) -> None:
    data = mark + TABLE.encode(encoding)
    assert (
        len(read(data)) == len(read(data, encoding="utf-16")) == len(read(data[2:], encoding=encoding)) == 2
    )


def test_quoted_commas_and_line_ends_keep_the_line_numbers() -> None:
    data = (
        f'url,notes\r\n{URL.format(0)},"a, b\r\nand ""c"""\r\n\r\n\r\n'
        f'"{URL.format(1)}",d\r\n,,\r\n , \r\n{URL.format(2)},e'
    )
    rows = read(data)
    assert [(row.number, row.record) for row in rows if isinstance(row, Row)] == [
        (2, [URL.format(0), 'a, b\r\nand "c"']),
        (6, [URL.format(1), "d"]),
        (9, [URL.format(2), "e"]),
    ]
    assert len(rows) == 3
    assert rows[0].text == f'{URL.format(0)},"a, b\r\nand ""c"""'


@pytest.mark.parametrize("mark", "\v\f\x1c\x1d\x1e\x85\u2028\u2029")
def test_only_line_ends_end_lines(mark: str) -> None:
    rows = read(f"url,notes\n{URL.format(0)},a{mark}b\n{URL.format(1)},c\n")
    assert [(row.number, row.text) for row in rows] == [
        (2, f"{URL.format(0)},a{mark}b"),
        (3, f"{URL.format(1)},c"),
    ]


def test_a_row_without_a_url_is_still_a_row() -> None:
    assert [(row.number, row.text) for row in read("url,notes\n,lost\n")] == [(2, ",lost")]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_any_block_size_reads_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = f'url,notes\r\n{URL.format(0)},"\u00e9\r\n\u20ac"\r\n{URL.format(1)},x\r{URL.format(2)},\U0001f355\n\r\n'
    # The delimiter is guessed by the first block, which real ones leave room for.
    options = {"delimiter": ","}
    expected = read(data, **options)
    monkeypatch.setattr(textlines, "BLOCK_BYTES", block)
    assert read(data, **options) == expected
    assert [row.number for row in expected] == [2, 4, 5]


def test_a_list_of_urls_needs_no_header() -> None:
    data = f"{URL.format(0)}?a=1,2\n\n{URL.format(1)}\n{URL.format(2)}\nwww.tiktok.com/@h/video/5\n"
    rows = read(data)
    assert [row.number for row in rows] == [1, 3, 4, 5]
    assert urls_of(rows)[0] == f"{URL.format(0)}?a=1,2"


def test_a_table_without_a_header_by_numbers() -> None:
    rows = read(
        f"50.00;{URL.format(0)};@h\n5;{URL.format(1)};@i\n", fee_column=1, handle_column=3, fee_unit="units"
    )
    assert [(r.number, r.fee_cents, r.creator_handle) for r in rows if isinstance(r, Row)] == [
        (1, 5000, "h"),
        (2, 500, "i"),
    ]


def test_the_separator_line_of_excel() -> None:
    rows = read(f"sep=;\r\nurl;notes, and more\r\n{URL.format(0)};a,b\r\n")
    assert [(row.number, row.text) for row in rows] == [(3, f'{URL.format(0)},"a,b"')]


def test_a_delimiter_may_be_told() -> None:
    assert urls_of(read(f"url~notes\n{URL.format(0)}~x\n", delimiter="~")) == [URL.format(0)]
    assert urls_of(read(f"url\tnotes\n{URL.format(0)}\tx\n", delimiter="tab")) == [URL.format(0)]


def test_decimal_commas_do_not_mislead_the_delimiter() -> None:
    rows = read(f"Post URL;Fee\n{URL.format(0)};1.234,50\n{URL.format(1)};500,00\n", fee_unit="units")
    assert [row.fee_cents for row in rows if isinstance(row, Row)] == [123450, 50000]


def test_sniffing_prefers_what_splits_all_records_alike() -> None:
    assert sniff(["url,notes\n", "x,a;b;c\n", "y,d;e\n"]) == ","
    assert sniff(["url\tnotes, more\n", "x\ta,b,c\n"]) == "\t"
    assert sniff(["url\n", "x\n"]) == ","
    assert sniff([]) == ","


def test_bad_rows_say_why() -> None:
    data = (
        f"url,creator_handle,fee_cents\n{URL.format(0)},Kitchen Lab,5\n"
        f"{URL.format(1)},@h,500.50\n{URL.format(2)},@h,-5\n"
        f'{URL.format(3)},@h\n{URL.format(4)},@h,5,6\n"{URL.format(5)}"x,@h,5\n{URL.format(6)},@h,5\n'
    )
    rows = read(data)
    bad = [row for row in rows if isinstance(row, BadRow)]
    assert [(row.number, row.reason) for row in bad] == [
        *((2, "bad_handle"), (3, "bad_fee"), (4, "bad_fee")),
        *((5, "malformed_row"), (6, "malformed_row"), (7, "malformed_row")),
    ]
    assert bad[0].text == f"{URL.format(0)},Kitchen Lab,5"
    assert "'Kitchen Lab'" in bad[0].message
    assert "negative" in bad[2].message
    assert bad[3].message == "expected 3 fields, found 2"
    assert bad[4].message == "expected 3 fields, found 4"
    assert bad[5].text == f'"{URL.format(5)}"x,@h,5'
    assert urls_of(rows) == [URL.format(6)]
    assert rows[-1].number == 8


def test_a_fee_in_another_currency_is_a_bad_row_and_the_first_is_told() -> None:
    stream = open_source(
        io.BytesIO(f"url,fee\n{URL.format(0)},$5\n{URL.format(1)},5 EUR\n".encode()),
        InputOptions(fee_unit="units"),
    )
    assert [type(row) for row in stream] == [Row, BadRow]
    assert stream.fees.currency == "$"


def test_a_quote_that_swallows_lines_is_an_error_with_its_line() -> None:
    rows = "".join(f"{URL.format(0)},note {n}\n" for n in range(50))
    error = fails(f'url,notes\n{rows}{URL.format(1)},"unclosed\n{rows}')
    assert error.row == 52
    assert "not closed" in error.message


def test_a_quote_that_swallows_a_big_file_is_an_error_with_its_line() -> None:
    rows = f"{URL.format(0)},note\n" * 40_000
    error = fails(f'url,notes\n{URL.format(1)},"unclosed\n{rows}')
    assert error.row == 2
    assert "not closed" in error.message


def test_a_quote_that_swallows_lines_up_to_another_is_an_error() -> None:
    error = fails(f'url,notes\n{URL.format(1)},"unclosed\n{URL.format(2)},fine\n{URL.format(3)},"quoted"\n')
    assert error.row == 2


def test_a_quote_left_open_in_the_header_is_an_error() -> None:
    assert fails(f'"url,notes\n{URL.format(1)},x\n').row == 1


def test_a_field_over_the_limit_is_a_bad_row() -> None:
    rows = read(f"url,notes\n{URL.format(0)},{'x' * 200_000}\n{URL.format(1)},y\n")
    assert [row.number for row in rows] == [2, 3]
    assert isinstance(rows[0], BadRow)
    assert rows[0].reason == "malformed_row"
    assert rows[0].text.startswith(URL.format(0))


def test_a_line_without_end_is_an_error() -> None:
    error = fails(f"url,notes\n{URL.format(0)},{'x' * 1_200_000}\n")
    assert error.row == 2
    assert "longer than" in error.message


@pytest.mark.parametrize("where", [0, 2, 5000])
def test_a_byte_that_can_not_be_decoded_is_named_with_its_place(where: int) -> None:
    good = "url,caf\u00e9\n" + f"{URL.format(0)},x\n" * where
    data = good.encode() + f"{URL.format(1)},caf\u00e9\n".encode("latin-1")
    error = fails(data)
    assert error.row == where + 2
    assert f"0xE9 at position {data.rindex(0xE9)}" in error.message
    assert "--encoding" in error.message
    assert error.__cause__ is None
    rows = read(data, encoding="cp1252")
    assert rows[-1].text.endswith("caf\u00e9")


def test_a_character_cut_off_at_the_end_is_named() -> None:
    data = f"url\n{URL.format(0)}\n\u20ac".encode()[:-1]
    error = fails(data)
    assert error.row == 3
    assert f"position {len(data) - 2}" in error.message


def test_a_byte_order_mark_counts_in_positions() -> None:
    data = codecs.BOM_UTF8 + b"url\n" + URL.format(0).encode() + b"\n\xff\n"
    assert f"0xFF at position {data.index(0xFF)} " in fails(data).message


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "a\0b"])
def test_an_encoding_that_does_not_exist(encoding: str) -> None:
    assert "no text encoding" in fails(TABLE, encoding=encoding).message


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised(encoding: str) -> None:
    # Names of creators in other scripts have no NULs; the URLs beside them have.
    data = (TABLE + f"{URL.format(2)},\u8bd7\u4eba\u0101\u0100,7\n").encode(encoding)
    with open_source(io.BytesIO(data)) as rows:
        assert urls_of(rows) == [URL.format(0), URL.format(1)]
        assert rows.notes == (f"read as {encoding.upper()} (guessed)",)
    with open_source(io.BytesIO(data), InputOptions(encoding=encoding)) as rows:
        assert rows.notes == ()
    with open_source(io.BytesIO(TABLE.encode("utf-16"))) as rows:
        assert rows.notes == ()


def test_utf_16_that_is_damaged_is_named_with_its_line() -> None:
    data = TABLE.encode("utf-16-le") + b"\x00\xdc\n\0"
    error = fails(data)
    assert error.row == 4
    assert f"position {len(data) - 4} is not UTF-16-LE" in error.message


def test_utf_32_without_a_mark_gets_a_hint() -> None:
    error = fails(TABLE.encode("utf-32-le"))
    assert "--encoding" in error.message
    assert error.row == 1


def test_a_nul_is_named_with_its_line() -> None:
    assert fails(TABLE + "x\0,,\n").row == 4


@pytest.mark.parametrize("data", ["", "\n\n", "\ufeff", "sep=,\n", "  \n,,\n"])
def test_an_empty_file_holds_no_rows(data: str) -> None:
    assert "holds no rows" in fails(data).message


@pytest.mark.parametrize("data", ["url\n", "url,notes\n\n,\n"])
def test_a_header_alone_holds_no_rows(data: str) -> None:
    assert "holds no rows" in fails(data).message


def test_a_unit_without_fees_is_an_error() -> None:
    error = fails(f"url,honorarium\n{URL.format(0)},5\n", fee_unit="units")
    assert "--fee-column" in error.message
    assert "'honorarium'" in error.message


def test_reading_is_lazy() -> None:
    class Counting(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.taken += len(data)
            return data

    file = Counting(f"url\n{URL.format(0)}\n".encode() + f"{URL.format(1)}\n".encode() * 20_000)
    stream = open_source(file)
    assert file.taken < 200_000
    rows = iter(stream)
    next(rows)
    assert file.taken < 200_000
    assert sum(1 for _ in rows) == 20_000


@given(
    records=st.lists(
        st.tuples(
            st.sampled_from([URL.format(n) for n in range(4)]),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
        ),
        min_size=1,
        max_size=20,
    ),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(deadline=None, max_examples=150)
def test_what_a_csv_writer_writes_is_read_back(
    records: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    text = f"url{delimiter}notes\n" + "".join(
        '"{}"{}"{}"\n'.format(url, delimiter, note.replace('"', '""')) for url, note in records
    )
    rows = read(text.encode(encoding), delimiter=delimiter)
    assert [tuple(row.record) for row in rows if isinstance(row, Row)] == records
    assert len(rows) == len(records)


@given(
    data=st.one_of(
        st.binary(max_size=200), st.text(st.sampled_from('url,;"\r\n\t|@/:.\0\u20ac5'), max_size=60)
    )
)
@settings(deadline=None, max_examples=300)
def test_any_file_gives_rows_or_an_input_error(data: bytes | str) -> None:
    numbers = [1]
    with contextlib.suppress(InputError):  # and nothing else
        numbers = [row.number for row in read(data)]
    assert numbers
    assert numbers == sorted(set(numbers))


def test_every_line_of_a_big_table_is_accounted_for() -> None:
    lines = [f"{URL.format(n % 10)},@h,{'5' if n % 7 else 'x'}" for n in range(30_000)]
    rows = read("url,handle,fee_cents\n" + "\n".join(lines))
    assert [row.number for row in rows] == list(range(2, 30_002))
    assert [row.text for row in rows] == lines
    assert Counter(type(row) for row in rows) == {Row: 30_000 - 4286, BadRow: 4286}
