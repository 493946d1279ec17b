"""Imports go down the list of layers only, and nothing above `objectives` imports torch."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import isthmus

ROOT = Path(isthmus.__file__).parent
LAYERS = (
    *(
        "errors",
        "progress",
        "processors",
        "arguments",
        "arrays",
        "matching",
        "files",
        "checks",
        "embeddings",
        "resampling",
    ),
    *("readers", "doctor", "metrics"),
    *(
        "objectives",
        "closers",
        "calibration",
        "deploy",
        "report",
        "testing",
        "models",
        "datasets",
        "training",
        "integrations",
        "papers",
        "demo",
        "cli",
    ),
)
TORCH_FROM = LAYERS.index("objectives")
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports, its own package's layers as `isthmus.LAYER`."""
    found = set()
    package = ("isthmus", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_from_layers_above(path: Path) -> None:
    own = LAYERS.index(layer(path))
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "isthmus" and len(parts) > 1 and parts[1] in LAYERS:
            assert LAYERS.index(parts[1]) <= own, f"{path.name} imports {name}"
        if parts[0] in ("torch", "lightning"):
            assert own >= TORCH_FROM, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_is_short_enough_to_hold_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    return result.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import isthmus",
        "import isthmus; isthmus.Embeddings; isthmus.measure; isthmus.closers.Centering",
        "from isthmus.cli.main import app; import isthmus.readers",
    ],
)
def test_the_core_imports_neither_torch_nor_plotly(code: str) -> None:
    heavy = "[m for m in ('torch', 'lightning', 'plotly', 'pandas') if m in sys.modules]"
    assert run(f"import sys; {code}; print({heavy})") == "[]"


def test_every_public_name_can_be_had_and_no_other() -> None:
    for name in isthmus.__all__:
        assert getattr(isthmus, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = isthmus.nothing_such  # type: ignore[attr-defined]
