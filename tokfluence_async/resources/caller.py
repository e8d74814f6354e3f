"""How a resource makes a call: its path, its price, the caller's options, and the session's loop."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, Final, TypedDict, TypeVar, cast
from urllib.parse import urlencode
from uuid import UUID, uuid4

from attrs import evolve, field, frozen

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError, NotSentError
from tokfluence_async.models import Result
from tokfluence_async.options import Options
from tokfluence_async.protocol.codec import AnalyzeEncoder, decoder, dumps
from tokfluence_async.protocol.endpoints import Endpoint
from tokfluence_async.protocol.retry import RetryPolicy
from tokfluence_async.protocol.wire import Request, checked_headers
from tokfluence_async.session.budget import Budget
from tokfluence_async.session.lifetime import Lifetime
from tokfluence_async.session.session import CallPlan
from tokfluence_async.tariff import Tariff

__all__ = ["CallOptions", "Caller", "Query", "own_headers"]

R = TypeVar("R", bound=Result)

Query = Mapping[str, str | int | float | Decimal | bool | None]
"""Query parameters by name; None leaves one out."""

MAX_PLANS: Final = 256
"""Plans that are kept."""
_PRICED: Final = frozenset({"posts", "urls"})


class CallOptions(TypedDict, total=False):
    """What one call may do differently from its client."""

    timeout: float
    """Seconds from the first sending to the answer, repeats and the waits before them included, a day at most; what
    this client's own rate limit and concurrency make it wait does not count, nor what a 429 does."""
    max_retries: int
    """How often it is repeated after its first try."""
    idempotency_key: str | UUID
    """Key of a POST, sent as ``X-Request-Id`` with each try: a UUID, or 1 to 255 printable ASCII characters; a fresh
    UUID by default. Repeating a call under the key of an earlier one is answered 409 and not charged."""
    extra_headers: Mapping[str, str]
    """Sent besides the client's own, of which they can replace ``User-Agent`` only."""
    extra_query: Query
    """Query parameters besides the call's own."""
    extra_body: Mapping[str, Any]
    """Fields of the JSON body besides the call's own; not ``posts`` or ``urls``, by which the call is priced."""


_OPTIONS: Final = frozenset(CallOptions.__annotations__)


def own_headers(headers: Any) -> dict[str, str]:
    """A caller's own headers by lower-case name, once they are seen to be sendable.

    Args:
        headers: A mapping of names to values.

    Raises:
        ConfigurationError: It is no such mapping, or a header is not sendable, or the client's own affair.
    """
    return checked_headers(_mapping(headers, "extra_headers"))


@frozen
class Caller:
    """Makes calls through one client, with its settings."""

    lifetime: Lifetime
    options: Options
    tariff: Tariff
    analyze_encoder: AnalyzeEncoder
    budget: Budget
    extra_headers: Mapping[str, str] = field(factory=dict[str, str], converter=own_headers)
    _plans: dict[tuple[str, int], CallPlan] = field(
        factory=dict[tuple[str, int], CallPlan], init=False, eq=False, repr=False
    )
    """By call and number of URLs, where the call has no options of its own."""

    def evolve(self, **changes: Any) -> Caller:
        """The same with other settings; the connections, the limiter and the events are shared."""
        return evolve(self, **changes)

    async def call(
        self,
        endpoint: Endpoint,
        result: type[R],
        resource_id: str | int | None = None,
        *,
        options: CallOptions,
        query: Query | None = None,
        body: Mapping[str, Any] | None = None,
        urls: int = 0,
    ) -> R:
        """Make a call and decode its answer.

        Args:
            endpoint: Which call.
            result: What its answer becomes.
            resource_id: The id in its path.
            options: What this call does differently. One mapping, for whatever it names that is no option is refused by
                that name.
            query: Query parameters.
            body: The JSON body of a POST.
            urls: How many URLs the body submits, which its price depends on.

        Raises:
            ConfigurationError: An argument is not acceptable. Nothing was sent.
            UsageError: The client is not open, or belongs to another event loop; or the session or connector that it
                was given was closed. Nothing was sent.
            BudgetExceededError: The call would cross the credit cap. Nothing was sent.
            RequestError: The call has no usable answer; its subclasses say why.
        """
        session = self.lifetime.session()
        request = self._request(endpoint, resource_id, query, body, urls, options)
        plan = self._plan(endpoint, urls, options)
        try:
            return await session.call(request, decoder(result), plan)
        except NotSentError:
            self.lifetime.check()  # what the caller has closed in the meantime is no fault of the network
            raise

    def check(self, endpoint: Endpoint, options: CallOptions) -> None:
        """Have the options of a call checked before it is made many times.

        Raises:
            ConfigurationError: One is not acceptable for this call.
        """
        self._request(endpoint, "0", None, None, 0, options)
        self._plan(endpoint, 0, options)

    def _plan(self, endpoint: Endpoint, urls: int, options: CallOptions) -> CallPlan:
        timeout, retries = options.get("timeout"), options.get("max_retries")
        if timeout is None and retries is None:
            plan = self._plans.get((endpoint.name, urls))
            if plan is None:
                if len(self._plans) >= MAX_PLANS:
                    self._plans.clear()
                plan = self._plans[endpoint.name, urls] = self._new_plan(endpoint, urls, self.options)
            return plan
        mine = self.options.replace(timeout=timeout, max_retries=retries)
        plan = self._new_plan(endpoint, urls, mine)
        return plan if timeout is None else evolve(plan, timeout=mine.timeout)

    def _new_plan(self, endpoint: Endpoint, urls: int, options: Options) -> CallPlan:
        return CallPlan(
            timeout=options.timeout_for(urls),
            policy=RetryPolicy(max_retries=options.max_retries, backoff=options.backoff),
            price=self.tariff.price(endpoint.name, urls=urls),
            budget=self.budget,
        )

    def _request(
        self,
        endpoint: Endpoint,
        resource_id: str | int | None,
        query: Query | None,
        body: Mapping[str, Any] | None,
        urls: int,
        options: CallOptions,
    ) -> Request:
        if options and not options.keys() <= _OPTIONS:
            unknown = ", ".join(sorted(str(name) for name in options if name not in _OPTIONS))
            raise ConfigurationError(
                f"{endpoint.name}: no option is named {unknown}; there are: {', '.join(sorted(_OPTIONS))}"
            )
        given, key = options.get("idempotency_key"), None
        if endpoint.keyed:
            key = str(uuid4()) if given is None else _checked_key(given)
        elif given is not None:
            raise ConfigurationError(f"{endpoint.name} takes no idempotency key: only POSTs do")
        headers = options.get("extra_headers")
        return Request(
            call=endpoint.name,
            method=endpoint.method,
            path=endpoint.path(resource_id),
            query=_query(endpoint, query, options.get("extra_query")),
            body=_body(endpoint, body, options.get("extra_body")),
            idempotency_key=key,
            key_given=given is not None,
            headers=self.extra_headers if headers is None else {**self.extra_headers, **own_headers(headers)},
            urls=urls,
            max_body=endpoint.max_body,
        )


def _mapping(value: Any, option: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{option} must be a mapping, such as a dict, not {type(value).__name__}")
    given: dict[Any, Any] = {**value}
    mapping: dict[str, Any] = {}
    for name, content in given.items():
        text = scalars.text(name)
        if text is None:
            raise ConfigurationError(f"each name in {option} must be text (str), not {type(name).__name__}")
        mapping[text] = content
    return mapping


def _checked_key(key: Any) -> str:
    if isinstance(key, UUID):
        return str(key)
    text = scalars.text(key)
    if text is None:
        raise ConfigurationError(f"idempotency_key must be text (str) or a UUID, not {type(key).__name__}")
    if not text or len(text) > 255 or not text.isascii() or not text.isprintable() or text != text.strip():
        raise ConfigurationError("an idempotency key has 1 to 255 printable ASCII characters; use a UUID")
    return text


def _query(endpoint: Endpoint, own: Query | None, extra: Query | None) -> tuple[tuple[str, str], ...]:
    if not own and extra is None:
        return ()
    both = {**(own or {}), **(_mapping(extra, "extra_query") if extra is not None else {})}
    query = tuple((name, _text(name, value)) for name, value in both.items() if value is not None)
    try:
        urlencode(query)
    except (UnicodeError, TypeError):
        raise ConfigurationError(f"{endpoint.name}: a query parameter can't be written as UTF-8") from None
    return query


def _body(endpoint: Endpoint, own: Mapping[str, Any] | None, extra: Mapping[str, Any] | None) -> bytes | None:
    if endpoint.method != "POST":
        if extra is not None:
            raise ConfigurationError(f"{endpoint.name} has no body that extra_body could add to")
        return None
    more = _mapping({} if extra is None else extra, "extra_body")
    if endpoint.submits_urls and _PRICED & more.keys():
        raise ConfigurationError(
            f"{endpoint.name}: extra_body can't set 'posts' or 'urls', by which the call is priced"
        )
    try:
        written = dumps({**(own or {}), **more})
    except TypeError as error:
        raise ConfigurationError(f"{endpoint.name}: the body can't be written as JSON: {error}") from None
    if more and not _all_finite(more):  # after the writing, which has refused what holds itself
        raise ConfigurationError(
            f"{endpoint.name}: extra_body: a number that is not finite can't be written as JSON"
        )
    return written


def _all_finite(body: dict[str, Any]) -> bool:
    """Whether no number in the body is infinite or none: it would be sent as null."""
    left: list[Any] = [body]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += cast("dict[str, Any]", value).values()
        elif isinstance(value, list | tuple):
            left += cast("list[Any]", value)
        elif isinstance(value, float) and not isfinite(value):
            return False
    return True


def _text(name: str, value: object) -> str:
    written = scalars.parameter(value)
    if written is None:
        raise ConfigurationError(
            f"the query parameter {name!r} must be text or a finite number, not {scalars.quoted(value)}"
        )
    return written
