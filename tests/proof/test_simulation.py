"""The money protocol, proved by simulation: the production loader against a server model with a ledger of its own.

Each schedule is a function of its seed: what the network and the server do, when the machine dies, stops or is
cancelled, who else spends or tops up, and in which order the tasks run. After every process the server's own books
judge what the load file says: nothing lost, nothing charged twice, nothing falsely called accepted, rejected or unsent,
the true charge within the reported interval and under the cap, no request without its intent on disk, the same bytes
under the same key, and a new key only where nothing is, or will be, charged under the old one.

``TOKFLUENCE_PROOF_SCHEDULES`` sets how many are played (2,000), ``TOKFLUENCE_PROOF_FIRST`` the first seed (0), and
``TOKFLUENCE_PROOF_SEED=kind/17`` plays that one alone and prints what happened in it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from schedules import Result, play
from server_world import CHECKED, GATE, NEVER_ARRIVES, UNTRACKED
from settings_drawn import KINDS

SCHEDULES = int(os.environ.get("TOKFLUENCE_PROOF_SCHEDULES", "2000"))
FIRST = int(os.environ.get("TOKFLUENCE_PROOF_FIRST", "0"))
ONLY = os.environ.get("TOKFLUENCE_PROOF_SEED", "")
CHUNKS = 1 if ONLY else 40
MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where load files are; in memory if possible, as every step of theirs is synced."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY, prefix="tokfluence-proof-") as name:
        yield Path(name)


def played(folder: Path, kind: str, seed: int | str, *, threaded: bool = False) -> Result:
    """Play one schedule; whatever was wrong fails the test, with how to see it again."""
    with TemporaryDirectory(dir=folder) as own:
        result = play(str(seed), kind, Path(own), threaded=threaded)
    if ONLY or result.wrong:
        print("\n".join(result.trace))  # noqa: T201 - shown with the failure
    if result.wrong:
        pytest.fail(
            "\n".join(result.wrong[:10])
            + f"\nTo see it again: TOKFLUENCE_PROOF_SEED={result.seed} python -m pytest -s "
            + "tests/proof/test_simulation.py -k test_schedules",
            pytrace=False,
        )
    return result


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_schedules(chunk: int, folder: Path) -> None:
    if ONLY:
        kind, _, seed = ONLY.partition("/")
        played(folder, kind, seed)
        return
    for number in range(FIRST + chunk, FIRST + SCHEDULES, CHUNKS):
        played(folder, KINDS[number % len(KINDS)], number // len(KINDS))


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_tells_the_whole_schedule(kind: str, folder: Path) -> None:
    for seed in range(5):
        assert played(folder, kind, seed) == played(folder, kind, seed)


def test_the_schedules_go_everywhere(folder: Path) -> None:
    """A simulation that meets no trouble proves nothing."""
    results = [played(folder, kind, seed) for seed in range(150) for kind in KINDS]
    faults = sum((result.faults for result in results), Counter[str]())
    assert faults.keys() >= GATE | CHECKED | NEVER_ARRIVES | UNTRACKED
    assert faults.keys() >= {
        "late",
        "slow",
        "504_running",
        "502_charged",
        "502_tracked",
        "lost_tracked",
        "cut",
    }
    ends = sum((result.ends for result in results), Counter[str]())
    assert min(ends[end] for end in ("", "crash", "cancel", "stop")) > 50
    complete = sum(result.complete for result in results)
    assert len(results) // 2 < complete < len(results)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_with_the_journal_on_its_thread(kind: str, folder: Path) -> None:
    for seed in range(15):
        played(folder, kind, seed, threaded=True)
