"""Cells that are trained side by side are those that are trained one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from isthmus.errors import InputError
from isthmus.papers import Setting, reproduce
from isthmus.papers.bench import CELLS, Bench
from isthmus.papers.cell import Cell
from isthmus.papers.together import train_together
from isthmus.papers.trained import DONE, Trained
from tests.papers.tiny import ROWS, Tiny, cell, trainings

__all__ = ["trainings"]


def ended(found: Trained) -> Mapping[str, Any]:
    """A measure that only the first process lives to tell, as when memory runs out."""
    if (found.folder.parent / "main").read_text("utf-8") != str(os.getpid()):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"gap": 0.0, "items": 1}


def asleep(found: Trained) -> Mapping[str, Any]:
    """A measure that takes long, and whose file is locked for as long as its process lives."""
    with FileLock(found.folder / "asleep"):
        (found.folder / "begun").touch()
        time.sleep(300)
    return {}


def train_for_long(out: str) -> None:
    """Two cells side by side, to be killed."""
    cells = [Cell(c.row, c.seed, c.recipe, {"asleep-1": asleep}) for c in map(cell, ROWS)]
    train_together(cells, Path(out), jobs=2)


class Ended(Tiny):
    """Cells whose processes end while they measure."""

    def cells(self, setting: Setting) -> Sequence[Cell]:
        return [Cell(c.row, c.seed, c.recipe, {"gap-1": ended}) for c in super().cells(setting)]


class Missing(Tiny):
    """Cells whose data are missing."""

    def cells(self, setting: Setting) -> Sequence[Cell]:
        data = {"class": "CIFAR10", "root": "nowhere", "download": False}
        return [cell(row, data=data) for row in ("CLIP", "closing")]


def test_side_by_side_is_the_same_as_one_after_the_other(
    tmp_path: Path, trainings: list[tuple[str, bool]]
) -> None:
    setting = Setting("cpu", 2)
    (both,), _ = reproduce([Tiny()], setting, tmp_path / "both", jobs=2)
    assert trainings == []  # none in this process
    (one,), _ = reproduce([Tiny()], setting, tmp_path / "one")
    assert len(trainings) == 4
    assert both.values.values == one.values.values
    for folder in (path for path in (tmp_path / "one" / CELLS).iterdir() if path.is_dir()):
        for name in ("run/weights.safetensors", "run/metrics.csv", "gap-1.json"):
            other = tmp_path / "both" / CELLS / folder.name / name
            assert other.read_bytes() == (folder / name).read_bytes()


def test_nothing_is_begun_where_all_is_finished_or_one_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.papers.together.ProcessPoolExecutor", None)
    cells = [cell("CLIP"), cell("closing")]
    found = Bench(tmp_path).train(cells[:1])[0]
    found.numbers("gap-1")
    train_together(cells, tmp_path, jobs=2)
    assert not (tmp_path / CELLS / cells[1].key / DONE).exists()
    (found.folder / "gap-1.json").unlink()
    with pytest.raises(TypeError):  # what it measures is left, too
        train_together(cells, tmp_path, jobs=2)


def test_what_fails_in_a_process_is_told_of_where_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        reproduce([Missing()], Setting("cpu", 1), tmp_path / "out", jobs=2)
    out = tmp_path / "ended"
    (out / CELLS).mkdir(parents=True)
    (out / CELLS / "main").write_text(str(os.getpid()))
    results, _ = reproduce([Ended()], Setting("cpu", 1), out, jobs=2, resume=True)
    assert results[0].values.mean("CLIP", "items") == 1


def test_no_process_outlives_the_one_that_began_it(tmp_path: Path) -> None:
    code = f"from {__name__} import train_for_long; train_for_long({str(tmp_path)!r})"
    folders = [tmp_path / CELLS / cell(row).key for row in ROWS]
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2]) as first:
        while not all((folder / "begun").exists() for folder in folders):
            assert first.poll() is None
            time.sleep(0.1)
        first.kill()
    for folder in folders:
        FileLock(folder / "asleep").acquire(timeout=60).lock.release()


@pytest.mark.parametrize("jobs", [0, -1])
def test_at_least_one_at_a_time(tmp_path: Path, jobs: int) -> None:
    with pytest.raises(InputError, match=f"--jobs must be at least 1; found {jobs}"):
        reproduce([Tiny()], Setting("cpu", 1), tmp_path / "out", jobs=jobs)
