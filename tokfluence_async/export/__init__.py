"""A campaign's results as tables: read from the API, and written to CSV, JSONL, Parquet or Arrow.

`read_table` gives a table in memory, which becomes a frame of pandas, polars or Arrow where those are installed;
`export` writes one to a file as it is read. `tracked_posts` and `Comments` are the models themselves, one by one, and
`wait_for_analysis` polls until there is something to export. Money is integer cents, instants are aware and in UTC.
"""

from __future__ import annotations

from tokfluence_async.export.comments import Comments
from tokfluence_async.export.exporting import Exported, export
from tokfluence_async.export.formats import Format, format_of
from tokfluence_async.export.position import Position
from tokfluence_async.export.reading import read_table, tracked_posts
from tokfluence_async.export.schema import RESOURCES, Column, Resource, Schema
from tokfluence_async.export.table import Table
from tokfluence_async.export.wait import AnalysisStatus, Polling, wait_for_analysis

__all__ = [
    "RESOURCES",
    "AnalysisStatus",
    "Column",
    "Comments",
    "Exported",
    "Format",
    "Polling",
    "Position",
    "Resource",
    "Schema",
    "Table",
    "export",
    "format_of",
    "read_table",
    "tracked_posts",
    "wait_for_analysis",
]
