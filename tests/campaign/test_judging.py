"""What the list, and the attempts on record, make of a batch: by values alone."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from loads import video_id

from tokfluence_async.campaign.batch import Post
from tokfluence_async.campaign.judging import Case, Look, concede, judge
from tokfluence_async.campaign.listing import Listed
from tokfluence_async.campaign.records import BatchRow, State
from tokfluence_async.campaign.settle import EXPLAINING, KEY_MEMORY, MARGIN, Keys, is_remembered, used_up_at
from tokfluence_async.protocol.seen import Kind
from tokfluence_async.session.budget import Charge

URLS = 4
POSTS = [
    Post(number, f"https://www.tiktok.com/@maker/video/{video_id(number)}", "maker", 0)
    for number in range(URLS)
]
NOTHING = Listed(frozenset[str](), posts=0, whole=True)
ALL = Listed(frozenset(video_id(number) for number in range(URLS)), posts=URLS, whole=True)
FINAL = Look(final=True)
USED_UP = ((Kind.REFUNDED, 100.0), (Kind.SEEN_BEFORE, 101.0))


def case(*attempts: tuple[Kind, float], state: State = State.DOUBTFUL, generation: int = 0) -> Case:
    batch = BatchRow(7, "analyze/7", generation, URLS, state, Charge(0, 0))
    return Case(batch=batch, posts=POSTS, credits_per_url=25, attempts=attempts)


def children(settlement: object) -> list[tuple[str, int, int]]:
    found = getattr(settlement, "children", ())
    return [(step, generation, len(posts)) for step, generation, posts in found]


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_no_new_key_is_made_of_what_has_lapsed(generation: int) -> None:
    fresh = case(*USED_UP, generation=generation)
    assert children(judge(fresh, NOTHING, FINAL)) == [("analyze/7", generation + 1, URLS)]
    settlement = judge(evolve(fresh, lapsed=True), NOTHING, FINAL)
    assert settlement is not None
    assert (settlement.state, settlement.unknown, settlement.children) == (State.UNKNOWN, URLS, ())
    assert (settlement.charge, settlement.again) == (Charge(0, 25 * URLS), True)


@pytest.mark.parametrize("there", [1, 2])
def test_so_it_is_of_a_part(there: int) -> None:
    listed = evolve(NOTHING, video_ids={video_id(number) for number in range(there)})
    settlement = judge(evolve(case(*USED_UP), lapsed=True), listed, FINAL)
    assert settlement is not None
    assert (settlement.state, settlement.accepted, settlement.unknown) == (
        State.UNKNOWN,
        there,
        URLS - there,
    )
    assert (settlement.charge, settlement.again) == (Charge(0, 25 * URLS), True)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("lapsed", [False, True])
def test_what_was_not_sent_under_a_lapsed_key(old: bool, lapsed: bool) -> None:  # noqa: FBT001 - parameters of the test
    unsent = evolve(case(state=State.PENDING, generation=1), lapsed=lapsed)
    settlement = concede(unsent, NOTHING, old=old)
    assert (None if settlement is None else settlement.unknown) == (URLS if lapsed else None)
    found = concede(unsent, ALL, old=old)
    assert found is not None
    assert (found.state, found.accepted, found.charge) == (State.APPLIED, URLS, Charge(0, 25 * URLS))


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("kind", [Kind.REFUNDED, Kind.LOST])
@pytest.mark.parametrize("listed", [evolve(NOTHING, whole=False), evolve(NOTHING, hidden=URLS)])
def test_what_others_may_have_bought_long_ago_is_not_sent_again_unseen(
    listed: Listed,
    kind: Kind,
    old: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A list that is not whole does not tell that they have not."""
    settlement = judge(case((kind, 100.0)), listed, Look(final=False, old=old))
    assert (None if settlement is None else settlement.unknown) == (URLS if old else None)
    if settlement is not None:
        assert (settlement.charge, settlement.again) == (Charge(0, 25 * URLS), True)


def test_no_key_is_trusted_to_the_last_moment_of_its_memory() -> None:
    assert is_remembered(0.0, KEY_MEMORY - MARGIN)
    assert not is_remembered(0.0, KEY_MEMORY - MARGIN + 1)


@pytest.mark.parametrize("keys", Keys)
def test_what_is_listed_was_charged_to_this_load_if_nobody_else_can_have_bought_it(keys: Keys) -> None:
    lost = evolve(case((Kind.LOST, 100.0)), keys=keys)
    settlement = judge(lost, ALL, FINAL)
    assert settlement is not None
    sure = 0 if keys is Keys.SHARED else 25 * URLS
    assert (settlement.accepted, settlement.charge) == (URLS, Charge(sure, 25 * URLS))


def test_nothing_that_may_be_hidden_goes_under_another_key() -> None:
    for lapsed in (False, True):
        hidden = evolve(NOTHING, hidden=URLS)
        settlement = judge(evolve(case(*USED_UP), lapsed=lapsed, forgotten=True), hidden, FINAL)
        assert settlement is not None
        assert (settlement.children, settlement.unknown) == ((), URLS)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Kind.REFUNDED, Kind.RATE_LIMITED, Kind.SEEN_BEFORE, Kind.LOST]),
            st.floats(0, 3 * KEY_MEMORY),
        ),
        max_size=6,
    ),
    st.sampled_from(Keys),
)
@example([(Kind.REFUNDED, 0.0), (Kind.SEEN_BEFORE, KEY_MEMORY)], Keys.OURS)
@example([(Kind.REFUNDED, 0.0), (Kind.RATE_LIMITED, KEY_MEMORY), (Kind.SEEN_BEFORE, KEY_MEMORY)], Keys.OURS)
def test_what_explains_a_409_was_there_before_it_and_not_long_before(
    attempts: list[tuple[Kind, float]], keys: Keys
) -> None:
    attempts.sort(key=lambda each: each[1])
    when = used_up_at(attempts, EXPLAINING[keys])
    kinds = [kind for kind, _ in attempts]
    if Kind.SEEN_BEFORE not in kinds:
        assert when is None
        return
    first = kinds.index(Kind.SEEN_BEFORE)
    explaining = [
        began
        for kind, began in attempts[:first]
        if kind in EXPLAINING[keys] and attempts[first][1] - began <= KEY_MEMORY - MARGIN
    ]
    assert when == (explaining[0] if explaining else None)


@given(
    st.lists(st.tuples(st.sampled_from(Kind), st.floats(0, 3 * KEY_MEMORY)), min_size=1, max_size=6),
    st.sampled_from(Keys),
    st.booleans(),
    st.booleans(),
    st.sets(st.integers(0, URLS - 1)),
    st.builds(Look, final=st.booleans(), resubmit=st.booleans(), old=st.booleans()),
    st.sampled_from([State.DOUBTFUL, State.UNKNOWN]),
)
def test_nothing_is_lost_and_nothing_is_judged_for_less_than_it_may_have_cost(
    attempts: list[tuple[Kind, float]],
    keys: Keys,
    lapsed: bool,  # noqa: FBT001 - drawn
    forgotten: bool,  # noqa: FBT001 - drawn
    there: set[int],
    look: Look,
    state: State,
) -> None:
    attempts.sort(key=lambda each: each[1])
    doubt = evolve(case(*attempts, state=state), keys=keys, lapsed=lapsed, forgotten=forgotten)
    listed = evolve(NOTHING, video_ids={video_id(number) for number in there}, posts=len(there))
    settlement = judge(doubt, listed, look)
    if settlement is None:
        return
    told = settlement.accepted + settlement.rejected + settlement.unknown
    sent_on = [post for _, _, posts in settlement.children for post in posts]
    assert told + len(sent_on) == (URLS if settlement.state is not State.PENDING else 0)
    assert settlement.accepted == (len(there) if settlement.state is not State.PENDING else 0)
    assert {post.url for post in sent_on}.isdisjoint(POSTS[number].url for number in there)
    assert 0 <= settlement.charge.min <= settlement.charge.max <= 25 * URLS
    # What may have been applied is sent under another key by explicit word alone.
    if any(kind in {Kind.LOST, Kind.GARBLED, Kind.APPLIED, Kind.REFUSED} for kind, _ in attempts):
        assert not sent_on or (look.resubmit and settlement.again)
