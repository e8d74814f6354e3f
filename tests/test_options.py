from __future__ import annotations

import copy
import enum
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.options import DEFAULT_BASE_URL, APIKey, Options, is_loopback

KEY = "tkf_live_" + "a1" * 16


def test_the_defaults() -> None:
    options = Options.load({})
    assert attrs.asdict(options) == {
        "api_key": None,
        "base_url": DEFAULT_BASE_URL,
        "timeout": 60.0,
        "max_retries": 4,
        "backoff": 0.5,
        "settle": 30.0,
        "requests_per_minute": 570,
        "concurrency": 8,
        "batch_size": 50,
        "max_credits": None,
    }


def test_arguments_come_before_the_environment() -> None:
    environ = {
        "TOKFLUENCE_API_KEY": f" {KEY}\n",
        "TOKFLUENCE_BASE_URL": "http://127.0.0.1:8420/",
        "TOKFLUENCE_TIMEOUT": "5",
        "TOKFLUENCE_MAX_RETRIES": "1",
        "TOKFLUENCE_BACKOFF": ".25",
        "TOKFLUENCE_SETTLE": "0",
        "TOKFLUENCE_REQUESTS_PER_MINUTE": "0",
        "TOKFLUENCE_CONCURRENCY": "2",
        "TOKFLUENCE_BATCH_SIZE": "10",
        "TOKFLUENCE_MAX_CREDITS": "1251",
        "UNRELATED": "x",
    }
    options = Options.load(environ)
    assert options.require_key().reveal() == KEY
    assert (options.base_url, options.timeout, options.max_retries) == ("http://127.0.0.1:8420", 5.0, 1)
    assert (options.backoff, options.settle, options.requests_per_minute) == (0.25, 0.0, 0)
    assert (options.concurrency, options.batch_size, options.max_credits) == (2, 10, 1251)
    given = Options.load(environ, timeout=7, max_credits=None, api_key="other")
    assert (given.timeout, given.max_credits, given.require_key().reveal()) == (7, 1251, "other")


def test_the_process_s_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKFLUENCE_CONCURRENCY", "3")
    monkeypatch.setenv("TOKFLUENCE_BATCH_SIZE", "  ")
    assert (Options.load().concurrency, Options.load().batch_size) == (3, 50)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("TIMEOUT", "soon", "TOKFLUENCE_TIMEOUT must be a number, not 'soon'"),
        ("TIMEOUT", "nan", "TOKFLUENCE_TIMEOUT: timeout must be a number of seconds"),
        ("MAX_RETRIES", "2.5", "TOKFLUENCE_MAX_RETRIES must be a whole number"),
        (
            "MAX_CREDITS",
            "-1",
            "TOKFLUENCE_MAX_CREDITS: max_credits must be a whole number, at least 0, not -1",
        ),
        ("BASE_URL", "http://example.com", "TOKFLUENCE_BASE_URL: the base URL"),
    ],
)
def test_a_wrong_variable_is_named(name: str, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Options.load({f"TOKFLUENCE_{name}": text})
    assert caught.value.message.startswith(says)


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"timeout": float("inf")},
        {"timeout": float("nan")},
        {"timeout": "5"},
        {"timeout": True},
        {"backoff": -0.1},
        {"settle": -1},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"concurrency": 0},
        {"batch_size": 0},
        {"requests_per_minute": -1},
        {"max_credits": -1},
        {"max_credits": 10.0},
        {"timeout": 10**400},
        {"timeout": 86_401},
        {"timeout": 1.7e308},
        {"timeout": Decimal("1e400")},
        {"settle": 86_401},
        {"backoff": 1e308},
        {"requests_per_minute": 10**400},
        {"requests_per_minute": 10**5000},
        {"concurrency": 2**63},
        {"max_retries": 2**63},
        {"batch_size": 2**63},
        {"max_credits": 2**63},
        {"nonsense": 1},
        {"api_key": ""},
        {"api_key": b"key"},
        {"api_key": 5},
        {"api_key": ["key"]},
        {"api_key": True},
        {"base_url": b"https://host"},
        {"base_url": 5},
        {"api_key": "two words"},
        {"api_key": "tkf\r\nX-Evil: 1"},
        {"api_key": "schlüssel"},
    ],
)
def test_what_a_setting_can_not_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Options.load({}, **wrong)
    assert len(str(caught.value)) < 250


def test_the_bounds_of_a_setting_are_told() -> None:
    with pytest.raises(
        ConfigurationError, match=r"timeout must be a number of seconds, at most 86400, not 1000000000"
    ):
        Options(timeout=1e9)
    with pytest.raises(
        ConfigurationError, match=r"max_credits must be a whole number, at most 9223372036854775807, not"
    ):
        Options(max_credits=2**63)
    with pytest.raises(ConfigurationError, match="TOKFLUENCE_MAX_RETRIES must be a whole number") as caught:
        Options.load({"TOKFLUENCE_MAX_RETRIES": "9" * 5000})
    assert len(str(caught.value)) < 250
    assert Options(timeout=86_400, max_credits=2**63 - 1).timeout_for(1000) < math.inf


def test_settings_are_plain_numbers() -> None:
    class Count:
        def __index__(self) -> int:
            return 7

    class Level(int, enum.Enum):
        SEVEN = 7

    for seven in (Count(), Level.SEVEN):
        whole: dict[str, Any] = dict.fromkeys(
            ("max_retries", "requests_per_minute", "concurrency", "batch_size", "max_credits"), seven
        )
        options = Options(**whole)
        assert {(each, type(each)) for name in whole for each in [getattr(options, name)]} == {(7, int)}
    for half in (Decimal("0.5"), Fraction(1, 2), 0.5):
        seconds: dict[str, Any] = dict.fromkeys(("timeout", "backoff", "settle"), half)
        options = Options(**seconds)
        assert {(each, type(each)) for name in seconds for each in [getattr(options, name)]} == {(0.5, float)}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "developers.tokfluence.com",
        "http://developers.tokfluence.com",
        "http://127.0.0.1.evil.test",
        "http://localhost.evil.test",
        "ftp://localhost",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@host",
        "https://user@host",
        "https://good\\@evil.test",
        "https://host?key=secret",
        "https://host#x",
        "https://host?",
        "https://host#",
        "https://host/prefix/?#",
        "https://user:secret@host:port",
        "https://user:secret@host:99999",
        "https://user:secret@[::1",
        "https://user:secret/x@host",
        "https://user:secret\\@host",
        "ftp://user:secret@host",
        "user:secret@host",
        "https://host:0",
        "https://host/a b",
        "https://host\n",
        "https://höst",
        "https://host:99999",
        "https://[::1",
        "http://0.0.0.0",
    ],
)
def test_a_base_url_that_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Options(base_url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://host",
        "https://host:8443/prefix",
        "http://localhost:1",
        "http://127.0.0.9",
        "http://[::1]:80",
        "HTTPS://H",
    ],
)
def test_a_base_url_that_is_taken(url: str) -> None:
    assert Options(base_url=f"{url}/").base_url == url


@pytest.mark.parametrize(
    ("host", "answer"), [("localhost", True), ("::1", True), ("10.0.0.1", False), ("x", False)]
)
def test_loopback(host: str, *, answer: bool) -> None:
    assert is_loopback(host) is answer


def test_replacing_and_timeouts() -> None:
    options = Options(timeout=30.0)
    assert options.replace(timeout=None, max_retries=0) == Options(timeout=30.0, max_retries=0)
    assert options.timeout_for() == 30
    assert options.timeout_for(60) == 90
    with pytest.raises(ConfigurationError, match="timeout"):
        options.replace(timeout=-1)
    with pytest.raises(ConfigurationError, match="no API key"):
        options.require_key()


def test_a_key_does_not_show_itself() -> None:
    key = APIKey(KEY)
    options = Options(api_key=key)
    shown = [
        repr(key),
        str(key),
        f"{key}",
        f"{key!r:>50}",
        repr(options),
        str(attrs.asdict(options)),
        repr([key]),
    ]
    assert all(KEY not in each and KEY[13:] not in each for each in shown)
    for pickled in (key, options):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(pickled)
    assert not hasattr(key, "__dict__")
    assert (key == APIKey(KEY), key == KEY, hash(key) == hash(APIKey(KEY))) == (True, False, True)
    assert (key.prefix, key.well_formed) == (KEY[:13], True)
    assert (APIKey("short-key").prefix, APIKey("short-key").well_formed) == ("shor", False)


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_a_copy_shares_the_key(copier: Callable[[Any], Any]) -> None:
    options = Options(api_key=f" {KEY}\n", timeout=7)
    twin = copier(options)
    assert twin == options
    assert twin.api_key is options.api_key
    assert options.require_key().reveal() == KEY
    assert copier([options.api_key])[0].reveal() == KEY


@pytest.mark.parametrize(
    "wrong", [f"{KEY} {KEY}", f"{KEY}\nx", KEY.encode(), [KEY], {"key": KEY}, bytearray(KEY.encode())]
)
def test_a_wrong_key_is_not_quoted(wrong: Any) -> None:
    for make in (APIKey, lambda key: Options(api_key=key), lambda key: Options.load({}, api_key=key)):
        with pytest.raises(ConfigurationError, match="API key") as caught:
            make(wrong)
        assert KEY not in str(caught.value)


def test_a_key_in_the_place_of_another_setting_is_not_quoted() -> None:
    for name in ("base_url", "timeout", "max_retries"):
        with pytest.raises(ConfigurationError) as caught:
            Options.load({}, **{name: KEY})
        with pytest.raises(ConfigurationError) as from_environment:
            Options.load({f"TOKFLUENCE_{name.upper()}": KEY})
        assert KEY[:13] not in f"{caught.value}{from_environment.value}"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://host?", "query or fragment"),
        ("https://host/#", "query or fragment"),
        ("https://user:secret@host:port", "user name or password"),
        ("https://host:port", "port is not a number"),
        ("https://host:99999", "port is not a number"),
        (b"https://host", r"must be text \(str\), not bytes"),
    ],
)
def test_why_a_base_url_is_refused(url: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Options(base_url=url)


def test_only_settings_can_be_replaced() -> None:
    with pytest.raises(ConfigurationError, match="no setting is named tmieout"):
        Options().replace(tmieout=5)
    replaced = Options().replace(api_key=KEY)
    assert replaced.require_key().reveal() == KEY
