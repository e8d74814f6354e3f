"""The worlds in which schedules are played, drawn from a seed.

Four kinds of world:

* ``kind``: whatever goes wrong, the server's later answers tell what became of it. Ids are remembered for
  ever, the list does not lag, nothing stays charged without being done. There the load must end complete, with nothing
  unknown.
* ``harsh``: ids are remembered, but the list may lag, and work may be charged and never done. Only safety is asserted.
* ``forgetful``: ids expire, after a day or sooner. Where it is sooner, what is charged is done and listed at once (or
  refunded): without both, nothing tells a request that was never applied from one that was, and no client can keep from
  charging twice without giving up, which is what it does after a day. Only safety is asserted.
* ``twins``: two machines work on copies of one plan, one of them perhaps at the same time as the other, and ids may be
  forgotten after a day. Only safety is asserted. The API does not charge for what it refuses, nor does it take at one
  machine's word what it called too large at the other's. Either nothing is turned away (no 429, 402, 401, 403, 502), or
  what was bought is listed by the time that it is looked for, and nothing rejected: else the 409 that follows a 429 may
  tell of the other's purchase, and no list tells so.

In all of them a listed post is taken for a charged one. That it was done and yet paid back, only a 502 tells; where
that 502 is lost, the report says more than was charged, and the judge lets it.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from attrs import frozen
from server_world import CHECKED, GATE, UNTRACKED, World

__all__ = ["DAY", "KINDS", "Setting", "draw"]

KINDS: Final = ("kind", "harsh", "forgetful", "twins")
DAY: Final = 86_400.0
PAUSES: Final = (0.0, 1.0, 20.0, 200.0, 4000.0)
DAYS: Final = (3 * DAY,)
AROUND_A_DAY: Final = (0.3 * DAY, 0.7 * DAY, DAY - 1500, DAY - 1200, DAY - 300, DAY - 30, DAY)

_BEFORE: Final = ("not_sent", "lost_before", "late")
_AFTER: Final = (
    "lost_tracked",
    "500_tracked",
    "503_tracked",
    "html_tracked",
    "cut",
    "garbled",
    "huge",
    "encoded",
)
_REFUNDED: Final = ("502_before", "502_charged", "502_tracked")
_STILL_AT_IT: Final = ("slow", "504_running")
_TURNED_AWAY: Final = ("401", "403", "429", "402", *_REFUNDED)
_ANSWERED: Final = ("408", "503", "500_before", "html_500", "html_404", "redirect")
"""Not applied, though the answer does not prove it."""
_EVERYTHING: Final = tuple(
    sorted({*_BEFORE, *_AFTER, *_REFUNDED, *_STILL_AT_IT, *GATE, *CHECKED, *UNTRACKED})
)


@frozen(kw_only=True)
class Setting:
    """What is drawn once for a schedule."""

    kind: str
    world: World
    faults: tuple[str, ...]
    rate: float
    wallet: int
    deadly: bool
    """Whether processes are killed and cancelled."""
    pauses: tuple[float, ...]
    """Seconds between one process and the next."""
    elsewhere: int
    """Videos of the plan that somebody else has put into the campaign of its name before; 0: there is none."""


def draw(rand: Random, kind: str, videos: list[str]) -> Setting:
    """A setting of this kind for a plan of these videos."""
    burns = frozenset(status for status in (400, 402, 429, 500, 502) if rand.random() < 0.4)
    rejected = (
        frozenset(video for video in videos if rand.random() < 0.15)
        if rand.random() < 0.3
        else frozenset[str]()
    )
    drawn: dict[str, Any] = {
        "running": rand.choice(("409", "wait", "429")),
        "page": rand.choice((None, None, 2, 5)),
        "charge_rejected": rand.random() < 0.5,
        "charge_refused": rand.random() < 0.5,
        "rejected_form": rand.choice(("url", "string", "handle", "id", "nameless")),
        "max_batch": rand.choice((1000, 1000, 1000, 3, 1)),
        "slowest": rand.choice((0.1, 3.0, 40.0)),
        "counts": kind == "kind" or rand.random() < 0.7,
    }
    faults = _EVERYTHING
    deadly = True
    if kind == "kind":
        # An id that was turned away and used up, and a request that may not have arrived, look like one that was lost
        # after its charge: a world is kind if only one of the two can happen.
        deadly = rand.random() < 0.7
        burns, rejected = frozenset[int]() if deadly else burns - {400, 500}, frozenset[str]()
        drawn["max_batch"] = 1000
        faults = ("not_sent", *_AFTER, *_TURNED_AWAY)
        if deadly:
            faults += ("lost_before", "late", *_STILL_AT_IT, *_ANSWERED)
            if drawn["running"] == "409":
                # A 409 to a repeat of what still runs, and is paid back later, is the last that is heard of it.
                faults = tuple(fault for fault in faults if fault not in {"502_charged", "502_tracked"})
        else:
            faults = tuple(fault for fault in faults if fault != "lost_tracked")
            drawn["slowest"] = 3.0
    elif kind == "harsh":
        drawn["lag"] = rand.choice((0.0, 5.0, 100.0, 1e6))
    elif kind == "forgetful":
        drawn["memory"] = rand.choice((0.2, 1.0)) * DAY
        if drawn["memory"] >= DAY:
            drawn["lag"] = rand.choice((0.0, 5.0, 1e6))
        else:
            drawn |= {"charge_refused": False, "charge_rejected": False}
            faults = tuple(fault for fault in _EVERYTHING if fault not in UNTRACKED)
    else:
        drawn["charge_refused"] = False
        faults = tuple(fault for fault in _EVERYTHING if fault != "413")
        if rand.random() < 0.5:
            faults = tuple(fault for fault in faults if fault not in _TURNED_AWAY)
            drawn |= {"lag": rand.choice((0.0, 5.0, 1e6)), "running": rand.choice(("409", "wait"))}
        else:
            faults = tuple(fault for fault in faults if fault not in {*_STILL_AT_IT, *UNTRACKED, "late"})
            drawn |= {"lag": rand.choice((0.0, 5.0)), "slowest": 3.0}
            rejected = frozenset[str]()
        if rand.random() < 0.5:
            drawn |= {"memory": DAY, "charge_rejected": False, "lag": min(drawn["lag"], 5.0)}
            faults = tuple(fault for fault in faults if fault not in UNTRACKED)
    some = rand.random() < 0.6
    total = 1 + 25 * len(videos)
    poor = kind != "twins" and rand.random() < 0.2
    return Setting(
        kind=kind,
        world=World(burns=burns, rejected=rejected, shared=kind == "twins", **drawn),
        faults=tuple(rand.sample(faults, min(len(faults), rand.randint(1, 4)))) if some else faults,
        rate=rand.choice((0.0, 0.05, 0.2, 0.2, 0.5, 0.9)),
        wallet=rand.randint(0, total + 5) if poor else 100 * total,
        deadly=deadly,
        # What is in doubt for longer than a day is given up: a kind world does not let it come to that.
        pauses=PAUSES if kind == "kind" else (*PAUSES, *rand.choice((DAYS, AROUND_A_DAY))),
        elsewhere=rand.randint(1, len(videos)) if kind == "harsh" and rand.random() < 0.1 else 0,
    )
