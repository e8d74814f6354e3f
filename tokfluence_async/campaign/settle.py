"""What may be believed after each answer, and what to do next: the money protocol, as pure functions.

One POST (the create, or one batch) is sent under one idempotency key, perhaps several times. Its attempts' `Kind`s, in
order, are its history. From that alone `settle` tells what is believed of the POST and the next step:

=============================================  ==============  ====================================================
last seen                                      believed        next
=============================================  ==============  ====================================================
not sent                                       not applied     same key, after a backoff
success, readable                              applied         done
success, cut off, not JSON, too large          unknown         reconcile
lost; 500, 503, 504, 408; an HTML error page   unknown         same key, later
429                                            not applied     same key, after Retry-After
502 ``upstream_error``                         not applied     same key, after a backoff (its effect is unsure)
402                                            not applied     stop
401, 403                                       not applied     stop
404, 422                                       refused         quarantine
413                                            not applied     split, new keys
3xx                                            unknown         stop
409                                            unknown         reconcile
=============================================  ==============  ====================================================

An answer clears only the attempt that it answers: a timeout and then a 429 is still *unknown*, and so is a 409 and then
a 402. Only a readable success settles the whole history, because the API does nothing twice under one key.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Final

from attrs import frozen

from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Charge

__all__ = [
    "EXPLAINING",
    "HALF_A_DAY",
    "KEY_MEMORY",
    "MARGIN",
    "TRUSTED",
    "UNRESOLVED",
    "Belief",
    "Keys",
    "Step",
    "Verdict",
    "charge",
    "is_remembered",
    "settle",
    "settle_absent",
    "used_up_at",
]


KEY_MEMORY: Final = 86_400.0
"""Seconds for which the API is trusted to remember a request id, which it does not document. What is older than that,
and not listed, is not sent again: it might be bought twice."""
CLOCK_ERROR: Final = 600.0
"""Seconds by which clocks may differ."""
MARGIN: Final = 2 * CLOCK_ERROR
"""Seconds before the end of a key's memory at which it is not trusted any more: clocks differ, requests take time, and
a look does not see what is bought by one that is under way meanwhile."""
TRUSTED: Final = KEY_MEMORY - MARGIN
"""Seconds for which a key is trusted to be remembered."""
HALF_A_DAY: Final = KEY_MEMORY / 2 - MARGIN
"""Seconds for which a look is good, and for which a new key is used after the first one was used up: so whoever sends
something under its first key has looked for it since anybody could buy it under a new one."""


def is_remembered(then: float, now: float, *, within: float = TRUSTED) -> bool:
    """Whether the API is trusted to remember at one time what it has seen at another.

    A time that lies ahead is that of a clock that was set right since: how long ago it was, nobody knows.

    Args:
        then: When it saw it, in Unix seconds.
        now: When it is to remember it.
        within: For how many seconds it is trusted.
    """
    return -CLOCK_ERROR <= now - then <= within


class Belief(Enum):
    """What is believed of a POST."""

    NOT_APPLIED = "not_applied"
    APPLIED = "applied"
    REFUSED = "refused"
    """Not applied, but perhaps charged."""
    UNKNOWN = "unknown"


class Step(Enum):
    """What to do next about a POST."""

    DONE = "done"
    REPEAT = "repeat"
    """Same key and bytes, after a backoff."""
    REPEAT_LATER = "repeat_later"
    """Same key and bytes, once the first attempt must have ended at the server."""
    WAIT = "wait"
    """Same key and bytes, when the rate limit's pause is over."""
    RECONCILE = "reconcile"
    """Look at what the campaign holds."""
    SPLIT = "split"
    """Two halves, each under a key of its own."""
    QUARANTINE = "quarantine"
    """Leave it aside; the others may go on."""
    STOP = "stop"
    """Start nothing new."""
    NEW_KEY = "new_key"
    """It is proved that nothing was applied: the same URLs under the next generation's key."""
    REPORT = "report"
    """Nothing more can be found out: report it as unknown."""


@frozen
class Verdict:
    """What is believed of a POST, and the next step."""

    belief: Belief
    step: Step


UNRESOLVED: Final = frozenset({Kind.LOST, Kind.LOST_REFUND, Kind.GARBLED, Kind.REDIRECTED})
"""Attempts that may have been applied; no later answer clears them."""

_TURNED_AWAY: Final = frozenset({Kind.RATE_LIMITED, Kind.NO_CREDIT})
"""Attempts that reached the API, may have used the key up, and did nothing. An account that the API does not let in
has no keys to use up."""

_HARMLESS: Final = _TURNED_AWAY | {
    Kind.DENIED,
    Kind.NOT_SENT,
    Kind.REFUNDED,
    Kind.SEEN_BEFORE,
    Kind.TOO_LARGE,
}
"""Attempts that are known to leave no charge."""

_CHARGEABLE: Final = frozenset({Kind.APPLIED, Kind.REFUSED, Kind.SEEN_BEFORE})
"""Answers that come with a charge, or may, or that tell of an earlier request that may have been charged."""

_STEPS: Final = {
    Kind.NOT_SENT: Step.REPEAT,
    Kind.RATE_LIMITED: Step.WAIT,
    Kind.REFUNDED: Step.REPEAT,
    Kind.NO_CREDIT: Step.STOP,
    Kind.DENIED: Step.STOP,
    Kind.LOST: Step.REPEAT_LATER,
    Kind.LOST_REFUND: Step.REPEAT_LATER,
    Kind.GARBLED: Step.RECONCILE,
    Kind.REDIRECTED: Step.STOP,
    Kind.SEEN_BEFORE: Step.RECONCILE,
}


def settle(history: Sequence[Kind]) -> Verdict:
    """What is believed of a POST after these attempts, and what to do next.

    Args:
        history: The attempts under one key, oldest first; at least one. An attempt that was begun and whose end is
            not on record (a crash) counts as `Kind.LOST`.
    """
    *earlier, last = history
    unresolved = any(kind in UNRESOLVED or kind is Kind.SEEN_BEFORE for kind in earlier)
    match last:
        case Kind.APPLIED:
            return Verdict(Belief.APPLIED, Step.DONE)
        case Kind.REFUSED | Kind.TOO_LARGE if unresolved or Kind.REFUNDED in earlier:
            # The refusal is this attempt's alone: an earlier one may have left something behind.
            return Verdict(Belief.UNKNOWN, Step.RECONCILE)
        case Kind.REFUSED:
            return Verdict(Belief.REFUSED, Step.QUARANTINE)
        case Kind.TOO_LARGE:
            return Verdict(Belief.NOT_APPLIED, Step.SPLIT)
        case Kind.SEEN_BEFORE | Kind.LOST | Kind.LOST_REFUND | Kind.GARBLED | Kind.REDIRECTED:
            return Verdict(Belief.UNKNOWN, _STEPS[last])
        case Kind.NOT_SENT if unresolved:
            return Verdict(Belief.UNKNOWN, Step.REPEAT_LATER)
        case _:
            return Verdict(Belief.UNKNOWN if unresolved else Belief.NOT_APPLIED, _STEPS[last])


class Keys(Enum):
    """Who may use the idempotency keys of a plan."""

    OURS = "ours"
    """Nobody else is known of."""
    GIVEN = "given"
    """Nobody else is known of, but the campaign was given by its id: another create of this plan may have made it."""
    SHARED = "shared"
    """The load file may be a copy or an older state of itself, or the API has seen keys that it never sent."""


EXPLAINING: Final = {
    Keys.OURS: _TURNED_AWAY | {Kind.REFUNDED},
    Keys.GIVEN: frozenset({Kind.REFUNDED}),
    Keys.SHARED: frozenset[Kind](),
}
"""Attempts that explain a 409 after them."""


def settle_absent(history: Sequence[Kind], keys: Keys) -> Verdict:
    """What is believed of URLs that were looked for in the campaign and are not there.

    A list may lag, and never shows what was rejected, so absence alone proves nothing. It does where every attempt is
    known to have left no charge, and one that came before the first 409 explains that 409 by having used the key up.
    Otherwise the 409 may tell of a purchase made from a copy of the plan: where there may be one, nothing explains it.
    A 429 or 402, which seldom uses a key up, does so only in a campaign that this load has made itself. As long as
    there was no 409, the old key is the safe one.

    Args:
        history: The attempts under one key, oldest first.
        keys: Who may use the plan's keys.
    """
    if any(kind not in _HARMLESS for kind in history):
        # A refusal, too, may have been charged: under another key it could be charged once more.
        return Verdict(Belief.UNKNOWN, Step.REPORT)
    if Kind.SEEN_BEFORE not in history:
        # What is too large for one is too large for all: nobody can have bought it under this key.
        return Verdict(Belief.NOT_APPLIED, Step.SPLIT if Kind.TOO_LARGE in history else Step.REPEAT)
    before = history[: history.index(Kind.SEEN_BEFORE)]
    explaining = EXPLAINING[keys]
    if any(kind in explaining for kind in before):
        return Verdict(Belief.NOT_APPLIED, Step.NEW_KEY)
    return Verdict(Belief.UNKNOWN, Step.REPORT)


def used_up_at(
    attempts: Sequence[tuple[Kind, float]], explaining: Collection[Kind] = EXPLAINING[Keys.OURS]
) -> float | None:
    """Since when a key may be used up by what explains its first 409: Unix seconds; None if nothing does.

    What came longer before than the API is trusted to remember explains nothing: the 409 tells of somebody else.

    Args:
        attempts: The attempts under one key, each with when it was begun, oldest first.
        explaining: What explains it.
    """
    first = next((place for place, (kind, _) in enumerate(attempts) if kind is Kind.SEEN_BEFORE), None)
    if first is None:
        return None
    before = [began for kind, began in attempts[:first] if kind in explaining]
    return min((began for began in before if is_remembered(began, attempts[first][1])), default=None)


def charge(history: Sequence[Kind], *, price: int, sure: int | None = None) -> Charge:
    """What the attempts under one key were charged, all together: once at most.

    Args:
        history: The attempts, oldest first.
        price: What the POST costs once, in credits.
        sure: Credits that must have been charged, where the answer or the campaign's list shows what was applied;
            None where nothing was seen of it. What the API charges for a URL that it rejects is not documented, so
            a batch with rejected URLs is sure of the others' price alone.
    """
    if sure is not None:
        # Under a refund, even what stands in the list may have been paid back.
        refunded = Kind.REFUNDED in history or Kind.LOST_REFUND in history
        return Charge(0 if refunded and Kind.APPLIED not in history else sure, price)
    possible = any(kind in UNRESOLVED or kind in _CHARGEABLE for kind in history)
    return Charge(0, price if possible else 0)
