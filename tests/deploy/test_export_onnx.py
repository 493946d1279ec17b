"""The ONNX models in onnxruntime: what the closer does, and what it would refuse."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from isthmus import Embeddings, InputError
from isthmus.closers import AffineMap, Centering
from isthmus.deploy import onnx_model as module
from isthmus.deploy.onnx_model import IR, OPSET, onnx_model, usage, write_onnx
from tests.deploy.planted import (
    FORMS,
    Liar,
    Opaque,
    both,
    expected,
    planted,
    refusal,
    rows,
    some_map,
)

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def run(path: Path, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["closed"], {"embedding": x})[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_models_do_what_the_closer_does(tmp_path, form, dtype):
    closer = both(form)
    paths = write_onnx(closer, tmp_path / "out", dtype=dtype)
    assert [path.name for path in paths] == ["image.onnx", "text.onnx"]
    for path, name in zip(paths, closer.names, strict=True):
        for n in (0, 1, 7, 100):
            x = rows(n, dtype)
            z = run(path, x)
            assert z.dtype == np.float32
            np.testing.assert_allclose(z, expected(closer, name, x), atol=1e-6)


def test_the_file_says_what_it_is(tmp_path):
    (path,) = write_onnx(both("wider"), tmp_path / "one.onnx", modality="text")
    model = onnx.load(path)
    assert path == tmp_path / "one.onnx"
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    assert (OPSET, IR) == (18, 8)
    assert model.ir_version == IR
    about = {p.key: p.value for p in model.metadata_props}
    assert about["modality"] == "text"
    assert about["formula"] == "z = unit(matrix @ unit(x) + bias)"
    shapes = [
        [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [["N", 6], ["N", 9]]


@pytest.mark.parametrize(
    ("form", "numbers"), [("identity", 512), ("diagonal", 1024), ("square", 512 * 513)]
)
def test_a_matrix_is_as_small_as_it_can_be(form, numbers):
    model = onnx_model(both(form, 512), "image")
    sizes = sum(int(np.prod(values.dims)) for values in model.graph.initializer)
    assert 0 <= sizes - numbers <= 4


@pytest.mark.parametrize("form", FORMS)
def test_rows_without_direction(tmp_path, form):
    closer = both(form)
    (path,) = write_onnx(closer, tmp_path / "m.onnx", modality="image")
    x = rows(6)
    x[1], x[2, 3], x[4, 0] = 0, np.nan, np.inf
    z = run(path, x)
    np.testing.assert_array_equal(z[1], 0)
    assert np.isnan(z[[2, 4]]).all()
    good = [0, 3, 5]
    np.testing.assert_allclose(z[good], expected(closer, "image", x[good]), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-20, 1e20, 1e37])
def test_the_length_of_a_row_does_not_matter(tmp_path, scale):
    closer = both("square")
    (path,) = write_onnx(closer, tmp_path / "m.onnx", modality="image")
    x = rows(5) * np.float32(scale)
    np.testing.assert_allclose(run(path, x), expected(closer, "image", x), atol=1e-5)


def test_a_row_that_the_closer_loses_gives_zeros(tmp_path):
    point = np.repeat(np.random.default_rng(0).normal(size=(1, 16)), 20, axis=0)
    closer = Centering().fit(Embeddings({"image": point, "text": rows(20, width=16)}))
    x = np.concatenate([point[:1], rows(1, width=16)]).astype(np.float32)
    with pytest.raises(InputError, match="row 0"):
        closer.transform(x, modality="image")
    (path,) = write_onnx(closer, tmp_path / "m.onnx", modality="image")
    z = run(path, x)
    np.testing.assert_array_equal(z[0], 0)
    np.testing.assert_allclose(np.linalg.norm(z[1]), 1, atol=1e-6)
    assert np.linalg.norm(x[0] / np.linalg.norm(x[0]) + closer.as_affine("image").bias) > 0


def test_the_lines_that_are_printed_close_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    closer = both("wider")
    paths = write_onnx(closer, "out", dtype="float16")
    np.save("text.npy", rows())
    scope: dict[str, object] = {}
    exec(usage(paths[1].relative_to(paths[1].parents[1]), "text", "float16"), scope)
    np.testing.assert_allclose(scope["z"], expected(closer, "text", rows()), atol=2e-3)


def test_without_onnxruntime_the_reference_checks(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert len(write_onnx(both("diagonal"), tmp_path / "out")) == 2
    spoil(monkeypatch)
    assert "nothing was written" in refusal(lambda: write_onnx(both("diagonal"), tmp_path / "no"))


def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module._nodes
    monkeypatch.setattr(
        module, "_nodes", lambda a, b, least, half: right(a, b + 1e-3, least, half=half)
    )


def test_a_model_that_differs_is_not_put_in_place(tmp_path, monkeypatch):
    (path,) = write_onnx(both("square"), tmp_path / "m.onnx", modality="image")
    before = path.read_bytes()
    spoil(monkeypatch)
    message = refusal(lambda: write_onnx(both("square"), path, modality="image"))
    assert "the ONNX model differs from the closer by 0.00" in message
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


REFUSED = {
    "not affine": (
        lambda out: write_onnx(planted(Opaque, image=some_map("square")), out),
        "cannot be exported as one matrix and bias",
    ),
    "unknown modality": (
        lambda out: write_onnx(both("square"), out, modality="audio"),
        "not fitted on a modality 'audio'",
    ),
    "double precision": (
        lambda out: write_onnx(both("square"), out, dtype="float64"),
        "takes float32 or float16 rows; found dtype float64",
    ),
    "one file for two": (
        lambda out: write_onnx(both("square"), out / "a.onnx"),
        "would be one file for the modalities image, text",
    ),
    "a lie": (lambda out: write_onnx(planted(Liar, a=some_map("square")), out), "differs"),
    "too large": (
        lambda out: write_onnx(planted(a=AffineMap(np.ones(6) * 1e20)), out),
        "too large for single precision",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused_and_writes_nothing(tmp_path, call, message):
    assert message in refusal(lambda: call(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert "pip install 'isthmus[onnx]'" in refusal(lambda: write_onnx(both("square"), tmp_path))


def test_real_vectors(real_data, tmp_path):
    with np.load(real_data("clip_coco500") / "coco_val500_clip_vitb16.npz") as file:
        space = Embeddings({name: file[name] for name in ("image", "text")})
    closer = Centering().fit(space)
    for path, name in zip(write_onnx(closer, tmp_path), space.names, strict=True):
        closed = closer.transform(space[name], modality=name)
        np.testing.assert_allclose(run(path, space[name]), closed, atol=1e-6)
        assert path.stat().st_size < 4000
