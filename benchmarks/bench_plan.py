"""Reading, normalising and de-duplicating a table of posts, against `csv.reader` alone on the same file.

Run: python benchmarks/bench_plan.py [ROWS]     (200,000 rows unless told)

Each contender runs in a process of its own, alternating, and the best of five rounds counts: CPU time without
imports, and the peak of the process's memory, imports included.
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


def generate(path: Path, rows: int) -> None:
    """A table like those of agencies: one row in 20 a duplicate, one in 50 spelt unusually, one in 500 no post."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("Creator,Post URL,Fee (cents),Campaign notes,Published\r\n")
        for number in range(rows):
            one = number // 2 if number % 20 == 19 else number
            handle = f"creator.{one * 7919 % 50_021}"
            video_id = (1_760_000_000 + one * 17 << 32) | (one * 2_654_435_761 % 2**32)
            url = f"https://www.tiktok.com/@{handle}/video/{video_id}{TAILS[number % len(TAILS)]}"
            if number % 50 == 7:
                url = f"https://m.tiktok.com/v/{video_id}.html"
            elif number % 500 == 11:
                url = f"https://www.tiktok.com/@{handle}"
            file.write(
                f'@{handle},{url},{(one % 40 + 1) * 2500},"hook, then product",2026-03-{number % 28 + 1:02}\r\n'
            )


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

    return sum(1 for _ in open_source(path))


def whole(path: Path) -> int:
    from tokfluence_async.campaign.sources import BadRow, open_source  # noqa: PLC0415 - not in the floor's process
    from tokfluence_async.campaign.urls import PostURL, parse  # noqa: PLC0415 - not in the floor's process

    seen: set[int] = set()
    refused: dict[str, int] = {}
    duplicates = count = 0
    for row in open_source(path):
        count += 1
        if isinstance(row, BadRow):
            refused[row.reason] = refused.get(row.reason, 0) + 1
            continue
        found = parse(row.url)
        if not isinstance(found, PostURL):
            refused[found.reason] = refused.get(found.reason, 0) + 1
            continue
        video_id = int(found.video_id)
        if video_id in seen:
            duplicates += 1
        else:
            seen.add(video_id)
    assert len(seen) + duplicates + sum(refused.values()) == count
    return count


FLOOR = "csv.reader alone"
CONTENDERS = {
    FLOOR: floor,
    "csv.reader + regex + set": script,
    "rows": rows_alone,
    "rows + normalise + de-duplicate": whole,
}


def run_one(name: str, path: Path) -> None:
    if CONTENDERS[name] in {rows_alone, whole}:
        # The time is that of the work, not of imports.
        importlib.import_module("tokfluence_async.campaign.sources")
    began = time.process_time()
    count = CONTENDERS[name](path)
    seconds = time.process_time() - began
    print(f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} {count}")


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "posts.csv"
        generate(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.1f} MB, best of {ROUNDS}")
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
    per_url()


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
