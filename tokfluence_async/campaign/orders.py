"""Orders: what is sent for a batch, the same bytes under the same key every time."""

from __future__ import annotations

from attrs import frozen

from tokfluence_async.campaign import records
from tokfluence_async.campaign.batch import idempotency_key
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.purchase import Order
from tokfluence_async.campaign.records import BatchRow
from tokfluence_async.protocol.codec import AnalyzeEncoder, dumps
from tokfluence_async.protocol.endpoints import CAMPAIGNS_CREATE, POSTS_ANALYZE
from tokfluence_async.protocol.wire import Request

__all__ = ["Orders", "create_order"]


@frozen
class Orders:
    """Makes the orders for a campaign's batches."""

    plan: Plan
    campaign_id: int
    encoder: AnalyzeEncoder

    def of(self, db: records.Connection, batch: BatchRow) -> Order:
        """The order for a batch, with what was tried before."""
        posts = records.posts_of(db, batch.id)
        entries = [(post.url, post.creator_handle, post.fee_cents) for post in posts]
        body = self.encoder(self.campaign_id, entries)
        request = Request(
            call=POSTS_ANALYZE.name,
            method=POSTS_ANALYZE.method,
            path=POSTS_ANALYZE.path(),
            body=dumps(body),
            idempotency_key=idempotency_key(self.plan.plan_id, batch.step, batch.generation),
            urls=len(posts),
        )
        return Order(
            batch=batch,
            request=request,
            price=self.plan.credits_per_url * len(posts),
            posts=posts,
            history=records.history(db, batch.id),
            charged=batch.charged,
        )


def create_order(plan: Plan, db: records.Connection) -> Order:
    """The order for the empty campaign."""
    create = records.create_of(db)
    body: dict[str, object] = {"name": plan.name, "posts": []}
    if plan.currency is not None:
        body["currency"] = plan.currency
    request = Request(
        call=CAMPAIGNS_CREATE.name,
        method=CAMPAIGNS_CREATE.method,
        path=CAMPAIGNS_CREATE.path(),
        body=dumps(body),
        idempotency_key=idempotency_key(plan.plan_id, create.step, create.generation),
    )
    return Order(
        batch=create,
        request=request,
        price=plan.create_credits,
        posts=(),
        history=records.history(db, create.id),
        charged=create.charged,
    )
