import json
from pathlib import Path

import pytest
from rich.console import Console

from isthmus.closers import load_closer
from isthmus.demo import run as demo_run
from isthmus.demo import run_demo
from isthmus.metrics.measure import measure
from isthmus.metrics.measurement import Measurement
from isthmus.readers import read_sets

TINY = demo_run.Size(
    scans=150, train_variants=1, test_variants=1, steps=6, batch_size=32, measure_every=3
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    patch = pytest.MonkeyPatch()
    patch.setattr(demo_run, "QUICK", TINY)
    folders = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    try:
        for folder in folders:
            run_demo(folder, seed=5, quick=True, console=Console(quiet=True))
    finally:
        patch.undo()
    return folders


def test_same_seed_gives_the_same_results(runs: tuple[Path, Path]) -> None:
    first, second = (folder / "results.json" for folder in runs)
    assert first.read_bytes() == second.read_bytes()


def test_every_promised_file_is_there(runs: tuple[Path, Path]) -> None:
    names = {p.name for p in runs[0].iterdir()}
    assert names == {
        *("report.html", "results.json", "results.parquet", "closer.safetensors"),
        *("embeddings", "checkpoints"),
    }
    checkpoints = {p.name for p in (runs[0] / "checkpoints").iterdir()}
    assert checkpoints == {
        f"{name}.{ending}" for name in demo_run.OBJECTIVES for ending in ("ckpt", "safetensors")
    }


def test_written_embeddings_measure_as_reported(runs: tuple[Path, Path]) -> None:
    reported = json.loads((runs[0] / "results.json").read_text())["measurements"]
    sets = read_sets(runs[0] / "embeddings")
    assert set(sets) == set(reported)
    for name, space in sets.items():
        assert measure(space, seed=5).to_dict() == reported[name]


def test_saved_closer_closes_the_open_model(runs: tuple[Path, Path]) -> None:
    sets = read_sets(runs[0] / "embeddings")
    closed = load_closer(runs[0] / "closer.safetensors").close(sets["clip-learnable"])
    again = measure(sets["clip-learnable-closed"])
    assert measure(closed).to_dict() == again.to_dict()


def test_learnable_temperature_moved_and_fixed_ones_did_not(runs: tuple[Path, Path]) -> None:
    training = json.loads((runs[0] / "results.json").read_text())["training"]
    temperatures = {name: [r["temperature"] for r in records] for name, records in training.items()}
    assert len(set(temperatures["clip-learnable"])) == 3
    assert set(temperatures["clip-fixed"]) == set(temperatures["close-gap"]) == {0.1}


def test_story_says_the_opposite_where_the_numbers_do() -> None:
    from dataclasses import replace

    from isthmus.demo.story import demo_findings
    from tests.report.test_report import space

    def with_v(measurement: Measurement, v: float) -> Measurement:
        assert measurement.clustering is not None
        return replace(measurement, clustering=replace(measurement.clustering, v_measure=v))

    wide, narrow = with_v(measure(space(4.0)), 0.2), with_v(measure(space(0.0)), 0.9)
    told = demo_findings(wide, narrow, narrow, narrow)
    assert "leaves a gap" in told[0]
    assert "V-measure rises" in told[2]
    reverse = demo_findings(narrow, wide, wide, wide)
    assert "did not open the gap" in reverse[0]
    assert "V-measure falls" in reverse[2]
    assert "did not set clustering apart" in demo_findings(narrow, narrow, narrow, narrow)[3]
