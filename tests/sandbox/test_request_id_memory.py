from __future__ import annotations

from tokfluence_async.sandbox.request_ids import RequestIds


def test_an_id_is_new_then_running_then_seen() -> None:
    ids = RequestIds(None)
    assert ids.look("a", 0) == "new"
    ids.begin("a", 0)
    assert ids.look("a", 0) == "running"
    ids.end("a", burnt=True)
    assert ids.look("a", 10**9) == "seen"


def test_an_id_that_is_not_burnt_is_new_again() -> None:
    ids = RequestIds(None)
    ids.begin("a", 0)
    ids.end("a", burnt=False)
    assert ids.look("a", 0) == "new"


def test_an_id_is_forgotten_in_time_but_not_while_it_runs() -> None:
    ids = RequestIds(60)
    ids.begin("a", 0)
    assert ids.look("a", 100) == "running"
    ids.end("a", burnt=True)
    assert ids.look("a", 100) == "new"
    ids.burn("b", 100)
    assert ids.look("b", 159.9) == "seen"
    assert ids.look("b", 160) == "new"


def test_burning_a_known_id_does_not_renew_it() -> None:
    ids = RequestIds(60)
    ids.burn("a", 0)
    ids.burn("a", 50)
    assert ids.look("a", 61) == "new"
