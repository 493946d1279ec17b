"""`isthmus calibrate`: tables on the terminal, a file, a page, refusals in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from isthmus import InputError
from isthmus.calibration import load_calibration
from isthmus.cli.calibrate import calibrate
from isthmus.closers import Centering
from tests.calibration.made import space

BASE = space(120, texts=2, gap=2, width=12)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    arrays = {name: x.astype(np.float32) for name, x in BASE.arrays.items()}
    groups = {f"{name}.groups": BASE.groups[name] for name in BASE.names}
    np.savez(tmp_path / "space.npz", **arrays, **groups)
    return tmp_path / "space.npz"


@pytest.fixture
def run(tmp_path, monkeypatch):
    app = typer.Typer()
    app.command()(calibrate)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> str:
        """What is printed, with single spaces; errors are raised."""
        out = [] if "--out" in arguments else ["--out", tmp_path / "c.safetensors"]
        found = CliRunner().invoke(app, [str(a) for a in (*arguments, *out)])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        assert found.exit_code == 0, found.output
        return " ".join(found.output.split())

    return call


def test_everything_is_written_and_says_the_same(run, source, tmp_path):
    page, path = tmp_path / "c.html", tmp_path / "c.json"
    out = run(source, "--html", page, "--json", path, "--recall", 0.8)
    loaded = load_calibration(tmp_path / "c.safetensors")
    cut = loaded.cut_off("image", "text", recall=0.8)
    assert f"from a cosine of {cut.threshold:.3f} on" in out
    assert "image→text query" in out
    content = json.loads(path.read_text())
    assert content["cut_offs"][0]["threshold"] == cut.threshold
    assert content["findings"][0] in out
    assert "<h1>Score calibration</h1>" in page.read_text()
    assert {each["target"] for each in content["cut_offs"]} == {"recall", "false positives"}


def test_candidates_are_the_prior(run, source, tmp_path):
    out = run(source, "--candidates", 5000, "--precision", 0.5)
    assert "one match among 5,000 candidates" in out
    assert load_calibration(tmp_path / "c.safetensors").of("text", "image").prior == 1 / 5000


def test_a_saved_closer_is_applied_first(run, source, tmp_path):
    Centering().fit(BASE).save(tmp_path / "closer.safetensors")
    run(source, "--closer", tmp_path / "closer.safetensors")
    loaded = load_calibration(tmp_path / "c.safetensors")
    assert loaded.closer == "centering"
    assert abs(loaded.of("text", "text").evidence.means[1]) < 0.1


def test_rows_that_are_not_known_to_match(run, tmp_path):
    for name, rows in (("image", 60), ("text", 90)):
        np.save(tmp_path / f"{name}.npy", BASE[name][:rows])
    sources = [f"{name}={tmp_path / name}.npy" for name in ("image", "text")]
    out = run(*sources, "--unpaired", "--false-positives", 0.05)
    assert "image–text: no known matches" in out
    assert "false positives 0.05" in out
    with pytest.raises(InputError, match="give groups"):
        run(*sources)


def test_a_type_with_few_matches_does_not_stop_the_others(run, tmp_path):
    groups = {"image": np.arange(150), "text": np.arange(150)}
    groups["text"][:24] = np.repeat(np.arange(12), 2)  # 12 groups of two texts
    arrays = {name: BASE["image"][np.arange(150) % 120] for name in groups}
    rng = np.random.default_rng(0)
    noisy = {name: x + rng.normal(size=x.shape) for name, x in arrays.items()}
    np.savez(tmp_path / "few.npz", **noisy, **{f"{n}.groups": g for n, g in groups.items()})
    out = run(tmp_path / "few.npz", "--recall", 0.95)
    assert "text–text, cosine: a recall of 0.95 needs 19 matches" in out
    assert "image–text, recall 0.95: from a cosine of" in out


REFUSED = {
    "nothing there": (["{tmp}/no.npz"], "no such file"),
    "recall": (["{source}", "--recall", "1.5"], "recall must lie strictly between 0 and 1"),
    "unreachable": (["{source}", "--recall", "0.9999"], "needs 9999 matches"),
    "candidates": (["{source}", "--candidates", "1"], "--candidates counts at least two"),
    "method": (["{source}", "--method", "magic"], "no method 'magic'"),
    "folder": (["{source}", "--out", "{tmp}"], "--out is a file"),
    "no place": (["{source}", "--html", "/proc/none/c.html"], "cannot write"),
    "no closer": (["{source}", "--closer", "{source}"], " as a closer: "),
    "unmatched": (["{source}", "--unpaired", "--recall", "0.9"], "--unpaired knows no matches"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused_and_leaves_no_file(run, source, tmp_path, arguments, message):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError) as caught:
        run(*(each.format(tmp=tmp_path, source=source) for each in arguments))
    assert message in " ".join(str(caught.value).split())
    assert sorted(tmp_path.iterdir()) == before
