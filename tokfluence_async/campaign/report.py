"""The report of a load: what became of every row of the input, and of every credit."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, Literal

from attrs import asdict, evolve, frozen

from tokfluence_async.campaign import records, tally
from tokfluence_async.campaign.batch import idempotency_key
from tokfluence_async.campaign.loadfile import LoadFile
from tokfluence_async.errors import LoadFileError, LoadStoppedError

__all__ = ["Credits", "Doubt", "LoadReport", "URLCounts"]

SHOWN_DOUBTS: Final = 100
LoadState = Literal["complete", "stopped", "needs_review"]


@frozen
class URLCounts:
    """Rows of the input by what became of them; each row is in exactly one of the six."""

    accepted: int
    """The API took it for analysis."""
    rejected: int
    """The API refused it."""
    duplicate: int
    """Not sent: an earlier row names the same video."""
    invalid: int
    """Not sent: it names no post, or a field is wrong."""
    unsent: int
    """Not sent yet, or known not to have been applied: `resume` goes on with it."""
    unknown: int
    """It was sent, and whether it was applied can't be told."""

    @property
    def rows(self) -> int:
        """Rows of the input."""
        return self.accepted + self.rejected + self.duplicate + self.invalid + self.unsent + self.unknown


@frozen
class Credits:
    """A load's credits."""

    planned: int
    """What the preview said."""
    cap: int | None
    """What may be spent at most; None if nobody said."""
    charged_min: int
    """What was charged for certain."""
    charged_max: int
    """What may have been charged. Equal to `charged_min`, unless an outcome is unknown or URLs were rejected: whether
    the API charges for a URL that it rejects, it does not say."""
    remaining: int | None
    """The wallet's balance, as the API last told it."""


@frozen
class Doubt:
    """A request whose outcome is not known."""

    key: str
    """Its idempotency key, to ask the API's support about."""
    step: str
    """``create``, or the batch."""
    urls: int
    """URLs in it whose outcome is unknown."""
    last_sent: datetime | None
    """When it was last sent."""
    credits_at_stake: int
    """Credits that may have been charged for it besides those that were for certain."""


@frozen(kw_only=True)
class LoadReport:
    """What became of a load."""

    state: LoadState
    """``complete``: every URL is settled. ``stopped``: URLs are left; resume it. ``needs_review``: all that could be
    sent is sent, and the outcome of some URLs is unknown."""
    stopped_by: str | None
    """Error code that stopped it, or None."""
    message: str
    """Why it stopped and what to do, or an empty string."""
    campaign_id: int | None
    file: str
    urls: URLCounts
    credits: Credits
    requests: int
    retries: int
    elapsed_seconds: float
    doubts: tuple[Doubt, ...] = ()
    """The requests whose outcome is not known, the first hundred."""
    short_by: int | None = None
    """Credits by which the cap has to be raised for the load to go on, where it stopped for that and they are known."""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able data, in the form of ``tokfluence load --json``."""
        return {
            "schema": "tokfluence.load/1",
            "state": self.state,
            "stopped_by": self.stopped_by,
            "message": self.message,
            "campaign_id": self.campaign_id,
            "file": self.file,
            "urls": asdict(self.urls),
            "credits": asdict(self.credits),
            "requests": self.requests,
            "retries": self.retries,
            "elapsed_seconds": round(self.elapsed_seconds, 3),
            "doubts": [
                asdict(each) | {"last_sent": each.last_sent and each.last_sent.isoformat()}
                for each in self.doubts
            ],
        }

    def raise_for_state(self) -> LoadReport:
        """Return the report, unless the load is not complete.

        Raises:
            LoadStoppedError: URLs are left to be sent, or the outcome of some is unknown. It carries the report.
        """
        if self.state == "complete":
            return self
        why = (
            self.message
            or f"{self.urls.unsent} URLs are unsent and the outcome of {self.urls.unknown} is unknown"
        )
        raise LoadStoppedError(why, report=self)

    def stopped(self, code: str | None, message: str, short_by: int | None = None) -> LoadReport:
        """The same report, stopped for another reason."""
        return evolve(self, stopped_by=code, message=message, short_by=short_by)

    @classmethod
    def of(cls, file: LoadFile) -> LoadReport:
        """The report of a load file as it stands.

        Raises:
            LoadFileError: It is damaged, or its numbers do not sum to the rows of its input.
        """
        with file.reading():
            return cls._of(file)

    @classmethod
    def _of(cls, file: LoadFile) -> LoadReport:
        plan, totals = file.plan(), tally.totals(file.db)
        urls = URLCounts(
            accepted=totals.accepted,
            rejected=totals.rejected,
            duplicate=plan.duplicates,
            invalid=plan.invalid,
            unsent=totals.unsent,
            unknown=totals.unknown,
        )
        if urls.rows != plan.rows:
            raise LoadFileError(
                f"accounts for {urls.rows} rows, while its input has {plan.rows}: it was damaged or altered",
                file=str(file.path),
            )
        open_ends = bool(totals.unsent) or records.urls_in(file.db, records.State.DOUBTFUL) > 0
        state: LoadState = "stopped" if open_ends else "needs_review" if totals.unknown else "complete"
        campaign_id, cap, short_by = map(file.meta, ("campaign_id", "max_credits", "short_by"))
        finished = state == "complete"
        return cls(
            state=state,
            stopped_by=None if finished else file.meta("stopped_by") or None,
            message="" if finished else file.meta("stop_message") or "",
            campaign_id=None if campaign_id is None else int(campaign_id),
            file=str(file.path),
            urls=urls,
            credits=Credits(
                planned=plan.estimate.total,
                cap=int(cap) if cap else None,
                charged_min=totals.charged_min,
                charged_max=totals.charged_max,
                remaining=totals.credits_remaining,
            ),
            requests=totals.requests,
            retries=totals.retries,
            elapsed_seconds=float(file.meta("elapsed") or 0),
            short_by=int(short_by) if short_by and not finished else None,
            doubts=tuple(
                Doubt(
                    key=idempotency_key(plan.plan_id, step, generation),
                    step=step,
                    urls=urls_in_doubt,
                    last_sent=None if sent is None else datetime.fromtimestamp(sent, UTC),
                    credits_at_stake=high - low,
                )
                for step, generation, urls_in_doubt, sent, low, high in islice(
                    tally.doubts(file.db), SHOWN_DOUBTS
                )
            ),
        )
