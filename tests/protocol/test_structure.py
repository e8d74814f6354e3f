"""The compiled structuring and the detailed one of cattrs take and refuse the same values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, get_args, get_origin

import pytest
from attrs import NOTHING
from hypothesis import given, settings
from hypothesis import strategies as st

from tokfluence_async.models import (
    Campaign,
    CampaignPost,
    Comment,
    Creator,
    Influencer,
    Metrics,
    Model,
    Music,
    Post,
    TagCount,
)
from tokfluence_async.models.items import PageMeta
from tokfluence_async.models.result import ExactId
from tokfluence_async.protocol.codec import decode, dumps, loads
from tokfluence_async.protocol.locator import _converter, locate
from tokfluence_async.protocol.structure import MisfitError, optional_of, structurer, wire_fields

CLASSES: list[type[Model]] = [
    Campaign,
    CampaignPost,
    Comment,
    Creator,
    Influencer,
    Metrics,
    Music,
    PageMeta,
    Post,
    TagCount,
]
SMALL = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=8)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(timezones=OFFSETS).map(lambda moment: moment.isoformat()) | st.sampled_from(
    ["2026-05-15T10:00:00Z", "2026-05-15T10:00:00.25+02:00", "2026-05-15T10:00:00", "2026-05-15", "", "soon"]
)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    SMALL,
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    INSTANTS,
    st.lists(TEXT | SMALL, max_size=2),
    st.dictionaries(TEXT, SMALL, max_size=2),
)


SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    ExactId: TEXT | SMALL,
    int: SMALL,
    int | str: SMALL | TEXT,
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False) | SMALL,
    datetime: st.sampled_from(["2026-05-15T10:00:00Z", "2026-05-15T10:00:00.25-03:30"]),
    dict[str, Any]: st.none() | st.dictionaries(TEXT, SMALL | TEXT, max_size=2),
}


def right(annotation: Any) -> st.SearchStrategy[Any]:
    """Values that a field of this type takes."""
    if annotation in SIMPLE:
        return SIMPLE[annotation]
    inner = optional_of(annotation)
    if inner is not None:
        return st.none() | right(inner)
    if get_origin(annotation) is list:
        return st.none() | st.lists(right(get_args(annotation)[0]), max_size=3)
    return payloads(annotation)


def payloads(cls: type[Model]) -> st.SearchStrategy[dict[str, Any]]:
    """Answers that a model takes, with fields left out and unknown ones added."""
    if hasattr(cls, "from_json"):
        return st.dictionaries(st.sampled_from(["tracked_posts_created", "other"]), ANYTHING, max_size=2)
    members = wire_fields(cls)
    required = {a.name: right(annotation) for a, annotation in members if a.default is NOTHING}
    optional = {a.name: right(annotation) for a, annotation in members if a.default is not NOTHING}
    if cls is CampaignPost:
        del optional["post_id"]
        required["post_id"] = TEXT | SMALL
    return st.fixed_dictionaries(required, optional={**optional, "an unknown one": ANYTHING})


@pytest.mark.parametrize("cls", CLASSES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_what_is_right_is_taken_and_goes_to_json_and_back(cls: type[Model], data: st.DataObject) -> None:
    payload = data.draw(payloads(cls))
    model = structurer(cls)(payload)
    assert decode(cls, loads(dumps(model.to_dict()))) == model
    assert model == _converter().structure(payload, cls)
    assert set(model.extra) == set(payload) - {attribute.name for attribute, _ in wire_fields(cls)}


@pytest.mark.parametrize("cls", CLASSES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_both_refuse_the_same(cls: type[Model], data: st.DataObject) -> None:
    payload = data.draw(payloads(cls))
    for name in data.draw(st.lists(st.sampled_from([a.name for a, _ in wire_fields(cls)]), max_size=2)):
        payload[name] = data.draw(ANYTHING)
    try:
        model = structurer(cls)(payload)
    except (ValueError, KeyError):
        place = locate(cls, payload, "$")
        assert place is not None
        assert place[0].startswith("$")
    else:
        assert locate(cls, payload, "$") is None
        assert model == _converter().structure(payload, cls)


@settings(deadline=None, max_examples=40)
@given(value=ANYTHING)
def test_what_is_no_object_is_refused(value: Any) -> None:
    if type(value) is not dict:
        with pytest.raises(MisfitError, match="expected an object"):
            structurer(Music)(value)


def test_optional_of_tells_optional_types() -> None:
    assert optional_of(int | None) is int
    assert optional_of(ExactId | None) == ExactId
    assert optional_of(int | str | None) == int | str
    assert optional_of(int | str) is None
    assert optional_of(int) is None


def test_a_misfit_shows_no_more_than_the_start_of_a_value() -> None:
    message = str(MisfitError("an integer", "x" * 10_000 + "\x1b[31m"))
    assert len(message) < 120
    assert "\x1b" not in str(MisfitError("an integer", "\x1b[31m"))
