"""Every question that the API's public pages leave open, as a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, fields_dict, frozen

from tokfluence_async.sandbox.validation import flag, number, one_of, text, texts, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

READS = frozenset(
    {
        "campaigns.show",
        "campaigns.metrics",
        "campaigns.posts",
        "campaigns.influencers",
        "posts.show",
        "posts.comments",
        "creators.show",
        "creators.posts",
    }
)
"""The calls that look one thing up, and so can miss."""

BothKeys = Literal["charge", "refuse"]
RejectedForm = Literal["objects", "strings"]
AnalyzeMeta = Literal["full", "misspelt", "none"]
RetryAfterForm = Literal["seconds", "date", "none"]
RepeatWhileRunning = Literal["conflict", "wait", "rate_limited"]


@frozen(kw_only=True)
class Switches:
    """How the sandbox answers where the API's public pages are silent, and how large its world is."""

    grant: int = field(default=1_000_000, validator=whole())
    """Credits that a new key's wallet starts with, and gets again at each refill; a free account has 50."""
    refill_days: float = field(default=30.0, validator=number())
    """Days on the sandbox clock between refills, never lifting a balance above twice the grant; 0 = none."""
    currency: str = field(default="USD", validator=text("[A-Z]{3}"))
    """ISO-4217 code of the account's currency."""

    requests_per_minute_ip: int = field(default=600, validator=whole())
    """Requests that one IP address may make in any window; 0 = no limit."""
    requests_per_minute_key: int = field(default=1200, validator=whole())
    """Requests that one key may make in any window; 0 = no limit."""
    rate_window: float = field(default=60.0, validator=number(above=True))
    """Length of both rate limits' window, in seconds on the sandbox clock."""
    retry_after: RetryAfterForm = field(default="seconds", validator=one_of(RetryAfterForm))
    """What a 429 says in Retry-After: whole seconds, an HTTP date, or nothing."""

    remember_ids: float | None = field(default=None, validator=number(optional=True))
    """Seconds on the sandbox clock for which a request id is remembered; None = for ever."""
    repeat_while_running: RepeatWhileRunning = field(default="conflict", validator=one_of(RepeatWhileRunning))
    """What a repeated id gets while its first request runs: 409 at once, 409 once that is done, or 429."""
    burn_on_402: bool = field(default=False, validator=flag())
    """Whether a 402 uses the request id up."""
    burn_on_429: bool = field(default=False, validator=flag())
    """Whether a 429 uses the request id up."""
    burn_on_4xx: bool = field(default=True, validator=flag())
    """Whether a 404, 413 or 422 uses the request id up."""
    burn_on_502: bool = field(default=True, validator=flag())
    """Whether a 502 uses the request id up, though its credits are refunded."""
    burn_on_5xx: bool = field(default=True, validator=flag())
    """Whether a 500 or any other 5xx uses the request id up."""

    charge_not_found: frozenset[str] = field(default=READS, converter=texts)
    """Calls that are charged when they answer 404, by name such as ``posts.show``: cache misses."""
    not_found_credits: int | None = field(default=1, validator=whole(optional=True))
    """Credits that such a 404 costs at most; None = the call's whole price."""
    charge_invalid: frozenset[str] = field(default=frozenset(), converter=texts)
    """Calls that are charged the price of what was submitted when they answer 422."""
    charge_rejected: bool = field(default=True, validator=flag())
    """Whether a URL that ends in ``meta.rejected`` is charged like any other."""

    both_keys: BothKeys = field(default="charge", validator=one_of(BothKeys))
    """What analyze does with ``posts`` and ``urls`` in one body: charge for both, or answer 422."""
    analyze_meta: AnalyzeMeta = field(default="full", validator=one_of(AnalyzeMeta))
    """Whether analyze's answer has the ``meta`` of the create call, one with other names in it, or none."""
    rejected_form: RejectedForm = field(default="objects", validator=one_of(RejectedForm))
    """Whether ``meta.rejected`` holds objects of url, reason and code, or the bare URLs."""
    handle_required: bool = field(default=False, validator=flag())
    """Whether a post without ``creator_handle`` is rejected; else its handle is read from its URL."""
    ghost_prefix: str = field(default="ghost", validator=text())
    """Handles that start so can't be resolved; empty = none."""
    ghost_handles: frozenset[str] = field(default=frozenset(), converter=texts)
    """More handles that can't be resolved."""
    max_batch: int | None = field(default=None, validator=whole(optional=True))
    """URLs that one create or analyze may hold, more being a 413; None = any number."""
    max_body_bytes: int = field(default=16 * 2**20, validator=whole())
    """Bytes that a request's body may have, more being a 413."""

    analyze_latency: float = field(default=0.0, validator=number())
    """Seconds a URL that create and analyze really take, between the charge and the tracking."""
    analysis_delay: float = field(default=0.0, validator=number())
    """Seconds on the sandbox clock for which a tracked post is pending, and not in the index."""
    list_delay: float = field(default=0.0, validator=number())
    """Seconds on the sandbox clock until a campaign lists a tracked post at all."""
    campaign_posts_page_size: int | None = field(default=None, validator=whole(1, optional=True))
    """Posts on a page of campaigns.posts, the rest following ``meta.next_cursor``; None = all on one."""
    index_all_posts: bool = field(default=False, validator=flag())
    """Whether posts.show knows every well-formed video id, analysed or not."""
    creators: int = field(default=200, validator=whole())
    """Creators that the search knows from the start."""

    max_recorded: int = field(default=10_000, validator=whole())
    """Requests that are kept for `/_sandbox/requests`, the oldest being dropped first."""
    max_recorded_body: int = field(default=64 * 1024, validator=whole())
    """Bytes of each recorded request's body that are kept."""

    def with_changes(self, changes: Mapping[str, Any]) -> Switches:
        """A copy with some switches set otherwise, as the control endpoints take them.

        Args:
            changes: New values by the switches' names; lists are taken for sets.

        Raises:
            ValueError: If a name is unknown or a value is of the wrong kind.
        """
        unknown = sorted(set(changes) - set(fields_dict(Switches)))
        if unknown:
            raise ValueError(f"no such switch: {', '.join(unknown)}")
        return evolve(self, **changes)
