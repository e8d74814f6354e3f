"""Between bytes and values: answers into models, and request bodies into bytes.

Answers are decoded strictly: what is not of its documented type is refused, with its place, rather than
guessed (see `protocol.structure` for each decision). Error bodies and the outcome of an analysis are read
tolerantly, for there a surprise must not hide what is known.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Protocol, TypeVar, cast, get_args, get_origin

import orjson

from tokfluence_async.errors import ConfigurationError, DecodeError
from tokfluence_async.models.analysis import Analysis, Rejected, read_rejected
from tokfluence_async.models.campaigns import Campaign, CreateMeta
from tokfluence_async.models.items import Items
from tokfluence_async.models.result import Deleted, Model
from tokfluence_async.protocol import tolerant_json
from tokfluence_async.protocol.structure import MisfitError, structurer

__all__ = [
    "AnalyzeEncoder",
    "PostEntry",
    "analyze_body",
    "campaign_body",
    "checked_encoder",
    "decode",
    "decode_data",
    "decoder",
    "dumps",
    "error_body",
    "loads",
    "post_entries",
    "read_rejected",
    "rejected_urls",
    "urls_body",
]

M = TypeVar("M", bound=Model)
PostEntry = tuple[str, str | None, int]
"""A post to track: its URL, its creator's handle or ``tkc_`` id if known, and the fee in cents."""


def loads(body: bytes) -> Any:
    r"""Plain data from JSON.

    Text that no reader can take (half of a pair of surrogates, as in ``\ud83d``, or bytes that are no UTF-8) becomes
    U+FFFD, and ``NaN`` and the infinities become None: the answer around them is paid for.

    Args:
        body: JSON in UTF-8.

    Raises:
        ValueError: The body is not JSON, or is nested too deeply, or holds a number that is too large.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        return tolerant_json.loads(body)


def dumps(value: Any) -> bytes:
    """JSON from plain data. The same data gives the same bytes: a repeated request is the same request.

    Args:
        value: Plain data.

    Raises:
        TypeError: A value has no JSON form.
    """
    return orjson.dumps(value)


def _refused(reason: str, path: str, body: bytes) -> DecodeError:
    told = "; the call was applied, do not repeat it: its answer is in this error's `body`" if body else ""
    return DecodeError(
        f"the answer is not what the API documents: at {path}: {reason}{told}", json_path=path, body=body
    )


def _refused_model(cls: type[Model], value: Any, path: str, error: Exception, body: bytes) -> DecodeError:
    from tokfluence_async.protocol.locator import locate  # noqa: PLC0415 - costs 20 ms, needed for errors only

    place, reason = locate(cls, value, path) or (path, str(error))
    return _refused(reason, place, body)


def _model(cls: type[M], value: Any, path: str, body: bytes) -> M:
    try:
        return structurer(cls)(value)
    except (ValueError, KeyError) as error:
        raise _refused_model(cls, value, path, error, body) from None


def _models(cls: type[M], values: list[Any], body: bytes) -> list[M]:
    """The models of a list, in its own place.

    Each object replaces the plain data that it was made from: that keeps the count of live containers level,
    and so the garbage collector out of a long list, which takes 1.2 to 1.7 times as long otherwise.
    """
    structure = structurer(cls)
    index = 0
    try:
        for index, value in enumerate(values):
            values[index] = structure(value)
    except (ValueError, KeyError) as error:
        raise _refused_model(cls, values[index], f"$.data[{index}]", error, body) from None
    return cast("list[M]", values)


def _envelope(payload: Any, body: bytes) -> dict[str, Any]:
    if payload.__class__ is not dict:
        raise _refused(str(MisfitError("an object", payload)), "$", body)
    envelope: dict[str, Any] = payload
    if "data" not in envelope:
        raise _refused("a required field is missing", "$.data", body)
    return envelope


def _is_list(tp: Any) -> bool:
    return issubclass(get_origin(tp) or tp, Items)


def _list(tp: Any, payload: Any, body: bytes) -> Any:
    envelope = dict(_envelope(payload, body))
    data, meta = envelope.pop("data"), envelope.pop("meta", None)
    if data.__class__ is not list:
        raise _refused(str(MisfitError("a list", data)), "$.data", body)
    sequence: type[Items[Any]] = get_origin(tp) or tp
    item: type[Model] = get_args(tp)[0] if get_args(tp) else sequence.item_model
    said: dict[str, Any] = {} if meta is None else meta
    if sequence.meta_model is not None:
        _model(sequence.meta_model, said, "$.meta", body)
    elif said.__class__ is not dict:
        said, envelope["meta"] = {}, said  # kept, but what was paid for is not lost to it
    return sequence(data=_models(item, data, body), meta=dict(said), extra=envelope)


def decode(tp: type[M], payload: Any) -> M:
    """A model from plain data, such as its own `to_dict()`.

    Args:
        tp: A model's class, or a list of models such as ``Items[Post]`` or ``Page[Comment]``.
        payload: The object itself; for a list its envelope, ``{"data": […], "meta": {…}}``. Left as it is.

    Raises:
        DecodeError: The data is not what the API documents; `json_path` names the place.
    """
    if _is_list(tp):
        if payload.__class__ is dict and payload.get("data").__class__ is list:
            payload = payload | {"data": payload["data"].copy()}
        return cast("M", _list(tp, payload, b""))
    return _model(tp, payload, "$", b"")


def decode_data(tp: type[M], body: bytes) -> M:
    """A result from the body of a successful answer, ``{"data": …, "meta": …}``.

    The caller sets its `response`.

    Args:
        tp: A model's class, or a list of models such as ``Items[Post]`` or ``Page[Comment]``.
        body: The body as received. That of a deletion is not read.

    Raises:
        DecodeError: The body is not JSON, or not what the API documents; `json_path` names the place.
    """
    try:
        payload = None if tp is Deleted else loads(body)
    except ValueError as error:
        raise DecodeError(f"the answer is not JSON: {error}", json_path="$", body=body) from None
    return decoder(tp)(payload, body)


def decoder(tp: type[M]) -> Callable[[Any, bytes], M]:
    """What `decode_data` does once the body is read: a function of the answer's plain data, and of its bytes.

    The bytes are for the error. The data is used up: a long list of it becomes the models' own.

    Args:
        tp: As for `decode_data`.
    """
    return _decoder(cast("Any", tp))


@cache
def _decoder(tp: Any) -> Callable[[Any, bytes], Any]:
    if tp is Deleted:
        return lambda _, __: Deleted()
    if tp is Analysis:
        return lambda payload, _: Analysis.from_json(payload)
    if _is_list(tp):
        return partial(_list, tp)
    if issubclass(tp, Campaign):
        return partial(_campaign, tp)
    return partial(_single, tp)


def _single(tp: type[M], payload: Any, body: bytes) -> M:
    return _model(tp, _envelope(payload, body)["data"], "$.data", body)


def _campaign(tp: type[Campaign], payload: Any, body: bytes) -> Campaign:
    campaign = _single(tp, payload, body)
    meta = payload.get("meta")
    if meta is not None:
        campaign.meta = CreateMeta.from_json(meta)
    return campaign


def error_body(payload: Any) -> tuple[str, str] | None:
    """The code and message of the API's own error body, ``{"error": {"code", "message"}}``.

    Args:
        payload: The plain data of an answer, of any kind.

    Returns:
        The stable code and the message (empty where there is none). None for everything else, such as an object
        without a code. Then it is not sure that the API itself has answered.
    """
    error = cast("dict[str, Any]", payload).get("error") if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        return None
    fields_of_it = cast("dict[str, Any]", error)
    code, message = fields_of_it.get("code"), fields_of_it.get("message")
    if not isinstance(code, str) or not code:
        return None
    return code, message if isinstance(message, str) else ""


def rejected_urls(payload: Any) -> list[Rejected]:
    """The posts that an answer says were not taken; never fails.

    Args:
        payload: The plain data of a whole answer to an analysis or to the creation of a campaign.
            ``meta.rejected`` is read, else ``data.rejected``, else ``rejected``.
    """
    return read_rejected(payload)


def post_entries(posts: Sequence[PostEntry]) -> list[dict[str, Any]]:
    """The ``posts`` of a body that creates a campaign or loads posts into one.

    Args:
        posts: The posts. A creator's handle that is None is left out.
    """
    return [
        {"url": url, "fee_cents": fee_cents}
        if creator_handle is None
        else {"url": url, "creator_handle": creator_handle, "fee_cents": fee_cents}
        for url, creator_handle, fee_cents in posts
    ]


def campaign_body(campaign_id: int, posts: Sequence[PostEntry]) -> dict[str, Any]:
    """The body that loads posts into a campaign by ``posts/analyze``, 25 credits a post.

    Args:
        campaign_id: The campaign.
        posts: The posts.
    """
    return {"campaign_id": campaign_id, "posts": post_entries(posts)}


def urls_body(urls: Sequence[str]) -> dict[str, Any]:
    """The body that submits bare URLs to ``posts/analyze``, 25 credits a URL.

    Args:
        urls: The URLs.

    Raises:
        TypeError: A single string; each of its characters would be charged as a URL.
    """
    if isinstance(urls, str):
        raise TypeError("urls must be a sequence of URLs, not a single string")
    return {"urls": [*urls]}


class AnalyzeEncoder(Protocol):
    """Writes the body of ``posts/analyze``, which the API does not document; a caller may bring another."""

    def __call__(self, campaign_id: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
        """The body as plain data. The same arguments have to give the same body: it may be sent again.

        Args:
            campaign_id: The campaign to load the posts into; None to analyse without one.
            posts: The posts.
        """
        ...


def analyze_body(campaign_id: int | None, posts: Sequence[PostEntry]) -> dict[str, Any]:
    """The body of ``posts/analyze`` unless the caller brings an encoder: `campaign_body` or `urls_body`.

    Args:
        campaign_id: The campaign to load the posts into; None sends their URLs only.
        posts: The posts.
    """
    if campaign_id is None:
        return urls_body([url for url, _, _ in posts])
    return campaign_body(campaign_id, posts)


def checked_encoder(encoder: AnalyzeEncoder) -> AnalyzeEncoder:
    """An encoder that never writes both ``posts`` and ``urls``.

    Args:
        encoder: A caller's own encoder.

    Returns:
        The same with a check: it raises ConfigurationError in place of what is no dict, and of a body that has both,
        for a server that reads both would charge for each post twice.

    Raises:
        ConfigurationError: It is a coroutine function.
    """
    if inspect.iscoroutinefunction(encoder) or inspect.iscoroutinefunction(encoder.__call__):
        raise ConfigurationError("analyze_encoder must be a plain function, not an async one")

    def encode(campaign_id: int | None, posts: Sequence[PostEntry], /) -> dict[str, Any]:
        written: Any = encoder(campaign_id, posts)
        if not isinstance(written, Mapping):
            if inspect.iscoroutine(written):
                written.close()
            raise ConfigurationError(f"the analyze encoder must return a dict, not {type(written).__name__}")
        body = cast("dict[str, Any]", written)
        if "posts" in body and "urls" in body:
            raise ConfigurationError(
                "the analyze encoder wrote both 'posts' and 'urls': each post could be charged twice"
            )
        return body

    return encode
