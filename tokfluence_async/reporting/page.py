"""The page: its parts put together, with the scripts that draw its charts, and nothing that is fetched."""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import UTC, datetime
from functools import cache
from importlib import import_module, resources
from pathlib import Path
from typing import Final

from tokfluence_async._version import __version__
from tokfluence_async.errors import ConfigurationError, MissingExtraError, TokfluenceError
from tokfluence_async.export.atomic import AtomicFile
from tokfluence_async.reporting.ledger import Ledger
from tokfluence_async.reporting.markup import Markup, element, join, text
from tokfluence_async.reporting.results import Results

__all__ = ["check_installed", "render_report", "write_report"]

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "script-src {}"
)


def check_installed() -> None:
    """See that a report can be made here.

    Raises:
        MissingExtraError: Altair or vl-convert is not installed.
    """
    for name in ("altair", "vl_convert"):
        try:
            import_module(name)
        except ImportError:
            raise MissingExtraError("a report", "report") from None


def render_report(*, ledger: Ledger | None = None, results: Results | None = None) -> str:
    """A report as one page of HTML that needs nothing else: its charts' library is in it, and nothing is fetched.

    Text from the input and the API is escaped, and the page's own policy lets no other script run.

    Args:
        ledger: What a load file tells.
        results: What a campaign came to.

    Returns:
        The page, of about a megabyte.

    Raises:
        ConfigurationError: There is neither.
        MissingExtraError: Altair or vl-convert is not installed.
    """
    if ledger is None and results is None:
        raise ConfigurationError("a report needs a load's ledger or a campaign's results")
    # These need the extra.
    from tokfluence_async.reporting.ledger_section import ledger_section  # noqa: PLC0415 - as above
    from tokfluence_async.reporting.results_section import results_section  # noqa: PLC0415 - as above

    title = _title(ledger, results)
    parts: list[Markup] = [element("header", element("h1", title), element("p", _subtitle(ledger, results)))]
    if results is not None:
        parts.append(results_section(results))
    if ledger is not None:
        parts.append(ledger_section(ledger))
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts.append(element("footer", f"Made by tokfluence-async {__version__} on {made}. Fetches nothing."))
    library, boot = _library(), _resource("page.js")
    policy = _POLICY.format(" ".join(f"'{_digest(script)}'" for script in (library, boot)))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>{text(title)}</title>\n'
        f"<style>{_resource('page.css')}</style>\n</head>\n<body>\n<main>\n{join(parts)}\n</main>\n"
        f"<script>{library}</script>\n<script>{boot}</script>\n</body>\n</html>\n"
    )


def write_report(
    path: str | os.PathLike[str], *, ledger: Ledger | None = None, results: Results | None = None
) -> Path:
    """Write a report into a file, which is there whole or not at all.

    Args:
        path: The file.
        ledger: What a load file tells.
        results: What a campaign came to.

    Raises:
        ConfigurationError: There is nothing to report, or the file can't be created.
        MissingExtraError: Altair or vl-convert is not installed.
    """
    page = render_report(ledger=ledger, results=results)
    with AtomicFile(path) as target:
        try:
            target.file.write(page.encode())
            return target.commit()
        except OSError as error:
            raise TokfluenceError(f"{path}: can't be written: {error.strerror or error}") from None


def _title(ledger: Ledger | None, results: Results | None) -> str:
    return results.campaign.name if results is not None else ledger.plan.name if ledger is not None else ""


def _subtitle(ledger: Ledger | None, results: Results | None) -> str:
    parts: list[str] = []
    if results is not None:
        parts.append(f"Campaign {results.campaign.id}, as of {results.read_at:%Y-%m-%d %H:%M} UTC")
    elif ledger is not None and ledger.report.campaign_id is not None:
        parts.append(f"Campaign {ledger.report.campaign_id}")
    if ledger is not None:
        parts.append(f"load file {Path(ledger.report.file).name}")
    return ", ".join(parts)


@cache
def _library() -> str:
    """Vega, Vega-Lite and vega-embed, as one script."""
    try:
        import vl_convert  # noqa: PLC0415 - of the extra
    except ImportError:
        raise MissingExtraError("a report", "report") from None
    # It is a module: in a block of its own its names don't become the page's. What could end the script is written
    # in JavaScript's own way, which within strings means the same.
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"{{{bundle}}}".replace("</script", "<\\/script").replace("<!--", "<\\!--")


@cache
def _resource(name: str) -> str:
    return resources.files("tokfluence_async.reporting").joinpath(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
