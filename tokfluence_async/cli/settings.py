"""The client's settings as flags, and the key, which never is one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from attrs import asdict, frozen
from cyclopts import Group, Parameter

from tokfluence_async.cli.arguments import FilePath, Text, file_argument
from tokfluence_async.cli.output import say
from tokfluence_async.errors import ConfigurationError

if TYPE_CHECKING:
    from tokfluence_async.options import APIKey, Options

__all__ = ["SettingFlags", "read_key_file"]

_GROUP: Final = Group("Settings", help="Each also from the environment: TOKFLUENCE_BASE_URL and so on.")
_MAX_KEY_FILE: Final = 4096


@Parameter(name="*", group=_GROUP)
@frozen(kw_only=True)
class SettingFlags:
    """How the client behaves; what is not given comes from the environment."""

    base_url: Annotated[Text | None, Parameter(help="Where the API is.")] = None
    api_key_file: Annotated[
        FilePath | None,
        Parameter(help="File that holds the API key. Without it the key is that of TOKFLUENCE_API_KEY."),
    ] = None
    timeout: Annotated[float | None, Parameter(help="Seconds for a whole call.")] = None
    max_retries: Annotated[int | None, Parameter(help="How often a call is repeated.")] = None
    backoff: Annotated[float | None, Parameter(help="Seconds, at most, before the first repeat.")] = None
    settle: Annotated[
        float | None, Parameter(help="Seconds before an unknown outcome is repeated or looked into.")
    ] = None
    requests_per_minute: Annotated[int | None, Parameter(help="The client's own limit; 0 is none.")] = None
    concurrency: Annotated[int | None, Parameter(help="Requests in flight at once, at most.")] = None

    def options(self, *, max_credits: int | None = None) -> Options:
        """The settings, with an API key.

        Args:
            max_credits: The cap, if one was given.

        Raises:
            ConfigurationError: A setting is wrong, or there is no key.
        """
        from tokfluence_async.options import Options  # noqa: PLC0415 - a help text needs none

        given: dict[str, Any] = asdict(self)
        file: Path | None = given.pop("api_key_file")
        if file is not None:
            given["api_key"] = read_key_file(file)
        options = Options.load(**given, max_credits=max_credits)
        if options.api_key is None:
            raise ConfigurationError("no API key: set TOKFLUENCE_API_KEY, or name a file with --api-key-file")
        if not options.api_key.well_formed:
            say("tokfluence: warning: the API key is not 'tkf_live_' and 32 letters or digits", "yellow")
        return options

    def arguments(self) -> list[str]:
        """The flags that were given, as words of a command."""
        words: list[str] = []
        for name, value in asdict(self).items():
            if value is not None:
                words += [f"--{name.replace('_', '-')}", file_argument(value)]
        return words


def read_key_file(path: Path) -> APIKey | None:
    """The key in a file; blanks and line ends around it do not count. Warns if others may read it.

    Raises:
        ConfigurationError: It can't be read, or holds no key. What it holds is never quoted.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MAX_KEY_FILE + 1).decode("ascii").strip()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: this file does not hold an API key") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file's name"
        raise ConfigurationError(f"{path}: the API key can't be read: {reason}") from None
    if not text or len(text) > _MAX_KEY_FILE:
        raise ConfigurationError(f"{path}: this file does not hold an API key")
    if mode & 0o077:
        say(f"tokfluence: warning: {path} can be read by others; chmod 600 it", "yellow")
    from tokfluence_async.options import APIKey  # noqa: PLC0415 - a help text needs none

    return APIKey.seal(text)
