"""Rules by which requests go wrong: which ones, when, how, and how often."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any, Literal, cast

from attrs import Attribute, Factory, asdict, define, field, fields_dict, frozen

from tokfluence_async.sandbox.validation import flag, number, one_of, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

Effect = Literal[
    "reset", "close", "stall", "delay", "status", "truncate", "drip", "garbage", "encoded", "redirect", "huge"
]
Phase = Literal["before_charge", "after_charge", "after_tracking", "mid_response"]

_VARIANTS = {
    "garbage": ("text", "json", "binary", "status_line"),
    "encoded": ("garbage", "bomb"),
    "truncate": ("half", "padded"),
}
_LINE_END = re.compile("[\r\n]")
_CODES = {
    401: "unauthorized", 402: "insufficient_credits", 403: "forbidden",
    404: "not_found", 409: "duplicate_request", 422: "missing_parameter",
    429: "rate_limited", 500: "internal_error", 502: "upstream_error",
    503: "service_unavailable", 504: "gateway_timeout",
}  # fmt: skip
_LONGEST = 3600.0


def _no_headers() -> dict[str, str]:
    return {}


def _default_count(fault: Fault) -> int | None:
    return 1 if fault.probability == 1 else None


def _is_pattern(_fault: Any, _attribute: Attribute[Any], value: Any) -> None:
    try:
        re.compile(value or "")
    except (re.error, TypeError) as failure:
        raise ValueError(f"path is not a regular expression: {failure}") from None


def _is_headers(_fault: Any, _attribute: Attribute[Any], value: Any) -> None:
    pairs = cast("dict[object, object]", value).items() if isinstance(value, dict) else [(None, None)]
    for name, content in pairs:
        if not isinstance(name, str) or not isinstance(content, str) or _LINE_END.search(name + content):
            raise ValueError("headers must be an object of strings without line breaks")


def _is_body(_fault: Any, _attribute: Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, (str, bytes)):
        raise ValueError("body must be a string")


def _prefix(key: str | None) -> str | None:
    return key[:13] if isinstance(key, str) else key


@frozen(kw_only=True)
class Fault:
    """A rule: what it matches, how often it strikes, in which phase, and to what effect.

    Phases:

    - ``before_charge``: the request has arrived and nothing has been looked at, not even the key;
    - ``after_charge``: the credits are debited and the request id is used, but no work was done;
    - ``after_tracking``: the work is done, and no byte of the answer was sent;
    - ``mid_response``: headers and half of the body are sent, whatever the answer is.

    A rule counts only requests that reach its phase: one for ``after_charge`` passes over those that are
    refused before. Effects that change the answer start from the true one; in the first two phases there is
    none, and they start from a 500 ``internal_error``. In ``mid_response`` the answer of any effect is cut in
    its middle and the connection closed, save that `drip` and `delay` do send the rest.

    Effects:

    - ``reset``: a TCP reset; ``close``: an orderly close;
    - ``stall``: silence for `seconds`, then a close;
    - ``delay``: silence for `seconds`, then everything goes on as if nothing had been;
    - ``status``: another answer; ``redirect``: one that leads to `location`;
    - ``truncate``: Content-Length promises more than is sent;
    - ``drip``: the body byte by byte, `interval` seconds apart;
    - ``garbage``: an answer that is none; ``encoded``: one that claims to be gzip;
    - ``huge``: `mebibytes` of body.
    """

    effect: Effect = field(validator=one_of(Effect))
    phase: Phase = field(default="before_charge", validator=one_of(Phase))

    method: str | None = field(default=None, validator=text(optional=True))
    """HTTP method to match."""
    path: str | None = field(default=None, validator=[text(optional=True), _is_pattern])
    """Regular expression to find in the path."""
    call: str | None = field(default=None, validator=text(optional=True))
    """Name of the call to match, such as ``posts.analyze``."""
    request_id: str | None = field(default=None, validator=text(optional=True))
    """X-Request-Id to match."""
    key: str | None = field(default=None, validator=text(optional=True), converter=_prefix)
    """Key to match, by its public prefix."""
    min_urls: int | None = field(default=None, validator=whole(1, optional=True))
    """Match only requests that submit at least so many URLs."""
    max_urls: int | None = field(default=None, validator=whole(1, optional=True))
    """Match only requests that submit at most so many URLs."""

    nth: int = field(default=1, validator=whole(1))
    """The first request to strike, counting those that match, from 1."""
    probability: float = field(default=1.0, validator=number(0, 1))
    """Chance of striking a request that matches."""
    seed: int = field(default=0, validator=whole(-(2**63)))
    """Seed of that chance: the same seed strikes the same requests."""
    count: int | None = field(
        default=Factory(_default_count, takes_self=True), validator=whole(1, optional=True)
    )
    """How many requests to strike at most; None = any number. Not given: 1, or any with a `probability`."""

    seconds: float = field(default=_LONGEST, validator=number(0, _LONGEST))
    """How long `stall` and `delay` last, at most an hour; a sandbox that closes does not wait for them."""
    interval: float = field(default=0.01, validator=number(0, _LONGEST))
    """Seconds between the bytes of `drip`."""
    status: int | None = field(default=None, validator=whole(200, 599, optional=True))
    """Status of the answer; 500 for `status`, 302 for `redirect` and 200 for the others if not given."""
    code: str | None = field(default=None, validator=text(optional=True))
    """The error's code; the API's own for that status if not given."""
    message: str | None = field(default=None, validator=text(optional=True))
    """The error's message."""
    headers: dict[str, str] = field(factory=_no_headers, validator=_is_headers)
    """Headers to add, such as ``Retry-After``."""
    body: str | bytes | None = field(default=None, validator=_is_body)
    """A raw body, such as a proxy's HTML page; it comes without the API's own headers."""
    location: str | None = field(default=None, validator=text(optional=True))
    """Where `redirect` leads."""
    variant: str | None = field(default=None, validator=text(optional=True))
    """Of garbage: text, json, binary, status_line; encoded: garbage, bomb; truncate: half, padded."""
    mebibytes: int = field(default=64, validator=whole(1, 4096))
    """Size of `huge`, and of the bomb once inflated."""
    refund: bool | None = field(default=None, validator=flag(optional=True))
    """Whether `status` refunds what was charged; by default the API's own 502 ``upstream_error`` does."""

    def __attrs_post_init__(self) -> None:
        variants = _VARIANTS.get(self.effect, ())
        if self.variant is not None and self.variant not in variants:
            raise ValueError(
                f"{self.effect} has no variant {self.variant!r}; it has {', '.join(variants) or 'none'}"
            )
        if self.effect == "redirect" and not self.location:
            raise ValueError("a redirect needs a location")

    @property
    def kind(self) -> str:
        """The variant, or the first of those that the effect has."""
        return self.variant or next(iter(_VARIANTS.get(self.effect, ("",))))

    @property
    def error_status(self) -> int:
        """Status of the error that the fault answers with."""
        return self.status or 500

    @property
    def error_code(self) -> str:
        """Code of the error that the fault answers with."""
        return self.code or _CODES.get(self.error_status, "error")

    @property
    def raw_body(self) -> bytes | None:
        """The raw body in bytes, if there is one."""
        return self.body.encode() if isinstance(self.body, str) else self.body

    @property
    def refunds(self) -> bool:
        """Whether what was charged is given back."""
        if self.refund is not None:
            return self.refund
        return (
            self.effect == "status"
            and self.error_status == 502
            and self.error_code == "upstream_error"
            and self.body is None
        )

    @classmethod
    def from_json(cls, rule: Mapping[str, Any]) -> Fault:
        """Read a rule as `POST /_sandbox/faults` takes it: this class's fields by name.

        Raises:
            ValueError: If a name is unknown or a value is not acceptable.
        """
        unknown = sorted(set(rule) - set(fields_dict(cls)))
        if unknown:
            raise ValueError(f"a fault has no {', '.join(unknown)}")
        if "effect" not in rule:
            raise ValueError("a fault needs an effect")
        return cls(**rule)


@define
class Arrival:
    """What rules look at in a request."""

    method: str
    path: str
    call: str | None
    request_id: str | None
    key: str | None
    urls: int


class Rule:
    """A fault with its counters."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        """What it is removed by."""
        self.fault = fault
        self.matched: int = 0
        """How many requests it has matched, in its phase."""
        self.struck: int = 0
        """How many of those it has struck."""
        self._path = re.compile(fault.path) if fault.path is not None else None
        self._chance = random.Random(fault.seed)  # noqa: S311 - a repeatable chance is what is wanted

    def strikes(self, arrival: Arrival) -> bool:
        """Whether the rule strikes a request; counts it if so."""
        fault = self.fault
        if fault.count is not None and self.struck >= fault.count:
            return False
        if not self._matches(arrival):
            return False
        self.matched += 1
        if self.matched < fault.nth or (fault.probability < 1 and self._chance.random() >= fault.probability):
            return False
        self.struck += 1
        return True

    def _matches(self, arrival: Arrival) -> bool:
        fault = self.fault
        return (
            (fault.call is None or fault.call == arrival.call)
            and (fault.method is None or fault.method.upper() == arrival.method)
            and (fault.request_id is None or fault.request_id == arrival.request_id)
            and (fault.key is None or fault.key == arrival.key)
            and (fault.min_urls is None or arrival.urls >= fault.min_urls)
            and (fault.max_urls is None or arrival.urls <= fault.max_urls)
            and (self._path is None or self._path.search(arrival.path) is not None)
        )

    def payload(self) -> dict[str, Any]:
        """The rule as `/_sandbox/faults` has it."""
        shown = asdict(self.fault)
        body = shown["body"]
        shown["body"] = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        shown["headers"] = dict(self.fault.headers)
        return {"id": self.number, "matched": self.matched, "struck": self.struck, **shown}


class Faults:
    """The rules, in the order in which they were added: the first that strikes is the one that counts."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._added = 0

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, fault: Fault) -> int:
        """Add a rule; returns the number by which it can be removed."""
        self._added += 1
        self._rules.append(Rule(self._added, fault))
        return self._added

    def remove(self, number: int | None = None) -> int:
        """Remove one rule, or all; returns how many there were to remove."""
        before = len(self._rules)
        self._rules = [] if number is None else [rule for rule in self._rules if rule.number != number]
        return before - len(self._rules)

    def rules(self) -> list[Rule]:
        """The rules, those that are used up included."""
        return list(self._rules)

    def pick(self, phase: Phase, arrival: Arrival) -> Fault | None:
        """The first rule of a phase that strikes a request."""
        for rule in self._rules:
            if rule.fault.phase == phase and rule.strikes(arrival):
                return rule.fault
        return None
