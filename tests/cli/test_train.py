"""`isthmus train` as a user meets it."""

import sys
from pathlib import Path

import numpy as np
import pytest

from isthmus.cli import main
from tests.training.support import recipe


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["isthmus", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return run


def test_train_resume_and_measure(call, tmp_path, capsys):  # type: ignore[no-untyped-def]
    path = recipe(tmp_path, steps=4)
    assert call("train", path, "--set", "trainer.steps=3", "--set", "monitor.every=null") == 0
    out = capsys.readouterr().out
    assert "3/3" in out
    assert "gap (L2M)" in out
    assert "isthmus measure runs/recipe/embeddings" in " ".join(out.split())
    assert np.load("runs/recipe/embeddings/image.npy").shape == (6, 4)
    assert call("train", path, "--set", "trainer.steps=3") == 2
    assert "the folder runs/recipe is not empty: --resume" in capsys.readouterr().err
    assert call("train", "runs/recipe/recipe.yaml", "--resume") == 0
    assert "From step 3" in capsys.readouterr().out
    assert call("measure", "runs/recipe/embeddings") == 0


def test_resume_starts_where_there_is_nothing(call, tmp_path, capsys):  # type: ignore[no-untyped-def]
    path = recipe(tmp_path, steps=2)
    assert call("train", path, "--resume", "--out", "new") == 0
    assert "No checkpoint yet: from the start" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.yaml"], "cannot read the recipe none.yaml: No such file"),
        (["recipe.yaml", "--set", "trainer.stpes=3"], "--set: trainer.stpes: no such key"),
        (["recipe.yaml", "--out", "recipe.yaml"], "cannot write recipe.yaml"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(call, tmp_path, capsys, arguments, message):  # type: ignore[no-untyped-def]
    recipe(tmp_path, steps=2)
    assert call("train", *arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("isthmus: error: ")
    assert shown.err.count("\n") == 1
    assert message in shown.err
    assert not Path("runs").exists()
