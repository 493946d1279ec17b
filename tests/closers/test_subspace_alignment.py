from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import Centering, SubspaceAlignment, axes, subspace_alignment
from tests.closers.spaces import gapped, one_line_refusal
from tests.reference.gap import unit
from tests.strategies import rotation, seeds


def cosines(closed: Embeddings) -> np.ndarray:
    rows = np.concatenate(list(closed.arrays.values()))
    return rows @ rows.T


def main_axes(rows: np.ndarray, k: int) -> np.ndarray:
    """Columns, from the singular value decomposition of the centred unit rows."""
    return np.linalg.svd(unit(rows) - unit(rows).mean(axis=0))[2][:k].T


@given(seeds, st.integers(1, 6), st.sampled_from(["image", "text"]))
def test_it_is_the_published_map(seed, k, to):
    space = gapped(seed)
    closed = SubspaceAlignment(k=k, to=to).fit(space).close(space)
    rows = []
    for x in space.arrays.values():
        own, target = main_axes(x, k), main_axes(space[to], k)
        source = (unit(x) - unit(x).mean(axis=0)) @ own
        rows.append(unit(source @ (own.T @ target)))
    expected = np.concatenate(rows)
    np.testing.assert_allclose(cosines(closed), expected @ expected.T, atol=1e-6)


@pytest.mark.parametrize("to", ["image", "text"])
@pytest.mark.parametrize("seed", range(5))
def test_signs_of_axes_change_no_cosine(to, seed, monkeypatch):
    space = gapped()
    expected = cosines(SubspaceAlignment(k=3, to=to).fit(space).close(space))
    rng = np.random.default_rng(seed)

    def flipped(second):
        values, vectors = axes.principal_axes(second)
        return values, vectors * rng.choice([-1, 1], size=vectors.shape[1])

    monkeypatch.setattr(subspace_alignment, "principal_axes", flipped)
    found = cosines(SubspaceAlignment(k=3, to=to).fit(space).close(space))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_axes_point_where_their_largest_entry_is_positive(monkeypatch):
    space = gapped()
    matrix = SubspaceAlignment(k=4).fit(space).as_affine("image").matrix
    assert (matrix[np.arange(4), np.abs(matrix).argmax(axis=1)] > 0).all()
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, "eigh", lambda m: (eigh(m)[0], -eigh(m)[1]))
    again = SubspaceAlignment(k=4).fit(space).as_affine("image").matrix
    np.testing.assert_array_equal(again, matrix)


@given(seeds)
def test_with_all_axes_it_is_centering(seed):
    space = gapped(seed)
    closed = SubspaceAlignment(k=6).fit(space).close(space)
    np.testing.assert_allclose(
        cosines(closed), cosines(Centering().fit(space).close(space)), atol=1e-6
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_plane_is_recovered_from_offset_and_noise(seed):
    angle = 2 * np.pi * np.arange(12) / 12
    sign = np.tile([1, -1], 6)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rows = {}
    for name, (offset, radius, noise, dimension) in {
        "image": (0.5, 0.8, np.sqrt(0.11), 3),
        "text": (-0.6, 0.7, np.sqrt(0.15), 4),
    }.items():
        rows[name] = np.zeros((24, 5))
        rows[name][:, :2] = radius * np.tile(circle, (2, 1))
        rows[name][:, 2] = offset
        rows[name][:, dimension] = noise * np.concatenate([sign, -sign])
    turn = rotation(5, seed)
    space = Embeddings({name: x @ turn for name, x in rows.items()})
    closed = SubspaceAlignment(k=2).fit(space).close(space)
    np.testing.assert_allclose(closed["image"], closed["text"], atol=1e-9)
    assert closed.dimension == 2
    centred = Centering().fit(space).close(space)
    assert np.abs(centred["image"] - centred["text"]).max() > 0.1


@pytest.mark.parametrize(("k", "width"), [(2, 2), (4, 4), (5, 4), (256, 4)])
def test_the_result_is_as_wide_as_the_target_varies(k, width):
    closed = SubspaceAlignment(k=k).fit(gapped(n=5, width=12)).close(gapped(n=5, width=12))
    assert closed.dimension == width


def test_a_narrow_result_has_no_inverse():
    closer = SubspaceAlignment(k=2).fit(gapped())
    message = one_line_refusal(lambda: closer.inverse_transform(np.eye(2), modality="text"))
    assert message == "this map has no inverse: it takes 6 dimensions to 2"


@pytest.mark.parametrize("constant", ["image", "text"])
def test_a_modality_at_one_point_is_refused(constant):
    space = gapped().map(lambda n, x: x[[3] * 40] if n == constant else x)
    message = one_line_refusal(lambda: SubspaceAlignment().fit(space))
    assert message.startswith(f"all rows of modality '{constant}' coincide")


REFUSED = {
    "no axes": ({"k": 0}, "k must be a whole number of at least 1; found 0"),
    "half an axis": ({"k": 2.5}, "k must be a whole number of at least 1; found 2.5"),
    "no name": ({"to": 3}, "to must be the name of a modality or None; found 3"),
    "unknown": ({"to": "audio"}, "to='audio' is no modality of the calibration set: image, text"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_parameters_are_refused(options, message):
    assert one_line_refusal(lambda: SubspaceAlignment(**options).fit(gapped())) == message
