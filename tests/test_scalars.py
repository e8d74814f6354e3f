"""A caller's text and numbers, as Python's own."""

from __future__ import annotations

import enum
import math
import uuid
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokfluence_async import scalars


class Text(str):
    __slots__ = ()


class Named(str, enum.Enum):  # noqa: UP042 - one that prints its name is what this is about
    A = "a"


class Numbered(int, enum.Enum):
    FIVE = 5


class StrNamed(enum.StrEnum):
    A = "a"


class IntNumbered(enum.IntEnum):
    FIVE = 5


class Measured(float, enum.Enum):
    HALF = 0.5


class Index:
    """A whole number as numpy's are: no `int`, but with an index."""

    def __index__(self) -> int:
        return 5


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def repr_of(value: object) -> str:
    """The name of a test's parameter, which may be too long for pytest."""
    return scalars.quoted(value, most=30)


@pytest.mark.parametrize("given_text", ["a", Text("a"), Named.A, StrNamed.A])
def test_text_is_its_value(given_text: str) -> None:
    text = scalars.text(given_text)
    assert (text, type(text)) == ("a", str)


@pytest.mark.parametrize("wrong", [None, b"a", 5, uuid.UUID(int=1), ["a"]])
def test_what_is_no_text(wrong: Any) -> None:
    assert scalars.text(wrong) is None


@pytest.mark.parametrize("five", [5, Numbered.FIVE, IntNumbered.FIVE, Index()])
def test_a_whole_number_is_its_value(five: Any) -> None:
    whole = scalars.whole(five)
    assert (whole, type(whole)) == (5, int)


@pytest.mark.parametrize("wrong", [None, True, False, 5.0, Decimal(5), Fraction(5), "5", b"5", [5], math.nan])
def test_what_is_no_whole_number(wrong: Any) -> None:
    assert scalars.whole(wrong) is None


@pytest.mark.parametrize("half", [0.5, Decimal("0.5"), Fraction(1, 2), Measured.HALF])
def test_a_number_is_its_value(half: Any) -> None:
    number = scalars.finite(half)
    assert (number, type(number)) == (0.5, float)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        True,
        "0.5",
        math.nan,
        math.inf,
        -math.inf,
        10**400,
        Fraction(10**400),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e400"),
        1j,
        [1.0],
    ],
    ids=repr_of,
)
def test_what_is_no_finite_number(wrong: Any) -> None:
    assert scalars.finite(wrong) is None


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("DE", "DE"),
        ("", ""),
        (Text("DE"), "DE"),
        (Named.A, "a"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (-5, "-5"),
        (Numbered.FIVE, "5"),
        (Index(), "5"),
        (0.05, "0.05"),
        (Measured.HALF, "0.5"),
        (Fraction(1, 2), "0.5"),
        (Decimal("0.050"), "0.050"),
        (Decimal(10000), "10000"),
        (Decimal("1e4"), "10000"),
        (2**63 - 1, str(2**63 - 1)),
    ],
)
def test_how_a_parameter_is_written(value: Any, sent: str) -> None:
    written = scalars.parameter(value)
    assert (written, type(written)) == (sent, str)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        b"DE",
        ["DE"],
        {"a": 1},
        math.nan,
        math.inf,
        2**63,
        -(2**63),
        10**5000,
        Decimal("NaN"),
        Decimal("1e999999"),
        Decimal("1e-999999"),
        uuid.UUID(int=1),
    ],
    ids=repr_of,
)
def test_what_no_parameter_can_be(wrong: Any) -> None:
    assert scalars.parameter(wrong) is None


def test_numbers_and_text_of_numpy() -> None:
    np = pytest.importorskip("numpy")
    assert type(scalars.text(np.str_("a"))) is str
    assert [scalars.whole(each) for each in (np.int64(5), np.uint8(5), np.bool_(True), np.float64(5))] == [
        5,
        5,
        None,
        None,
    ]
    assert [
        scalars.finite(each) for each in (np.int64(5), np.float32(0.5), np.float64(0.5), np.bool_(True))
    ] == [
        5.0,
        0.5,
        0.5,
        None,
    ]
    assert [
        scalars.parameter(each) for each in (np.int64(5), np.float32(0.5), np.bool_(True), np.bool_(False))
    ] == [
        "5",
        "0.5",
        "true",
        "false",
    ]
    assert [scalars.parameter(each) for each in (np.float32("nan"), np.array([5, 6]), np.array(["a"]))] == [
        None
    ] * 3


@given(st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_so_that_it_can_be_read(value: float) -> None:
    assert type(value)(str(scalars.parameter(value))) == value


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a", "'a'"),
        (5, "5"),
        (10**5000, "an int that is too long to be shown"),
        ([10**5000], "a list that is too long to be shown"),
        (Unprintable(), "a Unprintable that can't be shown"),
    ],
    ids=repr_of,
)
def test_how_a_wrong_value_is_quoted(value: Any, told: str) -> None:
    assert scalars.quoted(value) == told


def test_a_long_value_is_cut() -> None:
    told = scalars.quoted("x" * 10_000)
    assert len(told) == 100
    assert told.endswith("…")
