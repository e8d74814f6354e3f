"""Where a refused answer is wrong: the detailed pass of cattrs over what `protocol.structure` has refused.

It costs several times the plain pass, and importing cattrs a good part of the whole package's import; both
are paid for only when an answer is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, get_args, get_origin

import cattrs
from cattrs.gen import make_dict_structure_fn, override

from tokfluence_async.models.result import Model
from tokfluence_async.protocol.structure import JUDGES, MisfitError, optional_of, wire_fields

__all__ = ["locate"]

Hook = Callable[[Any, Any], Any]

_REFUSALS: Final = (ValueError, KeyError, cattrs.BaseValidationError)


class _ItemError(ValueError):
    """An item of a list is refused."""

    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(index)
        self.index = index
        self.error = error


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Model)


def _list_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    (element,) = get_args(annotation)
    hook = converter.get_structure_hook(element)

    def structure(value: Any, _: Any) -> list[Any]:
        if value.__class__ is not list:
            raise MisfitError("a list", value)
        made: list[Any] = []
        for index, item in enumerate(value):
            try:
                made.append(hook(item, element))
            except _REFUSALS as error:
                raise _ItemError(index, error) from error
        return made

    return structure


def _optional_hook(annotation: Any, converter: cattrs.Converter) -> Hook:
    inner = optional_of(annotation)
    hook = converter.get_structure_hook(inner)
    return lambda value, _: None if value is None else hook(value, inner)


def _model_hook(cls: type[Model], converter: cattrs.Converter) -> Hook:
    own = getattr(cls, "from_json", None)
    if own is not None:
        return lambda value, _: own(value)
    members = wire_fields(cls)
    known = frozenset(attribute.name for attribute, _ in members)
    containers = {
        attribute.name for attribute, annotation in members if get_origin(annotation) in (list, dict)
    }
    structure = make_dict_structure_fn(cls, converter, _extra=override(omit=True))

    def hook(value: Any, _: Any) -> Model:
        if value.__class__ is not dict:
            raise MisfitError("an object", value)
        given: dict[str, Any] = value
        # A null list or object is an empty one: left out, it becomes the field's default.
        made = structure({k: v for k, v in given.items() if v is not None or k not in containers}, cls)
        made.extra = {name: item for name, item in given.items() if name not in known}
        return made

    return hook


def _judge_hook(annotation: Any, _: cattrs.Converter | None = None) -> Hook:
    _right, judge = JUDGES[annotation]
    return lambda value, _: judge(value)


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    for annotation in JUDGES:
        if isinstance(annotation, type) and get_origin(annotation) is None:
            # cattrs asks its table of classes before its predicates.
            converter.register_structure_hook(annotation, _judge_hook(annotation))
    factories: list[tuple[Callable[[Any], bool], Callable[[Any, cattrs.Converter], Hook]]] = [
        (_is_model, _model_hook),
        (lambda annotation: annotation in JUDGES, _judge_hook),
        (lambda annotation: get_origin(annotation) is list, _list_hook),
        (lambda annotation: optional_of(annotation) is not None, _optional_hook),
    ]
    for predicate, factory in factories:
        converter.register_structure_hook_factory(predicate, factory)
    return converter


def _first(error: Exception, path: str) -> tuple[str, str]:
    if isinstance(error, cattrs.ClassValidationError):
        in_fields, in_whole = error.group_exceptions()
        if in_fields:
            inner, field_note = in_fields[0]
            return _first(inner, f"{path}.{field_note.name}")
        return _first(in_whole[0], path)
    if isinstance(error, _ItemError):
        return _first(error.error, f"{path}[{error.index}]")
    if isinstance(error, KeyError):
        return path, "a required field is missing"
    return path, str(error)


def locate(cls: type[Model], value: Any, path: str) -> tuple[str, str] | None:
    """The first place in a value that is not what a model documents.

    Args:
        cls: The model's class.
        value: What was to become one.
        path: JSON path of the value.

    Returns:
        The place as a JSON path, and what is wrong there; None where nothing is wrong.
    """
    try:
        _converter().structure(value, cls)
    except _REFUSALS as error:
        return _first(error, path)
    return None
