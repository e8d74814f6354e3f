"""What a load is bound to: one account at one base URL, the tariff of its plan, and the place of its file."""

from __future__ import annotations

import os
import platform
from typing import Final
from uuid import uuid4

from tokfluence_async.campaign import records
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.errors import PlanStaleError
from tokfluence_async.options import Options
from tokfluence_async.protocol.endpoints import CAMPAIGNS_CREATE, POSTS_ANALYZE
from tokfluence_async.tariff import Tariff

__all__ = ["Mark", "bind", "check_tariff", "recorded_cap"]

_ATTRIBUTE: Final = "user.tokfluence.run"


class Mark:
    """What a run leaves in the extended attributes of its load file's inode: its id, and its latest attempt's number.

    Where the system has no such attributes nothing is left, and nothing missed either.

    Args:
        file: The load file, bound.
    """

    def __init__(self, file: LoadFile) -> None:
        self._file = file
        self._run = file.meta("run")
        self._noted = -1

    def set(self) -> None:
        """Set it for the first time, once the run is on record."""
        if self._note(records.latest_attempt(self._file.db)):
            self._file.set_meta("marked", self._run or "")

    def advance(self) -> None:
        """Set it anew after a commit, if there was a new attempt: never ahead of what is on the disk."""
        latest = records.latest_attempt(self._file.db)
        if latest != self._noted:
            self._note(latest)

    def _note(self, attempt: int) -> bool:
        try:
            os.setxattr(self._file.path, _ATTRIBUTE, f"{self._run}:{attempt}".encode())
        except (OSError, AttributeError):
            return False
        self._noted = attempt
        return True


def bind(db: records.Connection, file: LoadFile, options: Options) -> bool:
    """Bind a load to the account and the base URL with which it is begun, and to the place of its file.

    Under another account or at another place its keys would be new, and buy everything again. As long as nothing can
    have been applied, a wrong key or address binds nothing.

    Returns:
        Whether the file is known to be no copy, and no older state of itself.

    Raises:
        PlanStaleError: The load was begun with others. Nothing was sent.
    """
    mine = {"base_url": options.base_url, "key_prefix": options.require_key().prefix}
    bound = records.any_applied(db)
    for name, value in mine.items():
        before = file.meta(name)
        if bound and before is not None and before != value:
            what = "the base URL" if name == "base_url" else "the API key that begins with"
            raise PlanStaleError(
                f"was begun with {what} {before}, not {value}: its idempotency keys mean nothing there, and "
                "everything would be bought again. Nothing was sent",
                file=str(file.path),
            )
        file.set_meta(name, value)
    return _in_place(db, file)


def _in_place(db: records.Connection, file: LoadFile) -> bool:
    """Whether the load file is where the load was begun, and as its last run has left it; a new mark for this run.

    A copy has another inode, or is on another machine. So has a file that was moved to another file system: it is only
    treated with more care than it needs. An older state that was copied back over the file has another mark than its
    inode, or one of an attempt that it does not know; one that got the number of the file's inode, which was deleted,
    has none.
    """
    place, before = f"{platform.node()}:{file.inode}", file.meta("place")
    run, marked = file.meta("run"), file.meta("marked")
    # Until the mark is known to be set, it may be that of the run before.
    marks = {run} if run == marked else {run, marked}
    marked_run, attempt = _mark(file)
    same = before in {None, place} and marked_run in marks and attempt <= records.latest_attempt(db)
    file.set_meta("place", place if same else "elsewhere")
    file.set_meta("run", uuid4().hex)
    return same


def _mark(file: LoadFile) -> tuple[str | None, int]:
    """The run and the attempt that are noted at the inode."""
    try:
        run, _, attempt = os.getxattr(file.path, _ATTRIBUTE).decode().partition(":")
    except (OSError, AttributeError):
        return None, 0
    return run, int(attempt) if attempt.isdecimal() else 0


def recorded_cap(file: LoadFile) -> int | None:
    """The cap, in credits, under which the load went on last; None if there was none."""
    cap = file.meta("max_credits") or ""
    return int(cap) if cap.isdecimal() else None


def check_tariff(plan: Plan, tariff: Tariff, file: LoadFile) -> None:
    """Refuse to buy at other prices than those that the preview named.

    Raises:
        PlanStaleError: The client's tariff is not the plan's. Nothing was sent.
    """
    create = tariff.price(CAMPAIGNS_CREATE.name)
    per_url = tariff.price(POSTS_ANALYZE.name, urls=1)
    if (create, per_url) != (plan.create_credits, plan.credits_per_url):
        raise PlanStaleError(
            f"was planned at {plan.create_credits} + {plan.credits_per_url} credits a URL, and the client's tariff "
            f"says {create} + {per_url}: plan it anew, or give the client the plan's tariff. Nothing was sent",
            file=str(file.path),
        )
