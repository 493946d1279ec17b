"""Matrix and bias as files: what three lines of numpy make of them is what the closer does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from isthmus import Embeddings
from isthmus.arrays import unit_rows
from isthmus.closers import AffineMap, Centering
from isthmus.deploy import maps, numpy_files
from isthmus.deploy.maps import affine_map, check_equal
from isthmus.deploy.numpy_files import usage, write_numpy
from tests.deploy.planted import (
    FORMS,
    Liar,
    Opaque,
    Planted,
    both,
    expected,
    planted,
    refusal,
    rows,
    some_map,
)
from tests.strategies import seeds


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_hold_what_the_closer_does(tmp_path, form, dtype):
    closer = both(form)
    paths = write_numpy(closer, tmp_path / "deep" / "out", dtype=dtype)
    assert sorted(paths) == sorted((tmp_path / "deep" / "out").iterdir())
    with safe_open(tmp_path / "deep" / "out" / "closer-affine.safetensors", "numpy") as file:
        assert file.metadata()["formula"] == "z = unit(matrix @ unit(x) + bias)"
        together = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name in closer.names:
        matrix, bias = (
            np.load(tmp_path / "deep" / "out" / f"{name}.{part}.npy") for part in ("matrix", "bias")
        )
        assert matrix.dtype == bias.dtype == dtype
        np.testing.assert_array_equal(together[f"{name}.matrix"], matrix)
        np.testing.assert_array_equal(together[f"{name}.bias"], bias)
        z = rows(dtype="float64") / np.linalg.norm(rows(dtype="float64"), axis=1, keepdims=True)
        z = z @ matrix.T + bias
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        np.testing.assert_allclose(
            z, expected(closer, name, rows(dtype="float64")), atol=1e-6 if dtype[-2:] == "32" else 0
        )
    assert len(together) == 4


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_lines_that_are_printed_close_rows(tmp_path, monkeypatch, dtype):
    monkeypatch.chdir(tmp_path)
    space = Embeddings({"image": rows(40) + 2, "text": rows(41)[:40] - 2})
    closer = Centering().fit(space)
    write_numpy(closer, "out")
    np.save("text.npy", space["text"].astype(dtype))
    scope: dict[str, object] = {}
    exec(usage(Path("out"), "text"), scope)
    closed = closer.transform(space["text"].astype(dtype), modality="text")
    np.testing.assert_allclose(scope["z"], closed, atol=2e-6)


def test_one_modality_alone(tmp_path):
    paths = write_numpy(both("wider"), tmp_path, modality="text")
    assert [path.name for path in paths] == [
        "text.matrix.npy",
        "text.bias.npy",
        "closer-affine.safetensors",
    ]
    assert np.load(tmp_path / "text.matrix.npy").shape == (9, 6)


@given(seeds, st.integers(1, 8))
def test_the_lightest_form_is_the_same_map(seed, width):
    rng = np.random.default_rng(seed)
    bias = rng.normal(size=width)
    diagonal = rng.integers(0, 3, width).astype(float)
    full = rng.normal(size=(width, width))
    for matrix in (None, diagonal, full):
        given_map = AffineMap(bias, matrix)
        found = affine_map(planted(a=given_map, b=given_map), "a")
        np.testing.assert_array_equal(found.affine.matrix, given_map.affine.matrix)
        if matrix is None or (diagonal == 1).all():
            assert matrix is full or found.matrix is None
        elif matrix is diagonal:
            assert found.matrix is not None
            assert found.matrix.shape == (width,)


NAMES = {"a/b": "cannot name a file", ".hidden": "cannot name a file", "a\\b": "cannot name a file"}
BAD = some_map("square").affine

REFUSED = {
    "not affine": (
        lambda out: write_numpy(planted(Opaque, image=some_map("square")), out),
        "modality 'image' cannot be exported as one matrix and bias",
    ),
    "unknown modality": (
        lambda out: write_numpy(both("square"), out, modality="audio"),
        "not fitted on a modality 'audio'; it knows image, text",
    ),
    "half precision": (
        lambda out: write_numpy(both("square"), out, dtype="float16"),
        "hold float32 or float64; found dtype float16",
    ),
    "a file": (lambda out: write_numpy(both("square"), out / "a.npy"), "go to a folder"),
    "not fitted": (lambda out: write_numpy(Planted(), out), "not fitted yet"),
    "beyond single precision": (
        lambda out: write_numpy(planted(image=AffineMap(BAD.bias * 1e39, BAD.matrix)), out),
        "the bias of modality 'image' holds numbers too large for single precision",
    ),
    "NaN": (
        lambda out: write_numpy(planted(image=AffineMap(BAD.bias, BAD.matrix * np.nan)), out),
        "the matrix of modality 'image' holds numbers too large",
    ),
    "another map than the closer's": (
        lambda out: write_numpy(planted(Liar, image=some_map("square")), out),
        "differs from the closer by",
    ),
} | {
    f"a modality called {name}": (
        lambda out, n=name: write_numpy(planted(**{n: some_map("square")}), out),
        message,
    )
    for name, message in NAMES.items()
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused_and_writes_nothing(tmp_path, call, message):
    assert message in refusal(lambda: call(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_defect_in_what_is_written_is_found_before_it_is(tmp_path, monkeypatch):
    right = numpy_files.apply
    monkeypatch.setattr(
        numpy_files, "apply", lambda x, matrix, bias: right(x, matrix, bias + np.float32(1e-3))
    )
    assert "nothing was written" in refusal(lambda: write_numpy(both("square"), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_rounding_is_allowed_for_where_the_map_nearly_cancels():
    bias = np.array([1 - 1e-4, 0.0])
    closer = planted(a=AffineMap(bias))
    near = np.array([[-1.0, 1e-5]], dtype=np.float32)
    closed = unit_rows(unit_rows(near) + (bias * (1 + 1e-7)).astype(np.float32))
    check_equal(closer, "a", near, closed, "it")
    with pytest.raises(maps.InputError, match="differs"):
        check_equal(closer, "a", rows(2, width=2), -rows(2, width=2), "it")
    with pytest.raises(maps.InputError, match="shape"):
        check_equal(closer, "a", near, closed[:, :1], "it")


def test_a_drifted_closer_does_not_warn_when_it_is_exported(tmp_path):
    rng = np.random.default_rng(0)
    far = rng.normal(size=(60, 6)) * 0.01 + np.eye(6)[0]
    closer = Centering().fit(Embeddings({"image": far, "text": -far}))
    assert closer.as_affine("image").bias[0] < -0.9
    assert len(write_numpy(closer, tmp_path)) == 5
