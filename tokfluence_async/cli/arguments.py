"""Arguments as they come from the shell: a bare ``-`` past the parser, and commands back into words."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter, Token

__all__ = ["FilePath", "Text", "command", "file_argument", "protect"]

# The parser takes a bare "-" for an option without a name. No argument of a process can hold a NUL.
_DASH: Final = "\0-"


def protect(argv: Iterable[str]) -> list[str]:
    """The arguments with each bare ``-`` in a form that the parser lets through; `Text` and `FilePath` undo it."""
    return [_DASH if each == "-" else each for each in argv]


def _to_text(_type: Any, tokens: Sequence[Token]) -> str:
    return tokens[0].value.replace(_DASH, "-")


def _to_path(_type: Any, tokens: Sequence[Token]) -> Path:
    return Path(tokens[0].value.replace(_DASH, "-"))


Text = Annotated[str, Parameter(converter=_to_text)]
FilePath = Annotated[Path, Parameter(converter=_to_path)]


def command(*words: object) -> str:
    """A command line that can be copied into a shell."""
    return shlex.join(["tokfluence", *map(str, words)])


def file_argument(path: object) -> str:
    """A file's name in a form that is not taken for an option."""
    name = str(path)
    return f"./{name}" if name.startswith("-") and name != "-" else name
