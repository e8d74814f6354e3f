"""Accounts: a key's standing, wallet and request ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from attrs import define, field

from tokfluence_async.sandbox.arguments import RefusedError
from tokfluence_async.sandbox.ledger import PREFIX_LENGTH

if TYPE_CHECKING:
    from tokfluence_async.sandbox.campaigns import Campaign
    from tokfluence_async.sandbox.limits import SlidingWindow
    from tokfluence_async.sandbox.request_ids import RequestIds

Standing = Literal["active", "revoked", "banned", "no_plan", "forbidden"]

_KEY = re.compile(r"tkf_live_[A-Za-z0-9]{32}")
_LONGEST_ID = 18
_REFUSALS = {
    "revoked": (401, "unauthorized", "This API key has been revoked."),
    "banned": (403, "account_banned", "This account is banned."),
    "no_plan": (403, "plan_required", "This account's plan does not include the API."),
    "forbidden": (403, "forbidden", "This key may not do that."),
}


def is_key(text: str) -> bool:
    """Whether a text has the form of an API key."""
    return _KEY.fullmatch(text) is not None


def bearer(authorization: str | None) -> str | None:
    """The key in an Authorization header; None if there is none of the right form."""
    if authorization is None:
        return None
    scheme, _, key = authorization.partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and is_key(key) else None


def _no_campaigns() -> dict[int, Campaign]:
    return {}


@define(eq=False)
class Account:
    """What belongs to one key. It does not hold the key itself, only what of it may be shown."""

    prefix: str
    """The key's public prefix."""
    balance: int
    """The wallet, in credits."""
    ids: RequestIds
    """The request ids that it has used."""
    window: SlidingWindow
    """Its rate limit."""
    refilled_at: float
    """When the wallet was last refilled, in seconds on the sandbox clock."""
    standing: Standing = "active"
    campaigns: dict[int, Campaign] = field(factory=_no_campaigns)
    """Its campaigns by id."""

    def check_standing(self) -> None:
        """Refuse the key if it is not to be served.

        Raises:
            RefusedError: 401 or 403.
        """
        refusal = _REFUSALS.get(self.standing)
        if refusal is not None:
            raise RefusedError(*refusal)

    def has_campaign_named(self, name: str) -> bool:
        """Whether one of the account's campaigns bears a name."""
        return any(campaign.name == name for campaign in self.campaigns.values())

    def campaign(self, reference: str | int) -> Campaign:
        """One of the account's campaigns.

        Raises:
            RefusedError: 404 if there is none of that id, or it is somebody else's.
        """
        text = str(reference)
        is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
        found = self.campaigns.get(int(text)) if is_number else None
        if found is None:
            raise RefusedError(404, "campaign_not_found", "There is no such campaign in this account.")
        return found


def prefix_of(key: str) -> str:
    """The part of a key that may be shown."""
    return key[:PREFIX_LENGTH]
