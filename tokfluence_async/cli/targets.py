"""What ``ID|FILE`` names: a campaign by its number, or by the load file that it was loaded with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from tokfluence_async.cli.arguments import command, file_argument
from tokfluence_async.errors import InputError

if TYPE_CHECKING:
    from tokfluence_async.campaign.report import LoadReport

__all__ = ["Target", "find_target"]


@frozen
class Target:
    """A campaign, and the load that made it, where that is known."""

    campaign_id: int | None
    """None where a load has no campaign yet."""
    report: LoadReport | None = None
    sources: Sequence[str] = ()
    """What the load was made of: names of files, ``-`` for standard input."""

    def require_campaign(self) -> int:
        """The campaign's number.

        Raises:
            InputError: The load has none yet.
        """
        if self.campaign_id is None:
            file = "" if self.report is None else self.report.file
            raise InputError(
                f"this load has no campaign yet; go on with it by `{command('resume', file_argument(file))}`",
                source=file,
            )
        return self.campaign_id


def find_target(text: str) -> Target:
    """The campaign that an argument names.

    Raises:
        LoadFileError: It is no number, and no load file either.
    """
    if text.isascii() and text.isdecimal():
        return Target(int(text))
    from tokfluence_async.campaign.loadfile import LoadFile  # noqa: PLC0415 - only a load file needs it
    from tokfluence_async.campaign.report import LoadReport  # noqa: PLC0415 - likewise
    from tokfluence_async.cli.side_files import names_of_sources  # noqa: PLC0415 - likewise

    with closing(LoadFile.read(Path(text))) as file:
        report = LoadReport.of(file)
        return Target(report.campaign_id, report, names_of_sources(file.plan(), file.path))
