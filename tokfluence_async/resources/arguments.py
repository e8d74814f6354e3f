"""What a caller passes to a call, checked by its name before anything is sent: a slip costs no credits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tokfluence_async import scalars
from tokfluence_async.errors import ConfigurationError
from tokfluence_async.protocol.endpoints import Endpoint

__all__ = [
    "checked_campaign_id",
    "checked_count",
    "checked_id",
    "checked_parameter",
    "checked_text",
    "refuse_overlap",
    "refuse_table",
]


def checked_text(name: str, value: object) -> str:
    """Text that is not blank, as an exact `str`.

    Args:
        name: The argument's name.
        value: What was passed.

    Raises:
        ConfigurationError: It is no string, or blank.
    """
    text = scalars.text(value)
    if text is None or not text.strip():
        raise ConfigurationError(f"{name} must be text that is not blank, not {scalars.quoted(value)}")
    return text


def checked_id(name: str, value: object, endpoint: Endpoint) -> str:
    """An id that stands in the path of a call, as an exact `str`.

    Args:
        name: The argument's name.
        value: What was passed.
        endpoint: The call.

    Raises:
        ConfigurationError: It is no string, or nothing that an id can be, such as a URL.
    """
    text = scalars.text(value)
    if text is not None and text.isascii() and text.isalnum():
        return text
    if text is None or text != text.strip():
        raise ConfigurationError(
            f"{name} must be an id, as a string without blanks, not {scalars.quoted(value)}"
        )
    try:
        endpoint.path(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error.message}") from None
    return text


def checked_campaign_id(value: object) -> int:
    """A campaign's number, as an exact `int`.

    Raises:
        ConfigurationError: It is not a whole number above zero.
    """
    return checked_count("campaign_id", value)


def checked_count(name: str, value: object, *, most: int = scalars.LARGEST) -> int:
    """A whole number from 1 on, as an exact `int`.

    Args:
        name: The argument's name.
        value: What was passed; numpy's integers are whole numbers, too.
        most: The largest number that the API takes.

    Raises:
        ConfigurationError: It is no whole number, or out of range.
    """
    count = scalars.whole(value)
    if count is None or not 1 <= count <= most:
        unbounded = most == scalars.LARGEST and (count is None or count < 1)
        bounds = "at least 1" if unbounded else f"1 to {most}"
        raise ConfigurationError(f"{name} must be a whole number, {bounds}, not {scalars.quoted(value)}")
    return count


def checked_parameter(name: str, value: object) -> str | None:
    """The value of a query parameter, as it is written; None leaves it out.

    Args:
        name: The parameter's name.
        value: What was passed.

    Raises:
        ConfigurationError: It is no text, number, or truth value, or not a finite number, or one beyond 64 bits.
    """
    if value is None:
        return None
    written = scalars.parameter(value)
    if written is None:
        raise ConfigurationError(f"{name} must be text or a finite number, not {scalars.quoted(value)}")
    return written


def refuse_overlap(endpoint: Endpoint, option: str, extra: object, own: Iterable[str]) -> None:
    """See to it that what a caller adds to a request does not replace what the call's arguments decide.

    Args:
        endpoint: The call.
        option: The option's name: ``extra_body`` or ``extra_query``.
        extra: Its value; None adds nothing.
        own: Names that the call decides, whether it sends them this time or not.

    Raises:
        ConfigurationError: It sets one of them, or is not a mapping.
    """
    if extra is None:
        return
    if not isinstance(extra, Mapping):
        raise ConfigurationError(
            f"{endpoint.name}: {option} must map names to values, which {scalars.quoted(extra)} does not"
        )
    # By their text: a name that is a member of an enum has another hash than the string that it is sent as.
    given: list[Any] = [*extra]
    names = {scalars.text(name) for name in given}
    taken = [name for name in own if name in names]
    if taken:
        raise ConfigurationError(
            f"{endpoint.name}: {option} can't set {taken[0]!r}, which the call's own arguments decide"
        )


def refuse_table(name: str, value: object) -> None:
    """See to it that a data frame is not taken for a list: iterated, it gives the names of its columns.

    Args:
        name: The argument's name.
        value: What was passed.

    Raises:
        ConfigurationError: It is a table, of whatever library.
    """
    if hasattr(value, "columns") and hasattr(value, "shape"):
        kind = type(value).__name__
        raise ConfigurationError(
            f"{name} must be a list, not a table ({kind}): pass a column, such as table['url']"
        )
