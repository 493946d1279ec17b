"""Ridge: planted affine maps come back, and few pairs change little."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge

from isthmus import Embeddings
from isthmus.closers import Centering, Ridge
from isthmus.errors import InputError
from tests.closers.matched import pairs_by_hand, rows, several, unit
from tests.closers.spaces import one_line_refusal


def affine_pair(n=80, width=5):
    """Images whose unit rows are an affine function of texts'."""
    rng = np.random.default_rng(0)
    text = rows(n, width)
    matrix = np.eye(width) + 0.2 * rng.normal(size=(width, width))
    bias = 0.2 * rng.normal(size=width)
    return text, matrix, bias


@pytest.mark.parametrize("prior", ["identity", "zero"])
def test_a_planted_affine_map_is_recovered(prior):
    text, matrix, bias = affine_pair()
    moved = text @ matrix.T + bias
    # One more dimension takes up what is missing to length one, so that rows are not bent.
    scale = 0.9 / np.linalg.norm(moved, axis=1).max()
    images = np.hstack([moved * scale, np.sqrt(1 - (scale**2 * moved**2).sum(1))[:, None]])
    space = Embeddings({"image": images, "text": np.hstack([text * 0.8, np.full((80, 1), 0.6)])})
    closer = Ridge(to="image", center=False, strength=1e-9, prior=prior).fit(space)
    found = closer.as_affine("text")
    np.testing.assert_allclose(found.matrix[:5, :5], scale * matrix / 0.8, atol=1e-5)
    np.testing.assert_allclose(
        unit(space["text"]) @ found.matrix[:5].T + found.bias[:5], images[:, :5], atol=1e-5
    )
    assert closer.as_affine("image").matrix.tolist() == np.eye(6).tolist()
    assert not closer.as_affine("image").bias.any()


def test_ordinary_ridge_is_scikit_learns_on_all_pairs_by_weight():
    space = several(0, 20)
    x, y, w = pairs_by_hand(space, "text", "image")
    centred = x - w @ x / w.sum()
    alpha = 0.3 * (w @ (centred**2).sum(axis=1)) / w.sum()  # strength · tr C, of the sums
    expected = SklearnRidge(alpha=alpha).fit(x, y, sample_weight=w)
    found = Ridge(to="image", center=False, prior="zero", strength=0.3).fit(space).as_affine("text")
    np.testing.assert_allclose(found.matrix, expected.coef_, atol=1e-9)
    np.testing.assert_allclose(found.bias, expected.intercept_, atol=1e-9)


def test_the_identity_is_ordinary_ridge_of_what_is_left():
    space = several(1, 20)
    x, y, w = pairs_by_hand(space, "text", "image")
    centred = x - w @ x / w.sum()
    alpha = 0.3 * (w @ (centred**2).sum(axis=1)) / w.sum()
    rest = SklearnRidge(alpha=alpha).fit(x, y - x, sample_weight=w)
    found = Ridge(to="image", strength=0.3).fit(space).as_affine("text")
    np.testing.assert_allclose(found.matrix, np.eye(4) + rest.coef_, atol=1e-9)


def test_groups_with_several_rows_are_explicit_repetitions():
    space = several(2, 20)
    x, y, w = pairs_by_hand(space, "image", "text")
    copies = np.round(w * 36).astype(int)  # 1/(n·m) for n and m up to 3
    repeated = Embeddings({"image": np.repeat(x, copies, 0), "text": np.repeat(y, copies, 0)})
    count = w.sum() / copies.sum()  # the strength goes by groups
    found = Ridge(to="image", strength=0.5).fit(space).as_affine("text").matrix
    expected = Ridge(to="image", strength=0.5 / count).fit(repeated).as_affine("text").matrix
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_middle_is_half_of_the_way_of_both():
    space = several(3, 20)
    middle = Ridge().fit(space)
    for name, other in (("image", "text"), ("text", "image")):
        onto = Ridge(to=other).fit(space).as_affine(name)
        np.testing.assert_allclose(
            middle.as_affine(name).matrix, (np.eye(4) + onto.matrix) / 2, atol=1e-12
        )


def test_means_go_to_the_origin_or_a_target_stays():
    space = several(4, 20)
    closer = Ridge().fit(space)
    for name, x in space.arrays.items():
        matrix, bias = closer.as_affine(name)
        np.testing.assert_allclose(matrix @ unit(x).mean(axis=0) + bias, 0, atol=1e-12)
    fixed = Ridge(to="text", center=False).fit(space).close(space)
    np.testing.assert_allclose(fixed["text"], unit(space["text"]), atol=1e-12)


def test_a_strong_hand_leaves_centering():
    space = several(5, 20)
    closed, centred = (
        closer.fit(space).close(space) for closer in (Ridge(strength=1e9), Centering())
    )
    for name in space.names:
        np.testing.assert_allclose(closed[name], centred[name], atol=1e-6)


def test_three_modalities_meet_in_the_middle_of_those_they_match():
    space = several(6, 30, names=("image", "text", "audio"))
    onto = {other: Ridge(to=other).fit(space).as_affine("image").matrix for other in space.names}
    found = Ridge().fit(space).as_affine("image").matrix
    np.testing.assert_allclose(found, sum(onto.values()) / 3, atol=1e-12)
    apart = Embeddings(
        space.arrays,
        groups=dict(space.groups)
        | {"audio": space.groups["audio"] + 100}
        | {"text": np.where(space.groups["text"] == 5, 105, space.groups["text"])},
    )
    found = Ridge().fit(apart)  # images and audio have no group in common
    onto_text = Ridge(to="text").fit(apart.select(("image", "text"))).as_affine("image").matrix
    np.testing.assert_allclose(
        found.as_affine("image").matrix, (np.eye(4) + onto_text) / 2, atol=1e-12
    )
    with pytest.raises(InputError, match="'image' and 'audio' have no group in common"):
        Ridge(to="audio").fit(apart)


WRONG = {
    "strength": (
        lambda: Ridge(strength=float("nan")),
        "strength must be a number in [0, ∞); found nan",
    ),
    "prior": (lambda: Ridge(prior="one"), "prior must be one of identity, zero; found 'one'"),
    "no target": (lambda: Ridge(center=False), "name it with to"),
    "no such": (lambda: Ridge(to="depth").fit(several()), "to='depth' is no modality"),
    "few": (
        lambda: Ridge(strength=0).fit(several(0, 3)),
        "give a strength above 0",
    ),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_misuse_is_refused(call, message):
    assert message in one_line_refusal(call)
