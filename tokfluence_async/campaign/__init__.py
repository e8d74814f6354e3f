"""The campaign builder and loader: a plan says what a load costs, applying it buys exactly that."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokfluence_async.campaign.applying import apply, resume, save, status
    from tokfluence_async.campaign.builder import CampaignBuilder
    from tokfluence_async.campaign.columns import InputOptions
    from tokfluence_async.campaign.plan import Conflict, Estimate, Plan, Skipped
    from tokfluence_async.campaign.report import Credits, LoadReport, URLCounts

__all__ = [
    "CampaignBuilder",
    "Conflict",
    "Credits",
    "Estimate",
    "InputOptions",
    "LoadReport",
    "Plan",
    "Skipped",
    "URLCounts",
    "apply",
    "resume",
    "save",
    "status",
]

# Imported on first use: a preview needs none of what sends requests.
_HOMES = {
    "CampaignBuilder": "builder",
    "Conflict": "plan",
    "Credits": "report",
    "Estimate": "plan",
    "InputOptions": "columns",
    "LoadReport": "report",
    "Plan": "plan",
    "Skipped": "plan",
    "URLCounts": "report",
    "apply": "applying",
    "resume": "applying",
    "save": "applying",
    "status": "applying",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
