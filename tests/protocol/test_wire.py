from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol.wire import Reply, Request, checked_headers


@pytest.mark.parametrize(
    ("text", "balance"),
    [
        (None, None),
        ("0", 0),
        ("1250", 1250),
        (" 12 ", 12),
        ("-3", -3),
        ("", None),
        ("12.5", None),
        ("1e3", None),
        ("--1", None),
        ("١٢", None),
        ("²", None),
        ("9" * 30, None),
        ("9" * 19, None),
        (str(2**63), None),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        (str(-(2**63) - 1), None),
        ("many", None),
    ],
)
def test_credits_remaining(text: str | None, balance: int | None) -> None:
    headers = {} if text is None else {"x-credits-remaining": text}
    assert Reply(200, headers, b"").credits_remaining == balance


@given(st.text())
def test_no_header_is_too_strange(text: str) -> None:
    balance = Reply(200, {"x-credits-remaining": text}, b"").credits_remaining
    assert balance is None or str(balance) == text.strip().lstrip("0") or int(text) == balance


def test_headers_are_by_lower_case_name() -> None:
    assert checked_headers({"X-A": "1", "traceparent": "00-a-b\t01", "User-Agent": "me"}) == {
        "x-a": "1",
        "traceparent": "00-a-b\t01",
        "user-agent": "me",
    }


@pytest.mark.parametrize(
    "name",
    ["Authorization", "AUTHORIZATION", "x-request-id", "Host", "Content-Length", "content-type", "Cookie", "Accept",
     "Accept-Encoding", "Transfer-Encoding", "Connection", "Proxy-Authorization", "Expect", "Upgrade"],
)  # fmt: skip
def test_headers_of_the_client_s_own(name: str) -> None:
    with pytest.raises(ConfigurationError, match="set by the client"):
        checked_headers({name: "x"})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä", "a\0", "(x)"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ConfigurationError, match="not a header name"):
        checked_headers({name: "x"})


@pytest.mark.parametrize(
    "value", ["hidden\r\nX: 1", "hidden\n", "hidden\0", "hidden\x7f", "hiddenä", 1, None, b"hidden"]
)
def test_values_that_are_not_sendable(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="X-Mine") as caught:
        checked_headers({"X-Mine": value})
    assert "hidden" not in str(caught.value)


def test_headers_are_their_values() -> None:
    class Header(str, enum.Enum):  # noqa: UP042 - one that prints its name
        NAME = "X-Mine"
        VALUE = "1"
        KEY = "X-Request-Id"

    headers = checked_headers({Header.NAME: Header.VALUE})
    assert headers == {"x-mine": "1"}
    assert {type(each) for pair in headers.items() for each in pair} == {str}
    with pytest.raises(ConfigurationError, match="'X-Request-Id' is set by the client"):
        checked_headers({Header.KEY: "1"})


@pytest.mark.parametrize("name", [5, None, b"x-mine"])
def test_a_name_is_text(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="not a header name"):
        checked_headers({name: "1"})


def test_a_request_shows_no_body_header_or_query() -> None:
    request = Request("x", "POST", "/p", (("q", "hidden"),), b"hidden", "key-1", {"x-a": "hidden"})
    assert "hidden" not in repr(request)
    assert "hidden" not in repr(Reply(200, {"a": "hidden"}, b"hidden"))
