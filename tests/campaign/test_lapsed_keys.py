"""New keys whose old one the API may have forgotten: two machines would buy the same under different keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, go_on, make_plan, video_id

from tokfluence_async.campaign.applying import apply
from tokfluence_async.campaign.batch import idempotency_key
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

BATCH = 10
URLS = 20
HOUR = 1 / 24
REFUNDED = Answer.error(502, "upstream_error")
USED_UP = Answer.error(409, "duplicate_request")
NO_CREDIT = Answer.error(402, "insufficient_credits")
SECOND = [video_id(number) for number in range(BATCH, URLS)]


def answered(*answers: Answer | None) -> Callable[[Asked], Answer | None]:
    """Have the API answer the analyze calls from the second on in this way."""
    given = dict(enumerate(answers, 2))
    return lambda asked: given.get(asked.number) if asked.call == "analyze" else None


async def used_up(api: Answering, file: Path, *further: Answer) -> Plan:
    """A load whose first batch is bought, and the key of whose second a refunded 502 has used up."""
    plan = make_plan(URLS, batch_size=BATCH)
    api.before = answered(REFUNDED, USED_UP, *further)
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
        report = await apply(plan, tok, file=file)
    assert report.state == "stopped"
    assert not api.charged_twice
    api.before = lambda _: None
    return plan


def bought_by_a_copy(api: Answering, key: str) -> None:
    """A copy of the load file has bought the second batch just now, under this key."""
    api._keys.add(key)
    api.per_video.update(SECOND)
    api.tracked += SECOND


def unread(asked: Asked) -> Answer | None:
    return Answer.error(401, "unauthorized") if asked.call == "list" else None


@pytest.mark.parametrize("how", ["in doubt", "to be sent"])
@pytest.mark.parametrize("race", [False, True], ids=["alone", "while a copy buys it"])
async def test_what_it_was_for_goes_back_under_the_old_key(tmp_path: Path, how: str, race: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Whether its new key was made before, or would be made now."""
    file = tmp_path / "a.tokload"
    keys: list[str | None] = []
    with Answering() as api:
        if how == "in doubt":
            plan = make_plan(URLS, batch_size=BATCH)
            to_the_calls, to_the_list = answered(REFUNDED, USED_UP), unread
            api.before = lambda asked: to_the_calls(asked) or to_the_list(asked)
            async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
                await apply(plan, tok, file=file)
        else:
            plan = await used_up(api, file, NO_CREDIT)
        age(file)
        old = idempotency_key(plan.plan_id, "analyze/2", 0)

        def before(asked: Asked) -> Answer | None:
            if asked.call == "analyze":
                if race and not keys:
                    bought_by_a_copy(api, old)
                    keys.append(asked.key)
                    return USED_UP if asked.key == old else None
                keys.append(asked.key)
            return None

        api.before = before
        report = await go_on(api, file)
        assert not api.charged_twice
        assert keys == [old]
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max + 25 * BATCH * race


async def test_so_it_does_though_it_was_looked_for_today(tmp_path: Path) -> None:
    """The campaign is two days old, the key was used up 25 hours ago, and the list was read 5 hours ago."""
    file = tmp_path / "a.tokload"
    keys: list[str | None] = []
    with Answering() as api:
        plan = make_plan(URLS, batch_size=BATCH)
        denied = Answer.error(401, "unauthorized")
        api.before = answered(denied, REFUNDED, USED_UP, NO_CREDIT, denied)
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            await apply(plan, tok, file=file)
        age(file, 5 * HOUR)
        assert (await go_on(api, file)).stopped_by == "insufficient_credits"
        age(file, 20 * HOUR)
        assert (await go_on(api, file)).stopped_by == "unauthorized"
        assert api.asked["list"] == 2
        age(file, 5 * HOUR)
        api.before = lambda asked: keys.append(asked.key) if asked.call == "analyze" else None
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert keys == [idempotency_key(plan.plan_id, "analyze/2", 0)]


async def test_as_long_as_the_old_one_is_remembered_the_new_one_is_used(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    keys: list[str | None] = []
    with Answering() as api:
        plan = await used_up(api, file, NO_CREDIT)
        age(file, 23 * HOUR)
        api.before = lambda asked: keys.append(asked.key) if asked.call == "analyze" else None
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert keys == [idempotency_key(plan.plan_id, "analyze/2", 1)]


async def test_an_api_that_remembers_the_old_one_for_longer_has_it_named(tmp_path: Path) -> None:
    """Its 409 may tell of a copy."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan = await used_up(api, file, NO_CREDIT)
        age(file)
        old = idempotency_key(plan.plan_id, "analyze/2", 0)
        api._keys.add(old)
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted, report.urls.unknown) == ("needs_review", BATCH, BATCH)
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_the_old_one_can_be_used_up_once_more(tmp_path: Path) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan = await used_up(api, file, NO_CREDIT)
        for _ in range(2):
            age(file)
            api.asked.clear()
            keys: list[str | None] = []
            answers = iter((REFUNDED, USED_UP, NO_CREDIT))

            def before(
                asked: Asked, keys: list[str | None] = keys, answers: object = answers
            ) -> Answer | None:
                if asked.call != "analyze":
                    return None
                keys.append(asked.key)
                return next(answers)  # type: ignore[call-overload, no-any-return]

            api.before = before
            report = await go_on(api, file)
            assert report.stopped_by == "insufficient_credits"
            assert keys == [idempotency_key(plan.plan_id, "analyze/2", each) for each in (0, 0, 1)]
        age(file)
        api.before = lambda _: None
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_what_is_in_doubt_under_the_new_one_is_not_sent_again(tmp_path: Path) -> None:
    """A copy may be buying it under the old one: it is listed, or unknown."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan = await used_up(api, file, NO_CREDIT)
        age(file, 20 * HOUR)
        api.before = lambda asked: LOST if asked.call == "analyze" else None
        report = await go_on(api, file)
        assert report.urls.unknown == BATCH
        age(file, 5 * HOUR)
        asked = api.asked["analyze"]
        api.before = lambda _: None
        report = await go_on(api, file)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        assert api.asked["analyze"] == asked
        bought_by_a_copy(api, idempotency_key(plan.plan_id, "analyze/2", 0))
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_the_rest_of_a_batch_has_no_old_key_to_go_back_under(tmp_path: Path) -> None:
    """The bytes would be others: it is named."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan = make_plan(URLS, batch_size=BATCH)

        def before(asked: Asked) -> Answer | None:
            if asked.call == "analyze" and asked.number == 2:
                # It was done in part, and paid back.
                api.tracked += SECOND[:3]
            return answered(REFUNDED, USED_UP, NO_CREDIT)(asked)

        api.before = before
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await apply(plan, tok, file=file)
        assert (report.urls.accepted, report.urls.unsent) == (BATCH + 3, BATCH - 3)
        age(file)
        asked = api.asked["analyze"]
        api.before = lambda _: None
        report = await go_on(api, file)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH - 3)
        assert api.asked["analyze"] == asked
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max
