"""New keys whose first one the API may have forgotten: copies of a load may use either, and no key is safe any more."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from aged import age
from answering import LOST, Answer, Answering, Asked
from loads import KEY, QUICK, go_on, make_plan, video_id

from tokfluence_async.campaign.applying import apply
from tokfluence_async.campaign.batch import idempotency_key
from tokfluence_async.campaign.plan import Plan
from tokfluence_async.campaign.report import LoadReport
from tokfluence_async.client import Tokfluence

pytestmark = pytest.mark.anyio

BATCH = 10
URLS = 20
HOUR = 1 / 24
MINUTE = HOUR / 60
REFUNDED = Answer.error(502, "upstream_error")
USED_UP = Answer.error(409, "duplicate_request")
NO_CREDIT = Answer.error(402, "insufficient_credits")
DENIED = Answer.error(401, "unauthorized")
SECOND = [video_id(number) for number in range(BATCH, URLS)]


def answered(*answers: Answer | None) -> Callable[[Asked], Answer | None]:
    """Have the API answer the analyze calls from the second on in this way."""
    given = dict(enumerate(answers, 2))
    return lambda asked: given.get(asked.number) if asked.call == "analyze" else None


async def begin(api: Answering, file: Path, plan: Plan) -> LoadReport:
    """Begin a load, one batch at a time."""
    async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
        report = await apply(plan, tok, file=file)
    assert not api.charged_twice
    return report


async def with_a_new_key(api: Answering, file: Path) -> Plan:
    """A load whose first batch is bought, and the key of whose second a refunded 502 has used up: it has a new one."""
    plan = make_plan(URLS, batch_size=BATCH)
    api.before = answered(REFUNDED, USED_UP, NO_CREDIT)
    assert (await begin(api, file, plan)).stopped_by == "insufficient_credits"
    api.before = lambda _: None
    return plan


async def in_doubt(api: Answering, file: Path) -> Plan:
    """The same, but it could not be looked for yet: its next key is not made."""
    plan = make_plan(URLS, batch_size=BATCH)
    answers = answered(REFUNDED, USED_UP)
    api.before = lambda asked: DENIED if asked.call == "list" else answers(asked)
    assert (await begin(api, file, plan)).stopped_by == "unauthorized"
    api.before = lambda _: None
    return plan


def bought_by_a_copy(api: Answering, key: str, *, listed: bool) -> None:
    """A copy of the load file has bought the second batch."""
    api._keys.add(key)
    api.per_video.update(SECOND)
    api.tracked += SECOND if listed else []


@pytest.mark.parametrize("made", [with_a_new_key, in_doubt])
async def test_what_has_lapsed_is_named_and_bought_by_explicit_word(
    tmp_path: Path, made: Callable[[Answering, Path], object]
) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        await made(api, file)  # type: ignore[misc]
        age(file)
        asked = api.asked["analyze"]
        for _ in range(2):
            report = await go_on(api, file)
            assert (report.state, report.urls.accepted, report.urls.unknown) == (
                "needs_review",
                BATCH,
                BATCH,
            )
            assert report.credits.charged_min <= api.charged <= report.credits.charged_max
        assert api.asked["analyze"] == asked
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


@pytest.mark.parametrize("generation", [0, 1])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("made", [with_a_new_key, in_doubt])
async def test_what_a_copy_has_bought_meanwhile_is_not_bought_again(
    tmp_path: Path,
    made: Callable[[Answering, Path], object],
    listed: bool,  # noqa: FBT001 - a parameter of the test
    generation: int,
) -> None:
    """Under whichever key: the first, which is forgotten, or the next, which the API remembers."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan: Plan = await made(api, file)  # type: ignore[misc]
        age(file, 20 * HOUR)
        bought_by_a_copy(api, idempotency_key(plan.plan_id, "analyze/2", generation), listed=listed)
        age(file, 5 * HOUR)
        report = await go_on(api, file)
        assert not api.charged_twice
        assert (report.urls.accepted, report.urls.unknown) == ((URLS, 0) if listed else (BATCH, BATCH))


@pytest.mark.parametrize("minutes", [0, 10 * 60, 11 * 60 + 30, 11 * 60 + 45, 25 * 60])
async def test_the_new_key_is_used_for_half_a_day(tmp_path: Path, minutes: int) -> None:
    """So a copy that uses the first one later than the API may forget that has looked for it since."""
    file = tmp_path / "a.tokload"
    keys: list[str | None] = []
    with Answering() as api:
        plan = await with_a_new_key(api, file)
        age(file, minutes * MINUTE)
        api.before = lambda asked: keys.append(asked.key) if asked.call == "analyze" else None
        report = await go_on(api, file)
        if minutes <= 11 * 60 + 30:
            assert (report.state, report.urls.accepted) == ("complete", URLS)
            assert keys == [idempotency_key(plan.plan_id, "analyze/2", 1)]
        else:
            assert (report.state, report.urls.unknown, keys) == ("needs_review", BATCH, [])


async def test_it_has_lapsed_though_it_was_looked_for_today(tmp_path: Path) -> None:
    """The key was used up 13 hours ago, and the list was read 9 hours ago."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        api.before = answered(DENIED, REFUNDED, USED_UP, NO_CREDIT, DENIED)
        await begin(api, file, make_plan(URLS, batch_size=BATCH))
        age(file, 20 * HOUR)
        assert (await go_on(api, file)).stopped_by == "insufficient_credits"
        age(file, 4 * HOUR)
        assert (await go_on(api, file)).stopped_by == "unauthorized"
        assert api.asked["list"] == 2
        age(file, 9 * HOUR)
        asked = api.asked["analyze"]
        report = await go_on(api, file)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        assert api.asked["analyze"] == asked
        assert api.asked["list"] == 3


async def test_many_that_lapse_one_after_the_other_are_looked_for_once(tmp_path: Path) -> None:
    """They are all known to be lost as soon as their turn comes; the others are bought."""
    file = tmp_path / "a.tokload"
    batches = 30
    with Answering() as api:
        # Each second batch is paid back, its key used up, and has a new one; then the wallet is empty.
        sent = Counter[str]()

        def before(asked: Asked) -> Answer | None:
            if asked.call != "analyze" or asked.number == 1:
                return None
            first = asked.posts[0]["url"]
            sent[first] += 1
            if len(sent) % 2 and sent[first] == 1:
                return REFUNDED
            return {1: None, 2: USED_UP}.get(sent[first], NO_CREDIT)

        api.before = before
        report = await begin(api, file, make_plan(batches * BATCH, batch_size=BATCH))
        assert report.stopped_by == "insufficient_credits"
        age(file)
        api.before = lambda _: None
        api.asked.clear()
        report = await go_on(api, file)
        assert report.urls.accepted + report.urls.unknown == batches * BATCH
        assert report.urls.unknown > 10 * BATCH
        assert api.asked["list"] <= 2
        assert not api.charged_twice
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


async def test_what_is_in_doubt_under_the_new_key_is_not_sent_again(tmp_path: Path) -> None:
    """A copy may be buying it under the first one: it is listed, or unknown."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan = await with_a_new_key(api, file)
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
        bought_by_a_copy(api, idempotency_key(plan.plan_id, "analyze/2", 0), listed=True)
        report = await go_on(api, file)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice


async def test_the_rest_of_a_batch_gets_no_new_key(tmp_path: Path) -> None:
    """A copy may have bought the part that is there, and be about to buy the rest, in halves of a batch too large."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        answers = answered(REFUNDED, USED_UP)

        def before(asked: Asked) -> Answer | None:
            if asked.call == "analyze" and asked.number == 2:
                api.tracked += SECOND[:3]
            return answers(asked)

        api.before = before
        async with Tokfluence(KEY, base_url=api.base_url, **QUICK | {"concurrency": 1}) as tok:
            report = await apply(make_plan(URLS, batch_size=BATCH), tok, file=file)
        assert (report.state, report.urls.accepted, report.urls.unknown) == (
            "needs_review",
            BATCH + 3,
            BATCH - 3,
        )
        assert api.asked["analyze"] == 3
        report = await go_on(api, file, resubmit_unknown=True)
        assert (report.state, report.urls.accepted) == ("complete", URLS)
        assert not api.charged_twice
        assert report.credits.charged_min <= api.charged <= report.credits.charged_max


@pytest.mark.parametrize("made", [with_a_new_key, in_doubt])
async def test_the_caps_that_are_named_lead_to_the_end(
    tmp_path: Path, made: Callable[[Answering, Path], object]
) -> None:
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan: Plan = await made(api, file)  # type: ignore[misc]
        age(file)
        cap, runs = plan.estimate.total, 0
        report = await go_on(api, file, max_credits=cap)
        while report.state == "stopped" and runs < 5:
            assert (report.stopped_by, report.credits.cap) == ("max_credits", cap)
            assert report.short_by is not None
            cap, runs = cap + report.short_by, runs + 1
            report = await go_on(api, file, max_credits=cap)
        assert (report.state, report.urls.unknown) == ("needs_review", BATCH)
        assert api.charged <= cap


@pytest.mark.parametrize("hours", [20, 25, 35])
async def test_a_look_is_good_for_half_a_day(tmp_path: Path, hours: int) -> None:
    """The copy looks at 12 hours; the original buys under its new key at 13 (a long run, or a clock that is slow)."""
    file, copy = tmp_path / "a.tokload", tmp_path / "b.tokload"
    with Answering() as api:
        plan = make_plan(URLS, batch_size=BATCH)
        api.before = answered(NO_CREDIT)
        await begin(api, file, plan)
        shutil.copyfile(file, copy)
        first, second = (idempotency_key(plan.plan_id, "analyze/2", each) for each in (0, 1))
        api._keys.add(first)  # used up by a refunded 502 of the original
        age(copy, 12 * HOUR)
        api.before = lambda asked: DENIED if asked.call == "analyze" else None
        assert (await go_on(api, copy)).stopped_by == "unauthorized"
        assert api.asked["list"] == 1
        bought_by_a_copy(api, second, listed=True)
        age(copy, (hours - 12) * HOUR)
        if hours > 24:
            api._keys.discard(first)
        api.before = lambda _: None
        # There is no room for another look.
        report = await go_on(api, copy, max_credits=plan.estimate.total + 3)
        assert not api.charged_twice
        assert report.stopped_by == "max_credits"
        report = await go_on(api, copy, max_credits=1000)
        assert not api.charged_twice
        assert (report.state, report.urls.accepted) == ("complete", URLS)


async def test_a_key_that_has_met_a_409_is_not_asked_again_later(tmp_path: Path) -> None:
    """A copy's refunded 502 has used it up, long before; and it has bought the batch under the next one, unlisted."""
    file = tmp_path / "a.tokload"
    with Answering() as api:
        plan = make_plan(URLS, batch_size=BATCH)
        api.before = answered(DENIED)
        assert (await begin(api, file, plan)).stopped_by == "unauthorized"
        first, second = (idempotency_key(plan.plan_id, "analyze/2", each) for each in (0, 1))
        api._keys.add(first)
        bought_by_a_copy(api, second, listed=False)
        age(file, 19 * HOUR)
        api.before = lambda asked: DENIED if asked.call == "list" else None
        assert (await go_on(api, file)).urls.unknown == BATCH
        api._keys.discard(first)
        age(file, 6 * HOUR)
        api.before = lambda _: None
        report = await go_on(api, file)
        assert not api.charged_twice
        assert report.urls.unknown == BATCH
