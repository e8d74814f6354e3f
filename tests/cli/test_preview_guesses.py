"""What a preview says of guesses that may cost money: creators, currencies, units and decimal marks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

CLI = Callable[..., tuple[int, str, str]]


def url(number: int) -> str:
    return f"https://www.tiktok.com/@tea_1/video/73012345678901{number:05}"


def sheet(folder: Path, name: str, header: str, *rows: str) -> Path:
    file = folder / name
    file.write_text("\n".join([header, *(f"{url(number)},{row}" for number, row in enumerate(rows)), ""]))
    return file


def test_a_column_of_foreign_keys_is_not_taken_for_creators(cli: CLI, tmp_path: Path) -> None:
    file = sheet(tmp_path, "fk.csv", "post_url,creator_id,fee_cents", "1717,100", "4242,100")
    code, out, _ = cli("preview", file)
    assert code == 0
    assert "Assumed   " in out
    assert "creator not taken from 'creator_id': in 2 of the first 2 rows that tell" in out
    assert "--handle-column creator_id takes it all the same" in out
    assert "Warning" not in out
    assert "Creator taken from the URL in 2 rows." in out


def test_rows_with_another_creator_than_the_urls_are_warned_of(cli: CLI, tmp_path: Path) -> None:
    file = sheet(tmp_path, "posts.csv", "post_url,channel", "organic", "tea_1", *["paid"] * 8)
    told = ("preview", file, "--handle-column", "channel")
    where = "line 2, line 4, line 5, line 6, line 7 and 4 more"
    warning = (
        f"9 rows with another creator than the URL's ({where}): each is bought for the one that the row names"
    )
    _, out, _ = cli(*told)
    assert f"Warning: {warning}" in out
    _, out, _ = cli(*told, "--markdown")
    assert "9 rows with another creator than the URL's" in out
    assert "line 2, line 4" in out
    _, out, _ = cli(*told, "--json")
    shown = json.loads(out)
    assert shown["other_creators"] == 9
    assert shown["other_creators_at"] == [{"source": str(file), "row": row} for row in (2, 4, 5, 6, 7)]
    _, out, _ = cli("preview", file, "--handle-column", "")
    assert "Warning" not in out


def test_places_in_several_files_are_named_in_full(cli: CLI, tmp_path: Path) -> None:
    files = [
        sheet(tmp_path, name, "post_url,creator_handle", "tea_1", "friend") for name in ("a.csv", "b.csv")
    ]
    _, out, _ = cli("preview", *files)
    assert f"2 rows with another creator than the URL's ({files[0]}:3, {files[1]}:3)" in out


def test_a_file_in_cents_goes_with_one_in_units(cli: CLI, tmp_path: Path) -> None:
    cents = sheet(tmp_path, "a.csv", "url,fee_cents", "100")
    units = tmp_path / "b.csv"
    units.write_text(f"url,fee\n{url(7)},10.00\n")
    code, out, _ = cli("preview", cents, units, "--fee-unit", "units")
    assert code == 0
    assert "fee in cents from 'fee_cents' (guessed)" in out
    assert "fee in units from 'fee' (guessed)" in out
    assert "2  to send" in out
    code, _, err = cli("preview", cents, "--fee-unit", "units")
    assert code == 2
    assert "says cents, and --fee-unit units is given" in err


def test_the_decimal_mark_can_be_told(cli: CLI, tmp_path: Path) -> None:
    file = sheet(tmp_path, "de.csv", "url,fee", "1.500")
    _, out, _ = cli("preview", file, "--fee-unit", "units")
    assert "--decimal comma or --decimal point" in out
    _, out, _ = cli("preview", file, "--fee-unit", "units", "--decimal", "comma")
    assert "1  to send" in out
    assert "--fee-unit units --decimal comma" in out.splitlines()[-1]
    code, _, err = cli("preview", file, "--fee-unit", "units", "--decimal", "dot")
    assert (code, "comma" in err) == (2, True)


def test_letters_are_shown_as_they_are(cli: CLI, tmp_path: Path) -> None:
    file = sheet(
        tmp_path, "posts.csv", "url,creator", "M\u00fcller", "\u305f\u306a\u304b", "\x1b[31m\u202ered"
    )
    code, out, _ = cli("preview", file)
    assert code == 0
    assert "'M\u00fcller' is not a TikTok username" in out
    assert "'\u305f\u306a\u304b'" in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    _, out, _ = cli("preview", file, "--json")
    messages = {each["message"] for each in json.loads(out)["samples"]["bad_handle"]}
    assert "'M\u00fcller' is not a TikTok username, a profile's URL or a tkc_ id" in messages
