"""Campaigns of very many posts, which the API gives in one answer."""

from __future__ import annotations

import pytest
from answering import Answer, Answering
from loads import KEY, QUICK, video_id

from tokfluence_async.client import Tokfluence
from tokfluence_async.export.reading import tracked_posts
from tokfluence_async.protocol.wire import MAX_BODY

pytestmark = pytest.mark.anyio


async def test_a_list_is_longer_than_any_other_answer() -> None:
    posts = [{"post_id": video_id(number), "caption": "x" * 5000} for number in range(4000)]
    with Answering(before=lambda _: Answer(200, {"data": posts})) as api:
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK) as tok:
            found = [post.post_id async for post in tracked_posts(tok, 4711)]
            assert tok.spent.charged_max == 2
    assert len(posts) * 5000 > MAX_BODY
    assert found == [post["post_id"] for post in posts]
