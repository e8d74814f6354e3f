"""Commands whose standard output is a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

__all__ = ["Shown", "run_on_terminal"]

PATIENCE = 30


@frozen
class Shown:
    """What a command showed."""

    code: int
    screen: str
    """What it wrote to the terminal, line ends as the program wrote them."""
    errors: str
    """What it wrote to stderr, which is no terminal."""


def run_on_terminal(
    words: Sequence[object], *, env: Mapping[str, str], folder: Path, columns: int = 80
) -> Shown:
    """Run a command to its end with a terminal for stdout alone."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*map(str, words)],
        env={**env, "TERM": "xterm", "COLUMNS": str(columns)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    seen: list[bytes] = []

    def read() -> None:
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # Linux says so when the other side is closed
                return
            if not chunk:
                return
            seen.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
        reader.join(PATIENCE)
        os.close(ours)
    return Shown(process.returncode, b"".join(seen).decode().replace("\r\n", "\n"), errors.decode())
