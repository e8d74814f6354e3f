"""A sandbox of the API, served on this machine alone: wallets, a ledger, rate limits, faults on demand.

It shares no code with the rest of the package, not even the tariff: two sides that did, would share its bugs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokfluence_async.sandbox.clock import SandboxClock
    from tokfluence_async.sandbox.faults import Effect, Fault, Phase
    from tokfluence_async.sandbox.ledger import CallTotals, Entry, LedgerSummary
    from tokfluence_async.sandbox.recorder import RecordedRequest
    from tokfluence_async.sandbox.server import DEFAULT_PORT, Sandbox, run, serve_in_thread
    from tokfluence_async.sandbox.state import State
    from tokfluence_async.sandbox.switches import Switches

__all__ = [
    "DEFAULT_PORT",
    "CallTotals",
    "Effect",
    "Entry",
    "Fault",
    "LedgerSummary",
    "Phase",
    "RecordedRequest",
    "Sandbox",
    "SandboxClock",
    "State",
    "Switches",
    "run",
    "serve_in_thread",
]

_HOMES = {
    "CallTotals": "ledger",
    "DEFAULT_PORT": "server",
    "Effect": "faults",
    "Entry": "ledger",
    "Fault": "faults",
    "LedgerSummary": "ledger",
    "Phase": "faults",
    "RecordedRequest": "recorder",
    "Sandbox": "server",
    "SandboxClock": "clock",
    "State": "state",
    "Switches": "switches",
    "run": "server",
    "serve_in_thread": "server",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
