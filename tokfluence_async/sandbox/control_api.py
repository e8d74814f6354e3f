"""The controls over HTTP, under `/_sandbox/`: no key needed, no charge, no limit, no key shown.

======================  ==============================================================================
``GET health``          whether it serves, its clock and its switches
``POST reset``          begin anew; ``{"switches": {…}}`` to do so with other switches
``POST seed``           set wallets, campaigns and more up: see `seeds.sow`
``GET ledger``          entries, totals, and how often each video was charged; ``?key=PREFIX``
``GET requests``        what the API was asked; ``?call=posts.analyze``
``GET state``           wallets, campaigns with their videos, and the fullest rate-limit windows
``GET faults``          the rules, and how often each has struck
``POST faults``         one rule or a list: the fields of `faults.Fault`
``DELETE faults``       remove all, or ``?id=NUMBER``
``GET clock``           the sandbox clock
``POST clock``          ``{"advance": SECONDS}``
======================  ==============================================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from attrs import asdict

from tokfluence_async.sandbox.arguments import RefusedError, as_list, as_object, invalid, query_count
from tokfluence_async.sandbox.faults import Fault
from tokfluence_async.sandbox.recorder import redact
from tokfluence_async.sandbox.replies import Reply, error
from tokfluence_async.sandbox.routes import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from tokfluence_async.sandbox.controls import Controls
    from tokfluence_async.sandbox.ledger import Entry

    Control = Callable[[Controls, dict[str, str], Any], Any]

CONTROL_PREFIX = "/_sandbox/"


def control(controls: Controls, method: str, target: str, body: bytes) -> Reply:
    """Answer a request to one of the control endpoints.

    Args:
        controls: The sandbox.
        method: HTTP method.
        target: Path and query, undecoded.
        body: The request's body.
    """
    path, _, query = target.partition("?")
    name = path.removeprefix(CONTROL_PREFIX).rstrip("/")
    found = _ENDPOINTS.get((method, name))
    if found is None:
        allowed = sorted(verb for verb, endpoint in _ENDPOINTS if endpoint == name)
        if allowed:
            return error(
                405, "method_not_allowed", f"{path} takes {', '.join(allowed)}.", Allow=", ".join(allowed)
            )
        return error(404, "not_found", f"There is no {redact(path)}; there is {', '.join(_NAMES)}.")
    try:
        answer = found(controls, parse_query(query), json.loads(body) if body else None)
    except RefusedError as refused:
        reply = error(refused.status, refused.code, refused.message)
    except (ValueError, RecursionError) as failure:
        reply = error(422, "invalid_control", str(failure) or type(failure).__name__)
    else:
        reply = Reply(200, answer)
    return Reply(reply.status, None, reply.headers, redact(reply.body().decode("utf-8", "replace")).encode())


def _health(controls: Controls, _query: dict[str, str], _body: Any) -> dict[str, Any]:
    shown = asdict(controls.switches, value_serializer=_listed)
    return {"status": "ok", "clock": controls.state.clock.now(), "switches": shown}


def _listed(_instance: Any, _attribute: Any, value: Any) -> Any:
    return sorted(cast("frozenset[str]", value)) if isinstance(value, frozenset) else value


def _reset(controls: Controls, _query: dict[str, str], body: Any) -> dict[str, Any]:
    fields = {} if body is None else as_object(body, "the body")
    controls.reset(as_object(fields.get("switches", {}), "switches"))
    return {"status": "ok"}


def _seed(controls: Controls, _query: dict[str, str], body: Any) -> dict[str, Any]:
    return controls.seed(as_object(body, "the body"))


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "time": entry.time,
        "key": entry.key,
        "kind": entry.kind,
        "call": entry.call,
        "credits": entry.credits,
        "request_id": entry.request_id,
        "campaign_id": entry.campaign_id,
        "urls": [
            {"url": url, "video_id": video_id}
            for url, video_id in zip(entry.urls, entry.video_ids(), strict=True)
        ],
        "balance": entry.balance,
    }


def _ledger(controls: Controls, query: dict[str, str], _body: Any) -> dict[str, Any]:
    summary = controls.ledger(query.get("key"))
    return {
        "entries": [_entry(entry) for entry in summary.entries],
        "totals": {
            "charged": summary.charged,
            "refunded": summary.refunded,
            "net": summary.net,
            "calls": {name: {**asdict(each), "net": each.net} for name, each in summary.calls.items()},
        },
        "videos": summary.videos,
        "unidentified": summary.unidentified,
        "charged_twice": summary.charged_twice,
    }


def _requests(controls: Controls, query: dict[str, str], _body: Any) -> dict[str, Any]:
    kept = controls.requests(query.get("call"))
    return {"total": controls.state.recorder.total, "requests": [each.payload() for each in kept]}


def _state(controls: Controls, _query: dict[str, str], _body: Any) -> dict[str, Any]:
    state = controls.state
    with state.lock:
        wallets = [
            {
                "key": each.prefix,
                "credits": each.balance,
                "standing": each.standing,
                "worst_window": each.window.worst,
            }
            for each in state.accounts()
        ]
        campaigns = [
            {"key": each.prefix, **campaign.payload(state.clock), "videos": list(campaign.posts)}
            for each in state.accounts()
            for campaign in each.campaigns.values()
        ]
        peers = {
            name: {"worst_window": window.worst, "refused": window.refused}
            for name, window in state.peers().items()
        }
    return {"wallets": wallets, "campaigns": campaigns, "addresses": peers, "indexed_posts": len(state.index)}


def _faults(controls: Controls, _query: dict[str, str], _body: Any) -> dict[str, Any]:
    return {"faults": [rule.payload() for rule in controls.faults()]}


def _add_faults(controls: Controls, _query: dict[str, str], body: Any) -> dict[str, Any]:
    rules = as_list(body, "the body") if isinstance(body, list) else [body]
    # All are read before any is added, so that a mistake in one leaves none behind.
    faults = [Fault.from_json(as_object(rule, "a fault")) for rule in rules]
    return {"ids": [controls.add_fault(fault) for fault in faults]}


def _remove_faults(controls: Controls, query: dict[str, str], _body: Any) -> dict[str, Any]:
    return {"removed": controls.clear_faults(query_count(query, "id", 0) if "id" in query else None)}


def _clock(controls: Controls, _query: dict[str, str], _body: Any) -> dict[str, Any]:
    clock = controls.state.clock
    now = clock.now()
    return {"now": now, "advanced": clock.offset, "time": clock.iso(now)}


def _advance(controls: Controls, query: dict[str, str], body: Any) -> dict[str, Any]:
    seconds = as_object(body, "the body").get("advance")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        raise invalid("advance is required, and is a number of seconds")
    controls.advance(seconds)
    return _clock(controls, query, None)


_ENDPOINTS: dict[tuple[str, str], Control] = {
    ("GET", "health"): _health,
    ("POST", "reset"): _reset,
    ("POST", "seed"): _seed,
    ("GET", "ledger"): _ledger,
    ("GET", "requests"): _requests,
    ("GET", "state"): _state,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _remove_faults,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
}
_NAMES = tuple(dict.fromkeys(name for _, name in _ENDPOINTS))
