"""The request ids that a key has used."""

from __future__ import annotations

from typing import Literal

Seen = Literal["new", "running", "seen"]


class RequestIds:
    """Remembers one key's request ids.

    Args:
        remember: Seconds for which an id is remembered after its request began; None = for ever.
    """

    def __init__(self, remember: float | None) -> None:
        self._remember = remember
        self._since: dict[str, float] = {}
        self._running: set[str] = set()

    def look(self, request_id: str, now: float) -> Seen:
        """Whether an id is new, belongs to a request that still runs, or was used before."""
        if request_id in self._running:
            return "running"
        since = self._since.get(request_id)
        if since is None:
            return "new"
        if self._remember is not None and now - since >= self._remember:
            del self._since[request_id]
            return "new"
        return "seen"

    def begin(self, request_id: str, now: float) -> None:
        """Use an id for a request that now runs."""
        self._since[request_id] = now
        self._running.add(request_id)

    def end(self, request_id: str, *, burnt: bool) -> None:
        """End a request; an id that is not burnt may be used again."""
        self._running.discard(request_id)
        if not burnt:
            self._since.pop(request_id, None)

    def burn(self, request_id: str, now: float) -> None:
        """Use an id up for a request that never ran."""
        self._since.setdefault(request_id, now)
