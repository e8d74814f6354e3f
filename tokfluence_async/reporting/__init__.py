"""Reports to look at: a load's ledger and a campaign's results, as one page that needs no network.

Needs the ``report`` extra, which is Altair and vl-convert. `read_ledger` reads a load file and sends nothing,
`read_results` reads a campaign from the API for 7 credits, `write_report` makes a page of either or both.
"""

from __future__ import annotations

from tokfluence_async.reporting.ledger import Ledger, read_ledger
from tokfluence_async.reporting.page import check_installed, render_report, write_report
from tokfluence_async.reporting.results import Results, read_results, results_price

__all__ = [
    "Ledger",
    "Results",
    "check_installed",
    "read_ledger",
    "read_results",
    "render_report",
    "results_price",
    "write_report",
]
