"""The demo: an example is loaded into a sandbox that fails on purpose, and the two sides' books are compared."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from tokfluence_async.cli.arguments import command
from tokfluence_async.cli.counting import counted
from tokfluence_async.cli.exits import Exit
from tokfluence_async.cli.inputs import InputFlags
from tokfluence_async.cli.loading import drive_async
from tokfluence_async.cli.output import Line, print_lines
from tokfluence_async.cli.planning import build_plan, default_name
from tokfluence_async.cli.preview import Preview
from tokfluence_async.cli.render import report_lines
from tokfluence_async.cli.sandbox import SAMPLE_KEY
from tokfluence_async.errors import InputError
from tokfluence_async.options import Options

if TYPE_CHECKING:
    from tokfluence_async.campaign.plan import Plan
    from tokfluence_async.campaign.report import LoadReport
    from tokfluence_async.sandbox import Sandbox

__all__ = ["Check", "compare", "run_demo"]

_EXAMPLE: Final = Path("examples", "spring_launch.csv")
_ROOM: Final = 10
"""Credits that the cap leaves for looks into the campaign, at 2 each."""
_SECONDS_PER_URL: Final = 0.002
_FAULTS: Final[tuple[tuple[str, int, dict[str, Any]], ...]] = (
    (
        "batch 3: 429, slow down for a second",
        3,
        {"effect": "status", "status": 429, "headers": {"Retry-After": "1"}},
    ),
    (
        "batch 5: 502 after the charge, which is refunded",
        5,
        {"effect": "status", "status": 502, "phase": "after_charge"},
    ),
    (
        "batch 7: the connection is reset once the work is done",
        7,
        {"effect": "reset", "phase": "after_tracking"},
    ),
)
"""What goes wrong, at which analyze request, and the fault's fields."""


@frozen
class Check:
    """One figure as the sandbox's ledger has it, and as the SDK does."""

    what: str
    ledger: int
    ours: int

    @property
    def agrees(self) -> bool:
        """Whether the two are the same."""
        return self.ledger == self.ours

    def line(self) -> Line:
        """The check as a line of a table."""
        verdict = "agree" if self.agrees else "DIFFER"
        return Line(
            f"  {self.what:<42} {self.ledger:>10,} {self.ours:>10,}   {verdict}",
            "green" if self.agrees else "red",
        )


def run_demo(source: str | None) -> Exit:
    """Preview and load a source into a sandbox, and compare the sandbox's ledger with the report.

    Args:
        source: A file of posts; the packaged example if None.

    Raises:
        InputError: The source can't be read, or there is no example here.
    """
    return asyncio.run(_demo(source or _example()))


def _example() -> str:
    beside = Path(__file__).parents[2] / _EXAMPLE
    for path in (_EXAMPLE, beside):
        if path.is_file():
            return str(path)
    raise InputError(
        f"the example {_EXAMPLE} comes with the source tree, which is not here; name a file of posts: "
        "tokfluence demo FILE"
    )


async def _demo(source: str) -> Exit:
    # The sandbox brings the HTTP library with it.
    from tokfluence_async.campaign.loadfile import LoadFile  # noqa: PLC0415 - as above
    from tokfluence_async.sandbox import Sandbox, Switches  # noqa: PLC0415 - as above

    switches = Switches(analyze_latency=_SECONDS_PER_URL)
    with TemporaryDirectory(prefix="tokfluence-demo-") as folder:
        async with Sandbox(switches=switches) as sandbox:
            for _, nth, fields in _FAULTS:
                sandbox.add_fault(call="posts.analyze", nth=nth, **fields)
            name = default_name(source)
            flags = InputFlags(conflict="first")
            plan = build_plan((source,), name=name, currency=None, flags=flags, batch_size=50)
            cap = plan.estimate.total + _ROOM
            options = Options.load(
                {}, api_key=SAMPLE_KEY, base_url=sandbox.base_url, settle=0.3, backoff=0.1, max_credits=cap
            )
            words = (source, "--name", name, *flags.arguments())
            print_lines(_opening(sandbox.base_url))
            print_lines(_step(command("preview", *words)))
            eta = plan.eta_seconds(
                requests_per_minute=options.requests_per_minute, concurrency=options.concurrency
            )
            print_lines(Preview(plan=plan, source=source, eta_seconds=eta).lines())
            print_lines(_step(command("load", *words, "--max-credits", cap, "--yes")))
            print_lines(_told_to_fail(plan))
            file = LoadFile.create(Path(folder, f"{name}.tokload"), plan)
            try:
                ended = await drive_async(file, options)
            finally:
                file.close()
            if ended.report.stopped_by == "interrupted":
                # Half of a load has nothing to compare, and both it and the sandbox end here.
                print_lines(_interrupted(ended.report))
                return ended.exit
            print_lines(report_lines(ended.report, plan))
            checks = compare(sandbox, plan, ended.report)
            print_lines(_verdict(sandbox, plan, checks))
    return Exit.DONE if all(each.agrees for each in checks) else Exit.FAILED


def compare(sandbox: Sandbox, plan: Plan, report: LoadReport) -> list[Check]:
    """The sandbox's books beside the report's figures."""
    ledger = sandbox.ledger(SAMPLE_KEY)
    once = sum(1 for times in ledger.videos.values() if times == 1)
    tracked = 0 if report.campaign_id is None else len(sandbox.tracked(report.campaign_id))
    spent_on_urls = ledger.calls["posts.analyze"].net if "posts.analyze" in ledger.calls else 0
    return [
        Check("credits charged, at least", ledger.net, report.credits.charged_min),
        Check("credits charged, at most", ledger.net, report.credits.charged_max),
        Check("credits for URLs, as previewed", spent_on_urls, plan.credits_per_url * plan.urls),
        Check("videos charged exactly once", once, plan.urls),
        Check("videos charged more than once", len(ledger.charged_twice), 0),
        Check("videos that the campaign holds", tracked, report.urls.accepted),
        Check("rows accounted for", plan.rows, report.urls.rows),
    ]


def _opening(base_url: str) -> Iterator[Line]:
    yield from _step(command("sandbox", "--port", base_url.rpartition(":")[2]))
    yield Line(
        "A sandbox of the API serves in this process. From another shell the commands below are the same, after:"
    )
    yield Line(f"  export TOKFLUENCE_BASE_URL={base_url}")
    yield Line(f"  export TOKFLUENCE_API_KEY={SAMPLE_KEY}")


def _step(text: str) -> Iterator[Line]:
    yield Line()
    yield Line(f"$ {text}", "bold")


def _told_to_fail(plan: Plan) -> Iterator[Line]:
    planned = [what for what, nth, _ in _FAULTS if nth <= plan.batches]
    if planned:
        yield Line("The sandbox was told to fail on the way:")
    for what in planned:
        yield Line(f"  {what}")
    yield Line(f"The cap leaves {_ROOM} credits for looking into the campaign, should an answer be lost.")
    yield Line()


def _interrupted(report: LoadReport) -> Iterator[Line]:
    yield Line()
    yield Line(
        f"Interrupted: {report.urls.accepted:,} of {report.urls.rows:,} rows were bought, in a sandbox that is gone "
        "now. A real load would go on from its load file.",
        "yellow",
    )


def _verdict(sandbox: Sandbox, plan: Plan, checks: list[Check]) -> Iterator[Line]:
    ledger = sandbox.ledger(SAMPLE_KEY)
    yield Line()
    yield Line("The sandbox's own ledger against the report:", "bold")
    yield Line(f"  {'':<42} {'ledger':>10} {'ours':>10}", "dim")
    for each in checks:
        yield each.line()
    struck = sum(rule.struck for rule in sandbox.faults())
    looks = sum(totals.net for name, totals in ledger.calls.items() if name not in _BOUGHT)
    if looks:
        yield Line(
            f"  {plan.estimate.formula} as previewed, and {looks} for looking where an answer was lost"
        )
    yield Line(
        f"  {counted(struck, 'fault')} struck; {ledger.refunded:,} credits were charged and refunded on the way"
    )
    agree = all(each.agrees for each in checks)
    yield Line()
    yield Line(
        "All agree: every video was bought once." if agree else "The two do NOT agree.",
        "green" if agree else "red",
    )


_BOUGHT: Final = frozenset({"campaigns.create", "posts.analyze"})
