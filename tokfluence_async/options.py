"""Settings: from arguments first, then from the environment. The only module that reads the environment."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from attrs import Attribute, evolve, field, fields, frozen
from attrs.validators import optional

from tokfluence_async.errors import ConfigurationError

__all__ = ["APIKey", "Options"]

DEFAULT_BASE_URL: Final = "https://developers.tokfluence.com"
DISPLAY_PREFIX_LENGTH: Final = 13
_KEY = re.compile(r"tkf_live_[A-Za-z0-9]{32}")


class APIKey:
    """An API key that does not show itself: not in a repr, a pickle, a log, or `attrs.asdict`."""

    __slots__ = ("__key",)

    def __init__(self, key: str) -> None:
        if not key:
            raise ConfigurationError("the API key is empty; set TOKFLUENCE_API_KEY or pass api_key=…")
        if not (key.isascii() and key.isprintable()) or " " in key:
            # The text is not quoted: it may be a real key with a line break behind it.
            raise ConfigurationError(
                "the API key holds blanks, line breaks or other characters that no key has; copy it again"
            )
        self.__key = key

    def reveal(self) -> str:
        """The key itself, for the Authorization header alone."""
        return self.__key

    @property
    def prefix(self) -> str:
        """The public display prefix, its first 13 characters; shorter where the key is not of the usual form."""
        return self.__key[:DISPLAY_PREFIX_LENGTH] if self.well_formed else self.__key[:4]

    @property
    def well_formed(self) -> bool:
        """Whether it is ``tkf_live_`` and 32 letters or digits, as the API documents its keys."""
        return _KEY.fullmatch(self.__key) is not None

    def __repr__(self) -> str:
        return "APIKey(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, APIKey) and self.__key == other.__key

    def __hash__(self) -> int:
        return hash((APIKey, self.__key))

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled; pass it through the environment")


def _check_base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"the base URL is not a URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the base URL holds a user name or password; the API takes neither")
    if not host or not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
        raise ConfigurationError(f"the base URL {url!r} is not a URL such as {DEFAULT_BASE_URL}")
    if parts.query or parts.fragment:
        # Not quoted: what people put into a query is often a secret.
        raise ConfigurationError("the base URL has a query or fragment; the API's has neither")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigurationError(f"the base URL {url!r} must be https: the key would travel in the clear")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _to_key(value: str | APIKey | None) -> APIKey | None:
    return APIKey(value.strip()) if isinstance(value, str) else value


def _whole(low: int) -> Any:
    def check(_: Options, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise ConfigurationError(
                f"{attribute.name} must be a whole number, at least {low}, not {value!r}"
            )

    return check


def _seconds(low: float) -> Any:
    def check(_: Options, attribute: Attribute[Any], value: Any) -> None:
        # Written so that NaN fails too.
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value < math.inf:
            raise ConfigurationError(
                f"{attribute.name} must be a number of seconds, at least {low:g}, not {value!r}"
            )

    return check


@frozen(kw_only=True)
class Options:
    """The client's settings. `Options.load` fills what is not given from the environment."""

    api_key: APIKey | None = field(default=None, converter=_to_key)
    """The API key. Environment: TOKFLUENCE_API_KEY."""
    base_url: str = field(default=DEFAULT_BASE_URL, converter=_check_base_url)
    """Where the API is; https, or http on loopback. Environment: TOKFLUENCE_BASE_URL."""
    timeout: float = field(default=60.0, validator=_seconds(0.001))
    """Seconds for a whole call, retries and waits included. A call that submits URLs gets a thirtieth of it more
    for each. Environment: TOKFLUENCE_TIMEOUT."""
    max_retries: int = field(default=4, validator=_whole(0))
    """How often a call is repeated after its first try. Environment: TOKFLUENCE_MAX_RETRIES."""
    backoff: float = field(default=0.5, validator=_seconds(0))
    """Seconds, at most, before the first repeat; doubles with each. Environment: TOKFLUENCE_BACKOFF."""
    settle: float = field(default=30.0, validator=_seconds(0))
    """Seconds before a load repeats or looks into an unknown outcome. Environment: TOKFLUENCE_SETTLE."""
    requests_per_minute: int = field(default=570, validator=_whole(0))
    """The client's own limit, 95 % of the API's 600; 0 is none. Environment: TOKFLUENCE_REQUESTS_PER_MINUTE."""
    concurrency: int = field(default=8, validator=_whole(1))
    """Requests in flight at once, at most. Environment: TOKFLUENCE_CONCURRENCY."""
    batch_size: int = field(default=50, validator=_whole(1))
    """URLs in one analyze call of a load. Environment: TOKFLUENCE_BATCH_SIZE."""
    max_credits: int | None = field(default=None, validator=optional(_whole(0)))
    """Credits that may be spent at most; None is no cap. Environment: TOKFLUENCE_MAX_CREDITS."""

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Options:
        """Settings from arguments first, then from the environment, then the defaults.

        Args:
            environ: The environment; the process's own by default.
            **given: Settings by name; None counts as not given.

        Raises:
            ConfigurationError: A setting is unknown or has a value that it can't have; the message names it.
        """
        names = {each.name for each in fields(cls)}
        unknown = given.keys() - names
        if unknown:
            raise ConfigurationError(f"no setting is named {', '.join(sorted(unknown))}")
        values = {name: value for name, value in given.items() if value is not None}
        environ = os.environ if environ is None else environ
        for name in sorted(names - values.keys()):
            variable = f"TOKFLUENCE_{name.upper()}"
            text = environ.get(variable, "").strip()
            if text:
                values[name] = _from_text(name, variable, text)
                _check_alone(cls, name, variable, values[name])
        return cls(**values)

    def replace(self, **changes: Any) -> Options:
        """The same settings but for some; None leaves one as it is.

        Raises:
            ConfigurationError: A setting has a value that it can't have; the message names it.
        """
        changed: Options = evolve(self, **{name: each for name, each in changes.items() if each is not None})
        return changed

    def timeout_for(self, urls: int = 0) -> float:
        """Seconds that a call may take that submits this many URLs: each is fetched live, in seconds."""
        return self.timeout * (1 + urls / 30)

    def require_key(self) -> APIKey:
        """The key.

        Raises:
            ConfigurationError: There is none.
        """
        if self.api_key is None:
            raise ConfigurationError("no API key: set TOKFLUENCE_API_KEY or pass api_key=…")
        return self.api_key


def _check_alone(cls: type[Options], name: str, variable: str, value: Any) -> None:
    """Have a value from the environment checked by itself, so that the error names the variable."""
    try:
        cls(**{name: value})
    except ConfigurationError as error:
        raise ConfigurationError(f"{variable}: {error.message}") from None


_INTEGERS = frozenset({"max_retries", "requests_per_minute", "concurrency", "batch_size", "max_credits"})
_NUMBERS = frozenset({"timeout", "backoff", "settle"})


def _from_text(name: str, variable: str, text: str) -> Any:
    try:
        if name in _INTEGERS:
            return int(text)
        if name in _NUMBERS:
            return float(text)
    except ValueError:
        kind = "a whole number" if name in _INTEGERS else "a number"
        raise ConfigurationError(f"{variable} must be {kind}, not {text!r}") from None
    return text
