"""What a closer does to rows."""

from __future__ import annotations

import tempfile
import warnings

import numpy as np

from ..closers import AffineCloser, DriftWarning
from ..embeddings import Embeddings
from ..errors import InputError
from .closer_check import D, Make, N, check, cosines, equal, space


@check
def _rows_come_out_as_unit_rows_in_the_right_precision(make: Make) -> None:
    closer = make().fit(space())
    x = space()["image"]
    exact = closer.transform(x, modality="image")
    for dtype, expected, tolerance in (
        (np.float64, np.float64, 0.0),
        (np.float32, np.float32, 1e-4),
        (np.float16, np.float32, 2e-2),
    ):
        found = closer.transform(x.astype(dtype), modality="image")
        assert found.dtype == expected, f"{np.dtype(dtype)} gives {found.dtype}"
        equal(np.linalg.norm(found, axis=1), np.ones(N), 1e-5, "lengths")
        equal(found, exact, tolerance, f"values of {np.dtype(dtype)}")


@check
def _torch_in_gives_torch_out(make: Make) -> None:
    import torch

    found = space()
    expected = make().fit(found)
    tensors = found.map(lambda _, x: torch.from_numpy(x.copy()))
    closer = make().fit(tensors)
    for name in found.names:
        moved = closer.transform(tensors[name], modality=name)
        assert isinstance(moved, torch.Tensor)
    equal(cosines(closer, tensors), cosines(expected, found), 1e-6, "cosines")


@check
def _a_read_only_memory_map_is_closed_and_no_input_changes(make: Make) -> None:
    found = space()
    with tempfile.TemporaryDirectory() as folder:
        for name, x in found.arrays.items():
            np.save(f"{folder}/{name}.npy", x)
        mapped = found.map(lambda m, _: np.load(f"{folder}/{m}.npy", mmap_mode="r"))
        before = {name: x.copy() for name, x in found.arrays.items()}
        closer = make().fit(mapped)
        expected = make().fit(found)
        equal(cosines(closer, mapped), cosines(expected, found), 1e-6, "cosines")
    for name, x in before.items():
        assert np.array_equal(found[name], x), f"'{name}' was changed"


@check
def _lengths_of_rows_do_not_matter(make: Make) -> None:
    found = space()
    lengths = np.random.default_rng(1).uniform(0.1, 10, size=(1000, 1))
    longer = found.map(lambda _, x: x * lengths[: len(x)])
    equal(cosines(make().fit(longer), longer), cosines(make().fit(found), found), 1e-5, "cosines")


@check
def _the_affine_map_is_the_transform(make: Make) -> None:
    closer = make().fit(space())
    for name, x in space().arrays.items():
        try:
            matrix, bias = closer.as_affine(name)
        except InputError:
            assert not isinstance(closer, AffineCloser), "an affine closer without an affine map"
            return
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        moved = unit @ matrix.T + bias
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        equal(closer.transform(x, modality=name), moved, 1e-9, f"rows of '{name}'")


@check
def _the_inverse_goes_back(make: Make) -> None:
    closer = make().fit(space())
    for name, x in space().arrays.items():
        moved = closer.transform(x, modality=name)
        try:
            back = closer.inverse_transform(moved, modality=name)
        except InputError:
            continue
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        equal(back, unit, 1e-6, f"rows of '{name}'")


@check
def _a_rotated_space_closes_alike(make: Make) -> None:
    if not make().equivariant:
        return
    found = space()
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(D, D)))[0]
    turned = found.map(lambda _, x: x @ turn)
    equal(cosines(make().fit(turned), turned), cosines(make().fit(found), found), 1e-5, "cosines")


@check
def _hard_spaces_give_unit_rows_or_a_refusal(make: Make) -> None:
    """Fewer rows than dimensions, a single group, and a modality without pairs for most rows."""
    rng = np.random.default_rng(3)
    labels = np.array([0, 1, 0, 1, 0])
    rows = {"image": rng.normal(size=(5, 12)) + 2, "text": rng.normal(size=(5, 12)) - 2}
    few = Embeddings(rows, labels=labels)
    single = Embeddings(rows, groups=np.zeros(5, np.int64), labels=labels)
    apart = Embeddings(rows, groups={"image": np.arange(5), "text": np.arange(4, 9)}, labels=labels)
    for hard in (few, single, apart):
        try:
            closed = make().fit(hard).close(hard)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
            continue
        for x in closed.arrays.values():
            equal(np.linalg.norm(x, axis=1), np.ones(5), 1e-5, "lengths")


@check
def _rows_from_elsewhere_give_a_warning(make: Make) -> None:
    found = space()
    closer = make().fit(found)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        closer.transform(found["text"], modality="text")
        assert not caught, "a warning for the calibration set"
        closer.transform(-found["text"], modality="text")
    assert [w.category for w in caught] == [DriftWarning], "no warning for rows from elsewhere"
    assert "modality 'text'" in str(caught[0].message)
