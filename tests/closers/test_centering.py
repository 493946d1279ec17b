from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from isthmus import Embeddings, InputError, arrays, measure
from isthmus.closers import KINDS, Centering, load_closer
from isthmus.closers.base import FORMAT
from tests.reference.gap import unit
from tests.strategies import rotation, seeds

KIND = {"format": FORMAT, "kind": "centering"}


def gapped(seed: int = 0, n: int = 40, width: int = 6) -> Embeddings:
    rng = np.random.default_rng(seed)
    return Embeddings(
        {
            "image": rng.normal(size=(n, width)) + rng.normal(size=width),
            "text": rng.normal(size=(n, width)) - rng.normal(size=width),
        }
    )


def one_line_refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_transform_is_centred_unit_rows(seed, n, width):
    space = gapped(seed, n, width)
    closer = Centering().fit(space)
    for name, x in space.arrays.items():
        centred = unit(x) - unit(x).mean(axis=0)
        np.testing.assert_allclose(centred.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(
            closer.transform(x, modality=name), unit(centred), rtol=1e-7, atol=1e-9
        )


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_the_mean_of_calibration_data_goes_to_the_origin(seed, n, width):
    space = gapped(seed, n, width)
    closer = Centering().fit(space)
    for name, x in space.arrays.items():
        matrix, bias = closer.as_affine(name)
        np.testing.assert_allclose((unit(x) @ matrix.T + bias).mean(axis=0), 0, atol=1e-12)


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_the_affine_map_is_the_transform_once_normalised(seed, n, width):
    space = gapped(seed, n, width)
    closer = Centering().fit(space)
    for name, x in space.arrays.items():
        matrix, bias = closer.as_affine(name)
        np.testing.assert_allclose(
            unit(unit(x) @ matrix.T + bias), closer.transform(x, modality=name), atol=1e-9
        )


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_inverse_transform_gives_the_unit_rows_back(seed, n, width):
    space = gapped(seed, n, width)
    closer = Centering().fit(space)
    for name, x in space.arrays.items():
        closed = closer.transform(x, modality=name)
        back = closer.inverse_transform(closed, modality=name)
        np.testing.assert_allclose(back, unit(x), atol=1e-9)


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_inverse_transform_of_any_rows_is_a_right_inverse(seed, n, width):
    closer = Centering().fit(gapped(seed, n, width))
    z = np.random.default_rng(seed + 1).normal(size=(5, width))
    back = closer.inverse_transform(z, modality="text")
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(closer.transform(back, modality="text"), unit(z), atol=1e-7)


@given(seeds, st.integers(2, 9))
def test_a_rotated_space_closes_to_the_rotated_result(seed, width):
    space = gapped(seed, 20, width)
    turn = rotation(width, seed)
    turned = space.map(lambda _, x: x @ turn)
    closed, closed_turned = (Centering().fit(s).close(s) for s in (space, turned))
    for name in space.names:
        np.testing.assert_allclose(closed[name] @ turn, closed_turned[name], atol=1e-7)


@given(seeds, seeds)
def test_lengths_of_rows_do_not_matter(seed, other):
    space = gapped(seed, 10, 4)
    rng = np.random.default_rng(other)
    longer = space.map(lambda _, x: x * 10 ** rng.uniform(-9, 9, (len(x), 1)))
    closed, closed_longer = (Centering().fit(s).close(s) for s in (space, longer))
    np.testing.assert_allclose(closed["image"], closed_longer["image"], atol=1e-7)


def test_closing_closes_the_gap():
    space = gapped(n=400)
    before = measure(space).pairs[0].l2m
    after = measure(Centering().fit(space).close(space)).pairs[0].l2m
    assert before > 0.3
    assert after < 0.1


def test_means_and_counts_are_those_of_each_modality():
    space = Embeddings(
        {"image": [[2.0, 0.0], [0.0, 3.0]], "text": [[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]},
        groups={"image": [0, 1], "text": [0, 0, 1]},
    )
    closer = Centering().fit(space)
    np.testing.assert_allclose(closer.means_["image"], [0.5, 0.5])
    np.testing.assert_allclose(closer.means_["text"], [1 / 3, 0])
    assert closer.counts_ == {"image": 2, "text": 3}


def test_modalities_may_be_calibrated_on_rows_that_do_not_match():
    space = Embeddings(
        {"image": np.eye(3), "text": np.eye(3)[[0, 1]]}, groups={"image": [0, 7, 8], "text": [0, 5]}
    )
    assert Centering().fit(space).close(space).groups["text"].tolist() == [0, 5]


def test_a_second_fit_replaces_the_first():
    closer = Centering().fit(Embeddings({"a": np.eye(3), "b": np.eye(3)}))
    space = gapped()
    assert closer.fit(space) is closer
    assert set(closer.means_) == set(closer.counts_) == {"image", "text"}
    np.testing.assert_array_equal(closer.means_["image"], Centering().fit(space).means_["image"])


def test_closing_does_not_modify_its_input():
    space = gapped()
    before = {name: x.copy() for name, x in space.arrays.items()}
    closer = Centering().fit(space)
    means = {name: mean.copy() for name, mean in closer.means_.items()}
    closed = closer.close(space)
    closer.inverse_transform(closed["image"], modality="image")
    for name in space.names:
        np.testing.assert_array_equal(space[name], before[name])
        np.testing.assert_array_equal(closer.means_[name], means[name])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-5), ("float32", 1e-5)])
def test_narrow_input_gives_single_precision(dtype, tolerance):
    space = gapped()
    narrow = space.map(lambda _, x: x.astype(dtype))
    closer = Centering().fit(narrow)
    exact = Centering().fit(narrow.map(lambda _, x: x.astype(np.float64)))
    found = closer.transform(narrow["image"], modality="image")
    assert found.dtype == np.float32
    expected = exact.transform(narrow["image"].astype(np.float64), modality="image")
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_torch_in_torch_out_with_the_same_values(dtype):
    space = gapped().map(lambda _, x: torch.from_numpy(x).to(dtype))
    host = space.map(lambda _, x: x.numpy())
    closer, host_closer = Centering().fit(space), Centering().fit(host)
    for call in (Centering.transform, Centering.inverse_transform):
        found = call(closer, space["text"], modality="text")
        assert isinstance(found, torch.Tensor)
        expected = call(host_closer, host["text"], modality="text")
        assert found.numpy().dtype == expected.dtype
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_a_read_only_memory_map_is_closed(tmp_path):
    space = gapped()
    for name, x in space.arrays.items():
        np.save(tmp_path / f"{name}.npy", x)
    mapped = space.map(lambda name, _: np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    closed = Centering().fit(mapped).close(mapped)
    expected = Centering().fit(space).close(space)
    for name in space.names:
        np.testing.assert_array_equal(closed[name], expected[name])


def test_chunks_of_any_size_give_the_same(monkeypatch):
    space = gapped()
    whole = Centering().fit(space)
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1)
    np.testing.assert_allclose(Centering().fit(space).means_["text"], whole.means_["text"])


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_a_loaded_closer_equals_the_saved_one(tmp_path, library):
    space = gapped().map(lambda _, x: library(x))
    closer = Centering().fit(space)
    closer.save(tmp_path / "deep" / "closer.safetensors")
    loaded = load_closer(str(tmp_path / "deep" / "closer.safetensors"))
    assert type(loaded) is Centering
    assert loaded.counts_ == closer.counts_
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["closer.safetensors"]
    for name, x in space.arrays.items():
        np.testing.assert_array_equal(loaded.means_[name], closer.means_[name])
        np.testing.assert_array_equal(
            loaded.transform(x, modality=name), closer.transform(x, modality=name)
        )


def test_kinds_lists_every_closer_by_its_kind():
    assert KINDS["centering"] is Centering
    assert all(closer.kind == name for name, closer in KINDS.items())


FITTED = Centering().fit(gapped(width=4))

REFUSED = {
    "unseen modality": (
        lambda: FITTED.transform(np.ones((2, 4)), modality="audio"),
        "not fitted on a modality 'audio'; it knows image, text",
    ),
    "unseen modality, inverse": (
        lambda: FITTED.inverse_transform(np.ones((2, 4)), modality="audio"),
        "not fitted on a modality 'audio'",
    ),
    "unseen modality, affine": (lambda: FITTED.as_affine("audio"), "modality 'audio'"),
    "too wide": (
        lambda: FITTED.transform(np.ones((2, 5)), modality="text"),
        "fitted on 4 dimensions; found an array of shape (2, 5)",
    ),
    "too narrow": (lambda: FITTED.transform(np.ones((2, 1)), modality="text"), "shape (2, 1)"),
    "one axis": (lambda: FITTED.transform(np.ones(4), modality="text"), "shape (4,)"),
    "too wide, inverse": (
        lambda: FITTED.inverse_transform(np.ones((2, 5)), modality="text"),
        "shape (2, 5)",
    ),
    "too narrow, inverse": (
        lambda: FITTED.inverse_transform(np.ones((2, 1)), modality="text"),
        "shape (2, 1)",
    ),
    "unfitted transform": (
        lambda: Centering().transform(np.ones((2, 4)), modality="text"),
        "not fitted yet",
    ),
    "unfitted inverse": (
        lambda: Centering().inverse_transform(np.ones((2, 4)), modality="text"),
        "not fitted yet",
    ),
    "unfitted affine": (lambda: Centering().as_affine("text"), "not fitted yet"),
    "unfitted state": (lambda: Centering().state(), "not fitted yet"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused(call, message):
    assert message in one_line_refusal(call)


def test_saving_an_unfitted_closer_writes_nothing(tmp_path):
    assert "not fitted yet" in one_line_refusal(lambda: Centering().save(tmp_path / "closer"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_a_row_equal_to_the_mean_is_refused_by_its_index(library):
    space = Embeddings({"image": np.array([[0.0, 1.0]] * 3), "text": np.eye(2)[[0, 0, 1]]})
    closer = Centering().fit(space)
    rows = library(np.array([[1.0, 0.0], [3.0, 1.0], [0.0, 5.0]]))
    message = one_line_refusal(lambda: closer.transform(rows, modality="image"))
    assert "row 2 of modality 'image' equals the mean" in message


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 7, 50])
def test_a_modality_at_one_point_is_refused(n, dtype, library):
    rng = np.random.default_rng(0)
    point = np.repeat(rng.normal(size=(1, 16)), n, axis=0).astype(dtype)
    space = Embeddings({"image": library(point), "text": library(rng.normal(size=(n, 16)))})
    closer = Centering().fit(space)
    message = one_line_refusal(lambda: closer.transform(space["image"], modality="image"))
    assert "row 0 of modality 'image' equals the mean" in message


def quarter(width: int = 2) -> np.ndarray:
    return np.full(width, 0.25)


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(500))


def truncated(path: Path) -> None:
    FITTED.save(path)
    path.write_bytes(path.read_bytes()[:-40])


def header_alone(path: Path) -> None:
    FITTED.save(path)
    path.write_bytes(path.read_bytes()[:20])


UNREADABLE = {
    "missing": (lambda path: None, "cannot read the closer"),
    "empty": (lambda path: path.write_bytes(b""), "cannot read the closer"),
    "folder": (lambda path: path.mkdir(), "cannot read the closer"),
    "random bytes": (random_bytes, "cannot read the closer"),
    "text": (lambda path: path.write_text("not\na closer\n" * 9), "cannot read the closer"),
    "truncated": (truncated, "cannot read the closer"),
    "header alone": (header_alone, "cannot read the closer"),
    "weights of a model": (
        lambda path: save_file({"w": np.ones(2)}, path),
        "not a closer saved by Isthmus",
    ),
    "bfloat16 weights of a model": (
        lambda path: save_torch_file({"w": torch.ones(2, dtype=torch.bfloat16)}, path),
        "not a closer saved by Isthmus",
    ),
    "other metadata": (
        lambda path: save_file({"w": np.ones(2)}, path, metadata={"format": "pt"}),
        "not a closer saved by Isthmus",
    ),
    "kind of a later version": (
        lambda path: save_file({"w": np.ones(2)}, path, metadata=KIND | {"kind": "teleport"}),
        "kind 'teleport'; known are centering",
    ),
    "no means": (lambda path: save_file({"w": np.ones(2)}, path, metadata=KIND), "is damaged"),
    "widths differ": (
        lambda path: save_file({"mean.a": quarter(2), "mean.b": quarter(3)}, path, metadata=KIND),
        "is damaged",
    ),
    "NaN mean": (
        lambda path: save_file({"mean.a": quarter() * np.nan}, path, metadata=KIND),
        "is damaged",
    ),
    "mean too long": (
        lambda path: save_file({"mean.a": np.ones(2)}, path, metadata=KIND),
        "is damaged",
    ),
    "mean longer than numbers reach": (
        lambda path: save_file({"mean.a": np.full(2, 1e300)}, path, metadata=KIND),
        "is damaged",
    ),
    "mean of two axes": (
        lambda path: save_file({"mean.a": quarter(4).reshape(2, 2)}, path, metadata=KIND),
        "is damaged",
    ),
    "bfloat16 mean": (
        lambda path: save_torch_file(
            {"mean.a": torch.zeros(2, dtype=torch.bfloat16)}, path, metadata=KIND
        ),
        "closer",
    ),
    "empty count": (
        lambda path: save_file({"mean.a": quarter(), "count.a": np.zeros(0)}, path, metadata=KIND),
        "is damaged",
    ),
    "scalar count": (
        lambda path: save_file({"mean.a": quarter(), "count.a": np.array(3)}, path, metadata=KIND),
        "is damaged",
    ),
    "NaN count": (
        lambda path: save_file(
            {"mean.a": quarter(), "count.a": np.array([np.nan])}, path, metadata=KIND
        ),
        "is damaged",
    ),
}


@pytest.mark.parametrize(("write", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_closer_is_refused(tmp_path, write, message):
    path = tmp_path / "closer.safetensors"
    write(path)
    refusal = one_line_refusal(lambda: load_closer(path))
    assert message in refusal
    assert "closer.safetensors" in refusal


def load_or_refusal(path: Path) -> Centering | str:
    try:
        loaded = load_closer(path)
    except InputError as error:
        return str(error)
    assert isinstance(loaded, Centering)
    return loaded


@given(
    flips=st.lists(st.tuples(st.integers(0, 511), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_flipped_bytes_give_a_closer_or_a_refusal(tmp_path_factory, flips):
    path = tmp_path_factory.mktemp("flipped") / "closer.safetensors"
    FITTED.save(path)
    content = bytearray(path.read_bytes())
    for position, value in flips:
        content[position % len(content)] = value
    path.write_bytes(content)
    found = load_or_refusal(path)
    if isinstance(found, str):
        assert "\n" not in found
    else:
        assert all(np.isfinite(mean).all() for mean in found.means_.values())
