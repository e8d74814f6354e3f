"""The rejects file: every row that was not accepted, safe to open in a spreadsheet, and fit to be loaded again."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.purchase import rejection
from tokfluence_async.campaign.records import Settlement, State
from tokfluence_async.campaign.rejects import read_rejects
from tokfluence_async.campaign.rejectsfile import COLUMNS, default_path, place_beside, write_rejects
from tokfluence_async.campaign.sources import open_source
from tokfluence_async.errors import LoadFileError, LoadFileInUseError
from tokfluence_async.session.budget import Charge

URL = "https://www.tiktok.com/@maker/video/{}"
IDS = [str(7_300_000_000_000_000_000 + n * 1_000_003) for n in range(8)]
GOOD = [URL.format(each) for each in IDS]


def written(file: LoadFile, path: Path) -> list[dict[str, str]]:
    write_rejects(file, path)
    with path.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def load_file(plan: Plan, path: Path, *, settled: bool = True) -> LoadFile:
    """A load file of which the first batch was bought, two of its posts not accepted."""
    file = LoadFile.create(path, plan)
    if settled:
        (first, *_) = records.batches_after(file.db, State.PENDING, 0, 10)
        posts = records.posts_of(file.db, first.id)
        outcomes = (
            rejection(posts[1], "rejected", "creator_not_found", "=cmd|' /C calc'!A0"),
            rejection(posts[2], "rejected", "upstream_error", "try again"),
        )
        accepted = len(posts) - len(outcomes)
        records.settle_batch(
            file.db,
            first,
            Settlement(State.APPLIED, Charge(50, 100), accepted=accepted, rejected=2, outcomes=outcomes),
        )
    return file


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    rows = [
        *([url, "@maker", str(number * 100)] for number, url in enumerate(GOOD)),
        [GOOD[0], "maker", "0"],
        ['=HYPERLINK("http://x")', "maker", "5"],
        ["https://www.tiktok.com/@maker", "", ""],
        [URL.format("7300000000000000777"), "@Not A Handle!", "7"],
        [URL.format("7300000000000000778"), "maker", "-5"],
        ["https://vm.tiktok.com/ZMabc/", "maker", "9", "one too many"],
    ]
    out = io.StringIO()
    csv.writer(out).writerows([["Post URL", "Creator", "Fee (cents)"], *rows])
    path = tmp_path / "sheet.csv"
    path.write_text(out.getvalue())
    return path


def test_every_row_that_was_refused_is_there(sheet: Path, tmp_path: Path) -> None:
    plan = CampaignBuilder("Spring", batch_size=4).add_file(sheet).plan()
    file = load_file(plan, tmp_path / "spring.tokload")
    found = written(file, tmp_path / "rejects.csv")
    file.close()
    assert tuple(found[0]) == COLUMNS
    assert {each["source"] for each in found} == {str(sheet)}
    assert [(each["row"], each["outcome"], each["code"], each["retryable"]) for each in found] == [
        ("3", "rejected", "creator_not_found", "false"),
        ("4", "rejected", "upstream_error", "true"),
        ("11", "invalid", "not_a_url", "false"),
        ("12", "invalid", "profile", "false"),
        ("13", "invalid", "bad_handle", "false"),
        ("14", "invalid", "bad_fee", "false"),
        ("15", "invalid", "malformed_row", "false"),
    ]
    assert [each["fee_cents"] for each in found[:2]] == ["100", "200"]
    assert found[-1]["url"] == "https://vm.tiktok.com/ZMabc/,maker,9,one too many"


def test_no_cell_is_a_formula(sheet: Path, tmp_path: Path) -> None:
    plan = CampaignBuilder("Spring", batch_size=4).add_file(sheet).plan()
    file = load_file(plan, tmp_path / "spring.tokload")
    for each in written(file, tmp_path / "rejects.csv"):
        assert not [cell for cell in each.values() if cell[:1] in set("=+-@\t\r\n")]
    file.close()


def test_it_can_be_loaded_again(sheet: Path, tmp_path: Path) -> None:
    plan = CampaignBuilder("Spring", batch_size=4).add_file(sheet).plan()
    file = load_file(plan, tmp_path / "spring.tokload")
    path = default_path(file.path)
    assert path.name == "spring.tokload.rejects.csv"
    assert write_rejects(file, path) == 7
    file.close()
    again = CampaignBuilder("Spring, again").add_file(path).plan()
    sent = {post.url: (post.creator_handle, post.fee_cents) for post in plan.posts()}
    wanted = [GOOD[1], GOOD[2]]
    assert [post.url for post in again.posts()] == wanted
    assert {post.url: (post.creator_handle, post.fee_cents) for post in again.posts()} == {
        url: sent[url] for url in wanted
    }
    assert again.reasons == {"not_a_url": 2, "profile": 1, "bad_handle": 1, "bad_fee": 1}


@pytest.mark.parametrize("fee", ["1.234", "12,345,6", "$5", "99999999999999999999"])
def test_a_fee_that_is_wrong_in_units_is_not_right_in_cents(fee: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(f'url;fee\n{GOOD[0]};5 EUR\n{GOOD[1]};"{fee}"\n')
    plan = CampaignBuilder("x").add_file(sheet, InputOptions(fee_unit="units")).plan()
    assert plan.reasons == {"bad_fee": 1}
    file = load_file(plan, tmp_path / "x.tokload", settled=False)
    write_rejects(file, tmp_path / "r.csv")
    file.close()
    again = CampaignBuilder("y").add_file(tmp_path / "r.csv").plan()
    assert (again.urls, again.reasons) == (0, {"bad_fee": 1})


def test_apostrophes_are_read_over_and_do_not_add_up(tmp_path: Path) -> None:
    rows = [
        ["=1+1", "maker", "5"],
        [URL.format(IDS[0]), "@Not A Handle!", "7"],
        [URL.format(IDS[1]), "maker", "-5"],
        [URL.format(IDS[2]), "'@Not A Handle!", "7"],
        ["'quoted'", "", ""],
    ]
    source = tmp_path / "sheet.csv"
    with source.open("w", newline="") as text:
        csv.writer(text).writerows([["url", "creator_handle", "fee_cents"], *rows, [GOOD[7], "", ""]])
    cells: list[list[list[str]]] = []
    for number in range(3):
        plan = CampaignBuilder("Spring").add_file(source).add(GOOD[6]).plan()
        assert [(each.reason, each.fee) for each in plan.skipped()] == [
            ("not_a_url", 5),
            ("bad_handle", 7),
            ("bad_fee", "-5"),
            ("bad_handle", 7),
            ("not_a_url", None),
        ]
        source = tmp_path / f"rejects {number}.csv"
        file = load_file(plan, tmp_path / f"{number}.tokload", settled=False)
        found = written(file, source)
        file.close()
        cells.append([[each[name] for name in COLUMNS[:3]] for each in found])
    assert cells[0] == cells[1] == cells[2]
    assert cells[0][:4] == [
        ["'=1+1", "maker", "5"],
        [URL.format(IDS[0]), "'@Not A Handle!", "7"],
        [URL.format(IDS[1]), "maker", "'-5"],
        [URL.format(IDS[2]), "''@Not A Handle!", "7"],
    ]


def test_apostrophes_of_other_tables_are_their_own(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(f"url,fee_cents\n{GOOD[0]},'-5\n")
    (skipped,) = CampaignBuilder("Spring").add_file(sheet).plan().skipped()
    assert (skipped.reason, skipped.fee) == ("bad_fee", "'-5")


def test_what_the_load_itself_goes_on_with_is_not_among_them(tmp_path: Path) -> None:
    """Loaded as a plan of its own, what is unsent or unknown could be paid for twice."""
    plan = CampaignBuilder("x").add_items(GOOD[:2]).plan()
    file = load_file(plan, tmp_path / "x.tokload", settled=False)
    assert not list(read_rejects(file))
    file.db.execute("UPDATE batch SET state = 'doubtful' WHERE step LIKE 'analyze%'")
    assert not list(read_rejects(file))
    file.close()


def test_without_rejects_there_is_no_file(tmp_path: Path) -> None:
    plan = CampaignBuilder("x").add_items([*GOOD[:4], GOOD[0]]).plan()
    file = load_file(plan, tmp_path / "x.tokload")
    path = default_path(file.path)
    assert write_rejects(file, path) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    file.db.execute("UPDATE batch SET outcomes = NULL, accepted = accepted + rejected, rejected = 0")
    assert write_rejects(file, path) == 0
    assert not path.exists(), "one of an earlier run is removed"
    for text in ("mine\n", f"{','.join(COLUMNS)}\nmended\n"):
        path.write_text(text)
        assert write_rejects(file, path) == 0
        assert path.read_text() == text
    file.close()


def half_rejected(path: Path) -> LoadFile:
    plan = CampaignBuilder("x").add_items(GOOD[:4]).plan()
    return load_file(plan, path)


def change(file: LoadFile) -> None:
    """Have the load refuse other rows than before, as it may when it goes on."""
    for number, blob in file.db.execute(
        "SELECT id, outcomes FROM batch WHERE outcomes IS NOT NULL"
    ).fetchall():
        fewer = json.dumps(json.loads(blob)[:1]).encode()
        file.db.execute("UPDATE batch SET outcomes = ? WHERE id = ?", (fewer, number))


@pytest.mark.parametrize("link", [False, True])
def test_what_was_edited_is_kept_beside(tmp_path: Path, *, link: bool) -> None:
    file = half_rejected(tmp_path / "x.tokload")
    path = tmp_path / "r.csv"
    if link:
        path.symlink_to("elsewhere.csv")
    assert write_rejects(file, path) == 2
    ours = path.read_bytes()
    assert place_beside(file, path) == path
    change(file)
    assert write_rejects(file, path) == 1, "what it wrote itself it replaces"
    path.write_bytes(ours)
    assert write_rejects(file, path) == 1, "what it wrote earlier, too"
    path.write_bytes(ours + b"more\n")
    assert place_beside(file, path) == tmp_path / "r.2.csv"
    assert write_rejects(file, tmp_path / "r.2.csv") == 1
    assert place_beside(file, path) == tmp_path / "r.2.csv"
    (tmp_path / "r.2.csv").write_text("mine, too")
    assert place_beside(file, path) == tmp_path / "r.3.csv"
    assert place_beside(file, tmp_path / "fresh.csv") == tmp_path / "fresh.csv"
    assert write_rejects(file, path) == 1, "what is named is replaced"
    assert path.is_symlink() == link
    file.close()


def test_the_same_rows_are_not_written_twice(tmp_path: Path) -> None:
    file = half_rejected(tmp_path / "x.tokload")
    path = tmp_path / "r.csv"
    write_rejects(file, path)
    before = path.stat()
    assert write_rejects(file, path) == 2
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    file.close()
    with closing(LoadFile.read(tmp_path / "x.tokload")) as looked_at:
        assert write_rejects(looked_at, path) == 2, "nothing need be recorded"
        assert write_rejects(looked_at, tmp_path / "new.csv") == 2


def test_a_source_whose_name_is_no_text(tmp_path: Path) -> None:
    sheet = tmp_path / "bad\udcff.csv"
    sheet.write_text(f"url\n{GOOD[0]}\nnonsense\n")
    plan = CampaignBuilder("x").add_file(sheet).plan()
    file = load_file(plan, tmp_path / "x.tokload", settled=False)
    (found,) = written(file, tmp_path / "r.csv")
    assert found["source"].endswith("bad\\udcff.csv")
    file.close()


def test_an_empty_file_is_nobodys(tmp_path: Path) -> None:
    file = half_rejected(tmp_path / "x.tokload")
    path = tmp_path / "r.csv"
    path.touch()
    assert write_rejects(file, path) == 2
    file.close()


def test_a_load_file_is_never_replaced(tmp_path: Path) -> None:
    other = LoadFile.create(tmp_path / "other.tokload", CampaignBuilder("y").add_items(GOOD[:1]).plan())
    other.close()
    file = half_rejected(tmp_path / "x.tokload")
    (tmp_path / "link.csv").symlink_to("x.tokload")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "x.tokload")
    (tmp_path / "shm.csv").hardlink_to(tmp_path / "x.tokload-shm")
    names = ["link.csv", "hard.csv", "shm.csv"]
    for name in ("x.tokload", "other.tokload"):
        names += [f"{name}{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]
    before = {name: (tmp_path / name).exists() and (tmp_path / name).stat().st_ino for name in names}
    for name in names:
        with pytest.raises(LoadFileError, match="load file"):
            write_rejects(file, tmp_path / name)
    assert {name: (tmp_path / name).exists() and (tmp_path / name).stat().st_ino for name in names} == before
    assert file.plan().urls == 4
    with pytest.raises(LoadFileInUseError):
        LoadFile.open(tmp_path / "x.tokload")
    file.close()
    LoadFile.open(tmp_path / "x.tokload").close()
    LoadFile.open(tmp_path / "other.tokload").close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    plan = CampaignBuilder("x").add_items(GOOD[:1]).plan()
    file = load_file(plan, tmp_path / "x.tokload", settled=False)
    with pytest.raises(LoadFileError, match="can't be written"):
        write_rejects(file, tmp_path / "no" / "r.csv")
    file.close()
    assert [each.name for each in tmp_path.iterdir()] == ["x.tokload"]


def test_posts_are_what_they_were(sheet: Path, tmp_path: Path) -> None:
    plan = CampaignBuilder("Spring").add_file(sheet).plan()
    file = load_file(plan, tmp_path / "spring.tokload", settled=False)
    assert [post for post, *_ in records.outcomes(file.db)] == list(plan.posts())
    assert file.plan().origins == plan.origins
    assert next(plan.posts()) == Post(2, GOOD[0], "maker", 0, 0)
    file.close()


TEXTS = st.text(
    st.sampled_from("a1,;\"'=@ \t\r\n\v\x00\x85\u2028é") | st.characters(codec="utf-8"), max_size=12
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXTS, TEXTS, st.none() | TEXTS), min_size=1, max_size=4), whole=st.booleans())
@example(rows=[("a\nb", "c", "d\re")], whole=False)
@example(rows=[("a\nb", "c", "d\re"), ("\0", "", None)], whole=True)
def test_whatever_stands_in_a_row_comes_back_from_the_rejects(
    *, rows: list[tuple[str, str, str | None]], whole: bool, tmp_path: Path
) -> None:
    # A fourth field makes a row malformed, so that all of it is one text.
    items = [(*row, "x") if whole else row for row in rows]
    plan = CampaignBuilder("Spring").add_items([*items, GOOD[0]]).plan()
    skipped = list(plan.skipped())
    (tmp_path / "spring.tokload").unlink(missing_ok=True)
    with closing(LoadFile.create(tmp_path / "spring.tokload", plan)) as file:
        rejects = list(read_rejects(file))
        number = write_rejects(file, tmp_path / "rejects.csv")
        assert number == len(skipped) == len(rows)
    with open_source(tmp_path / "rejects.csv") as stream:
        again = list(stream)
    assert [each.url for each in again] == [each.url for each in rejects]
    if whole:
        texts = [next(csv.reader(io.StringIO(each.url or "", newline=""))) for each in again]
        assert texts == [["" if not (cell or "").strip() else cell for cell in row] for row in items]
