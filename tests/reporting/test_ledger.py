from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tokfluence_async.errors import LoadFileError
from tokfluence_async.reporting.ledger import MOMENTS, read_ledger
from tokfluence_async.reporting.results import results_price
from tokfluence_async.tariff import Tariff

pytestmark = pytest.mark.anyio


async def test_the_ledger_is_the_reports(loaded: Any) -> None:
    ledger, report = loaded.ledger, loaded.report
    assert (ledger.report.urls, ledger.report.credits) == (report.urls, report.credits)
    assert report.urls.rejected == report.urls.invalid == report.urls.duplicate == 1
    assert ledger.reject_count == 2
    assert sorted(each.outcome for each in ledger.rejects) == ["invalid", "rejected"]
    assert {reason for reason, _ in ledger.reasons} >= {"upstream_error", "no answer"}
    assert sum(count for _, count in ledger.reasons) < report.requests


async def test_the_timeline_rises_to_what_the_report_says(loaded: Any) -> None:
    timeline, urls = loaded.ledger.timeline, loaded.report.urls
    assert len(timeline) == MOMENTS + 1
    for name in ("seconds", "urls", "credits", "requests"):
        values = [getattr(each, name) for each in timeline]
        assert values == sorted(values), name
    assert timeline[-1].urls == urls.accepted + urls.rejected
    assert timeline[-1].credits == loaded.report.credits.charged_min
    assert timeline[-1].requests == loaded.report.requests
    assert timeline[-1].seconds == pytest.approx(loaded.ledger.seconds, abs=0.001)


async def test_the_time_between_two_runs_is_left_out(loaded: Any) -> None:
    seconds = loaded.ledger.seconds
    with sqlite3.connect(loaded.file) as db:
        middle = db.execute("SELECT AVG(started) FROM attempt").fetchone()[0]
        db.execute(
            "UPDATE attempt SET started = started + 86400, ended = ended + 86400 WHERE started > ?", (middle,)
        )
    db.close()
    later = loaded.ledger
    assert later.seconds <= seconds
    assert later.timeline[-1].requests == loaded.report.requests


async def test_the_results_cost_what_was_said_and_2_for_each_further_page(loaded: Any) -> None:
    assert results_price(Tariff()) == 7
    assert len(loaded.results.posts) == 24
    assert loaded.credits == 7 + 2
    assert loaded.results.pending == 0


def test_what_is_no_load_file(tmp_path: Path) -> None:
    with pytest.raises(LoadFileError):
        read_ledger(tmp_path / "missing.tokload")


async def test_each_reject_says_where_it_stands(loaded: Any) -> None:
    places = {each.outcome: each.place for each in loaded.ledger.rejects}
    assert places.keys() == {"rejected", "invalid"}
    assert places["rejected"].endswith("4")
    assert places["invalid"].endswith("27")
