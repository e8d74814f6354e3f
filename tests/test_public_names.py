from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import tokfluence_async
from tokfluence_async import errors, models

DEAR = ("aiohttp", "anyio", "cattrs", "orjson", "asyncio", "ssl")


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize("name", tokfluence_async.__all__)
def test_each_name_is_there_and_comes_from_its_home(name: str) -> None:
    value = getattr(tokfluence_async, name)
    home = tokfluence_async._HOMES.get(name)
    if home is not None:
        assert value is getattr(import_module(f"tokfluence_async.{home}"), name)


def test_all_is_complete_and_sorted() -> None:
    assert set(tokfluence_async.__all__) == {*tokfluence_async._HOMES, "__version__"}
    assert {*errors.__all__, *models.__all__} <= set(tokfluence_async.__all__)
    assert set(tokfluence_async.__all__) <= set(dir(tokfluence_async))


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Tokfluense'"):
        tokfluence_async.Tokfluense  # type: ignore[attr-defined]  # noqa: B018 - the access is the test


def test_importing_the_package_imports_nothing_dear() -> None:
    assert (
        run(f"import sys, tokfluence_async; print([each for each in {DEAR} if each in sys.modules])") == "[]"
    )


def test_pricing_needs_no_http_library() -> None:
    code = "import sys; from tokfluence_async import Tokfluence; print(Tokfluence('k').estimate(urls=2))"
    assert run(f"{code}; print('aiohttp' in sys.modules)") == "50\nFalse"


def test_every_public_name_has_a_docstring() -> None:
    for name in tokfluence_async.__all__:
        value = getattr(tokfluence_async, name)
        if isinstance(value, type):
            assert value.__doc__, name
            for member, each in vars(value).items():
                if not member.startswith("_") and callable(each) and not isinstance(each, type):
                    assert each.__doc__, f"{name}.{member}"
