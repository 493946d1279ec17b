"""`isthmus export`: one closer out into several stacks."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from isthmus import Embeddings
from isthmus.closers import Centering


@pytest.fixture
def export(run, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Run `isthmus export`; its exit code, output and errors."""
    monkeypatch.setenv("COLUMNS", "100")
    return partial(run, "export")


ROWS = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
SPACE = Embeddings({"image": ROWS + 1, "text": ROWS - 1})


@pytest.fixture
def closer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved closer, in the working folder, with its modalities' rows beside it."""
    monkeypatch.chdir(tmp_path)
    Centering().fit(SPACE).save("closer.safetensors")
    for name in SPACE.names:
        np.save(f"{name}.npy", SPACE[name])
    return Path("closer.safetensors")


def closed(modality: str) -> np.ndarray:
    return Centering().fit(SPACE).transform(SPACE[modality], modality=modality)


FILES = {
    "numpy": [
        *("image.matrix.npy", "image.bias.npy", "text.matrix.npy", "text.bias.npy"),
        "closer-affine.safetensors",
    ],
    "onnx": ["image.onnx", "text.onnx"],
    "torch": ["image.linear.safetensors", "text.linear.safetensors"],
}


@pytest.mark.parametrize("target", FILES)
def test_each_target_is_written_and_its_use_printed(export, closer, target):
    import torch

    code, out, err = export(closer, "--to", target, "--out", "deep/out")
    assert (code, err) == (0, "")
    assert sorted(path.name for path in Path("deep/out").iterdir()) == sorted(FILES[target])
    told, use = out.split("\nUse:\n")
    assert told == "Written: " + ", ".join(f"deep/out/{name}" for name in FILES[target])
    scope: dict[str, object] = {"x": torch.from_numpy(SPACE["image"])}
    exec(use, scope)
    np.testing.assert_allclose(scope["z"], closed("image"), atol=1e-6)


@pytest.mark.parametrize(
    ("target", "options"), [("numpy", ()), ("onnx", ("--dtype", "float16")), ("torch", ())]
)
def test_one_modality(export, closer, target, options):
    import torch

    code, out, _ = export(closer, "--to", target, "--out", "out", "--modality", "text", *options)
    assert code == 0
    assert not any("image" in path.name for path in Path("out").iterdir())
    scope: dict[str, object] = {"x": torch.from_numpy(SPACE["text"])}
    exec(out.split("\nUse:\n")[1], scope)
    np.testing.assert_allclose(scope["z"], closed("text"), atol=2e-3)


def test_a_file_of_one_modality(export, closer):
    code, out, _ = export(closer, "--to", "onnx", "--out", "deep/text.onnx", "--modality", "text")
    assert code == 0
    assert out.startswith("Written: deep/text.onnx\n")
    assert [str(path) for path in Path("deep").iterdir()] == ["deep/text.onnx"]


def test_sql_goes_to_standard_output_or_a_file(export, closer):
    code, out, err = export(
        closer, "--to", "sql", "--table", "t", "--column", "e", "--modality-column", "m"
    )
    assert (code, err) == (0, "")
    assert "UPDATE" in out
    code, told, _ = export(
        closer,
        *("--to", "sql", "--table", "t", "--column", "e", "--modality-column", "m"),
        *("--out", "deep/close.sql"),
    )
    assert code == 0
    assert told.startswith("Written: deep/close.sql\n")
    assert Path("deep/close.sql").read_text(encoding="utf-8").strip() == out.strip()


def test_sql_options_reach_it(export, closer):
    code, out, _ = export(
        closer,
        *("--to", "sql", "--table", "t", "--column", "e", "--modality", "text", "--schema", "s"),
        *("--target-column", "c", "--prefix", "p", "--halfvec"),
    )
    assert code == 0
    assert all(name in out for name in ('"s"."t"', '"c" halfvec(6)', '"p_text"'))


REFUSED = {
    "unknown target": (("--to", "caffe", "--out", "o"), "cannot export to 'caffe'; there are: n"),
    "no place": (("--to", "onnx"), "--to onnx needs --out"),
    "another target's option": (
        ("--to", "onnx", "--out", "o", "--table", "t"),
        "--table is no option of --to onnx, which takes --modality, --dtype",
    ),
    "a dtype for torch": (("--to", "torch", "--out", "o", "--dtype", "float16"), "--dtype is no"),
    "no table": (("--to", "sql", "--out", "o.sql"), "--to sql needs --table, --column"),
    "no model": (("--to", "open_clip", "--out", "o.safetensors"), "--to open_clip needs --model"),
    "unknown modality": (
        ("--to", "numpy", "--out", "o", "--modality", "audio"),
        "not fitted on a modality 'audio'; it knows image, text",
    ),
    "unknown dtype": (
        ("--to", "onnx", "--out", "o", "--dtype", "int8"),
        "takes float32 or float16 rows; found dtype int8",
    ),
    "a file for two": (("--to", "onnx", "--out", "o.onnx"), "one file for the modalities image, t"),
    "a closed model without weights": (
        ("--to", "open_clip", "--out", "o.safetensors", "--model", "ViT-B-32"),
        "name them with --pretrained",
    ),
    "no folder of that name": (("--to", "numpy", "--out", "image.npy/o"), "cannot write"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused_in_one_line_and_writes_nothing(export, closer, arguments, message):
    before = sorted(Path().rglob("*"))
    code, out, err = export(closer, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


def test_a_file_that_is_no_closer_is_refused(export, closer):
    code, _, err = export("image.npy", "--to", "numpy", "--out", "o")
    assert (code, err.count("\n")) == (2, 1)
    assert not Path("o").exists()


@pytest.mark.parametrize(
    ("target", "package", "told"),
    [
        ("onnx", "onnx", "pip install 'isthmus[onnx]'"),
        ("torch", "torch", "pip install 'isthmus[train]'"),
        ("open_clip", "open_clip", "pip install 'isthmus[open_clip]'"),
    ],
)
def test_a_missing_package_is_named(export, closer, monkeypatch, target, package, told):
    monkeypatch.setitem(sys.modules, package, None)
    out: tuple[str, ...] = ("--out", "o")
    if target == "open_clip":
        out = ("--out", "o.safetensors", "--model", "ViT-B-32", "--pretrained", "openai")
    code, _, err = export(closer, "--to", target, *out)
    assert code == 2
    assert told in err
