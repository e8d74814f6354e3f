"""Seeded bugs: each breaks one rule of the money protocol, and a test must notice.

A mutant is the package with one piece of text replaced, in a folder of its own that comes first on the path. What is
named beside it is run on it, and must fail; on the package itself it passes, as the rest of the suite shows.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[2]
PACKAGE = "tokfluence_async"


@frozen
class Mutant:
    """One bug."""

    rule: str
    file: str
    old: str
    new: str
    tests: str
    """What must notice: a test file and, after a blank, an expression for ``-k``."""


MATRIX = "campaign/test_fault_matrix.py"
LOADER = "campaign/test_loader.py"
WALLETS = "campaign/test_wallets_and_caps.py"
COPIES = "campaign/test_copies.py"

MUTANTS = [
    Mutant(
        "a repeat has the key of the first attempt",
        "campaign/buyer.py",
        "                order.request,\n                timeout",
        '                __import__("attrs").evolve(order.request, idempotency_key=f"new-{len(order.history)}"),\n'
        "                timeout",
        f"{MATRIX} reset-after-tracking",
    ),
    Mutant(
        "409 is not success",
        "campaign/settle.py",
        "        case Kind.APPLIED:\n",
        "        case Kind.APPLIED | Kind.SEEN_BEFORE:\n",
        f"{MATRIX} nowhere",
    ),
    Mutant(
        "409 is not failure",
        "campaign/settle.py",
        "    match last:\n",
        "    match Kind.REFUSED if last is Kind.SEEN_BEFORE and not earlier else last:\n",
        f"{MATRIX} nowhere",
    ),
    Mutant(
        "the intent is written before the request is sent",
        "campaign/buyer.py",
        "                before_send=write_intent,\n            )\n",
        "            )\n            await write_intent()\n",
        f"{LOADER} every_intent",
    ),
    Mutant(
        "a commit is on the disk, not in its cache",
        "campaign/loadfile.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
        "campaign/test_loadfile.py every_commit",
    ),
    Mutant(
        "cancelling is not swallowed",
        "session/transport.py",
        "        except Exception as error:  # noqa: BLE001 - hooks",
        "        except BaseException as error:  # noqa: BLE001 - hooks",
        "session/test_transport.py not_swallowed",
    ),
    Mutant(
        "the cap is checked before the request is sent",
        "campaign/buyer.py",
        "        if not self.budget.allows(reserved):",
        "        if False:",
        f"{WALLETS} cap_counts",
    ),
    Mutant(
        "a video is sent once",
        "campaign/intake.py",
        "                again.add(index)\n",
        "                again.discard(index)\n",
        "campaign/test_builder.py spellings",
    ),
    Mutant(
        "the first batch goes alone",
        "campaign/passes.py",
        "        proved = await self._journal.run(records.any_accepted)",
        "        proved = True",
        f"{LOADER} alone",
    ),
    Mutant(
        "a wallet that is too small is seen before any analysis",
        "campaign/funds.py",
        "        if remaining < rest:",
        "        if remaining < 0:",
        f"{WALLETS} wallet_too_small",
    ),
    Mutant(
        "what is absent after a timeout is not bought again",
        "campaign/settle.py",
        "        return Verdict(Belief.UNKNOWN, Step.REPORT)\n    if Kind.SEEN_BEFORE not in",
        "        return Verdict(Belief.NOT_APPLIED, Step.NEW_KEY)\n    if Kind.SEEN_BEFORE not in",
        f"{MATRIX} reset-after-the-charge",
    ),
    Mutant(
        "an answer clears only the attempt that it answers",
        "campaign/settle.py",
        "    unresolved = any(kind in UNRESOLVED or kind is Kind.SEEN_BEFORE for kind in earlier)",
        "    unresolved = False",
        "campaign/test_settle.py histories",
    ),
    Mutant(
        "a 409 is not forgotten over what is answered later",
        "campaign/settle.py",
        "    unresolved = any(kind in UNRESOLVED or kind is Kind.SEEN_BEFORE for kind in earlier)",
        "    unresolved = any(kind in UNRESOLVED for kind in earlier)",
        f"{COPIES} not_forgotten",
    ),
    Mutant(
        "a copy does not explain a 409 by its own 429",
        "campaign/settle.py",
        "    Keys.SHARED: frozenset[Kind](),",
        "    Keys.SHARED: _TURNED_AWAY | {Kind.REFUNDED},",
        f"{COPIES} turned_away_attempt",
    ),
    Mutant(
        "a key that may be free is not replaced",
        "campaign/settle.py",
        "Step.SPLIT if Kind.TOO_LARGE in history else Step.REPEAT)",
        "Step.NEW_KEY)",
        f"{COPIES} without_a_409",
    ),
    Mutant(
        "what is no list of posts is not an empty list",
        "campaign/listpage.py",
        "        if self._nameless or data != ([self._posts] if self._posts else []):\n",
        "        if self._nameless:\n",
        "campaign/test_reconcile.py no_absence",
    ),
    Mutant(
        "what is bought costs what the preview said",
        "campaign/identity.py",
        "    if (create, per_url) != (plan.create_credits, plan.credits_per_url):",
        "    if (create, per_url) == (0, 0):",
        "campaign/test_bounds.py other_prices",
    ),
    Mutant(
        "the same key means the same bytes",
        "campaign/buyer.py",
        "        if before is not None and before != (order.request.idempotency_key, digest):",
        "        if False:",
        f"{LOADER} another_body",
    ),
    Mutant(
        "a plan is spent in one account",
        "campaign/identity.py",
        "        if bound and before is not None and before != value:",
        "        if bound and before is None and before == value:",
        f"{LOADER} another_base_url",
    ),
    Mutant(
        "one process at a time",
        "campaign/loadfile.py",
        "            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "            fcntl.LOCK_EX",
        "campaign/test_loadfile.py another_process",
    ),
    Mutant(
        "a gateway's 502 is not the API's refund",
        "protocol/seen.py",
        '"": Kind.LOST_REFUND',
        '"": Kind.REFUNDED',
        f"{MATRIX} an-HTML-502",
    ),
    Mutant(
        "rejected URLs are not called accepted",
        "campaign/purchase.py",
        "    listed = rejected_urls(attempt.seen.payload)",
        "    listed = rejected_urls(attempt.seen.payload)[:0]",
        f"{MATRIX} rejected-URLs",
    ),
    Mutant(
        "a campaign of another name is not loaded into",
        "campaign/create.py",
        "        if name != self._plan.name:",
        "        if name is None:",
        f"{LOADER} another_name",
    ),
    Mutant(
        "what was in doubt is looked up before it is sent again",
        "campaign/loader.py",
        "        if await reconciler.run(look):",
        "        if True:",
        f"{LOADER} forgotten",
    ),
    Mutant(
        "a redirect is not followed",
        "session/transport.py",
        "allow_redirects=False",
        "allow_redirects=True",
        f"{MATRIX} redirect",
    ),
    Mutant(
        "a success that can't be read is no success",
        "protocol/seen.py",
        "        if problem:\n",
        "        if problem and not status:\n",
        f"{MATRIX} HTML-200",
    ),
    Mutant(
        "what a 502 that can't be read tells of may have been paid back",
        "campaign/settle.py",
        "        refunded = Kind.REFUNDED in history or Kind.LOST_REFUND in history",
        "        refunded = Kind.REFUNDED in history",
        "campaign/test_settle.py charge",
    ),
    Mutant(
        "an older state of a load file is no original",
        "campaign/identity.py",
        " and marked_run in marks and attempt <= records.latest_attempt(db)",
        "",
        "campaign/test_places.py overwritten",
    ),
    Mutant(
        "so is one from within the same run",
        "campaign/identity.py",
        " and attempt <= records.latest_attempt(db)",
        "",
        "campaign/test_places.py same_run",
    ),
    Mutant(
        "what was not looked for to the end of the list is not absent",
        "campaign/judging.py",
        "told = listed.whole and len(missing) > listed.hidden and not of_others",
        "told = len(missing) > listed.hidden and not of_others",
        "campaign/test_listing.py not_looked_for",
    ),
    Mutant(
        "a list that says that it is not whole is not",
        "campaign/listing.py",
        "self._whole = (page.total == math.inf or shown) and page.is_last(self.pages)",
        "self._whole = True",
        "campaign/test_listing.py not_whole",
    ),
    Mutant(
        "a list that hides as many posts as a batch is not whole",
        "campaign/listing.py",
        "        hidden = max(count - found.posts, 0)",
        "        hidden = 0",
        "campaign/test_whole_lists.py does_not_show",
    ),
    Mutant(
        "an entry of a list without a name can't be read",
        "campaign/listpage.py",
        "            self._nameless = True\n",
        "            pass\n",
        "campaign/test_listpage.py no_list",
    ),
    Mutant(
        "what a copy may have bought is looked for, whatever came since",
        "campaign/loader.py",
        "timestamp() if created is None else created\n",
        "timestamp() if created is None else self._wall_clock() if records.any_accepted(db) else created\n",
        "campaign/test_old_keys.py says_nothing_of_a_copy",
    ),
    Mutant(
        "a time that lies ahead is no recent one",
        "campaign/settle.py",
        "    return -CLOCK_ERROR <= now - then <= within",
        "    return now - then <= within",
        "campaign/test_old_keys.py set_back",
    ),
    Mutant(
        "a short link that is not listed is not absent",
        "campaign/judging.py",
        "    return all(each != post.url for each, post in zip(video_ids(posts), posts, strict=True))",
        "    return True",
        "campaign/test_short_links.py copy_has_not_bought",
    ),
    Mutant(
        "what is too large and can't be halved is refused",
        "campaign/purchase.py",
        "        return Verdict(verdict.belief, Step.QUARANTINE)",
        "        return Verdict(verdict.belief, Step.DONE)",
        "campaign/test_too_large.py takes_nothing",
    ),
    Mutant(
        "what others have bought under another key is not judged by its own",
        "campaign/judging.py",
        "told = listed.whole and len(missing) > listed.hidden and not of_others",
        "told = listed.whole and len(missing) > listed.hidden",
        "campaign/test_places.py keys_are_forgotten",
    ),
    Mutant(
        "what was days before a 409 does not explain it",
        "campaign/settle.py",
        "    return min((began for began in before if is_remembered(began, attempts[first][1])), default=None)",
        "    return min(before, default=None)",
        "campaign/test_judging.py explains_a_409",
    ),
    Mutant(
        "what has been in doubt for days is not sent again",
        "campaign/buyer.py",
        "                raise Forgotten\n",
        "                pass\n",
        "campaign/test_waking.py all_the_rest",
    ),
    Mutant(
        "what was never sent is looked for also by a load that has slept",
        "campaign/buyer.py",
        "            if not self.is_looked_for(now):\n",
        "            if False:\n",
        "campaign/test_old_keys.py sleeps_for_days",
    ),
    Mutant(
        "no new key is made once the old one may be forgotten",
        "campaign/judging.py",
        "        taken = taken or case.lapsed or (",
        "        taken = taken or (",
        "campaign/test_judging.py lapsed",
    ),
    Mutant(
        "nor is one made for the rest of what is there in part",
        "campaign/judging.py",
        " or (bool(present) and due)\n",
        "\n",
        "campaign/test_too_large.py halves_that_everybody",
    ),
    Mutant(
        "nor is one sent that was made before",
        "campaign/buyer.py",
        "            if keyrecords.has_lapsed(",
        "            if False and keyrecords.has_lapsed(",
        "campaign/test_lapsed_keys.py looked_for_today",
    ),
    Mutant(
        "what others may have bought long ago is not sent again unseen, though it was paid back here",
        "campaign/judging.py",
        "look.old and ((doubtful and not told) or",
        "look.old and (False or",
        "campaign/test_hidden_doubts.py paid_back",
    ),
    Mutant(
        "what a copy finds in the list is no sure charge of its own",
        "campaign/judging.py",
        "    alone = case.created_here and case.keys is not Keys.SHARED",
        "    alone = case.created_here",
        f"{COPIES} no_sure_charge",
    ),
    Mutant(
        "a key is not trusted to the last moment of its memory",
        "campaign/settle.py",
        "TRUSTED: Final = KEY_MEMORY - MARGIN\n",
        "TRUSTED: Final = KEY_MEMORY\n",
        "campaign/test_judging.py trusted",
    ),
    Mutant(
        "a look is good for half a day",
        "campaign/buyer.py",
        "is_remembered(self.looked, now, within=HALF_A_DAY)",
        "is_remembered(self.looked, now)",
        "campaign/test_lapsed_keys.py good_for_half_a_day",
    ),
    Mutant(
        "a key that has met a 409 is not asked again",
        "campaign/keyrecords.py",
        "within=MARGIN if kind is Kind.SEEN_BEFORE and",
        "within=TRUSTED if kind is Kind.SEEN_BEFORE and",
        "campaign/test_lapsed_keys.py met_a_409",
    ),
    Mutant(
        "what was found stays accepted",
        "campaign/judging.py",
        "each in listed or post.url in accepted for",
        "each in listed for",
        "campaign/test_buying_anew.py stays_accepted",
    ),
    Mutant(
        "a look that the cap has cut short does not count as one",
        "campaign/listing.py",
        "                self.cut_short = not over\n",
        "                self.cut_short = False\n",
        "campaign/test_old_looks.py cut_short",
    ),
    Mutant(
        "a look that the cap cuts short is no look",
        "campaign/listing.py",
        "            if no_room and not over and not sought.optional:\n",
        "            if False:\n",
        "campaign/test_old_looks.py caps_that_are_named",
    ),
    Mutant(
        "no new key is made of a list that hides posts",
        "campaign/reconcile.py",
        "        if listed.counted or not listed.whole:\n",
        "        if True:\n",
        "campaign/test_whole_lists.py no_new_key",
    ),
    Mutant(
        "what is to be bought anew stays unknown until it is sent",
        "campaign/passes.py",
        "        again = None if self._anew else False\n        found",
        "        again = None\n        found",
        "campaign/test_buying_anew.py without_what_is_unknown",
    ),
    Mutant(
        "a charge that is not known is an interval",
        "campaign/settle.py",
        "    return Charge(0, price if possible else 0)",
        "    return Charge(0, 0)",
        f"{MATRIX} reset-after-the-charge",
    ),
]


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 15
    assert len({mutant.rule for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule)
def test_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / PACKAGE / mutant.file
    text = file.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, "the mutant's place has moved: adapt the list"
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    name, _, wanted = mutant.tests.partition(" ")
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *options,
            "--rootdir",
            str(ROOT),
            str(ROOT / "tests" / name),
            "-k",
            wanted,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, (
        f"nobody noticed (pytest ended with {done.returncode}):\n{done.stdout[-1500:]}"
    )
    assert " failed" in done.stdout
