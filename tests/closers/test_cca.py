"""CCA: canonical directions against the textbook, scikit-learn, and for three modalities."""

import numpy as np
import pytest
from scipy.linalg import eig
from sklearn import cross_decomposition

from isthmus import Embeddings
from isthmus.closers import CCA
from tests.closers.matched import pairs_by_hand, rotation, several, unit
from tests.closers.spaces import one_line_refusal


def shared(n=300, width=5, factors=2, names=("image", "text"), noise=0.1, seed=0):
    """Unit rows that share factors, each modality in axes of its own."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, factors))
    arrays = {}
    for k, name in enumerate(names):
        own = rng.normal(size=(n, width - factors))
        both = np.hstack([common + noise * rng.normal(size=common.shape), own])
        arrays[name] = unit(both @ rotation(width, k))
    return Embeddings(arrays)


def images(closer, space, name):
    """A x̂ + b, before rows are scaled to unit length."""
    matrix, bias = closer.as_affine(name)
    return unit(space[name]) @ matrix.T + bias


def test_directions_are_scikit_learns_up_to_sign_and_scale():
    space = shared()
    closer = CCA(k=2, strength=0, power=0).fit(space)
    other = cross_decomposition.CCA(n_components=2, tol=1e-12, max_iter=10_000, scale=False)
    for name, expected in zip(
        space.names, other.fit_transform(space["image"], space["text"]), strict=True
    ):
        found = images(closer, space, name)
        for k in range(2):
            assert abs(np.corrcoef(found[:, k], expected[:, k])[0, 1]) > 1 - 1e-6


def test_images_are_uncorrelated_of_unit_variance_and_correlate_pairwise_alone():
    space = shared()
    closer = CCA(strength=0, power=0).fit(space)
    x, y = (images(closer, space, name) for name in space.names)
    np.testing.assert_allclose(np.cov(x.T, bias=True), np.eye(5), atol=1e-9)
    np.testing.assert_allclose(np.cov(y.T, bias=True), np.eye(5), atol=1e-9)
    cross = x.T @ y / len(x)
    np.testing.assert_allclose(cross, np.diag(np.diag(cross)), atol=1e-9)
    assert np.diag(cross).tolist() == sorted(np.diag(cross), reverse=True)
    assert (np.diag(cross)[:2] > 0.9).all()
    assert (np.diag(cross)[2:] < 0.3).all()


def test_power_weighs_directions_by_their_correlation():
    space = shared()
    plain = CCA(strength=0, power=0).fit(space)
    x, y = (images(plain, space, name) for name in space.names)
    correlations = np.diag(x.T @ y / len(x))
    weighted = CCA(strength=0, power=1.5).fit(space)
    np.testing.assert_allclose(
        weighted.as_affine("text").matrix,
        correlations[:, None] ** 1.5 * plain.as_affine("text").matrix,
        atol=1e-9,
    )


def test_pairs_weigh_by_group_and_strength_by_dimensions_over_groups():
    space = several(1, 25)
    x, y, w = pairs_by_hand(space, "image", "text")
    x, y = (rows - w @ rows / w.sum() for rows in (x, y))

    def root(rows):
        covariance = (rows * w[:, None]).T @ rows / w.sum()
        held = 0.4 * np.trace(covariance) / w.sum()
        values, axes = np.linalg.eigh(covariance + held * np.eye(4))
        return axes / np.sqrt(values) @ axes.T

    left, correlations, right = np.linalg.svd(
        root(x) @ ((x * w[:, None]).T @ y / w.sum()) @ root(y)
    )
    closer = CCA(strength=0.4, power=0).fit(space)
    for name, expected in (("image", left.T @ root(x)), ("text", right @ root(y))):
        found = closer.as_affine(name).matrix
        signs = np.sign((found * expected).sum(axis=1))
        np.testing.assert_allclose(found, signs[:, None] * expected, atol=1e-9)
    weighted = CCA(strength=0.4).fit(space).as_affine("image").matrix
    lengths = np.linalg.norm(weighted, axis=1) / np.linalg.norm(
        closer.as_affine("image").matrix, axis=1
    )
    np.testing.assert_allclose(lengths, correlations, atol=1e-9)


def test_any_linear_change_of_a_modality_cancels():
    space = shared()
    change = rotation(5, 7)
    turned = Embeddings({"image": space["image"], "text": space["text"] @ change})
    found, other = CCA().fit(space).close(space), CCA().fit(turned).close(turned)
    np.testing.assert_allclose(
        found["image"] @ found["text"].T, other["image"] @ other["text"].T, atol=1e-8
    )


def test_three_modalities_are_the_generalised_eigenvectors():
    space = shared(names=("image", "text", "audio"), n=400)
    closer = CCA(k=2, strength=0, power=0).fit(space)
    rows = np.hstack([space[name] - space[name].mean(axis=0) for name in space.names])
    together = rows.T @ rows / len(rows)
    apart = np.zeros_like(together)
    for k in range(3):
        own = slice(5 * k, 5 * k + 5)
        apart[own, own] = together[own, own]
    values, vectors = eig(together, apart)
    best = np.argsort(-values.real)[:2]
    expected = vectors.real[:, best]
    found = np.hstack([closer.as_affine(name).matrix for name in space.names]).T
    for k in range(2):
        cosine = found[:, k] @ expected[:, k]
        cosine /= np.linalg.norm(found[:, k]) * np.linalg.norm(expected[:, k])
        assert abs(cosine) == pytest.approx(1, abs=1e-9)
    weighted = CCA(k=2, strength=0, power=1).fit(space).as_affine("audio").matrix
    weights = np.linalg.norm(weighted, axis=1) / np.linalg.norm(found[10:], axis=0)
    np.testing.assert_allclose(weights, (values.real[best] - 1) / 2, atol=1e-9)
    closed = closer.close(space)
    for a, b in space.pairs:
        assert (closed[a] * closed[b]).sum(axis=1).mean() > 0.9


def test_missing_items_are_left_to_the_pairs_that_have_them():
    space = shared(names=("image", "text", "audio"), n=400)
    own = {"image": np.arange(400), "text": np.arange(300), "audio": np.arange(100, 400)}
    some = Embeddings({name: space[name][rows] for name, rows in own.items()}, groups=own)
    closed = CCA(k=2).fit(some).close(space)
    for a, b in space.pairs:
        assert (closed[a] * closed[b]).sum(axis=1).mean() > 0.9


def test_fewer_groups_than_dimensions_give_one_direction_less_than_groups():
    space = shared(n=4, width=8)
    assert CCA().fit(space).close(space)["image"].shape == (4, 3)
    assert CCA(k=2).fit(space).close(space)["image"].shape == (4, 2)
    assert CCA(k=99).fit(shared()).close(shared())["text"].shape == (300, 5)


WRONG = {
    "k": (lambda: CCA(k=0), "k must be a whole number of at least 1; found 0"),
    "strength": (lambda: CCA(strength=-0.1), "strength must be a number in [0, ∞); found -0.1"),
    "power": (lambda: CCA(power="1"), "power must be a number in [0, ∞); found '1'"),
    "few": (lambda: CCA(strength=0).fit(shared(n=4, width=8)), "give a strength above 0"),
    "one group": (
        lambda: CCA().fit(
            Embeddings({"a": np.eye(3), "b": np.eye(3)}, groups=np.zeros(3, np.int64))
        ),
        "no direction of one modality correlates",
    ),
    "a pair apart": (
        lambda: CCA().fit(
            Embeddings(
                {name: np.eye(4) for name in "abc"},
                groups={"a": [0, 1, 2, 3], "b": [0, 1, 6, 7], "c": [2, 3, 8, 9]},
            )
        ),
        "'b' and 'c' have no group in common",
    ),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_misuse_is_refused(call, message):
    assert message in one_line_refusal(call)
