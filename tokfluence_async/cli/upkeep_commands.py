"""The commands for the tool itself: `doctor` and `completion`."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

from tokfluence_async.cli.connection import NO_CONNECTION, ConnectionFlags
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.parameters import AsJSON, example

__all__ = ["register"]


def doctor(
    *,
    online: Annotated[
        bool, Parameter(help="Also ask the API for a post that there is none of: 1 credit at most.")
    ] = False,
    as_json: AsJSON = False,
    connection: ConnectionFlags = NO_CONNECTION,
) -> Exit:
    """Look at the key's form, the base URL, the clock, locks, versions and extras. Sends nothing unless told."""
    from tokfluence_async.cli.doctor import examine  # noqa: PLC0415 - what a help text does not need

    return examine(online=online, as_json=as_json, connection=connection)


def register(app: App) -> None:
    """Add the commands."""

    def completion(shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")], /) -> Exit:
        """Print a script that completes commands and flags in a shell."""
        script = app.generate_completion(prog_name="tokfluence", shell=shell).rstrip()
        if shell == "bash":
            # Where it has no words to offer, such as for SRC, bash itself completes the names of files.
            script = re.sub(
                r"^complete (?=-F )", "complete -o bashdefault -o default ", script, flags=re.MULTILINE
            )
        sys.stdout.write(f"{script}\n")
        return Exit.DONE

    app.command(doctor, help_epilogue=example("tokfluence doctor", "tokfluence doctor --online"))
    app.command(
        completion,
        help_epilogue=example('eval "$(tokfluence completion bash)"', "tokfluence completion fish | source"),
    )
