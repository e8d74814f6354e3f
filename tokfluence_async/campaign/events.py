"""What a load tells while it runs, on the client's event stream."""

from __future__ import annotations

from attrs import frozen

from tokfluence_async.session.events import Event

__all__ = ["LoadProgress", "LoadStarted", "LoadStopping"]


@frozen(kw_only=True)
class LoadStarted(Event):
    """A load begins, or goes on."""

    file: str
    name: str
    urls: int
    """URLs that the plan sends."""
    settled: int
    """URLs of them whose outcome is known from an earlier run."""
    planned: int
    """Price of the plan, in credits."""


@frozen(kw_only=True)
class LoadProgress(Event):
    """The outcome of some URLs has become known."""

    accepted: int
    rejected: int
    unknown: int
    charged_max: int
    """Credits spent so far, at most."""
    credits_remaining: int | None


@frozen(kw_only=True)
class LoadStopping(Event):
    """Nothing new is started; what is under way is waited for."""

    code: str
    message: str
