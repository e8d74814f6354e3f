"""The sandbox's controls: what a test may see of it and do to it, without credits and without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from tokfluence_async.sandbox.accounts import Standing, is_key
from tokfluence_async.sandbox.clock import SandboxClock
from tokfluence_async.sandbox.faults import Fault, Rule
from tokfluence_async.sandbox.ledger import LedgerSummary, summarise
from tokfluence_async.sandbox.seeds import sow
from tokfluence_async.sandbox.state import State
from tokfluence_async.sandbox.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokfluence_async.sandbox.accounts import Account
    from tokfluence_async.sandbox.recorder import RecordedRequest


class Controls:
    """A sandbox's state and the ways to look at it and change it. Every method may be called from any thread.

    Args:
        switches: How the sandbox answers where the API's public pages are silent.
        credits: Credits that a new key's wallet starts with; a short cut to the switch `grant`.
        clock: The clock that limits, delays and refills are measured on.
    """

    def __init__(
        self,
        *,
        switches: Switches | None = None,
        credits: int | None = None,  # noqa: A002 - shadows a name of the interactive prompt alone
        clock: SandboxClock | None = None,
    ) -> None:
        chosen = switches or Switches()
        self._initial = chosen if credits is None else evolve(chosen, grant=credits)
        self._clock = clock or SandboxClock()
        self._state = State(self._initial, self._clock)

    @property
    def state(self) -> State:
        """The world as it is now; a reset puts a new one in its place."""
        return self._state

    @property
    def switches(self) -> Switches:
        """How the sandbox answers now."""
        return self._state.switches

    def reset(self, changes: Mapping[str, Any] | None = None) -> None:
        """Begin anew: no wallets, ledger, campaigns, ids, requests or faults, and the clock not advanced.

        Requests that still run finish in the old world and leave no trace in the new one.

        Args:
            changes: Switches that shall stand otherwise than at the start.

        Raises:
            ValueError: If a switch is unknown or its value not acceptable; nothing is reset then.
        """
        switches = self._initial.with_changes(changes or {})
        self._clock.rewind()
        self._state = State(switches, self._clock)

    # Money

    def ledger(self, key: str | None = None) -> LedgerSummary:
        """The ledger and what it comes to.

        Args:
            key: Only that key's entries; given whole or by its prefix.
        """
        state = self._state
        with state.lock:
            entries = state.ledger.entries(key)
        return summarise(entries)

    def wallet(self, key: str) -> int:
        """A key's balance, in credits."""
        state = self._state
        with state.lock:
            return self._account(key).balance

    def set_wallet(self, key: str, credits: int) -> None:  # noqa: A002 - as above
        """Set a key's balance, in credits."""
        state = self._state
        with state.lock:
            state.set_wallet(self._account(key), credits)

    def revoke(self, key: str) -> None:
        """Have a key answered 401 from its next request on."""
        self.set_standing(key, "revoked")

    def set_standing(self, key: str, standing: Standing) -> None:
        """Have a key served, or answered 401 or 403.

        Args:
            key: The key.
            standing: ``active``; ``revoked`` (401); ``banned``, ``no_plan`` or ``forbidden`` (403).
        """
        with self._state.lock:
            self._account(key).standing = standing

    def _account(self, key: str) -> Account:
        if not is_key(key):
            raise ValueError("a key is 'tkf_live_' and 32 letters or digits")
        return self._state.account(key)

    # What it holds and was asked

    def tracked(self, campaign_id: int) -> list[str]:
        """The ids of the videos that a campaign tracks, in order, listed yet or not. Free, unlike the call.

        Raises:
            KeyError: If there is no such campaign in any account.
        """
        state = self._state
        with state.lock:
            for account in state.accounts():
                if campaign_id in account.campaigns:
                    return list(account.campaigns[campaign_id].posts)
        raise KeyError(campaign_id)

    def requests(self, call: str | None = None) -> list[RecordedRequest]:
        """The requests that were recorded, oldest first; none of them holds a key.

        Args:
            call: Only those of one call, such as ``posts.analyze``.
        """
        state = self._state
        with state.lock:
            found = state.recorder.requests()
        return found if call is None else [each for each in found if each.call == call]

    def worst_window(self) -> int:
        """The most requests that arrived from one IP address in any one window, refused ones included."""
        state = self._state
        with state.lock:
            return max((window.worst for window in state.peers().values()), default=0)

    def rate_limited(self) -> int:
        """How many requests a rate limit has refused."""
        state = self._state
        with state.lock:
            return sum(window.refused for window in state.peers().values())

    def seed(self, seeds: Mapping[str, Any]) -> dict[str, Any]:
        """Set things up: see `sow` for what can be.

        Raises:
            ValueError: If something in it is not acceptable.
        """
        state = self._state
        with state.lock:
            return sow(state, seeds)

    # Faults and time

    def add_fault(self, fault: Fault | None = None, /, **fields: Any) -> int:
        """Add a rule, given as a `Fault` or by its fields.

        Returns:
            The number by which it can be removed.
        """
        rule = Fault(**fields) if fault is None else fault
        state = self._state
        with state.lock:
            return state.faults.add(rule)

    def clear_faults(self, number: int | None = None) -> int:
        """Remove one rule by its number, or all; returns how many there were to remove."""
        state = self._state
        with state.lock:
            return state.faults.remove(number)

    def faults(self) -> list[Rule]:
        """The rules in their order, with how often each has struck."""
        state = self._state
        with state.lock:
            return state.faults.rules()

    def advance(self, seconds: float) -> None:
        """Move the sandbox clock forward."""
        with self._state.lock:
            self._clock.advance(seconds)
