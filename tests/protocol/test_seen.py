from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async.protocol.seen import Kind, see
from tokfluence_async.protocol.wire import Lost, NotSent, Reply


def api(code: str, message: str = "it said so") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


HTML = b"<html><h1>Bad Gateway</h1></html>"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"data":1}', Kind.APPLIED),
        (201, b"{}", Kind.APPLIED),
        (202, b"{}", Kind.APPLIED),
        (204, b"", Kind.GARBLED),
        (200, b"", Kind.GARBLED),
        (200, b"[]", Kind.GARBLED),
        (200, b'{"data":', Kind.GARBLED),
        (200, HTML, Kind.GARBLED),
        (301, b"", Kind.REDIRECTED),
        (304, b"", Kind.REDIRECTED),
        (400, api("bad"), Kind.REFUSED),
        (400, HTML, Kind.LOST),
        (401, api("unauthorized"), Kind.DENIED),
        (401, HTML, Kind.DENIED),
        (402, api("insufficient_credits"), Kind.NO_CREDIT),
        (403, api("forbidden"), Kind.DENIED),
        (404, api("post_not_found"), Kind.REFUSED),
        (404, HTML, Kind.LOST),
        (408, api("timeout"), Kind.LOST),
        (409, api("duplicate_request"), Kind.SEEN_BEFORE),
        (409, b"", Kind.SEEN_BEFORE),
        (413, HTML, Kind.TOO_LARGE),
        (422, api("missing_parameter"), Kind.REFUSED),
        (422, b"", Kind.LOST),
        (429, HTML, Kind.RATE_LIMITED),
        (500, api("internal_error"), Kind.LOST),
        (502, api("upstream_error"), Kind.REFUNDED),
        (502, api("something_else"), Kind.LOST),
        (502, HTML, Kind.LOST_REFUND),
        (503, api("busy"), Kind.LOST),
        (504, b"", Kind.LOST),
    ],
)
def test_what_an_answer_says(status: int, body: bytes, kind: Kind) -> None:
    seen = see(Reply(status, {}, body))
    assert (seen.kind, seen.status) == (kind, status)
    assert seen.message or kind is Kind.APPLIED


def test_without_an_answer() -> None:
    assert see(NotSent("refused")).kind is Kind.NOT_SENT
    lost = see(Lost("reset"))
    assert (lost.kind, lost.status, lost.code, lost.message) == (Kind.LOST, None, "", "reset")


def test_the_api_s_words_are_kept() -> None:
    seen = see(Reply(404, {}, api("post_not_found", "no such post")))
    assert (seen.code, seen.message) == ("post_not_found", "no such post")
    assert see(Reply(500, {}, HTML)).message == "HTTP 500 without an error of the API's form"
    assert "never followed" in see(Reply(302, {}, b"")).message


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, Kind.GARBLED), (404, Kind.LOST), (422, Kind.LOST), (502, Kind.LOST_REFUND)],
)
def test_a_body_that_was_not_read_whole_says_nothing(status: int, kind: Kind) -> None:
    seen = see(Reply(status, {}, api("upstream_error"), "cut off: no answer in time"))
    assert seen.kind is kind
    assert seen.code == ""


@given(st.integers(100, 999), st.binary(max_size=40) | st.just(api("x")), st.sampled_from(["", "cut off"]))
def test_every_answer_is_classified_and_only_success_is_applied(
    status: int, body: bytes, problem: str
) -> None:
    kind = see(Reply(status, {}, body, problem)).kind
    assert (kind in {Kind.APPLIED, Kind.GARBLED}) == (200 <= status < 300)
    assert kind is not Kind.NOT_SENT


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}, b"", "longer than 9 bytes", lasting=True),
        Reply(200, {}, api("busy")),
        Reply(404, {}, HTML),
        Reply(200, {"content-length": "9"}, b'{"data":\x01'),
        Reply(200, {"content-length": "8"}, b'{"data":'),
        Reply(200, {"transfer-encoding": "chunked"}, b' \r\n\t[{"post_id": 1}, oops]'),
        Reply(200, {"content-length": "10"}, b"\xef\xbb\xbf{'a': 1}"),
        Reply(200, {}, b"[]"),
        Reply(200, {}, b"null"),
    ],
)
def test_what_would_be_answered_so_again(reply: Reply) -> None:
    assert see(reply).lasting


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}, b"", "cut off"),
        Reply(200, {}, HTML),
        Reply(408, {}, HTML),
        Reply(503, {}, HTML),
        Reply(200, {"content-length": "33"}, HTML),
        Reply(200, {"content-length": "0"}, b""),
        Reply(200, {"content-length": "2"}, b"OK"),
        Reply(200, {"content-length": "2"}, b"  "),
        Reply(200, {"content-length": "9"}, b'{"data":', "cut off: the connection was lost"),
        Reply(200, {"connection": "close"}, b'{"data":'),
    ],
)
def test_what_may_pass(reply: Reply) -> None:
    """The last one ends where the connection did: nobody can tell whether it was cut off."""
    assert not see(reply).lasting


@pytest.mark.parametrize("data", ["null", "[]", "{}", '""'])
def test_a_success_that_tells_an_error_beside_no_data_is_none(data: str) -> None:
    seen = see(Reply(200, {}, b'{"data":%s,"error":{"code":"busy","message":"boom"}}' % data.encode()))
    assert (seen.kind, seen.code) == (Kind.GARBLED, "busy")
    assert "boom" in seen.message
    assert seen.lasting


@pytest.mark.parametrize(
    "body", ['{"data":null,"error":null}', '{"data":[1],"error":{"code":"busy"}}', '{"data":[]}']
)
def test_a_success_that_tells_no_error_is_one(body: str) -> None:
    assert see(Reply(200, {}, body.encode())).kind is Kind.APPLIED


@pytest.mark.parametrize("status", [200, 202, 204, 205])
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'"OK"'])
def test_a_deletion_succeeds_whatever_json_it_is_answered(status: int, body: bytes) -> None:
    seen = see(Reply(status, {}, body), deletion=True)
    assert seen.kind is Kind.APPLIED


@pytest.mark.parametrize("body", [HTML, b"OK", api("busy")])
def test_a_deletion_that_something_else_answered(body: bytes) -> None:
    assert see(Reply(200, {}, body), deletion=True).kind is Kind.GARBLED
