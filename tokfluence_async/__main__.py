"""The console script ``tokfluence``, and ``python -m tokfluence_async``."""

from __future__ import annotations

import sys

from tokfluence_async.errors import MissingExtraError

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code; see `tokfluence_async.cli.exits.Exit`."""
    try:
        from tokfluence_async.cli.entry import run  # noqa: PLC0415 - the extra that it needs may be missing
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"cyclopts", "rich"}:
            raise
        sys.stderr.write(f"tokfluence: error: {MissingExtraError('the command line', 'cli')}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
