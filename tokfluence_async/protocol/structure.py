"""Strict structuring: from the plain data of JSON to models.

A model's annotations are compiled, once, into one flat function, as attrs and cattrs write theirs, with the
check of each field inlined. It takes about two thirds of the time that the function of cattrs takes with the
same checks as hooks (``benchmarks/bench_decode.py``), for it neither calls a hook for a value that is right
nor collects keyword arguments. The functions that judge a value are shared with `protocol.locator`, which
runs cattrs in detail to say where a refused answer is wrong.

=============================  ============================================================================
found                          becomes
=============================  ============================================================================
unknown field                  kept in ``extra``
optional field missing         its default: None, an empty list or an empty object
``null`` in an optional field  the same
required field missing         refused
``null`` in a required field   refused
integer field                  refuses ``"123"``, ``12.0`` and ``true``
number field                   makes ``12.0`` of ``12``, refuses ``"1.5"`` and ``true``
text field                     refuses everything but a string; values of an enumeration are plain strings
exact id                       makes ``"12"`` of ``12``, refuses ``12.0``
instant                        is converted to UTC; one without an offset is refused
=============================  ============================================================================
"""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from attrs import NOTHING, Attribute, fields

from tokfluence_async.models.result import NOT_ON_THE_WIRE, ExactId, Model

__all__ = ["JUDGES", "Judge", "MisfitError", "optional_of", "structurer", "wire_fields"]

M = TypeVar("M", bound=Model)
Judge = Callable[[Any], Any]
"""Returns what a field becomes, or raises `MisfitError`."""

_LONGEST_SHOWN: Final = 60


class MisfitError(ValueError):
    """A value is not what its place is documented to hold.

    Args:
        expected: What the place holds, with its article.
        found: The value.
    """

    def __init__(self, expected: str, found: Any) -> None:
        super().__init__(f"expected {expected}, found {_described(found)}")


def _described(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds: dict[Any, str] = {str: "the string", int: "the integer", float: "the number"}
    shown = repr(value)
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}…"
    return f"{kinds.get(type(value), 'the value')} {shown}"


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    raise MisfitError("an integer", value)


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise MisfitError("a number within the range of floats", value) from None
    raise MisfitError("a number", value)


def _flag(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise MisfitError("true or false", value)


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    raise MisfitError("a string", value)


def _exact_id(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise MisfitError("an id as a string or an integer", value)


def _cursor(value: Any) -> int | str:
    if type(value) is str or type(value) is int:
        return value
    raise MisfitError("a cursor, an integer or a string", value)


def _instant(value: Any) -> datetime:
    if type(value) is not str:
        raise MisfitError("a date and time in ISO 8601", value)
    try:
        moment = datetime.fromisoformat(value)
        zone = moment.tzinfo
        if zone is UTC:
            return moment
        if zone is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MisfitError("a date and time in ISO 8601", value) from None
    raise MisfitError("a date and time with Z or an offset", value)


def _texts(value: Any) -> list[str]:
    if value.__class__ is not list:
        raise MisfitError("a list", value)
    items: list[Any] = value
    try:
        # The quickest check that there is: joining takes strings only, and a list has five of them or so.
        "".join(items)
    except TypeError:
        raise MisfitError("a list of strings", value) from None
    return items.copy()


def _mapping(value: Any) -> dict[str, Any]:
    if value.__class__ is not dict:
        raise MisfitError("an object", value)
    members: dict[str, Any] = value
    return members.copy()


JUDGES: Final[dict[Any, tuple[str, Judge]]] = {
    str: ("str", _text),
    ExactId: ("str", _exact_id),
    int: ("int", _integer),
    float: ("float", _number),
    bool: ("bool", _flag),
    int | str: ("int", _cursor),
    datetime: ("", _instant),
    list[str]: ("", _texts),
    dict[str, Any]: ("", _mapping),
}
"""By type: the class whose instances are right as they are (or an empty string), and what judges the rest."""


def optional_of(annotation: Any) -> Any:
    """What an optional type holds when it is not None; None for a type that is not optional.

    Args:
        annotation: A resolved type.
    """
    if get_origin(annotation) not in (Union, types.UnionType):
        return None
    options = get_args(annotation)
    if types.NoneType not in options:
        return None
    return Union[tuple(option for option in options if option is not types.NoneType)]  # noqa: UP007 - of a tuple


def wire_fields(cls: type[Model]) -> list[tuple[Attribute[Any], Any]]:
    """The fields of a model that the API sends, each with its resolved type.

    Args:
        cls: The model's class.
    """
    hints = get_type_hints(cls, include_extras=True)
    return [(item, hints[item.name]) for item in fields(cls) if item.name not in NOT_ON_THE_WIRE]


def _objects(structure: Judge) -> Judge:
    def judge(value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise MisfitError("a list", value)
        return [structure(item) for item in value]

    return judge


def _judge_of(annotation: Any) -> tuple[str, Judge]:
    known = JUDGES.get(annotation)
    if known is not None:
        return known
    if get_origin(annotation) is list:
        return "", _objects(structurer(get_args(annotation)[0]))
    return "", structurer(annotation)


_EMPTY: Final[dict[Any, str]] = {list: "[]", dict: "{}"}


def _lines(attribute: Attribute[Any], annotation: Any, scope: dict[str, Any]) -> tuple[str, str]:
    """How a field's value ``v`` is judged and stored, and how it is looked up where it may be missing."""
    name = attribute.name
    inner = optional_of(annotation)
    right, scope[f"judge_{name}"] = _judge_of(annotation if inner is None else inner)
    optional = attribute.default is not NOTHING
    if not optional:
        tests = [f"v.__class__ is not {right}"] if right else []
        null = ""
    elif right:
        tests = [f"v.__class__ is not {right}", "v is not None"]
        null = ""
    else:
        tests = ["v is not None"]
        null = _EMPTY.get(get_origin(annotation), "")
    store = f"v = judge_{name}(v)"
    if tests:
        store = f"if {' and '.join(tests)}: {store}"
    if null:
        store = f"{store}\n    else: v = {null}"
    lookup = f"get({name!r})" if optional else f"o[{name!r}]"
    return f"{store}\n    s.{name} = v", lookup


def structurer(cls: type[M]) -> Callable[[Any], M]:
    """The function that makes a model of a decoded JSON value.

    The function raises `MisfitError`, another ValueError, or KeyError for a required field that is missing.

    Args:
        cls: The model's class. Where it has a ``from_json`` of its own, that is the function.
    """
    return _compiled(cast("Any", cls))


@cache
def _compiled(cls: Any) -> Judge:
    own = getattr(cls, "from_json", None)
    if own is not None:
        return cast("Judge", own)
    members = wire_fields(cls)
    scope: dict[str, Any] = {"cls": cls, "new": object.__new__, "MisfitError": MisfitError}
    scope["known"] = known = frozenset(attribute.name for attribute, _ in members)
    scope["has_all"] = known.issuperset
    exact: list[str] = []
    loose: list[str] = []
    for attribute, annotation in members:
        store, lookup = _lines(attribute, annotation, scope)
        exact.append(f"    v = o[{attribute.name!r}]\n    {store}")
        loose.append(f"    v = {lookup}\n    {store}")
    opening: list[str] = []
    for attribute in fields(cls):
        if attribute.name == "response":
            scope["no_response"] = attribute.default
            opening.append("  s.response = no_response")
    closing = ["    s.__attrs_post_init__()"] if hasattr(cls, "__attrs_post_init__") else []
    source = "\n".join(
        [
            "def structure(o):",
            "  if o.__class__ is not dict: raise MisfitError('an object', o)",
            "  s = new(cls)",
            *opening,
            # As many fields as are known, and each of them found, leaves no room for an unknown one.
            f"  if len(o) == {len(members)}:",
            "   try:",
            *exact,
            "    s._extra = None",
            *closing,
            "    return s",
            "   except KeyError: pass",
            "  if True:",
            "    get = o.get",
            *loose,
            "    s._extra = None if has_all(o) else {k: v for k, v in o.items() if k not in known}",
            *closing,
            "    return s",
        ]
    )
    exec(compile(source, f"<structure {cls.__qualname__}>", "exec"), scope)  # noqa: S102 - our own names
    return cast("Judge", scope["structure"])
