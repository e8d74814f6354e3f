"""A text that is not UTF-8 is read as CP1252 where that is safe, and said aloud."""

from __future__ import annotations

import codecs
import io

import pytest
from source_rows import URL, fails, urls_of

from tokfluence_async.campaign import textlines
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.sources import InputOptions, open_source

SAID = "read as CP1252 (guessed, because it is not UTF-8; --encoding names another)"
HEAD = "URL;Notiz\r\n"


def rows_of(number: int, note: str = "x") -> str:
    return "".join(f"{URL.format(n % 10)};{note}\r\n" for n in range(number))


@pytest.mark.parametrize("before", [0, 3, 5000])
@pytest.mark.parametrize("note", ["M\u00fcller", "\u20ac \u201e\u0153\u201c \u2013 \u00ff"])
def test_what_excel_writes_is_read_wherever_its_first_letter_stands(before: int, note: str) -> None:
    data = (HEAD + rows_of(before) + rows_of(2, note)).encode("cp1252")
    with open_source(io.BytesIO(data)) as stream:
        rows = list(stream)
        assert stream.notes == (SAID,)
    assert len(urls_of(rows)) == before + 2
    assert rows[-1].text.endswith(f",{note}")
    with open_source(io.BytesIO(data), InputOptions(encoding="cp1252")) as stream:
        assert [row.text for row in stream] == [row.text for row in rows]
        assert stream.notes == ()


def test_a_name_in_the_header_is_read_too() -> None:
    data = f"URL;Honorar f\u00fcr\n{URL.format(0)};5\n".encode("cp1252")
    plan = CampaignBuilder("x").add_file(io.BytesIO(data)).plan()
    assert plan.notes == (
        "open file: URL from 'URL' (guessed); ignored: 'Honorar f\u00fcr'",
        f"open file: {SAID}",
    )


@pytest.mark.parametrize("size", [1, 7, 64])
def test_it_is_the_same_however_the_file_is_cut(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textlines, "BLOCK_BYTES", size)
    file = io.BytesIO("a\nb\u00e9\u00fc\nc\u00c3\u00a9\n".encode("cp1252"))
    lines = textlines.TextLines(file, name="x", try_cp1252=True)
    assert [line for block in lines.blocks() for line in block] == [
        "a\n",
        "b\u00e9\u00fc\n",
        "c\u00c3\u00a9\n",
    ]


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
@pytest.mark.parametrize("before", [0, 5000])
def test_bytes_that_cp1252_does_not_define_are_an_error(byte: int, before: int) -> None:
    data = (HEAD + rows_of(before)).encode() + bytes([byte]) + b"\r\n"
    error = fails(data)
    assert error.row == before + 2
    assert f"the byte 0x{byte:02X} at position {len(data) - 3} is not UTF-8" in error.message
    # Also where it was taken for CP1252 before.
    data = (HEAD + rows_of(1, "\u00fc") + rows_of(before)).encode("cp1252") + bytes([byte]) + b"\r\n"
    error = fails(data)
    assert error.row == (before + 3 if before else 2)
    assert "--encoding" in error.message
    if before:
        assert (
            f"0x{byte:02X} at position {len(data) - 3} is not CP1252; and other bytes here are not UTF-8"
            in error.message
        )


@pytest.mark.parametrize("before", [0, 5000])
def test_a_file_that_was_utf_8_so_far_stays_it(before: int) -> None:
    data = (HEAD + rows_of(1, "\u00fc") + rows_of(before)).encode() + rows_of(1, "\u00fc").encode("cp1252")
    error = fails(data)
    assert error.row == before + 3
    assert "0xFC" in error.message
    assert "is not UTF-8; name the file's encoding, for example --encoding cp1252" in error.message


def test_what_says_that_it_is_utf_8_is_not_taken_for_another() -> None:
    data = HEAD.encode() + rows_of(1, "\u00fc").encode("cp1252")
    assert "is not UTF-8" in fails(codecs.BOM_UTF8 + data).message
    assert "is not UTF-8" in fails(data, encoding="utf-8").message


def test_a_character_that_is_cut_off_at_the_end_tells_of_a_file_that_is() -> None:
    for lost in (1, 2):
        assert "is not UTF-8" in fails((HEAD + rows_of(1) + "\u20ac").encode()[:-lost]).message


@pytest.mark.parametrize("control", [b"\x1a", b"\x07", b"\x7f", b"\x00"])
def test_what_is_no_text_is_an_error(control: bytes) -> None:
    assert fails(HEAD.encode() + b"\xfc" + control + b"\n").row == 2
    error = fails(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert "is not UTF-8" in error.message


def test_json_lines_are_utf_8() -> None:
    file = io.BytesIO(f'{{"url": "{URL.format(0)}", "x": "\u00fc"}}\n'.encode("cp1252"))
    file.name = "a.jsonl"
    assert "is not UTF-8" in fails_of(file)


def fails_of(file: io.BytesIO) -> str:
    with pytest.raises(ValueError, match="UTF-8") as caught:
        list(open_source(file))
    return str(caught.value)
