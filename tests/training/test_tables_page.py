"""What docs/train.md says of tables, followed word by word, with fewer steps."""

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isthmus.cli import main
from isthmus.training.checkpoint import checkpoints
from isthmus.training.recipe import Recipe
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "train.md").read_text("utf-8")
SECTION = PAGE[PAGE.index("### Tables of my own, with gaps") : PAGE.index("## What is written")]
TABLES, FUSE = re.findall(r"```python\n(.*?)```", SECTION, re.S)
(RECIPE,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.S)
COMMANDS, ERROR = re.findall(r"```\n(isthmus.*?)```", SECTION, re.S)
FEWER = [
    *("trainer.steps=4", "trainer.checkpoint_every=2", "trainer.accelerator=cpu"),
    *("data.held_out=0.08", "monitor.every=null"),
]

Run = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    Path("make_tables.py").write_text(TABLES, encoding="utf-8")
    Path("patients.yaml").write_text(RECIPE, encoding="utf-8")
    runpy.run_path("make_tables.py")

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["isthmus", *arguments])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return run


def test_the_page_can_be_followed(call: Run, capsys: pytest.CaptureFixture[str]) -> None:
    train, measure = (line.split()[1:] for line in COMMANDS.splitlines())
    fewer = [word for key in FEWER for word in ("--set", key)]
    assert call(*train, *fewer) == 0
    out = capsys.readouterr().out
    assert "4/4" in out
    assert "notes → fused" in out
    assert call(*measure) == 0
    assert "What does a linear probe read?" in capsys.readouterr().out

    weights = Path("runs/patients/weights.safetensors")
    first = weights.read_bytes()
    checkpoints(Path("runs/patients/checkpoints"))[0].unlink()
    assert call(*train, *fewer, "--resume") == 0
    assert "From step 2" in capsys.readouterr().out
    assert weights.read_bytes() == first

    Path("fuse.py").write_text(FUSE, encoding="utf-8")
    found = runpy.run_path("fuse.py")
    assert found["rows"].shape == (len(found["ids"]), 64)
    assert len(set(found["ids"].tolist())) == len(found["ids"]) > 1900
    np.testing.assert_allclose(np.linalg.norm(found["rows"], axis=1), 1, rtol=1e-5)


def test_the_page_names_the_error(call: Run, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("labs.csv")
    lines = path.read_text().splitlines()
    cells = lines[6].split(",")
    cells[1 + 3] = "high"
    lines[6] = ",".join(cells)
    path.write_text("\n".join(lines))
    assert call("train", "patients.yaml") == 2
    assert capsys.readouterr().err == ERROR
    assert not Path("runs").exists()


def test_the_recipe_that_is_shipped_is_that_of_the_page(call: Run) -> None:
    shown, shipped = map(Recipe.load, ("patients.yaml", ROOT / "recipes" / "features-comm.yaml"))
    for part in ("objective", "optimiser", "schedule", "data"):
        assert getattr(shown, part).plain() == getattr(shipped, part).plain()
    assert (shown.trainer, shown.monitor) == (shipped.trainer, shipped.monitor)
    data = shipped.data.make()
    model = [recipe.model.for_data(data).plain() for recipe in (shown, shipped)]
    assert model[0] == model[1]
