"""Making a plan of a table of posts, against `csv.reader` alone on the same file.

Run: python benchmarks/bench_plan.py [ROWS]     (200,000 rows unless told)

Each contender runs in a process of its own, alternating, and the best of five rounds counts: CPU time without
imports, and the peak of the process's memory, imports included. Ours is the whole of it: read, normalise, de-duplicate,
cut into batches, give reasons, pack for the load file. The table comes in two makes, with quotes and without any.
"""

from __future__ import annotations

import csv
import importlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

DEFAULT_ROWS = 200_000
ROUNDS = 5
TAILS = ("", "", "?is_from_webapp=1&sender_device=pc", "?lang=en", "?_r=1&_t=ZN-8tQkWmVb1cD")


def generate(path: Path, rows: int, *, quotes: bool) -> None:
    """A table like those of agencies: one row in 20 a duplicate, one in 50 spelt unusually, one in 500 no post.

    There are 50,000 creators, each of whom has a fee that one post in ten departs from.
    """
    note = '"hook, then product"' if quotes else "hook then product"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("Creator,Post URL,Fee (cents),Campaign notes,Published\r\n")
        for number in range(rows):
            one = number // 2 if number % 20 == 19 else number
            creator = one * 7919 % 50_021
            handle = f"creator.{creator}"
            video_id = (1_760_000_000 + one * 17 << 32) | (one * 2_654_435_761 % 2**32)
            url = f"https://www.tiktok.com/@{handle}/video/{video_id}{TAILS[number % len(TAILS)]}"
            if number % 50 == 7:
                url = f"https://m.tiktok.com/v/{video_id}.html"
            elif number % 500 == 11:
                url = f"https://www.tiktok.com/@{handle}"
            fee = (creator % 40 + 1) * 2500 + (500 if one % 10 == 3 else 0)
            file.write(f"@{handle},{url},{fee},{note},2026-03-{number % 28 + 1:02}\r\n")


def floor(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def script(path: Path) -> int:
    """What a careful person writes in five minutes: it misses unusual spellings, bad rows and every reason."""
    post = re.compile(
        r"(?:https?://)?(?:www\.|m\.)?tiktok\.com/@([\w.]+)/(?:video|photo)/(\d+)", re.ASCII
    ).match
    seen: set[int] = set()
    count = 0
    with path.open(encoding="utf-8", newline="") as file:
        records = csv.reader(file)
        next(records)
        for record in records:
            count += 1
            found = post(record[1])
            if found:
                seen.add(int(found[2]))
    return count


def rows_alone(path: Path) -> int:
    from tokfluence_async.campaign.sources import open_source  # noqa: PLC0415 - not in the floor's process

    return sum(len(block.numbers) + len(block.bad) for block in open_source(path).blocks())


def whole(path: Path) -> int:
    from tokfluence_async.campaign.builder import CampaignBuilder  # noqa: PLC0415 - not in the floor's process

    plan = CampaignBuilder("bench", on_conflict="first").add_file(path).plan()
    assert plan.urls + sum(plan.reasons.values()) == plan.rows
    return plan.rows


FLOOR = "csv.reader alone"
CONTENDERS = {
    FLOOR: floor,
    "csv.reader + regex + set": script,
    "rows alone": rows_alone,
    "the plan": whole,
}


def run_one(name: str, path: Path) -> None:
    if CONTENDERS[name] in {rows_alone, whole}:
        # The time is that of the work, not of imports.
        importlib.import_module("tokfluence_async.campaign.builder")
    began = time.process_time()
    count = CONTENDERS[name](path)
    seconds = time.process_time() - began
    print(f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} {count}")


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for quotes in (False, True):
            path = Path(folder) / "posts.csv"
            generate(path, rows, quotes=quotes)
            made = "with quotes" if quotes else "without quotes"
            print(f"{rows:,} rows {made}, {path.stat().st_size / 1e6:.1f} MB, best of {ROUNDS}")
            compare(path, rows)
    per_url()


def compare(path: Path, rows: int) -> None:
    best: dict[str, tuple[float, int]] = {}
    for _ in range(ROUNDS):
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--one", name, str(path)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            assert int(out[2]) == rows
            result = (float(out[0]), int(out[1]))
            best[name] = min(best.get(name, result), result)
    base = best[FLOOR][0]
    for name, (seconds, kilobytes) in best.items():
        print(
            f"{name:34} {seconds:7.3f} s  {seconds / rows * 1e6:6.2f} us/row  {seconds / base:5.2f} x  "
            f"{kilobytes / 1024:6.1f} MB peak"
        )


def per_url() -> None:
    from tokfluence_async.campaign.urls import parse, parse_thoroughly  # noqa: PLC0415 - not in the floor's process

    url = "https://www.tiktok.com/@kitchen.lab.07/video/7301234567890123456?is_from_webapp=1&sender_device=pc"
    for what, run in (("usual spelling", parse), ("the thorough way", parse_thoroughly)):
        seconds = (
            min(timeit.repeat("run(url)", globals={"run": run, "url": url}, number=50_000, repeat=5)) / 50_000
        )
        print(f"parse, {what:27} {seconds * 1e6:6.2f} us")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_ROWS)
