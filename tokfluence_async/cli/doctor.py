"""A look at what a load needs: the key's form, the base URL, the clock, locks, versions and extras."""

from __future__ import annotations

import fcntl
import importlib.util
import platform
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from attrs import asdict, frozen

from tokfluence_async._version import __version__
from tokfluence_async.cli.connection import ConnectionFlags, run
from tokfluence_async.cli.counting import counted
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.output import Line, Style, print_json, print_lines
from tokfluence_async.cli.settings import read_key_file
from tokfluence_async.errors import BudgetExceededError, ConfigurationError, TokfluenceError

if TYPE_CHECKING:
    from tokfluence_async.client import Tokfluence
    from tokfluence_async.options import Options

__all__ = ["Check", "examine"]

State = Literal["ok", "note", "bad"]

_LIBRARIES: Final = ("aiohttp", "anyio", "attrs", "cattrs", "orjson", "cyclopts", "rich")
_EXTRAS: Final = {
    "parquet": ("pyarrow",),
    "report": ("altair", "vl_convert"),
    "zstd": ("zstandard",),
    "otel": ("opentelemetry",),
    "pandas": ("pandas", "pyarrow"),
    "polars": ("polars", "pyarrow"),
}
_STYLES: Final[dict[State, Style]] = {"ok": "green", "note": "yellow", "bad": "red"}
_RELEASED: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SKEW: Final = 60.0
"""Seconds by which clocks may differ."""


@frozen
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str


def examine(*, online: bool, as_json: bool, connection: ConnectionFlags) -> Exit:
    """Look at everything, and print what was found. Sends nothing unless told.

    Args:
        online: Whether to make one call: 1 credit at most.
        as_json: Whether it is printed as JSON.
        connection: Where the API is.
    """
    checks = [*_versions(), *_extras(), *_settings(connection), _clock(), _lock(), _database()]
    if online and not any(each.state == "bad" for each in checks):
        checks += _online(connection)
    bad = sum(each.state == "bad" for each in checks)
    if as_json:
        print_json(
            {"schema": "tokfluence.doctor/1", "ok": not bad, "checks": [asdict(each) for each in checks]}
        )
    else:
        width = max(len(each.name) for each in checks)
        print_lines(
            Line(f"{each.state:<4}  {each.name:<{width}}  {each.detail}", _STYLES[each.state])
            for each in checks
        )
    return Exit.FAILED if bad else Exit.DONE


def _versions() -> Iterator[Check]:
    yield Check(
        "version",
        "ok",
        f"tokfluence-async {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
    )
    found = [
        f"{name} {metadata.version(name)}" for name in _LIBRARIES if importlib.util.find_spec(_module(name))
    ]
    yield Check("libraries", "ok", ", ".join(found))


def _module(distribution: str) -> str:
    return "attr" if distribution == "attrs" else distribution


def _extras() -> Iterator[Check]:
    there = [name for name, modules in _EXTRAS.items() if all(map(_is_there, modules))]
    missing = [name for name in _EXTRAS if name not in there]
    yield Check("extras", "ok", ", ".join(there) or "none")
    if missing:
        yield Check(
            "not installed",
            "note",
            f"{', '.join(missing)}: pip install 'tokfluence-async[{','.join(missing)}]'",
        )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _settings(connection: ConnectionFlags) -> Iterator[Check]:
    from tokfluence_async.options import Options  # noqa: PLC0415 - a help text needs none

    try:
        key = None if connection.api_key_file is None else read_key_file(connection.api_key_file)
        options = Options.load(api_key=key, base_url=connection.base_url, max_credits=connection.max_credits)
    except ConfigurationError as error:
        yield Check("settings", "bad", str(error))
        return
    yield _key(options)
    yield Check("base URL", "ok", options.base_url)
    cap = "no cap" if options.max_credits is None else f"cap {counted(options.max_credits, 'credit')}"
    rate = (
        f"{options.requests_per_minute} requests a minute"
        if options.requests_per_minute
        else "no limit on requests a minute"
    )
    yield Check(
        "settings",
        "ok",
        f"{rate}, {options.concurrency} at once, {options.batch_size} URLs a batch, {cap}",
    )


def _key(options: Options) -> Check:
    key = options.api_key
    if key is None:
        return Check(
            "key", "bad", "there is none: set TOKFLUENCE_API_KEY, or name a file with --api-key-file"
        )
    if not key.well_formed:
        return Check("key", "bad", "it is not 'tkf_live_' and 32 letters or digits")
    return Check("key", "ok", f"{key.prefix}…, of the right form")


def _clock() -> Check:
    now = datetime.now(UTC)
    told = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now < _RELEASED:
        return Check("clock", "bad", f"{told} is before this version was made")
    return Check("clock", "ok", told)


def _lock() -> Check:
    """Whether two processes could be kept apart in this folder, where load files are made by default."""
    folder = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
    except OSError as error:
        return Check("locks", "bad", f"a load file can't be locked in {folder}: {error.strerror}")
    return Check("locks", "ok", f"load files can be locked in {folder}")


def _database() -> Check:
    try:
        with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".doctor-") as folder:
            db = sqlite3.connect(Path(folder, "x"))
            try:
                (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            finally:
                db.close()
    except (OSError, sqlite3.Error) as error:
        return Check("load files", "bad", f"none can be written here: {error}")
    state: State = "ok" if mode == "wal" else "bad"
    return Check("load files", state, f"SQLite {sqlite3.sqlite_version}, journal mode {mode}")


def _online(connection: ConnectionFlags) -> list[Check]:
    from tokfluence_async.protocol.endpoints import POSTS_SHOW  # noqa: PLC0415 - a help text needs none
    from tokfluence_async.protocol.wire import Reply, Request  # noqa: PLC0415 - likewise
    from tokfluence_async.session.budget import charge_of  # noqa: PLC0415 - likewise

    checks: list[Check] = []

    async def main(tok: Tokfluence) -> Exit:
        # No video has this id: the answer is 404, which the API may charge as it does a hit.
        price = tok.tariff.price(POSTS_SHOW.name)
        request = Request(POSTS_SHOW.name, POSTS_SHOW.method, POSTS_SHOW.path("1"))
        tok.spent.reserve(price)
        attempt = await tok.session.attempt(request, timeout=tok.options.timeout)
        outcome, seen = attempt.outcome, attempt.seen
        tok.spent.settle(price, charge_of(seen.kind, price))
        if not isinstance(outcome, Reply):
            checks.append(Check("API", "bad", seen.message))
            return Exit.DONE
        left = attempt.credits_remaining
        wallet = "" if left is None else f"; {counted(left, 'credit')} in the wallet"
        fine = outcome.status in {200, 404}
        said = "reached, and the key is taken" if fine else f"{outcome.status} {seen.code}: {seen.message}"
        checks.append(Check("API", "ok" if fine else "bad", f"{said}, in {attempt.elapsed:.2f} s{wallet}"))
        checks.extend(_skew(outcome.headers.get("date")))
        return Exit.DONE

    try:
        run(connection, main)
    except BudgetExceededError as error:
        cost, cap = counted(error.price, "credit"), counted(error.max_credits, "credit")
        checks.append(Check("API", "bad", f"not asked: it costs {cost} at most, and the cap is {cap}"))
    except TokfluenceError as error:
        checks.append(Check("API", "bad", str(error)))
    return checks


def _skew(date: str | None) -> Iterator[Check]:
    if date is None:
        return
    try:
        skew = time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return
    state: State = "ok" if abs(skew) <= _SKEW else "note"
    yield Check("clock against the API's", state, f"{skew:+.0f} s")
