"""The command as a user meets it."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from isthmus.cli import main


class Result(NamedTuple):
    """What one run of the command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run the command; its exit code, output and errors."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["isthmus", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images and texts, 30 of each with a gap, and labels beside the folder."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(30, 6)).astype(np.float32)
    path = tmp_path / "vectors"
    path.mkdir()
    np.save(path / "image.npy", image)
    np.save(path / "text.npy", image + 2)
    np.save(tmp_path / "labels.npy", np.arange(30) % 3)
    return path
