"""The client: its lifetime, its settings and its resources."""

from __future__ import annotations

import copy
import platform
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack, cast

from tokfluence_async._version import __version__
from tokfluence_async.errors import ConfigurationError, UsageError
from tokfluence_async.models import AISearchResults
from tokfluence_async.options import APIKey, Options
from tokfluence_async.protocol.codec import AnalyzeEncoder, analyze_body, checked_encoder
from tokfluence_async.protocol.limiter import Limiter
from tokfluence_async.resources.caller import Caller, CallOptions, own_headers
from tokfluence_async.resources.campaigns import Campaigns
from tokfluence_async.resources.creators import Creators
from tokfluence_async.resources.posts import Posts
from tokfluence_async.resources.search import ai_search
from tokfluence_async.session.budget import Budget
from tokfluence_async.session.events import EventStream
from tokfluence_async.session.flights import GRACE
from tokfluence_async.session.lifetime import Lifetime
from tokfluence_async.session.session import Session
from tokfluence_async.tariff import Tariff

if TYPE_CHECKING:
    from aiohttp import BaseConnector, ClientSession, TraceConfig

__all__ = ["Tokfluence"]


class Tokfluence:
    """An async client of the Tokfluence API.

    Use it as ``async with Tokfluence() as tok:``; share one over a whole program, for it keeps the rate limit.

    Args:
        api_key: The key; from TOKFLUENCE_API_KEY by default.
        base_url: Where the API is; https, or http on loopback.
        timeout: Seconds from the first sending to the answer, repeats and the waits before them included; what this
            client's own rate limit and concurrency make it wait does not count, nor what a 429 does. See `Options`,
            also for what follows.
        max_retries: How often a call is repeated after its first try.
        backoff: Seconds, at most, before the first repeat.
        settle: Seconds before a load repeats or looks into an unknown outcome.
        requests_per_minute: The client's own rate limit; 0 is none.
        concurrency: Requests in flight at once.
        batch_size: URLs in one analyze call of a load.
        max_credits: Credits that this client may spend at most; None is no cap.
        session: An aiohttp session to use and to leave open, made on the event loop that uses the client.
        connector: An aiohttp connector to use and to leave open, likewise.
        trace_configs: Passed on to aiohttp's session. They see the Authorization header.
        tariff: Prices, where they differ from the public ones.
        analyze_encoder: Writes the body of ``posts/analyze``, which the API does not document.

    Raises:
        ConfigurationError: A setting is wrong. A missing key, and a session, connector or hook that can't be used, are
            told when the client is opened.
    """

    def __init__(
        self,
        api_key: str | APIKey | None = None,
        *,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        backoff: float | None = None,
        settle: float | None = None,
        requests_per_minute: int | None = None,
        concurrency: int | None = None,
        batch_size: int | None = None,
        max_credits: int | None = None,
        session: ClientSession | None = None,
        connector: BaseConnector | None = None,
        trace_configs: Sequence[TraceConfig] = (),
        tariff: Tariff | None = None,
        analyze_encoder: AnalyzeEncoder = analyze_body,
    ) -> None:
        # Before anything is checked: the frames of an error shall not tell the key.
        api_key = APIKey.seal(api_key)
        options = Options.load(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            backoff=backoff,
            settle=settle,
            requests_per_minute=requests_per_minute,
            concurrency=concurrency,
            batch_size=batch_size,
            max_credits=max_credits,
        )
        self.events: EventStream = EventStream()
        self._http = (session, connector, trace_configs)
        borrows = session is not None or connector is not None
        self._caller = Caller(
            lifetime=Lifetime(self._open_session, check=self._check_borrowed if borrows else None),
            options=options,
            tariff=_checked_tariff(tariff),
            analyze_encoder=checked_encoder(_callable(analyze_encoder)),
            budget=Budget(options.max_credits),
        )
        self._bind()

    def _bind(self) -> None:
        self.campaigns: Campaigns = Campaigns(self._caller)
        self.posts: Posts = Posts(self._caller)
        self.creators: Creators = Creators(self._caller)

    def _open_session(self) -> Session:
        # aiohttp takes a fifth of a second to import: on first use, not for a preview.
        from tokfluence_async.session.transport import Transport  # noqa: PLC0415

        options = self._caller.options
        session, connector, trace_configs = self._http
        limiter = Limiter(options.requests_per_minute)  # before what has to be closed again is opened
        transport = Transport(
            options.base_url,
            options.require_key(),
            concurrency=options.concurrency,
            user_agent=f"tokfluence-async/{__version__} Python/{platform.python_version()}",
            session=session,
            connector=connector,
            trace_configs=trace_configs,
        )
        return Session(
            transport,
            limiter,
            self.events,
            concurrency=options.concurrency,
        )

    def _check_borrowed(self) -> None:
        # Not into variables: errors lead to their frames, and from there to what aiohttp holds.
        for kind, place in (("session", 0), ("connector", 1)):
            if getattr(self._http[place], "closed", False):
                raise UsageError(
                    f"the aiohttp {kind} that was passed in was closed; keep it open for as long as the client is used"
                )

    def __enter__(self) -> NoReturn:
        """Refuse ``with``.

        Raises:
            UsageError: Always: the client is opened by ``async with``.
        """
        raise UsageError("use `async with Tokfluence() as tok:` inside a coroutine, as `asyncio.run` runs it")

    def __exit__(self, *_: object) -> None:
        """Has to be there for ``with`` to be refused in words."""

    async def __aenter__(self) -> Self:
        """Open the client on this event loop.

        Raises:
            ConfigurationError: There is no API key, or a session, connector or hook that was passed in can't be used.
            UsageError: It was opened before; what was passed in belongs to another event loop; or none runs here.
        """
        self._caller.lifetime.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.close()

    async def close(self, *, grace: float = GRACE) -> None:
        """Close what the client opened, and nothing that was passed in. Closing twice is fine.

        A second close, while one is under way, waits for that one to end; the first one's grace counts.
        Nothing new begins from here on. Calls that are under way are waited for; those that are still under way then
        are interrupted, and end with `NotSentError` or `OutcomeUnknownError`.

        Args:
            grace: Seconds to wait, at least 0; infinite is for as long as it takes.

        Raises:
            ConfigurationError: The grace is no number of seconds. Nothing was closed.
            UsageError: The client belongs to another event loop.
        """
        await self._caller.lifetime.close(grace)

    @property
    def options(self) -> Options:
        """The client's settings."""
        return self._caller.options

    @property
    def tariff(self) -> Tariff:
        """What calls cost."""
        return self._caller.tariff

    @property
    def analyze_encoder(self) -> AnalyzeEncoder:
        """What writes the body of ``posts/analyze``."""
        return self._caller.analyze_encoder

    @property
    def session(self) -> Session:
        """The engine below the resources, for code that decides by itself what to do after each attempt.

        Raises:
            UsageError: The client is not open, belongs to another event loop, or the session or connector that was
                passed in was closed.
        """
        return self._caller.lifetime.session()

    @property
    def credits_remaining(self) -> int | None:
        """The wallet's balance in credits, as the latest answer told it; None before the first."""
        return self._caller.lifetime.credits_remaining

    @property
    def spent(self) -> Budget:
        """What this client, or the part of it that `budget` made, has spent and reserved, in credits.

        A load counts as a whole: what earlier runs of it were charged, too.
        """
        return self._caller.budget

    def __repr__(self) -> str:
        return f"Tokfluence(base_url={self.options.base_url!r})"

    def with_options(
        self,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        backoff: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Self:
        """The same client with other settings for its calls; connections, rate limit and budget are shared.

        Closing either closes both.

        Args:
            timeout: Seconds for a whole call, counted as in `Options`.
            max_retries: How often a call is repeated.
            backoff: Seconds, at most, before the first repeat.
            extra_headers: Sent with each request besides the client's own.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        options = self.options.replace(timeout=timeout, max_retries=max_retries, backoff=backoff)
        changes: dict[str, Any] = {"options": options}
        if extra_headers is not None:
            changes["extra_headers"] = {**self._caller.extra_headers, **own_headers(extra_headers)}
        return self._view(**changes)

    def budget(self, *, max_credits: int) -> Self:
        """The same client with a credit cap of its own; connections and rate limit are shared.

        Each call's price is reserved before it is sent, so that concurrent calls can't overshoot together; a call that
        would cross the cap raises `BudgetExceededError` and sends nothing. What is spent counts against this client's
        own cap as well, if it has one. Closing either closes both.

        Args:
            max_credits: Credits that calls through the returned client may cost together.

        Raises:
            ConfigurationError: The cap is not a whole number, or negative.
        """
        cap, own = _cap(self.options, max_credits), self.options.max_credits
        options = self.options.replace(max_credits=cap if own is None else min(own, cap))
        return self._view(options=options, budget=Budget(cap, parent=self._caller.budget))

    def _view(self, **changes: Any) -> Self:
        view = copy.copy(self)  # with whatever a subclass has of its own
        view._caller = self._caller.evolve(**changes)  # noqa: SLF001 - of its own class
        view._bind()  # noqa: SLF001 - likewise
        return view

    def estimate(self, calls: Mapping[str, int] | None = None, *, urls: int = 0) -> int:
        """What a mix of calls costs, in credits. Sends nothing.

        Args:
            calls: How often each call is made, by name (``{"posts.show": 200}``); each page counts as a call.
            urls: How many URLs are submitted for analysis besides.

        Returns:
            Credits.

        Raises:
            ConfigurationError: No call has such a name, a number is not a whole one, or negative, or `calls` is no
                mapping.
        """
        return self.tariff.estimate({} if calls is None else calls, urls=urls)

    async def ai_search(
        self, query: str, *, max_results: int | None = None, **options: Unpack[CallOptions]
    ) -> AISearchResults:
        """Search creators in plain English: 25 credits. It takes seconds.

        Args:
            query: What to look for.
            max_results: Creators, 50 at most; 20 by default.
            **options: What this call does differently.

        Returns:
            The creators, and the filters that the query was read as.

        Raises:
            ConfigurationError: The query is blank, `max_results` out of range, or an option wrong. Nothing was sent.
            BudgetExceededError: The credit cap leaves no room for it. Nothing was sent.
            InsufficientCreditsError: The wallet is too low. Nothing was done, nothing charged.
            OutcomeUnknownError: It may have been applied; repeat it with the error's `request_id` as key only.
            RequestError: There is no usable answer for another reason, which its subclass tells; see `Posts`.
        """
        return await ai_search(self._caller, query, max_results=max_results, options=options)


def _cap(options: Options, max_credits: Any) -> int:
    # None, which leaves a setting as it is, would make a part without a cap.
    cap = None if max_credits is None else options.replace(max_credits=max_credits).max_credits
    if cap is None:
        raise ConfigurationError("max_credits must be a whole number, at least 0, not None")
    return cap


def _checked_tariff(tariff: Any) -> Tariff:
    if tariff is None:
        return Tariff()
    if not isinstance(tariff, Tariff):
        raise ConfigurationError(
            f"tariff must be a Tariff, such as Tariff({{…}}), not {type(tariff).__name__}"
        )
    return tariff


def _callable(encoder: Any) -> AnalyzeEncoder:
    if not callable(encoder):
        raise ConfigurationError(f"analyze_encoder must be a function, not {type(encoder).__name__}")
    return cast("AnalyzeEncoder", encoder)
