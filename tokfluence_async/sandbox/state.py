"""The sandbox's world: accounts, wallets, campaigns, the index of posts. No I/O, an injected clock."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Any

from attrs import define, frozen

from tokfluence_async.sandbox.accounts import Account, prefix_of
from tokfluence_async.sandbox.campaigns import Campaign, TrackedPost
from tokfluence_async.sandbox.creators import Creator, Creators
from tokfluence_async.sandbox.faults import Faults
from tokfluence_async.sandbox.ledger import Ledger
from tokfluence_async.sandbox.limits import SlidingWindow
from tokfluence_async.sandbox.posts import post_payload
from tokfluence_async.sandbox.recorder import Recorder
from tokfluence_async.sandbox.request_ids import RequestIds
from tokfluence_async.sandbox.videos import is_video_id

if TYPE_CHECKING:
    from tokfluence_async.sandbox.clock import SandboxClock
    from tokfluence_async.sandbox.ledger import EntryKind
    from tokfluence_async.sandbox.switches import Switches

_DAY = 86_400.0
_FIRST_CAMPAIGN = 4711


@frozen
class Resolved:
    """A submitted post whose video and creator are known."""

    video_id: str
    creator: Creator
    fee_cents: int

    @property
    def url(self) -> str:
        """The post's canonical URL."""
        return f"https://www.tiktok.com/@{self.creator.username}/video/{self.video_id}"


@define
class Indexed:
    """A post in the index."""

    url: str
    username: str
    ready_at: float
    """When it can first be read, in seconds on the sandbox clock."""


@frozen
class Charge:
    """What a request was debited."""

    call: str
    credits: int
    request_id: str
    campaign_id: int | None
    urls: tuple[str, ...]


class State:
    """Everything that the sandbox remembers. A reset makes a new one.

    Args:
        switches: How it answers where the API's public pages are silent.
        clock: The sandbox clock.
    """

    def __init__(self, switches: Switches, clock: SandboxClock) -> None:
        self.lock: threading.RLock = threading.RLock()
        """Held for each step of a request and for each look from another thread."""
        self.switches = switches
        self.clock = clock
        self.ledger: Ledger = Ledger()
        self.recorder: Recorder = Recorder(switches.max_recorded, switches.max_recorded_body)
        self.faults: Faults = Faults()
        self.creators: Creators = Creators(switches)
        self.index: dict[str, Indexed] = {}
        """The index of posts, by video id; one for all accounts."""
        self._accounts: dict[str, Account] = {}
        self._peers: dict[str, SlidingWindow] = {}
        self._campaign_ids = count(_FIRST_CAMPAIGN)
        self._numbered: set[int] = set()
        self._request_ids = count(1)

    def __repr__(self) -> str:
        return f"<State of {len(self._accounts)} accounts, {len(self.ledger)} ledger entries>"

    def accounts(self) -> list[Account]:
        """Every account that was seen or set up."""
        return list(self._accounts.values())

    def account(self, key: str) -> Account:
        """The account of a key, which is opened with the grant when it is first seen."""
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = Account(
                prefix=prefix_of(key),
                balance=self.switches.grant,
                ids=RequestIds(self.switches.remember_ids),
                window=SlidingWindow(self.switches.requests_per_minute_key, self.switches.rate_window),
                refilled_at=self.clock.now(),
            )
        self._refill(account)
        return account

    def peer(self, address: str) -> SlidingWindow:
        """The rate limit of an IP address."""
        window = self._peers.get(address)
        if window is None:
            window = self._peers[address] = SlidingWindow(
                self.switches.requests_per_minute_ip, self.switches.rate_window
            )
        return window

    def peers(self) -> dict[str, SlidingWindow]:
        """The rate limits of every IP address that was seen."""
        return dict(self._peers)

    def make_request_id(self) -> str:
        """A request id for a request that came without."""
        return f"req_{next(self._request_ids):012x}"

    # Wallets

    def _move(self, account: Account, kind: EntryKind, amount: int, charge: Charge | None = None) -> None:
        account.balance -= amount
        self.ledger.append(
            time=self.clock.now(),
            key=account.prefix,
            kind=kind,
            amount=amount,
            balance=account.balance,
            call=charge.call if charge else "",
            request_id=charge.request_id if charge else "",
            campaign_id=charge.campaign_id if charge else None,
            urls=charge.urls if charge else (),
        )

    def debit(self, account: Account, charge: Charge) -> None:
        """Take a charge from a wallet; a charge of nothing leaves no entry."""
        if charge.credits:
            self._move(account, "charge", charge.credits, charge)

    def refund(self, account: Account, charge: Charge) -> None:
        """Give a charge back."""
        if charge.credits:
            self._move(account, "refund", -charge.credits, charge)

    def set_wallet(self, account: Account, amount: int) -> None:
        """Set a wallet to a number of credits."""
        self._move(account, "set", account.balance - amount)

    def _refill(self, account: Account) -> None:
        period = self.switches.refill_days * _DAY
        if not period:
            return
        times = int((self.clock.now() - account.refilled_at) / period)
        if times <= 0:
            return
        account.refilled_at += times * period
        grant = self.switches.grant
        added = min(account.balance + times * grant, max(2 * grant, account.balance)) - account.balance
        if added:
            self._move(account, "refill", -added)

    # Campaigns and posts

    def create_campaign(
        self, account: Account, name: str, currency: str, *, campaign_id: int | None = None
    ) -> Campaign:
        """Open a campaign, with the next number of all accounts or with a given one."""
        now = self.clock.now()
        if campaign_id is None:
            campaign_id = next(number for number in self._campaign_ids if number not in self._numbered)
        elif campaign_id in self._numbered:
            raise ValueError(f"there is or was a campaign {campaign_id} already")
        self._numbered.add(campaign_id)
        campaign = Campaign(campaign_id, name, currency, now, now)
        account.campaigns[campaign_id] = campaign
        return campaign

    def analyse(self, post: Resolved) -> Indexed:
        """Put a post into the index; one that is there already keeps its time."""
        entry = self.index.get(post.video_id)
        if entry is None:
            entry = self.index[post.video_id] = Indexed(
                post.url, post.creator.username, self.clock.now() + self.switches.analysis_delay
            )
        return entry

    def track(self, campaign: Campaign, post: Resolved) -> bool:
        """Analyse a post and have a campaign track it; False if the campaign does so already."""
        ready_at = self.analyse(post).ready_at
        now = self.clock.now()
        return campaign.track(
            TrackedPost(
                video_id=post.video_id,
                url=post.url,
                creator=post.creator,
                fee_cents=post.fee_cents,
                tracked_at=now,
                listed_at=now + self.switches.list_delay,
                ready_at=ready_at,
            )
        )

    def status_of(self, video_id: str) -> str:
        """The status of an indexed post's analysis as ``meta.api_results`` has it."""
        return "analyzed" if self.index[video_id].ready_at <= self.clock.now() else "pending"

    def readable_post(self, video_id: str) -> dict[str, Any] | None:
        """A post of the index as posts.show has it; None if it can't be read, or not yet."""
        entry = self.index.get(video_id)
        if entry is not None:
            ready = entry.ready_at <= self.clock.now()
            return post_payload(video_id, entry.url, entry.username) if ready else None
        if self.switches.index_all_posts and is_video_id(video_id):
            username = f"user_{video_id[-8:]}"
            return post_payload(video_id, f"https://www.tiktok.com/@{username}/video/{video_id}", username)
        return None
