"""Writes spring_launch.csv: a campaign's sheet as one arrives from an agency, with all that is wrong in such sheets.

Run it to write the file anew; the bytes are the same each time. All creators and posts are made up.
"""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen

TARGET = Path(__file__).with_name("spring_launch.csv")
HEADER = ("Creator", "Post URL", "Fee (cents)", "Campaign notes", "Published")
START = datetime(2025, 11, 3, 8, 0, tzinfo=UTC)
POSTS = 367
CREATORS = tuple(
    f"{topic}{number}"
    for topic in (
        "kitchen.lab.",
        "run_club_",
        "desk.plants.",
        "slow_knits_",
        "trail.notes.",
        "tiny_bakes_",
        "paint.swatch.",
        "bike_fix_",
        "tea.corner.",
        "thrift_rack_",
        "lens.test.",
        "garden_row_",
    )
    for number in ("07", "22", "31", "48")
)
FEES = (15_000, 20_000, 35_000, 50_000, 75_000, 120_000, 250_000)
TRACKING = (
    "",
    "?is_from_webapp=1&sender_device=pc",
    "?is_from_webapp=1&sender_device=pc&web_id=7412345678901234567",
    "?_r=1&_t=ZN-8tQkWmVb1cD",
    "?lang=en",
    "?utm_source=newsletter&utm_campaign=spring",
)
NOTES = (
    "",
    "",
    "",
    "approved",
    "hook, then product",
    'says "link in bio"',
    "reshoot, second cut",
    "paid boost",
)


@frozen
class Post:
    """One made-up post and its row."""

    creator: str
    video_id: int
    kind: str
    fee: int
    note: str
    published: datetime

    @property
    def plain_url(self) -> str:
        return f"https://www.tiktok.com/@{self.creator}/{self.kind}/{self.video_id}"

    def row(self, url: str, *, creator: str | None = None, fee: str | None = None) -> tuple[str, ...]:
        owner = f"@{self.creator}" if creator is None else creator
        return (owner, url, fee or str(self.fee), self.note, self.published.date().isoformat())


def noise(*parts: object) -> int:
    """A number that looks random and is the same in every version of Python."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big")


def post(number: int) -> Post:
    """The made-up post of a number; its id carries its time in the upper 32 bits, as TikTok's do."""
    creator = noise("creator", number) % len(CREATORS)
    published = START + timedelta(minutes=731 * number + noise("minute", number) % 600)
    return Post(
        creator=CREATORS[creator],
        video_id=(int(published.timestamp()) << 32) | noise("id", number) % 2**32,
        kind="photo" if noise("kind", number) % 12 == 0 else "video",
        fee=FEES[noise("fee", creator) % len(FEES)],
        note=NOTES[noise("note", number) % len(NOTES)],
        published=published,
    )


def usual_row(number: int, one: Post) -> tuple[str, ...]:
    """A row as most are: a copied URL with its tracking, now and then a mobile one or an empty cell."""
    if number % 23 == 5 and one.kind == "video":
        return one.row(f"https://m.tiktok.com/v/{one.video_id}.html")
    url = one.plain_url + TRACKING[noise("tracking", number) % len(TRACKING)]
    if number % 19 == 7:
        return one.row(url, creator="")
    if number % 41 == 11:
        return one.row(url, creator=f"https://www.tiktok.com/@{one.creator}")
    return one.row(url, creator=one.creator if number % 3 == 0 else None)


def other_spelling(number: int, one: Post) -> tuple[str, ...]:
    """The row of a post that stands in the sheet already, written in another way."""
    spellings = (
        one.plain_url.replace("https://www.", "http://"),
        one.plain_url.replace("https://", ""),
        f"{one.plain_url}/?lang=de-DE",
        one.plain_url.replace("www.tiktok.com/@", "WWW.TikTok.com/%40"),
        f"https://www.tiktok.com/embed/v2/{one.video_id}",
        f"https://www.tiktokv.com/share/video/{one.video_id}/",
        f" {one.plain_url} ",
        f"https://www.tiktok.com/player/v1/{one.video_id}",
    )
    return one.row(
        spellings[number % len(spellings)], creator=one.creator.upper() if number % 4 == 3 else None
    )


def rows() -> list[tuple[str, ...]]:
    """All rows, in the sheet's order."""
    posts = [post(number) for number in range(POSTS)]
    table = [usual_row(number, one) for number, one in enumerate(posts)]
    table[17] = (*table[17][:3], "two versions:\nA with voice-over, B without", table[17][4])
    conflicting = posts[120]
    extra = [other_spelling(number, posts[number * 13 + 2]) for number in range(22)]
    extra += [
        ("@run_club_22", "https://vm.tiktok.com/ZMhKq7Xw2/", "50000", "", "2026-03-02"),
        ("@tea.corner.31", "https://vt.tiktok.com/ZSrA4cB1p/", "35000", "", "2026-03-04"),
        ("@bike_fix_48", "https://www.tiktok.com/t/ZTdLm8Qe5/", "20000", "from the phone", "2026-03-05"),
        ("@lens.test.07", "https://vm.tiktok.com/ZMhPb3Yt9/", "75000", "", "2026-03-09"),
        conflicting.row(conflicting.plain_url, fee=str(conflicting.fee + 10_000)),
        (
            "@kitchen.lab.07",
            "https://www.tiktok.com/@kitchen.lab.07",
            "50000",
            "post to follow",
            "2026-03-11",
        ),
        ("@garden_row_22", "https://photos.example/p/DBx91kQ/", "35000", "wrong platform", "2026-03-12"),
        ("@slow_knits_31", "https://www.tiktok.com/@slow_knits_31/video/", "20000", "", "2026-03-12"),
        posts[200].row("https://www.tiktok.com/@trail.notes.48/live", creator="@trail.notes.48"),
        post(POSTS + 1).row(post(POSTS + 1).plain_url, fee="tbc"),
        (*post(POSTS + 2).row(post(POSTS + 2).plain_url)[:3], "columns, lost"),
    ]
    for number, row in enumerate(extra):
        table.insert(40 + number * 10, row)
    return table


def build() -> bytes:
    """The file, as a spreadsheet on Windows saves it: byte order mark, CRLF, quotes where needed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(rows())
    return text.getvalue().encode("utf-8-sig")


if __name__ == "__main__":
    TARGET.write_bytes(build())
    print(f"{TARGET.name}: {len(rows())} rows")
