"""`isthmus close SOURCE --out OUT` as a user meets it."""

import json
from pathlib import Path

import numpy as np
import pytest

from isthmus.closers import CCA, Centering, Pipeline, Whitening, load_closer
from isthmus.readers import read_embeddings

FEW = ("centering", "whitening", "ridge")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Auto tries three methods."""
    monkeypatch.setattr("isthmus.closers.selection.CANDIDATES", FEW)


def written(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


@pytest.mark.usefixtures("few")
def test_auto_shows_what_it_tried_takes_one_and_says_why(run, folder):  # type: ignore[no-untyped-def]
    out = folder.parent / "closed"
    result = run("close", folder, "--out", out)
    assert result.code == 0, result.err
    choice = json.loads((out / "choice.json").read_text())
    assert set(choice["methods"]) == {"open", *FEW}
    assert choice["method"] == choice["chosen"] in FEW
    for word in ("open", *FEW, "Held-out scores", "R@1 changes by"):
        assert word in result.out
    assert written(out) == ["choice.json", "closer.safetensors", "image.npy", "text.npy"]
    assert load_closer(out / "closer.safetensors").kind == choice["method"]
    before, after = (read_embeddings(place) for place in (folder, out))
    again = load_closer(out / "closer.safetensors").close(before)
    for name in before.names:
        np.testing.assert_allclose(again[name], after[name], atol=1e-6)
    assert abs(np.mean(after["image"], axis=0) - np.mean(after["text"], axis=0)).max() < 0.1


@pytest.mark.usefixtures("few")
def test_for_clustering_it_goes_by_labels(run, folder):  # type: ignore[no-untyped-def]
    labels = np.arange(30) % 3
    rows = np.eye(6)[labels] * 4 + np.load(folder / "image.npy")
    np.save(folder / "image.npy", rows)
    np.save(folder / "text.npy", rows + 9 * np.eye(6)[3])
    out = folder.parent / "closed"
    wanted = ("close", folder, "--for", "clustering", "--out", out)
    refused = run(*wanted)
    assert (refused.code, written(out) if out.exists() else []) == (2, [])
    assert "closing for clustering is judged by labels: give --labels" in refused.err
    result = run(*wanted, "--labels", folder.parent / "labels.npy")
    assert result.code == 0, result.err
    assert "V-measure" in result.out
    assert {"image.labels.npy", "text.labels.npy"} < set(written(out))


@pytest.mark.usefixtures("few")
def test_where_nothing_helps_nothing_is_written(run, folder):  # type: ignore[no-untyped-def]
    np.save(folder / "text.npy", np.load(folder / "image.npy"))  # one cloud: no gap to close
    out = folder.parent / "closed"
    result = run("close", folder, "--out", out)
    assert result.code == 1
    assert "better left as they are" in result.out
    assert not written(out)


METHODS = {
    "centering": Centering,
    "whitening:shrinkage=0.5": Whitening,
    "centering+cca:k=3": Pipeline,
    "cca": CCA,
}


@pytest.mark.parametrize(("method", "kind"), METHODS.items(), ids=METHODS)
def test_a_named_method_is_judged_and_applied(run, folder, method, kind):  # type: ignore[no-untyped-def]
    out = folder.parent / "closed"
    result = run("close", folder, "--method", method, "--out", out)
    assert result.code == 0, result.err
    assert type(load_closer(out / "closer.safetensors")) is kind
    choice = json.loads((out / "choice.json").read_text())
    assert choice["method"] == method
    assert set(choice["methods"]) == {"open", method}


def test_a_few_rows_are_closed_without_a_judgement(run, folder):  # type: ignore[no-untyped-def]
    for name in ("image", "text"):
        np.save(folder / f"{name}.npy", np.load(folder / f"{name}.npy")[:12])
    out = folder.parent / "closed"
    result = run("close", folder, "--method", "centering", "--out", out)
    assert result.code == 0, result.err
    assert "Not judged on held-out groups: cross-validation needs at least 20" in result.out
    assert json.loads((out / "choice.json").read_text()) == {"method": "centering"}


def test_fitted_on_other_rows_it_shows_before_and_after(run, folder):  # type: ignore[no-untyped-def]
    half = folder.parent / "half"
    half.mkdir()
    for name in ("image", "text"):
        np.save(half / f"{name}.npy", np.load(folder / f"{name}.npy")[:22])
    out = folder.parent / "closed"
    result = run("close", folder, "--method", "centering", "--fit-on", half, "--out", out)
    assert result.code == 0, result.err
    assert "between before and closed" in result.out
    closer = load_closer(out / "closer.safetensors")
    assert [closer.calibration_[name].count for name in ("image", "text")] == [22, 22]


def test_vectors_from_elsewhere_give_a_warning(run, folder):  # type: ignore[no-untyped-def]
    other = folder.parent / "other"
    other.mkdir()
    for name in ("image", "text"):
        np.save(other / f"{name}.npy", 5 - np.load(folder / f"{name}.npy"))
    result = run(
        *("close", folder, "--method", "centering", "--fit-on", other),
        *("--out", folder.parent / "closed"),
    )
    assert result.code == 0, result.err
    assert "Warning: the mean of 30 rows of modality 'image' lies" in " ".join(result.out.split())


def test_rows_that_match_nowhere_are_enough_for_centering(run, folder):  # type: ignore[no-untyped-def]
    np.save(folder / "text.npy", np.load(folder / "text.npy")[:17])
    out = folder.parent / "closed"
    assert run("close", folder, "--method", "centering", "--out", out).code == 2
    result = run("close", folder, "--method", "centering", "--unpaired", "--out", out)
    assert result.code == 0, result.err
    closer = load_closer(out / "closer.safetensors")
    assert [closer.calibration_[name].count for name in ("image", "text")] == [30, 17]
    assert np.load(out / "text.npy").shape == (17, 6)


REFUSED = {
    "unknown method": (["--method", "magic"], "no closer 'magic'; there are: cca, centering"),
    "near miss": (["--method", "whitenning"], "did you mean 'whitening'?"),
    "unknown parameter": (["--method", "ridge:speed=1"], "ridge has no parameter 'speed'"),
    "parameter out of range": (["--method", "whitening:shrinkage=2"], "shrinkage"),
    "labels that are not there": (["--method", "ideal-words"], "labels"),
    "a target that is not there": (["--method", "realign:to=audio"], "to='audio' is no modality"),
    "auto without pairs": (["--unpaired"], "compares methods on pairs"),
    "pairs that are not there": (["--method", "ridge", "--unpaired"], "learns from pairs"),
    "a tolerance of no sense": (["--tolerance", "7"], "0 to 1; found 7.0"),
    "a purpose that is none": (["--for", "fun"], "'fun' is not one of"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_and_nothing_is_written(run, folder, arguments, message):  # type: ignore[no-untyped-def]
    out = folder.parent / "closed"
    result = run("close", folder, "--out", out, *arguments)
    assert result.code == 2
    assert message in " ".join(result.err.replace("│", " ").split())
    assert "Traceback" not in result.err
    assert not (out.exists() and written(out))


def test_a_file_for_the_folder_is_refused(run, folder):  # type: ignore[no-untyped-def]
    result = run("close", folder, "--out", folder.parent / "closed.parquet")
    assert result.code == 2
    assert "--out is a folder" in result.err
