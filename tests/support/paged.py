"""The small API with a list that comes in pages."""

from __future__ import annotations

import re
from typing import Any

from answering import Answer, Answering, Asked
from attrs import define

__all__ = ["Paged"]


@define(eq=False)
class Paged(Answering):
    """Answers each read of the list with a page of it."""

    page: int = 10
    """Posts on a page."""
    total: str = ""
    """What ``meta.total`` counts: ``posts`` of the campaign, or of the ``page``; nothing says that there is none."""
    internal: bool = False
    """Whether each post has an id of the API's own besides its video's."""

    def _answer(self, method: str, path: str, key: str | None, body: dict[str, Any]) -> Answer:
        if method != "GET" or "/posts" not in path:
            return Answering._answer(self, method, path, key, body)
        self.asked["list"] += 1
        asked = Asked("list", self.asked["list"], None, [], False)
        instead = self.before(asked)
        if instead is not None:
            return instead
        self.charged += 2
        cursor = re.search(r"cursor=(\d+)", path)
        first = int(cursor[1]) if cursor else 0
        data: list[dict[str, Any]] = [
            {"id": 900_000 + place, "post_id": video} if self.internal else {"post_id": video}
            for place, video in enumerate(self.tracked[first : first + self.page], first)
        ]
        following = first + self.page
        meta: dict[str, Any] = {"next_cursor": following if following < len(self.tracked) else None}
        if self.total:
            meta["total"] = len(self.tracked if self.total == "posts" else data)
        return self.after(asked, Answer(200, {"data": data, "meta": meta}))
