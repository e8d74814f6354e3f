from __future__ import annotations

from attrs import define

from tokfluence_async.campaign.events import LoadProgress, LoadStarted
from tokfluence_async.cli.progress import LineProgress, Tally
from tokfluence_async.session.events import Paused, RequestEnded


@define
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


STARTED = LoadStarted(file="x.tokload", name="Spring", urls=100, settled=20, planned=2501)
STEP = LoadProgress(accepted=9, rejected=1, unknown=0, charged_max=751, credits_remaining=100)


def test_the_tally_counts_what_was_settled_before() -> None:
    clock = Clock()
    tally = Tally(clock)
    tally.count(STARTED)
    clock.now = 5.0
    tally.count(STEP)
    assert (tally.done, tally.spent, tally.rate) == (30, 751, 2.0)
    assert tally.short == "30/100 URLs, 751/2,501 credits, 2/s"
    assert str(tally) == "30 of 100 URLs, up to 751 of 2,501 credits, 2 URLs/s"


def test_failed_requests_are_counted() -> None:
    tally = Tally(Clock())
    for seen in ("applied", "lost"):
        tally.count(
            RequestEnded(
                exchange=1,
                call="posts.analyze",
                method="POST",
                path="/v1/posts/analyze",
                attempt=1,
                request_id=None,
                seen=seen,
                status=None,
                code="",
                message="",
                elapsed=0.1,
                credits_remaining=None,
            )
        )
    assert str(tally).endswith(", 1 failed request")


def test_a_line_is_written_every_ten_seconds_at_most_and_at_the_end() -> None:
    clock, lines = Clock(), list[str]()
    with LineProgress(Tally(clock), lines.append) as progress:
        progress(STARTED)
        for second in range(1, 25):
            clock.now = float(second)
            progress(Paused(wait=7.0) if second == 20 else STEP)
        assert len(lines) == 2
        assert lines[1].endswith("waiting 7 s")
    assert len(lines) == 3


def test_a_load_that_never_began_has_no_last_line() -> None:
    lines: list[str] = []
    with LineProgress(Tally(Clock()), lines.append):
        pass
    assert lines == []
