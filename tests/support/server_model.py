"""A model of the API on virtual time, with a ledger of its own, for simulations.

It shares nothing with the SDK, not even the tariff, and nothing with the sandbox: it is the judge. A request that has
left is the server's affair: it arrives, is charged and is done at its own times, whether or not anybody still waits
for the answer, or lives.

Rules of the API that hold in every world: what stays charged under a request id uses that id up, and a repeated id
that is remembered does nothing. Everything that the public pages leave open is in `World`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from attrs import define, field
from server_answers import damaged, error
from server_ledger import Ledger
from server_world import (
    CHECKED,
    GATE,
    NEVER_ARRIVES,
    UNTRACKED,
    Answer,
    Call,
    Campaign,
    Tracked,
    World,
    posts_in,
    video_in,
    videos_in,
)

__all__ = ["Server"]

CREATE_PRICE = 1
URL_PRICE = 25
SHOW_PRICE = 1
LIST_PRICE = 2

_POSTS_PATH = re.compile(r"/v1/campaigns/(\d+)/posts")
_SHOW_PATH = re.compile(r"/v1/campaigns/(\d+)")


@define(eq=False)
class _Id:
    """A request id that is remembered."""

    since: float
    running: bool = True
    waiting: list[Call] = field(factory=list[Call])


class Timer(Protocol):
    """What the server needs of the world's clock."""

    def time(self) -> float:
        """Seconds now."""
        ...

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Any:
        """Call back later."""
        ...


@define(eq=False)
class Server:
    """The API: wallet, ledger, request ids, campaigns."""

    world: World
    clock: Timer
    rand: Random
    ledger: Ledger
    campaigns: dict[int, Campaign] = field(factory=dict[int, Campaign])
    violations: list[str] = field(factory=list[str])
    received: list[tuple[float, int, str, str, str]] = field(factory=list[tuple[float, int, str, str, str]])
    """Time, run, path, key and fault of every request that left; for the trace of a failed schedule."""
    _flying: defaultdict[str, int] = field(factory=lambda: defaultdict[str, int](int))
    """Requests by key that have left and may still do something."""
    _ids: dict[str, _Id] = field(factory=dict[str, _Id])
    _bytes: dict[str, tuple[str, bytes]] = field(factory=dict[str, tuple[str, bytes]])
    _keys_of: defaultdict[str, list[str]] = field(factory=lambda: defaultdict[str, list[str]](list))

    # --- what the judge asks

    def is_tracked(self, video: str) -> bool:
        """Whether a campaign holds the video."""
        return any(video in each.posts for each in self.campaigns.values())

    def is_bought(self, video: str, runs: set[int]) -> bool:
        """Whether requests of these runs put the video into a campaign, in a way that they could know of.

        What was refunded, and was not listed at once, nobody could know of; it costs nothing.
        """
        for each in self.campaigns.values():
            post = each.posts.get(video)
            if post is not None and post.run in runs:
                return not (post.refunded and self.world.lag)
        return False

    def named(self, name: str) -> int | None:
        """The campaign of this name: what a person finds in the dashboard."""
        return next((each.id for each in self.campaigns.values() if each.name == name), None)

    def add_campaign(self, name: str) -> Campaign:
        """A new campaign."""
        found = Campaign(4711 + len(self.campaigns), name)
        self.campaigns[found.id] = found
        return found

    # --- requests

    def submit(self, call: Call) -> None:
        """A request leaves its client."""
        self.received.append((self.clock.time(), call.run, call.path, call.key or "", call.fault))
        if call.key is not None:
            self._check_leaving(call, call.key)
        if call.fault in NEVER_ARRIVES:
            self.clock.call_later(call.back, call.done, None)
            return
        if call.key is not None:
            self._flying[call.key] += 1
        self.clock.call_later(call.delay, self._arrive, call)
        if call.fault == "late":
            self.clock.call_later(call.back, call.done, None)

    def _check_leaving(self, call: Call, key: str) -> None:
        """Same key, same bytes; a new key only where nothing is, or will be, charged under the others."""
        # Two machines may find different parts of a batch missing; of what they then send, one is done.
        sender = f"{call.run}" if self.world.shared else ""
        before = self._bytes.setdefault(key + sender, (call.path, call.body))
        if before != (call.path, call.body):
            self._wrong(f"the key {key} was sent with other bytes before")
        for video in videos_in(call.body) or ([] if self.world.shared else ["create"]):
            keys = self._keys_of[video]
            if key in keys:
                continue
            for other in keys:
                if self.ledger.charged_under(other, video):
                    self._wrong(f"a new key for {video}, which is charged under {other}")
                elif self._flying[other] and not self.world.shared:
                    self._wrong(f"a new key for {video}, while {other} is under way")
            keys.append(key)

    def _wrong(self, text: str) -> None:
        self.violations.append(f"at {self.clock.time():.3f}: {text}")

    def _arrive(self, call: Call) -> None:
        if call.fault in GATE:
            self._at_the_gate(call)
        elif call.key is None:
            self._read(call)
        elif not self._is_repeat(call, call.key):
            self._ids[call.key] = _Id(self.clock.time())
            self._accept(call, call.key)

    def _at_the_gate(self, call: Call) -> None:
        fault = call.fault
        if call.key is not None and self._remembered(call.key) is None and self._burnt_by(fault):
            self._ids[call.key] = _Id(self.clock.time(), running=False)
        if fault == "redirect":
            self._end(call, Answer(302, {"location": "https://elsewhere.test/"}, b""))
        elif fault.startswith("html"):
            self._end(call, Answer(int(fault[-3:]), {}, b"<html>no</html>"))
        elif fault == "429":
            wait = self.rand.choice((None, "0", "1", "7", "100000"))
            self._end(call, self._error("429", {} if wait is None else {"retry-after": wait}))
        else:
            self._end(call, self._error(fault))

    def _burnt_by(self, fault: str) -> bool:
        status = {"503": 500, "408": 500, "500_before": 500, "502_before": 502, "429": 429, "402": 402}.get(
            fault
        )
        if fault.startswith(("html", "redirect")):
            return False
        return (status or 400) in self.world.burns

    def _remembered(self, key: str) -> _Id | None:
        found = self._ids.get(key)
        memory = self.world.memory
        if (
            found is not None
            and memory is not None
            and not found.running
            and found.since + memory <= self.clock.time()
        ):
            del self._ids[key]
            return None
        return found

    def _is_repeat(self, call: Call, key: str) -> bool:
        found = self._remembered(key)
        if found is None:
            return False
        if found.running and self.world.running == "wait":
            found.waiting.append(call)
        elif found.running and self.world.running == "429":
            self._end(call, self._error("429", {"retry-after": "1"}))
        else:
            self._end(call, self._error("409"))
        return True

    def _accept(self, call: Call, key: str) -> None:
        call.posts = posts_in(call.body)
        create = call.path == "/v1/campaigns"
        price = {"create": CREATE_PRICE} if create else dict.fromkeys(videos_in(call.body), URL_PRICE)
        wrong = self._what_is_wrong(call, create=create, price=sum(price.values()))
        if wrong:
            status = wrong.partition("_")[0] if wrong != "name_taken" else wrong
            if wrong in {"404", "422", "name_taken"} and self.world.charge_refused:
                self._charge(call, price)
            burnt = call.charged or self._burnt_by(wrong)
            self._free(key, burnt=bool(burnt))
            self._end(call, self._error(status))
            return
        self._charge(call, price)
        work = self.rand.uniform(0.01, self.world.slowest)
        if call.fault == "slow":
            work += self.rand.uniform(20, 300)
        if call.fault == "504_running":
            self.clock.call_later(call.back, call.done, Answer(504, {}, b"<html>gateway</html>"))
            work += self.rand.uniform(0, 100)
        self.clock.call_later(work, self._finish, call, key, create)

    def _what_is_wrong(self, call: Call, *, create: bool, price: int) -> str:
        if call.fault in CHECKED:
            return call.fault
        if create and self.named(json.loads(call.body)["name"]) is not None:
            return "name_taken"
        if not create:
            call.campaign = json.loads(call.body)["campaign_id"]
            if call.campaign not in self.campaigns:
                return "404"
            if len(call.posts) > self.world.max_batch:
                return "413"
        return "402" if self.ledger.wallet < price else ""

    def _finish(self, call: Call, key: str, create: bool) -> None:  # noqa: FBT001 - a timer's callback
        fault = call.fault
        if fault in UNTRACKED or fault == "502_charged":
            self._fail(call, key)
            return
        if create:
            if self.named(json.loads(call.body)["name"]) is not None:
                # Two creates at once: the second finds the name taken only now, and is paid back.
                self._refund(call)
                self._free(key, burnt=400 in self.world.burns)
                self._end(call, self._error("name_taken"))
                return
            made = self.add_campaign(json.loads(call.body)["name"])
            payload: dict[str, Any] = {"data": {"id": made.id, "name": made.name}}
        else:
            payload = self._track(call, key)
        if fault == "502_tracked":
            self.ledger.pay_back_done(call.run, sum(call.charged.values()))
            self._refund(call)
            for post in [] if create else videos_in(call.body):
                self._mark_refunded(call, post, key)
            self._free(key, burnt=502 in self.world.burns)
            self._end(call, self._error("502"))
            return
        self._free(key, burnt=True)
        self._end(call, damaged(fault, payload, self.ledger.wallet))

    def _fail(self, call: Call, key: str) -> None:
        """The work died on the way: refunded where that is said, else lost for ever."""
        if call.fault == "502_charged":
            self._refund(call)
            self._free(key, burnt=502 in self.world.burns)
            self._end(call, self._error("502"))
            return
        self._free(key, burnt=True)
        self._end(call, None if call.fault == "lost_charged" else self._error("500"))

    def _track(self, call: Call, key: str) -> dict[str, Any]:
        campaign = self.campaigns[call.campaign]
        rejected: list[Any] = []
        for post in call.posts:
            video = video_in(post["url"])
            if video in self.world.rejected:
                rejected.append(self._rejection(post, video))
                if not self.world.charge_rejected:
                    self.ledger.charge(call.run, call.key, video, -call.charged.pop(video))
                continue
            before = campaign.posts.get(video)
            if before is None or before.refunded:
                since = self.clock.time() if before is None else before.since
                campaign.posts[video] = Tracked(since, call.run, key, refunded=False)
        done = [{"postId": video_in(post["url"]), "status": "analyzed"} for post in call.posts]
        return {"data": {}, "meta": {"api_results": done, "rejected": rejected}}

    def _rejection(self, post: dict[str, Any], video: str) -> Any:
        match self.world.rejected_form:
            case "string":
                return post["url"]
            case "handle":
                return {"creator_handle": post["creator_handle"], "error": "creator_not_found"}
            case "id":
                return {"postId": video, "code": "creator_not_found"}
            case "nameless":
                return {"reason": "creator_not_found"}
            case _:
                return {"url": post["url"], "reason": "creator not found"}

    def _mark_refunded(self, call: Call, video: str, key: str) -> None:
        campaign = self.campaigns[call.campaign]
        post = campaign.posts.get(video)
        if post is not None and post.run == call.run and post.key == key:
            campaign.posts[video] = Tracked(post.since, post.run, key, refunded=True)

    def _read(self, call: Call) -> None:
        listing = _POSTS_PATH.fullmatch(call.path)
        found = listing or _SHOW_PATH.fullmatch(call.path)
        campaign = self.campaigns.get(int(found[1])) if found else None
        price = LIST_PRICE if listing else SHOW_PRICE
        if call.fault == "500_before":
            self._end(call, self._error("500"))
        elif campaign is None:
            self._end(call, self._error("404"))
        elif self.ledger.wallet < price or call.fault == "402":
            self._end(call, self._error("402"))
        elif call.fault in {"502_before", "502_charged", "502_tracked"}:
            self._end(call, self._error("502"))
        else:
            self._charge(call, {"read": price})
            if call.fault in UNTRACKED:
                self._end(call, None if call.fault == "lost_charged" else self._error("500"))
                return
            payload = self._page(campaign, call) if listing else {"data": self._shown(campaign)}
            self._end(call, damaged(call.fault, payload, self.ledger.wallet))

    def _listed(self, campaign: Campaign) -> list[str]:
        now = self.clock.time()
        return [video for video, post in campaign.posts.items() if post.since + self.world.lag <= now]

    def _shown(self, campaign: Campaign) -> dict[str, Any]:
        count = {"tracked_posts_count": len(self._listed(campaign))} if self.world.counts else {}
        return {"id": campaign.id, "name": campaign.name, **count}

    def _page(self, campaign: Campaign, call: Call) -> dict[str, Any]:
        listed = self._listed(campaign)
        first, size = int(call.query.get("cursor", "0")), self.world.page or len(listed) or 1
        data = [{"post_id": video, "status": "pending"} for video in listed[first : first + size]]
        following = first + size
        return {"data": data, "meta": {"next_cursor": following if following < len(listed) else None}}

    # --- money and answers

    def _charge(self, call: Call, price: dict[str, int]) -> None:
        for what, amount in price.items():
            call.charged[what] = amount
            total = self.ledger.charge(call.run, call.key, what, amount)
            # A second credit may go for a create that the name of the first then keeps out: of two machines, or where
            # the key of the first was forgotten.
            again = what == "create" and (self.world.shared or self.world.memory is not None)
            once = what != "read" and not again
            if once and total > amount:
                self._wrong(f"{what} is charged twice: {total} credits")

    def _refund(self, call: Call) -> None:
        for what, amount in call.charged.items():
            self.ledger.charge(call.run, call.key, what, -amount)
        call.charged.clear()

    def _free(self, key: str, *, burnt: bool) -> None:
        """The first request of an id is over; whoever waited for it goes on."""
        found = self._ids[key]
        found.running, found.since = False, self.clock.time()
        if not burnt:
            del self._ids[key]
        for each in found.waiting:
            self._arrive(each)

    def _error(self, name: str, headers: dict[str, str] | None = None) -> Answer:
        return error(name, self.ledger.wallet, headers)

    def _end(self, call: Call, answer: Answer | None) -> None:
        if call.key is not None:
            self._flying[call.key] -= 1
        self.clock.call_later(call.back, call.done, answer)
