"""The page as a browser sees it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from browser import browser, find_chromium

from tokfluence_async.errors import ConfigurationError, MissingExtraError
from tokfluence_async.reporting import render_report, write_report

pytestmark = pytest.mark.anyio
CHROMIUM = find_chromium()


async def test_a_browser_fetches_nothing_and_complains_of_nothing(loaded: Any, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    both = write_report(tmp_path / "both.html", ledger=loaded.ledger, results=loaded.results)
    alone = write_report(tmp_path / "alone.html", ledger=loaded.ledger)
    drawn = (
        "chartsDrawn.then(() => document.documentElement.dataset.charts)",
        "document.querySelectorAll('.chart svg').length",
        "document.querySelectorAll('.chart svg :is([aria-roledescription=bar], [aria-roledescription=circle])').length",
        "document.title",
        "document.querySelectorAll('script').length",
        "document.documentElement.scrollWidth <= innerWidth",
    )
    with browser(CHROMIUM) as chromium:
        for path, charts in ((both, 6), (alone, 3)):
            page = chromium.open(path.as_uri(), *drawn)
            assert page.requests == [path.as_uri()]
            assert page.problems == []
            assert page.values[:2] == [str(charts), charts]
            assert page.values[2] >= charts - 1
            # Nothing in the name of the campaign, or in a row, has become a script.
            assert page.values[3].startswith("Spring <script>document.title='broken'")
            assert page.values[4] == charts + 2
            assert page.values[5] is True
        # What would fetch or run something, did it get in, may not.
        harmful = tmp_path / "harmful.html"
        injected = "<script>document.title='broken'</script><img src='http://127.0.0.1:8420/x'>"
        harmful.write_text(both.read_text().replace("<main>", f"<main>{injected}"))
        page = chromium.open(harmful.as_uri(), *drawn)
        assert page.values[3].startswith("Spring")
        assert not [each for each in page.requests if each != harmful.as_uri() and "8420" not in each]
        assert sum("Content Security Policy" in each for each in page.problems) == 2


async def test_the_page_says_what_the_report_does(loaded: Any) -> None:
    pytest.importorskip("altair")
    pytest.importorskip("vl_convert")
    page = render_report(ledger=loaded.ledger, results=loaded.results)
    charged = loaded.report.credits
    assert f">{charged.charged_min:,} to {charged.charged_max:,}<" in page
    assert "1 + 25 × 25 = 626" in page
    assert f"{loaded.results.metrics.total_views / 1e6:,.1f} M" in page
    assert "creator_not_found" in page
    assert "<script>document" not in page
    assert not re.search(r"(src|href)=\"?http://", page)
    assert 800_000 < len(page) < 1_500_000


async def test_a_file_is_there_whole_or_not_at_all(
    loaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError):
        render_report()
    monkeypatch.setitem(sys.modules, "altair", None)
    for name in [name for name in sys.modules if name.startswith("tokfluence_async.reporting.")]:
        if name.endswith(("charts", "returns", "_section", "parts")):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtraError, match=r"tokfluence-async\[report\]"):
        write_report(tmp_path / "x.html", ledger=loaded.ledger)
    assert not (tmp_path / "x.html").exists()


def test_moments_that_fall_together_are_not_stacked() -> None:
    """The chart of a quick load, in which several batches end within a tick of the clock, stays within its frame."""
    altair = pytest.importorskip("altair")
    assert altair
    from tokfluence_async.reporting.charts import progress  # noqa: PLC0415 - needs the extra
    from tokfluence_async.reporting.ledger import Moment  # noqa: PLC0415 - likewise

    moments = [Moment(seconds=0.01, urls=urls, credits=25 * urls, requests=1) for urls in (50, 100, 150)]
    (area, *_) = progress(moments, 150)["layer"]
    assert area["encoding"]["y"]["stack"] is None
