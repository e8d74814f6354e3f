from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tokfluence_async.sandbox as package

ROOT = Path(package.__file__).parent
MODULES = sorted(ROOT.glob("*.py"))


def imported(module: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0
            found.add(node.module)
    return found


def test_every_public_name_is_there() -> None:
    assert sorted(package._HOMES) == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = package.nothing_of_that_name


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_the_sandbox_shares_nothing_with_the_rest(module: Path) -> None:
    names = imported(module)
    ours = {name for name in names if name.startswith("tokfluence_async")}
    assert all(name.startswith("tokfluence_async.sandbox") for name in ours)
    assert module.name == "app.py" or not any(name.startswith("aiohttp") for name in names)
    assert len(module.read_text().splitlines()) <= 350
