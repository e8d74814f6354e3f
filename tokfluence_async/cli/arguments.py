"""Arguments as they come from the shell: a bare ``-`` past the parser, and commands back into words."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter, Token

__all__ = ["FilePath", "Text", "command", "file_argument", "protect", "quoted"]

# The parser takes a bare "-" for an option without a name. No argument of a process can hold a NUL.
_DASH: Final = "\0-"
# An exclamation mark, because interactive shells look for one in some quotes.
_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r", "!": "\\x21"}


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
    """A command line that can be copied into a shell, from a terminal, a page or a document alike."""
    return " ".join(["tokfluence", *map(quoted, words)])


def quoted(word: object) -> str:
    """A word as bash and zsh take it, whatever it holds, on one line and of characters that are seen.

    What is not seen, or would drive a terminal, stands as an escape in ``$'…'``: a person who copies the word gets it
    as it is, and `sanitise` has nothing to take out of it.
    """
    text = str(word)
    if not text.isprintable():
        return f"$'{''.join(map(_escaped, text))}'"
    plain = shlex.quote(text)
    # zsh takes =ls for the path of that command.
    return f"'{plain}'" if plain.startswith("=") else plain


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    # Bytes mean the same in every locale. A name that is no text has its bytes as surrogates.
    try:
        data = os.fsencode(char)
    except UnicodeEncodeError:
        data = char.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in data)


def file_argument(path: object) -> str:
    """A file's name in a form that is not taken for an option."""
    name = str(path)
    return f"./{name}" if name.startswith("-") and name != "-" else name
