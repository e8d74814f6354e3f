"""One request on its way through the sandbox, step by step."""

from __future__ import annotations

import json
import math
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast

from tokfluence_async.sandbox.accounts import bearer, prefix_of
from tokfluence_async.sandbox.arguments import RefusedError, invalid
from tokfluence_async.sandbox.faults import Arrival
from tokfluence_async.sandbox.jobs import ApiCall, price
from tokfluence_async.sandbox.reads import READ_CALLS
from tokfluence_async.sandbox.replies import Reply, error
from tokfluence_async.sandbox.routes import parse_query, route
from tokfluence_async.sandbox.state import Charge
from tokfluence_async.sandbox.writes import WRITE_CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tokfluence_async.sandbox.accounts import Account
    from tokfluence_async.sandbox.faults import Fault, Phase
    from tokfluence_async.sandbox.jobs import Job
    from tokfluence_async.sandbox.recorder import RecordedRequest
    from tokfluence_async.sandbox.state import State
    from tokfluence_async.sandbox.switches import Switches

_CALLS = READ_CALLS | WRITE_CALLS
_LONGEST_REQUEST_ID = 255


class Exchange:
    """A request and what it has come to so far. Every step is atomic; the caller may wait between two.

    The steps, in order: `receive`, `admit`, `accept`, `perform`, `end`. Each of the first three gives the
    answer that ends the exchange there, or None; `perform` always gives the answer.

    Args:
        state: The world that it takes place in.
        method: HTTP method.
        target: Path and query, undecoded.
        authorization: The Authorization header.
        request_id: The X-Request-Id header.
        header_names: The names of all headers.
        peer: The client's IP address.
    """

    def __init__(
        self,
        state: State,
        *,
        method: str,
        target: str,
        authorization: str | None = None,
        request_id: str | None = None,
        header_names: Iterable[str] = (),
        peer: str = "127.0.0.1",
    ) -> None:
        path, _, query = target.partition("?")
        self._state = state
        self._peer = peer
        self._key = bearer(authorization)
        self._query = query
        self._route = route(method, path)
        self._sent_id = request_id or None
        self._account: Account | None = None
        self._job: Job | None = None
        self._charge: Charge | None = None
        self._began = False
        self._body: Any = None
        self._body_is_json = True
        self.request_id: str
        self.record: RecordedRequest
        with state.lock:
            well_formed = request_id and request_id.isascii() and request_id.isprintable()
            if request_id and well_formed and len(request_id) <= _LONGEST_REQUEST_ID:
                self.request_id = request_id
            else:
                self.request_id = state.make_request_id()
            self.record = state.recorder.record(
                time=state.clock.now(),
                method=method,
                path=path,
                query=query,
                header_names=header_names,
                request_id=self._sent_id,
                key=prefix_of(self._key) if self._key else None,
            )
            self.record.call = self._route.call if self._route else None

    @property
    def switches(self) -> Switches:
        """How the world answers."""
        return self._state.switches

    @property
    def seconds(self) -> float:
        """How long the accepted work takes."""
        return self._job.seconds if self._job else 0.0

    def balance(self) -> int:
        """What the answer says of the wallet, in credits; 0 for a key that has none."""
        if self._account is not None:
            return self._account.balance
        with self._state.lock:
            return self._state.account(self._key).balance if self._key else 0

    # The steps

    def receive(self, body: bytes | None) -> Reply | None:
        """Take the body; None stands for one that was too large."""
        if body is None:
            most = self.switches.max_body_bytes
            return error(413, "payload_too_large", f"A request's body may have {most} bytes.")
        if body:
            self._state.recorder.keep_body(self.record, body)
            try:
                self._body = json.loads(body)
            except (ValueError, RecursionError):
                self._body_is_json = False
            self.record.urls = _count_urls(self._body)
        return None

    def admit(self) -> Reply | None:
        """Check the key and both rate limits."""
        state = self._state
        with state.lock:
            now = state.clock.now()
            peer = state.peer(self._peer)
            wait = peer.arrive(now)
            window = None
            if self._key is not None:
                self._account = state.account(self._key)
                window = self._account.window
                wait = max(wait, window.arrive(now))
            if wait:
                peer.refuse()
                if window is not None:
                    window.refuse()
                return self._rate_limited(wait)
            peer.accept(now)
            if window is not None:
                window.accept(now)
            if self._account is None:
                return error(401, "unauthorized", "The API key is missing or malformed.")
            try:
                self._account.check_standing()
                if self._sent_id not in {None, self.request_id}:
                    raise invalid(f"X-Request-Id is at most {_LONGEST_REQUEST_ID} printable ASCII characters")
            except RefusedError as refused:
                return error(refused.status, refused.code, refused.message)
        if self._route is None:
            return error(404, "not_found", f"There is no {self.record.method} {self.record.path}.")
        return None

    def first_still_runs(self) -> bool:
        """Whether a request with the same id is still being worked on."""
        if self._sent_id is None or self._account is None:
            return False
        with self._state.lock:
            return self._account.ids.look(self._sent_id, self._state.clock.now()) == "running"

    def accept(self) -> Reply | None:
        """Check the request id and the request, and debit its price."""
        account, found = self._account, self._route
        if account is None or found is None:
            raise RuntimeError("accept comes after admit")
        with self._state.lock:
            repeated = self._begin(account)
            if repeated is not None:
                return repeated
            call = ApiCall(found.call, found.target, parse_query(self._query), self._body)
            try:
                if not self._body_is_json:
                    raise invalid("the body is not JSON")
                self._job = _CALLS[found.call](self._state, account, call)
            except RefusedError as refused:
                return self._refused(account, refused)
            return self._debit(account, self._job.credits, self._job.campaign_id, self._job.urls)

    def perform(self) -> Reply:
        """Do the work that was paid for."""
        account, job = self._account, self._job
        if account is None or job is None:
            raise RuntimeError("perform comes after accept")
        with self._state.lock:
            try:
                return job.perform()
            except RefusedError as refused:
                self.refund()
                return self._refused(account, refused)

    def refund(self) -> None:
        """Give back what was charged, if anything was."""
        with self._state.lock:
            if self._charge is not None and self._account is not None:
                self._state.refund(self._account, self._charge)
                self.record.charged -= self._charge.credits
                self._charge = None

    def end(self, status: int | None) -> None:
        """Settle whether the request id is used up.

        Args:
            status: Status of the answer; None if none is sent.
        """
        with self._state.lock:
            self.record.status = status
            if self._account is not None and self._sent_id is not None and self._began:
                self._began = False
                self._account.ids.end(self._sent_id, burnt=self._burns(status, otherwise=True))

    # Faults

    def strike(self, phase: Phase) -> Fault | None:
        """The fault that strikes the request in a phase, if any does."""
        faults = self._state.faults
        with self._state.lock:
            if not faults:
                return None
            fault = faults.pick(
                phase,
                Arrival(
                    method=self.record.method,
                    path=self.record.path,
                    call=self.record.call,
                    request_id=self._sent_id,
                    key=self.record.key,
                    urls=self.record.urls,
                ),
            )
            if fault is not None:
                self.record.faults.append(f"{phase}:{fault.effect}")
            return fault

    def struck(self, fault: Fault, answer: Reply | None) -> Reply:
        """The answer that a fault leaves of the true one; None is for a phase that has none yet."""
        if fault.refunds:
            self.refund()
        headers = dict(fault.headers)
        if fault.effect == "redirect":
            moved = error(fault.status or 302, "redirected", "See the Location header.")
            reply = Reply(moved.status, moved.payload, {"Location": fault.location or "", **headers})
        elif fault.raw_body is not None:
            status = fault.error_status if fault.effect == "status" else fault.status or 200
            content_type = headers.pop("Content-Type", "text/html; charset=utf-8")
            reply = Reply(status, None, headers, fault.raw_body, content_type, from_api=False)
        elif fault.effect == "status":
            message = fault.message or "The sandbox was told to fail."
            reply = error(fault.error_status, fault.error_code, message, **headers)
        else:
            true = answer or error(500, "internal_error", "The sandbox was told to fail.")
            reply = Reply(fault.status or true.status, true.payload, true.headers | headers, true.raw)
        if answer is None and not self._began and fault.effect == "status":
            self._burn_unseen(reply.status)
        return reply

    def _burn_unseen(self, status: int) -> None:
        with self._state.lock:
            if self._key and self._sent_id and self._burns(status, otherwise=False):
                self._state.account(self._key).ids.burn(self._sent_id, self._state.clock.now())

    # Parts of the steps

    def _begin(self, account: Account) -> Reply | None:
        if self._sent_id is None:
            return None
        now = self._state.clock.now()
        seen = account.ids.look(self._sent_id, now)
        if seen == "running" and self.switches.repeat_while_running == "rate_limited":
            return error(429, "rate_limited", "A request with this id is still running.", Retry_After="1")
        if seen != "new":
            return error(409, "duplicate_request", "This request id was used before; nothing was done.")
        account.ids.begin(self._sent_id, now)
        self._began = True
        return None

    def _debit(
        self, account: Account, amount: int, campaign_id: int | None = None, urls: tuple[str, ...] = ()
    ) -> Reply | None:
        if account.balance < amount:
            message = f"This request costs {amount} credits; the wallet holds {account.balance}."
            return error(402, "insufficient_credits", message)
        charge = Charge(self.record.call or "", amount, self.request_id, campaign_id, urls)
        self._state.debit(account, charge)
        self._charge = charge
        self.record.charged += amount
        return None

    def _refused(self, account: Account, refused: RefusedError) -> Reply:
        switches, call = self.switches, self.record.call or ""
        amount = 0
        if refused.status == 404 and call in switches.charge_not_found:
            amount = price(call)
            if switches.not_found_credits is not None:
                amount = min(amount, switches.not_found_credits)
        elif refused.status == 422 and call in switches.charge_invalid:
            amount = price(call, self.record.urls)
        answer = error(refused.status, refused.code, refused.message)
        return (self._debit(account, amount) if amount else None) or answer

    def _rate_limited(self, wait: float) -> Reply:
        form = self.switches.retry_after
        if self._account is not None and self._sent_id is not None and self.switches.burn_on_429:
            self._account.ids.burn(self._sent_id, self._state.clock.now())
        headers: dict[str, str] = {}
        if form == "seconds":
            headers["Retry_After"] = str(math.ceil(wait))
        elif form == "date":
            headers["Retry_After"] = formatdate(math.ceil(self._state.clock.host_time() + wait), usegmt=True)
        return error(429, "rate_limited", "Too many requests.", **headers)

    def _burns(self, status: int | None, *, otherwise: bool) -> bool:
        switches = self.switches
        match status:
            case 402:
                return switches.burn_on_402
            case 429:
                return switches.burn_on_429
            case 404 | 413 | 422:
                return switches.burn_on_4xx
            case 502:
                return switches.burn_on_502
            case int() if status >= 500:
                return switches.burn_on_5xx
            case _:
                return otherwise


def _count_urls(body: Any) -> int:
    if not isinstance(body, dict):
        return 0
    fields = cast("dict[str, Any]", body)
    lists = (fields.get("posts"), fields.get("urls"))
    return sum([len(cast("list[object]", each)) for each in lists if isinstance(each, list)])
