"""Serving the sandbox from a shell."""

from __future__ import annotations

from typing import Final

from tokfluence_async.cli.output import Line, print_lines, say
from tokfluence_async.errors import ConfigurationError, TokfluenceError

__all__ = ["SAMPLE_KEY", "serve"]

SAMPLE_KEY: Final = f"tkf_live_{'sandbox0' * 4}"
"""A key of the right form, which the sandbox takes and the API does not."""


def serve(*, host: str, port: int | None, grant: int | None) -> None:
    """Serve until SIGINT or SIGTERM; the base URL is the first line on stdout.

    Args:
        host: A loopback address.
        port: TCP port; 0 is any that is free, None the usual one.
        grant: Credits that each new key starts with.

    Raises:
        ConfigurationError: The host is not a loopback address.
        TokfluenceError: The port can't be had.
    """
    # The server brings the HTTP library with it.
    from tokfluence_async.sandbox import DEFAULT_PORT, Switches, run  # noqa: PLC0415 - as above

    wanted = DEFAULT_PORT if port is None else port
    try:
        switches = Switches() if grant is None else Switches(grant=grant)
        run(host, wanted, switches=switches, on_ready=_tell)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TokfluenceError(
            f"can't serve on port {wanted} of {host}: {error.strerror or error}; --port 0 takes one that is free"
        ) from None


def _tell(base_url: str) -> None:
    print_lines([Line(base_url)])
    say("A sandbox of the Tokfluence API; Ctrl-C ends it. It takes any key of the right form. To use it:")
    say(f"  export TOKFLUENCE_BASE_URL={base_url}")
    say(f"  export TOKFLUENCE_API_KEY={SAMPLE_KEY}")
