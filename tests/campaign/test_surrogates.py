"""Text that is no Unicode, such as half an emoji, or a file's name in another encoding, is shown by its escapes."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.campaign.builder import CampaignBuilder
from tokfluence_async.campaign.columns import InputOptions
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.origins import Origin
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.rows import Row
from tokfluence_async.campaign.surrogates import escaped
from tokfluence_async.errors import InputError

URL = "https://www.tiktok.com/@kitchen.lab.07/video/7301234567890123456"
HALF = "\ud83d"
SHOWN = "\\ud83d"


def kept(plan: Plan, folder: Path) -> Plan:
    """The plan as a load file keeps it."""
    json.dumps(plan.to_dict(requests_per_minute=0, concurrency=1)).encode()
    with closing(LoadFile.create(folder / "x.tokload", plan)) as file:
        found = file.plan()
        assert list(file.skipped()) == list(plan.skipped())
        return found


def test_only_what_is_no_unicode_is_escaped() -> None:
    assert escaped(f"a\\é{HALF}\U0001f600\udcff") == f"a\\é{SHOWN}\U0001f600\\udcff"
    same = "é".join("ab")
    assert escaped(same) is same


@pytest.mark.parametrize(
    "items",
    [
        [URL, HALF],
        [URL, f"{URL}?{HALF}"],
        [URL, (URL, HALF)],
        [URL, (URL, "maker", HALF)],
        [URL, (URL, HALF, HALF)],
        [URL, (HALF, HALF, HALF, HALF)],
        [{"url": URL, HALF: 1}, {"url": HALF, HALF: HALF}],
        [{"url": URL}, {HALF: HALF}],
        [URL, [HALF], {"url": {HALF: HALF}}],
        [URL, f"https://vm.tiktok.com/Z{HALF}/"],
    ],
)
@pytest.mark.parametrize("links", ["refuse", "send"])
def test_rows_from_python(items: list[Any], links: Any, tmp_path: Path) -> None:
    builder = CampaignBuilder("x", short_links=links, on_conflict="first")
    plan = builder.add_items(items, name=f"queue{HALF}").plan()
    assert plan.rows == len(items)
    found = kept(plan, tmp_path)
    assert found.origins == (Origin(f"queue{SHOWN}", "row"),)
    for each in plan.skipped():
        assert each.source == f"queue{SHOWN}"
        assert SHOWN in each.text
    assert [each for samples in plan.samples.values() for each in samples] == list(plan.skipped())


def test_many_rows_keep_their_places(tmp_path: Path) -> None:
    items = [URL, *(f"{URL}?{n}{HALF if n % 700 == 3 else ''}" for n in range(1500))]
    plan = CampaignBuilder("x").add_items(items).plan()
    assert [each.text for each in plan.skipped()] == [item.replace(HALF, SHOWN) for item in items[1:]]
    kept(plan, tmp_path)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (b"url,note\n%b,x\nnonsense,\\ud83d\n", {"encoding": "unicode_escape"}),
        (b"url,\\ud83d\n%b,x\nnonsense,\\ud83d,\n", {"encoding": "unicode_escape"}),
        (b"url,fee_cents\n%b,1\n%b,\\ud83d\n", {"encoding": "unicode_escape"}),
    ],
)
def test_rows_of_a_file(text: bytes, options: dict[str, Any], tmp_path: Path) -> None:
    source = io.BytesIO(text.replace(b"%b", URL.encode()))
    plan = CampaignBuilder("x").add_file(source, InputOptions(**options)).plan()
    (skipped,) = plan.skipped()
    assert SHOWN in skipped.text
    kept(plan, tmp_path)


def test_rows_that_a_caller_has_read(tmp_path: Path) -> None:
    rows = [Row(1, URL, None, None, [URL], HALF), Row(2, "caf\udce9", None, None, ["caf\udce9"], HALF)]
    plan = CampaignBuilder("x").add_rows(rows, name=HALF).plan()
    (skipped,) = plan.skipped()
    assert (skipped.text, skipped.url, skipped.source) == ("caf\\udce9", "caf\\udce9", SHOWN)
    assert kept(plan, tmp_path).origins == (Origin(SHOWN, "row"),)


NAME = b"bad\xff.csv"


@pytest.fixture
def odd(tmp_path: Path) -> str:
    """A file whose name is no text, with one row that can be used and one that can't."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/" + NAME)
    try:
        Path(name).write_text(f"url,fee_cents\n{URL},5\n{URL}1,x\n")
    except OSError:
        pytest.skip("this file system has no such names")
    return name


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems have no such names")
def test_a_file_whose_name_is_no_text(odd: str, tmp_path: Path) -> None:
    shown = f"{tmp_path}/bad\\udcff.csv"
    plan = CampaignBuilder("x").add_file(odd).plan()
    assert (plan.urls, plan.invalid) == (1, 1)
    assert plan.origins == (Origin(shown, "line"),)
    (skipped,) = plan.skipped()
    assert skipped.source == shown
    kept(plan, tmp_path)
    with Path(odd).open("rb") as file:
        assert CampaignBuilder("x").add_file(file).plan().origins == (Origin(shown, "line"),)
    with pytest.raises(InputError, match="no such file") as caught:
        CampaignBuilder("x").add_file(f"{odd}.gone")
    assert str(caught.value).encode()


def test_a_table_whose_name_is_no_text(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"url": [URL, "nonsense"]})
    plan = CampaignBuilder("x").add_table(table, name=f"t{HALF}").plan()
    assert kept(plan, tmp_path).origins == (Origin(f"t{SHOWN}", "row"),)
