"""Where the commands that make single calls find the API, and the client that they make them with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final

from attrs import frozen
from cyclopts import Group, Parameter
from cyclopts.validators import Number

from tokfluence_async.cli.arguments import FilePath, Text, file_argument
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.output import say
from tokfluence_async.cli.settings import SettingFlags

if TYPE_CHECKING:
    from tokfluence_async.client import Tokfluence
    from tokfluence_async.options import Options

__all__ = ["NO_CONNECTION", "ConnectionFlags", "client_of", "run"]

_GROUP: Final = Group(
    "Connection",
    help="Each, and every other setting, also from the environment: TOKFLUENCE_BASE_URL and so on.",
)


@Parameter(name="*", group=_GROUP)
@frozen(kw_only=True)
class ConnectionFlags:
    """Where the API is, with which key, and what may be spent."""

    base_url: Annotated[Text | None, Parameter(help="Where the API is.")] = None
    api_key_file: Annotated[
        FilePath | None,
        Parameter(help="File that holds the API key. Without it the key is that of TOKFLUENCE_API_KEY."),
    ] = None
    max_credits: Annotated[
        int | None, Parameter(validator=Number(gte=0), help="Credits that this command may cost at most.")
    ] = None

    def options(self) -> Options:
        """The settings, with an API key.

        Raises:
            ConfigurationError: A setting is wrong, or there is no key.
        """
        flags = SettingFlags(base_url=self.base_url, api_key_file=self.api_key_file)
        return flags.options(max_credits=self.max_credits)

    def arguments(self, *, cap: bool = True) -> list[object]:
        """The flags that were given, as words of a command.

        Args:
            cap: Whether the cap is among them.
        """
        words: list[object] = []
        if cap and self.max_credits is not None:
            words += ["--max-credits", self.max_credits]
        if self.base_url is not None:
            words += ["--base-url", self.base_url]
        if self.api_key_file is not None:
            words += ["--api-key-file", file_argument(self.api_key_file)]
        return words


NO_CONNECTION: Final = ConnectionFlags()


def client_of(options: Options) -> Tokfluence:
    """A client with these settings."""
    # The client leads to the HTTP library, which a help text does not need.
    from tokfluence_async.client import Tokfluence  # noqa: PLC0415 - as above

    return Tokfluence(
        options.api_key,
        base_url=options.base_url,
        timeout=options.timeout,
        max_retries=options.max_retries,
        backoff=options.backoff,
        settle=options.settle,
        requests_per_minute=options.requests_per_minute,
        concurrency=options.concurrency,
        max_credits=options.max_credits,
    )


def run(flags: ConnectionFlags, main: Callable[[Tokfluence], Awaitable[Exit]]) -> Exit:
    """Open a client, and do something with it. SIGTERM ends it in order, with exit code 6.

    Args:
        flags: Where the API is.
        main: What to do.

    Raises:
        ConfigurationError: A setting is wrong, or there is no key. Nothing was sent.
        TokfluenceError: Whatever `main` raises.
    """
    import asyncio  # noqa: PLC0415 - a help text needs none

    options = flags.options()

    async def whole() -> Exit:
        async with client_of(options) as tok:
            return await main(tok)

    return asyncio.run(_until_terminated(whole))


async def _until_terminated(whole: Callable[[], Awaitable[Exit]]) -> Exit:
    import asyncio  # noqa: PLC0415 - a help text needs none
    import signal  # noqa: PLC0415 - likewise

    loop, task, terminated = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def stop() -> None:
        terminated.set()
        if task is not None:
            task.cancel()

    # Off the main thread there are no signal handlers to be had.
    with suppress(RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        return await whole()
    except asyncio.CancelledError:
        if not terminated.is_set():
            raise
        say("Interrupted.", "yellow")
        return Exit.INTERRUPTED
    finally:
        with suppress(RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)
