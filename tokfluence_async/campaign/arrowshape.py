"""Which columns of a table that carries types mean what, and whether their types can be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from attrs import define, frozen

from tokfluence_async.campaign.columns import Column, ColumnChoice, InputOptions, choose_by_name
from tokfluence_async.errors import InputError

__all__ = ["TableShape"]


@frozen
class _Leaf:
    """A column that may stand inside others: its dotted name, where it is, and its type."""

    name: str
    path: tuple[int, ...]
    type: Any


@define
class TableShape:
    """Which columns of a schema mean what."""

    schema: Any
    leaves: list[_Leaf]
    choice: ColumnChoice
    notes: tuple[str, ...] = ()
    """What was guessed and is not taken, because of its type."""

    @classmethod
    def of(cls, schema: Any, name: str, options: InputOptions) -> TableShape:
        """Chooses the columns of a schema, and sees that their types can be used.

        Raises:
            InputError: They can't be told, or are of other types.
        """
        leaves = list(_leaves(schema, ()))
        if not leaves:
            raise InputError("the table has no columns", source=name)
        choice = choose_by_name([leaf.name for leaf in leaves], options, source=name)
        notes: list[str] = []
        for what, column in (("creator", choice.handle), ("currency", choice.currency)):
            if column is not None and column.guessed and not _is_text(leaves[column.index].type):
                choice = choice.without(column)
                notes.append(
                    f"{what} not taken from {column.name!r}: it holds {leaves[column.index].type}, not text"
                )
        for option, column in (("url", choice.url), ("handle", choice.handle)):
            if column is not None and not _is_text(leaves[column.index].type):
                raise InputError(
                    f"the column {column.name!r} holds {leaves[column.index].type}, not text; name another with "
                    f"--{option}-column ({option}_column= in Python), or make it text first: in SQL "
                    "CAST(x AS VARCHAR), in pandas .astype('string'), in polars .cast(pl.String)",
                    source=name,
                    column=column.name,
                )
        if choice.fee is not None:
            _check_fee_type(choice.fee, leaves[choice.fee.index].type, name)
        return cls(schema, leaves, choice, tuple(notes))

    @property
    def needed(self) -> list[str] | None:
        """The columns of the schema that hold the chosen ones; None, for all, where names do not tell them apart."""
        chosen = (self.choice.url, self.choice.handle, self.choice.fee, self.choice.currency)
        tops = {self.leaves[column.index].path[0] for column in chosen if column is not None}
        names = [self.schema.field(top).name for top in sorted(tops)]
        return None if any(self.schema.get_field_index(name) < 0 for name in names) else names

    def values(self, batch: Any, column: Column) -> list[Any]:
        """What stands in a chosen column of a batch, which has the columns of the schema, or those that are needed."""
        compute: Any = import_module("pyarrow.compute")
        leaf = self.leaves[column.index]
        place = batch.schema.get_field_index(self.schema.field(leaf.path[0]).name)
        # A name that repeats has no index: then every column was read, and each stands in its own place.
        array = batch.column(leaf.path[0] if place < 0 else place)
        for index in leaf.path[1:]:
            # Unlike the array's own field, this is null wherever the struct itself is.
            array = compute.struct_field(array, [index])
        values: list[Any] = array.to_pylist()
        if _is_binary(leaf.type):
            return [value if value is None else value.decode() for value in values]
        return values


def _leaves(fields: Iterable[Any], path: tuple[int, ...], prefix: str = "") -> Iterator[_Leaf]:
    types: Any = import_module("pyarrow.types")
    for index, each in enumerate(fields):
        here = (*path, index)
        if types.is_struct(each.type):
            yield from _leaves(each.type, here, f"{prefix}{each.name}.")
        else:
            yield _Leaf(f"{prefix}{each.name}", here, each.type)


def _is_binary(kind: Any) -> bool:
    """Whether it holds bytes: a Parquet file may not say that they are text."""
    types: Any = import_module("pyarrow.types")
    if types.is_dictionary(kind):
        return _is_binary(kind.value_type)
    return any(is_one(kind) for is_one in (types.is_binary, types.is_large_binary, types.is_binary_view))


def _is_text(kind: Any) -> bool:
    types: Any = import_module("pyarrow.types")
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return _is_binary(kind) or any(
        is_one(kind)
        for is_one in (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
    )


def _check_fee_type(column: Column, kind: Any, name: str) -> None:
    types: Any = import_module("pyarrow.types")
    if types.is_integer(kind) or types.is_decimal(kind) or _is_text(kind):
        return
    if types.is_floating(kind):
        raise InputError(
            f"the fees in {column.name!r} are floating-point numbers ({kind}), in which most amounts of money have no "
            "exact form; make them integers of cents, or decimals, first: in SQL CAST(fee AS DECIMAL(12, 2)), in "
            "pandas .astype('Int64') for whole cents, in polars .cast(pl.Decimal(12, 2)); "
            "or leave them out by --fee-column '' (fee_column='' in Python)",
            source=name,
            column=column.name,
        )
    raise InputError(
        f"the column {column.name!r} holds {kind}, not fees; name another with --fee-column, or '' for none "
        "(fee_column= in Python)",
        source=name,
        column=column.name,
    )
