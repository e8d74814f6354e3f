"""Settings: from arguments first, then from the environment. The only module that reads the environment."""

from __future__ import annotations

import functools
import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

from attrs import Attribute, converters, evolve, field, fields, frozen, validators

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError

__all__ = ["APIKey", "Options"]

DEFAULT_BASE_URL: Final = "https://developers.tokfluence.com"
DISPLAY_PREFIX_LENGTH: Final = 13
DAY: Final = 86_400
"""The longest wait that can be set, in seconds."""
_KEY = re.compile(r"tkf_live_[A-Za-z0-9]{32}")


class APIKey:
    """An API key that does not show itself: not in a repr, a pickle, a log, or `attrs.asdict`.

    Args:
        key: The key.

    Raises:
        ConfigurationError: It is no text, is empty, or holds what no key does. The message does not quote it.
    """

    __slots__ = ("__key",)

    def __init__(self, key: str) -> None:
        self.__key: Any = key
        del key  # an error's frames are shown by many a log: they hold the sealed form alone
        self.check()

    @classmethod
    def seal(cls, key: Any) -> APIKey | None:
        """What was given as a key, hidden before anything is looked at; `check` is to follow. Never raises.

        Args:
            key: The key; blanks and line ends around it do not count. None stays None.
        """
        if key is None or isinstance(key, APIKey):
            return key
        sealed = cls.__new__(cls)
        sealed.__key = str.strip(key) if isinstance(key, str) else key  # noqa: SLF001 - its own
        return sealed

    def check(self) -> None:
        """See that it can be sent.

        Raises:
            ConfigurationError: It can't. The message does not quote it.
        """
        if not isinstance(self.__key, str):
            kind = type(self.__key).__name__
            raise ConfigurationError(f"the API key must be text (str), not {kind}")
        if not self.__key:
            raise ConfigurationError("the API key is empty; set TOKFLUENCE_API_KEY or pass api_key=…")
        if not (self.__key.isascii() and self.__key.isprintable()) or " " in self.__key:
            # The text is not quoted: it may be a real key with a line break behind it.
            raise ConfigurationError(
                "the API key holds blanks, line breaks or other characters that no key has; copy it again"
            )

    def reveal(self) -> str:
        """The key itself, for the Authorization header alone."""
        key: str = self.__key
        return key

    @property
    def prefix(self) -> str:
        """The public display prefix, its first 13 characters; shorter where the key is not of the usual form."""
        return self.reveal()[: DISPLAY_PREFIX_LENGTH if self.well_formed else 4]

    @property
    def well_formed(self) -> bool:
        """Whether it is ``tkf_live_`` and 32 letters or digits, as the API documents its keys."""
        return _KEY.fullmatch(self.__key) is not None

    def __repr__(self) -> str:
        return "APIKey(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, APIKey) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash((APIKey, self.__key))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        # It never changes: a copy of the settings shares it.
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled; pass it through the environment")


def _check_base_url(url: Any) -> str:
    # What is quoted has no userinfo, query or fragment: all three are where people put secrets. Nor has an error of
    # the parser's a place here: it quotes what it takes for the port, such as half a password.
    if not isinstance(url, str):
        raise ConfigurationError(f"the base URL must be text (str), not {type(url).__name__}")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise ConfigurationError(f"the base URL is not a URL such as {DEFAULT_BASE_URL}") from None
    if "@" in parts.netloc:
        raise ConfigurationError("the base URL holds a user name or password; the API takes neither")
    if "?" in url or "#" in url:
        raise ConfigurationError(
            "the base URL has a query or fragment, even if an empty one; the API's has neither"
        )
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ConfigurationError("the base URL's port is not a number from 1 to 65535")
    if not host or not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
        raise ConfigurationError(f"the base URL{_quoted(url)} is not a URL such as {DEFAULT_BASE_URL}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigurationError(
            f"the base URL{_quoted(url)} must be https: the key would travel in the clear"
        )
    return url.rstrip("/")


def _quoted(value: object) -> str:
    """A wrong value, for a message; nothing where it may be a secret that was put into the wrong place."""
    whole = scalars.quoted(value, most=sys.maxsize)  # as the part that is told may end within a secret
    return "" if "tkf_" in whole.lower() or "@" in whole else f" {scalars.quoted(value)}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _to_key(value: str | APIKey | None) -> APIKey | None:
    return APIKey.seal(value)


def _check_key(_: Options, __: Attribute[Any], value: Any) -> None:
    if isinstance(value, APIKey):
        value.check()


def _to_count(value: int) -> int:
    count = scalars.whole(value)
    return value if count is None else count


def _to_seconds(value: float) -> float:
    seconds = scalars.finite(value)
    return value if seconds is None else seconds


def _whole(low: int) -> Any:
    def check(_: Options, attribute: Attribute[Any], value: Any) -> None:
        count = scalars.whole(value)
        if count is None or not low <= count <= scalars.LARGEST:
            bound = f"at least {low}" if count is None or count < low else f"at most {scalars.LARGEST}"
            raise _wrong(f"{attribute.name} must be a whole number, {bound}", value)

    return check


def _seconds(low: float) -> Any:
    def check(_: Options, attribute: Attribute[Any], value: Any) -> None:
        seconds = scalars.finite(value)
        if seconds is None or not low <= seconds <= DAY:
            bound = f"at least {low:g}" if seconds is None or seconds < low else f"at most {DAY}"
            raise _wrong(f"{attribute.name} must be a number of seconds, {bound}", value)

    return check


def _wrong(what: str, value: object) -> ConfigurationError:
    quoted = _quoted(value)
    return ConfigurationError(f"{what}, not{quoted}" if quoted else what)


C = TypeVar("C", bound=type[Any])


def _sealing(cls: C) -> C:
    """Have the key hidden before anything is checked.

    attrs' own ``__init__`` would hold it in plain in its frame when another setting is refused.
    """
    init = cls.__init__

    @functools.wraps(init)
    def sealing(self: Any, **settings: Any) -> None:
        _seal_in(settings)
        init(self, **settings)

    type.__setattr__(cls, "__init__", sealing)
    return cls


def _seal_in(settings: dict[str, Any]) -> None:
    if "api_key" in settings:
        settings["api_key"] = APIKey.seal(settings["api_key"])


@_sealing
@frozen(kw_only=True)
class Options:
    """The client's settings. `Options.load` fills what is not given from the environment.

    Waits are a day at most, and whole numbers fit into 64 bits. A copy, a deep one too, shares the key; a pickle is
    refused.

    Raises:
        ConfigurationError: A setting has a value that it can't have; the message names it, and never holds the key.
    """

    api_key: APIKey | None = field(default=None, repr=False, converter=_to_key, validator=_check_key)
    """The API key. Environment: TOKFLUENCE_API_KEY."""
    base_url: str = field(default=DEFAULT_BASE_URL, converter=_check_base_url)
    """Where the API is; https, or http on loopback. Environment: TOKFLUENCE_BASE_URL."""
    timeout: float = field(default=60.0, converter=_to_seconds, validator=_seconds(0.001))
    """Seconds from the first sending to the answer, repeats and the waits before them included; what this client's own
    rate limit and concurrency make it wait does not count, nor what a 429 does. A call that submits URLs gets a
    thirtieth of it more for each. Environment: TOKFLUENCE_TIMEOUT."""
    max_retries: int = field(default=4, converter=_to_count, validator=_whole(0))
    """How often a call is repeated after its first try. Environment: TOKFLUENCE_MAX_RETRIES."""
    backoff: float = field(default=0.5, converter=_to_seconds, validator=_seconds(0))
    """Seconds, at most, before the first repeat; doubles with each. Environment: TOKFLUENCE_BACKOFF."""
    settle: float = field(default=30.0, converter=_to_seconds, validator=_seconds(0))
    """Seconds before a load repeats or looks into an unknown outcome. Environment: TOKFLUENCE_SETTLE."""
    requests_per_minute: int = field(default=570, converter=_to_count, validator=_whole(0))
    """The client's own limit, 95 % of the API's 600; 0 is none. Environment: TOKFLUENCE_REQUESTS_PER_MINUTE."""
    concurrency: int = field(default=8, converter=_to_count, validator=_whole(1))
    """Requests in flight at once, at most. Environment: TOKFLUENCE_CONCURRENCY."""
    batch_size: int = field(default=50, converter=_to_count, validator=_whole(1))
    """URLs in one analyze call of a load. Environment: TOKFLUENCE_BATCH_SIZE."""
    max_credits: int | None = field(
        default=None, converter=converters.optional(_to_count), validator=validators.optional(_whole(0))
    )
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
        _seal_in(given)
        found = _from_environment(os.environ if environ is None else environ)
        del environ  # as with a key: what is in it is not to be found in the frames of an error
        _check_names(given)
        values = {name: value for name, value in given.items() if value is not None}
        for name, text in found.items():
            if name not in values:
                variable = _variable(name)
                values[name] = _from_text(name, variable, text)
                _check_alone(cls, name, variable, values[name])
        return cls(**values)

    def replace(self, **changes: Any) -> Options:
        """The same settings but for some; None leaves one as it is.

        Raises:
            ConfigurationError: A setting is unknown or has a value that it can't have; the message names it.
        """
        _seal_in(changes)
        _check_names(changes)
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


def _check_names(settings: Mapping[str, Any]) -> None:
    unknown = settings.keys() - {each.name for each in fields(Options)}
    if unknown:
        raise ConfigurationError(f"no setting is named {', '.join(sorted(unknown))}")


def _variable(name: str) -> str:
    return f"TOKFLUENCE_{name.upper()}"


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """What the environment sets, as it says it; the key sealed. Blank is not set."""
    texts = {each.name: environ.get(_variable(each.name), "").strip() for each in fields(Options)}
    found: dict[str, Any] = {name: text for name, text in sorted(texts.items()) if text}
    _seal_in(found)
    return found


def _check_alone(cls: type[Options], name: str, variable: str, value: Any) -> None:
    """Have a value from the environment checked by itself, so that the error names the variable."""
    try:
        cls(**{name: value})
    except ConfigurationError as error:
        raise ConfigurationError(f"{variable}: {error.message}") from None


_INTEGERS = frozenset({"max_retries", "requests_per_minute", "concurrency", "batch_size", "max_credits"})
_NUMBERS = frozenset({"timeout", "backoff", "settle"})


def _from_text(name: str, variable: str, text: Any) -> Any:
    try:
        if name in _INTEGERS:
            return int(text)
        if name in _NUMBERS:
            return float(text)
    except ValueError:
        kind = "a whole number" if name in _INTEGERS else "a number"
        raise _wrong(f"{variable} must be {kind}", text) from None
    return text
