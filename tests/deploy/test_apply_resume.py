"""A run that was killed goes on, and what it leaves is what one that was not leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus import Embeddings, InputError
from isthmus.closers import Centering
from isthmus.deploy import apply_job, apply_sink, parquet_sink
from isthmus.deploy.apply import apply
from isthmus.deploy.apply_partial import Partial
from isthmus.readers import read_raw
from tests.deploy.apply_spaces import ROWS, WIDTH, fitted, rows, save_folder

TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply_sink, "_BLOCK_BYTES", 8 * 4 * WIDTH)
    monkeypatch.setattr(parquet_sink, "_GROUP_BLOCKS", 4)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    ids = np.array([f"item {k}" for k in range(ROWS)])
    arrays = {"image": rows(0, dtype="float16"), "text": rows(1, dtype="float16")}
    return save_folder(tmp_path / "open", arrays | {"image.groups": ids, "text.groups": ids})


def contents(out: Path) -> dict[str, bytes]:
    """Name → bytes of everything there, hidden files too."""
    files = [out] if out.is_file() else sorted(p for p in out.rglob("*") if p.is_file())
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.parametrize("place", ["closed", "closed.parquet", "closed.lance"])
def test_killed_at_any_moment_and_repeated_gives_the_same(tmp_path, source, place):
    if place.endswith(".lance"):
        pytest.importorskip("lancedb")
    script = [sys.executable, str(TESTS / "deploy" / "apply_killed.py")]
    ran = subprocess.run(
        [*script, str(source), place, str(tmp_path / "runs")],
        env=os.environ | {"PYTHONPATH": str(TESTS.parent), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    apply(fitted(), source, tmp_path / place)
    found: dict[str, Any] = json.loads(ran.stdout)
    for moment, (ended, resumed) in found.items():
        assert ended == -signal.SIGKILL, moment
        out = tmp_path / "runs" / moment / place
        assert [path.name for path in out.parent.iterdir()] == [place], moment
        if place.endswith(".lance"):
            got, want = (read_raw(path) for path in (out, tmp_path / place))
            for name, x in want.arrays.items():
                np.testing.assert_array_equal(got.arrays[name], x)
                assert got.groups is not None
                assert got.groups[name].tolist() == read_raw(source).groups[name].tolist()
        else:
            assert contents(out) == contents(tmp_path / place), moment
        if moment == "before the first portion":
            assert resumed == 0
        elif moment in ("before moving", "after the first move"):
            assert resumed == 2 * ROWS
        elif "note" in moment:
            assert 0 < resumed < 2 * ROWS, moment


class StopError(Exception):
    """Ends a run from within."""


def stopped(monkeypatch: pytest.MonkeyPatch, call: Any, *, after: int = 5) -> None:
    """A run that ends after some portions, which are noted."""
    original, calls = apply_job._Notes.take, [0]

    def take(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        self.wait()
        calls[0] += 1
        if calls[0] == after:
            raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(apply_job, "CHECKPOINT_SECONDS", 0)
        patch.setattr(apply_job._Notes, "take", take)
        with pytest.raises(StopError):
            call()


def other_closer() -> Centering:
    return Centering().fit(Embeddings({"image": rows(4), "text": rows(5)}))


CHANGES = {
    "closer": lambda source, out: apply(other_closer(), source, out),
    "dtype": lambda source, out: apply(fitted(), source, out, dtype="float32"),
    "choice of arrays": lambda source, out: apply(fitted(), source, out, modalities=["image"]),
    "state of the source": lambda source, out: (
        np.save(source / "image.npy", rows(6, dtype="float16")),
        apply(fitted(), source, out),
    ),
}


@pytest.mark.parametrize("place", ["closed", "closed.parquet"])
@pytest.mark.parametrize("what", CHANGES)
def test_another_run_is_not_mixed_with_one_that_was_stopped(
    tmp_path, monkeypatch, source, place, what
):
    out = tmp_path / place
    stopped(monkeypatch, lambda: apply(fitted(), source, out))
    with pytest.raises(InputError, match=f"unfinished run with another {what}: .*--fresh"):
        CHANGES[what](source, out)
    done = apply(fitted(), source, out, fresh=True)
    assert done.resumed == 0
    apply(fitted(), source, tmp_path / "want" / place)
    assert contents(out) == contents(tmp_path / "want" / place)


@pytest.mark.parametrize("place", ["closed", "closed.parquet"])
def test_nothing_half_written_stands_in_its_place(tmp_path, monkeypatch, source, place):
    out = tmp_path / place
    stopped(monkeypatch, lambda: apply(fitted(), source, out))
    partial = Partial(out, is_folder=place == "closed").folder
    assert partial.name.startswith(".")
    assert (partial / "state.json").stat().st_size < 20_000
    assert [p.name for p in out.iterdir()] == [".partial"] if out.exists() else True
    done = apply(fitted(), source, out)
    assert 0 < done.resumed < 2 * ROWS
    assert not partial.exists()
    drift = fitted().drift(rows(0, dtype="float16"), modality="image")
    assert done.drift["image"].shift == pytest.approx(drift.shift, rel=1e-4)


@pytest.mark.parametrize("place", ["closed", "closed.parquet"])
@pytest.mark.parametrize("damage", ["shorter", "missing", "state"])
def test_a_damaged_partial_file_is_begun_anew_or_refused(
    tmp_path, monkeypatch, source, place, damage
):
    out = tmp_path / place
    stopped(monkeypatch, lambda: apply(fitted(), source, out))
    partial = Partial(out, is_folder=place == "closed").folder
    (data,) = (p for p in partial.iterdir() if p.stem in ("image", "table"))
    if damage == "state":
        (partial / "state.json").write_text("{")
        with pytest.raises(InputError, match="--fresh"):
            apply(fitted(), source, out)
        return
    if damage == "shorter":
        os.truncate(data, 100)
    else:
        data.unlink()
    assert apply(fitted(), source, out).resumed == 0
    apply(fitted(), source, tmp_path / "want" / place)
    assert contents(out) == contents(tmp_path / "want" / place)


def test_a_row_that_is_refused_after_going_on_has_its_number(tmp_path, monkeypatch, source):
    x = rows(0, dtype="float16")
    x[190, 3] = np.nan
    np.save(source / "image.npy", x)
    stopped(monkeypatch, lambda: apply(fitted(), source, tmp_path / "closed"))
    with pytest.raises(InputError, match="modality 'image' has NaN or infinity in row 190"):
        apply(fitted(), source, tmp_path / "closed")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["open"]


def test_two_at_once_are_refused(tmp_path, source):
    pytest.importorskip("fcntl")
    with (
        Partial(tmp_path / "closed", is_folder=True).locked(),
        pytest.raises(InputError, match="another process writes to"),
    ):
        apply(fitted(), source, tmp_path / "closed")


def test_the_disk_is_told_now_and_then(tmp_path, monkeypatch, source):
    monkeypatch.setattr(apply_job, "CHECKPOINT_SECONDS", 1e9)
    noted = []
    monkeypatch.setattr(Partial, "save", lambda self, state: noted.append(state["finished"]))
    apply(fitted(), source, tmp_path / "seldom")
    assert noted == [True]
    monkeypatch.setattr(apply_job, "CHECKPOINT_BYTES", 1)
    apply(fitted(), source, tmp_path / "often")
    assert len(noted) > 2


def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, source):
    original = apply_job._Notes.take

    def take(self: Any, *arguments: Any) -> None:
        time.sleep(0.01)
        np.save(source / "image.npy", rows(4, dtype="float16"))
        original(self, *arguments)

    monkeypatch.setattr(apply_job._Notes, "take", take)
    with pytest.raises(InputError, match=r"image.npy has changed while it was read"):
        apply(fitted(), source, tmp_path / "closed")
