"""Procrustes: planted turns come back, and few pairs turn little."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from isthmus import Embeddings
from isthmus.closers import Centering, Procrustes
from isthmus.closers.procrustes import nearest_orthogonal
from tests.closers.matched import mean_cosine, pairs_by_hand, rotation, rows, several, unit
from tests.closers.spaces import one_line_refusal


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("sign", [1, -1], ids=["turn", "reflection"])
def test_a_planted_rotation_is_recovered(center, sign):
    x, turn = rows(40, 6), rotation(6)
    turn[:, 0] *= sign * np.sign(np.linalg.det(turn))
    space = Embeddings({"image": x, "text": x @ turn})
    closer = Procrustes(strength=0, center=center).fit(space)
    np.testing.assert_allclose(closer.as_affine("text").matrix, turn, atol=1e-10)
    assert closer.maps_["image"].matrix is None
    closed = closer.close(space)
    np.testing.assert_allclose(closed["image"], closed["text"], atol=1e-10)
    assert np.linalg.det(closer.as_affine("text").matrix) == pytest.approx(sign)


def test_without_centring_it_is_scipys():
    space = several(1, names=("image", "text"))
    x, y, w = pairs_by_hand(space, "image", "text")
    expected = orthogonal_procrustes(y * w[:, None], x)[0].T
    closer = Procrustes(strength=0, center=False).fit(space)
    np.testing.assert_allclose(closer.as_affine("text").matrix, expected, atol=1e-9)
    assert not closer.as_affine("text").bias.any()


def test_cosines_within_a_modality_are_those_of_centering():
    space = several(2, 20)
    closed, centred = Procrustes().fit(space).close(space), Centering().fit(space).close(space)
    for name in space.names:
        np.testing.assert_allclose(
            closed[name] @ closed[name].T, centred[name] @ centred[name].T, atol=1e-6
        )


def test_cosines_across_two_modalities_do_not_depend_on_the_target():
    space = several(3, 20)
    onto = [Procrustes(to=name).fit(space).close(space) for name in space.names]
    np.testing.assert_allclose(
        onto[0]["image"] @ onto[0]["text"].T, onto[1]["image"] @ onto[1]["text"].T, atol=1e-9
    )


def test_the_turn_is_held_back_by_strength_times_dimensions_over_groups():
    space = several(4, 15)
    x, y, w = pairs_by_hand(space, "image", "text")
    x, y = (rows - w @ rows / w.sum() for rows in (x, y))
    count, width = w.sum(), x.shape[1]
    variances = [(w @ (rows**2).sum(axis=1)) / count / width for rows in (x, y)]
    held = 0.7 * width / count * np.sqrt(np.prod(variances))
    left, _, right = np.linalg.svd((x * w[:, None]).T @ y / count + held * np.eye(width))
    closer = Procrustes(strength=0.7).fit(space)
    np.testing.assert_allclose(closer.as_affine("text").matrix, left @ right, atol=1e-10)


def test_a_strong_hand_leaves_centering():
    space = several(5, 20)
    closer = Procrustes(strength=1e9).fit(space)
    np.testing.assert_allclose(closer.as_affine("text").matrix, np.eye(4), atol=1e-6)


def test_what_pairs_leave_open_is_not_turned():
    x = np.hstack([rows(30, 2) - rows(30, 2).mean(axis=0), np.full((30, 3), 0.5)])
    turn = np.eye(5)
    turn[:2, :2] = rotation(2)
    space = Embeddings({"image": unit(x), "text": unit(x) @ turn})
    matrix = Procrustes(strength=0).fit(space).as_affine("text").matrix
    assert np.abs(matrix[2:, :2]).max() < 0.2  # but for what unit length bends
    few = Embeddings({name: rows[:2] for name, rows in space.arrays.items()})
    matrix = Procrustes(strength=0).fit(few).as_affine("text").matrix
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(5), atol=1e-12)
    assert np.trace(matrix) > 2


@pytest.mark.parametrize("rank", range(5))
def test_the_nearest_of_the_best_is_found(rank):
    rng = np.random.default_rng(rank)
    matrix = rng.normal(size=(5, rank)) @ rng.normal(size=(rank, 5))
    found = nearest_orthogonal(matrix, 5)
    np.testing.assert_allclose(found @ found.T, np.eye(5), atol=1e-12)
    assert np.sum(found * matrix) == pytest.approx(np.linalg.svd(matrix)[1].sum())
    left, _, right = np.linalg.svd(matrix + 1e-7 * np.eye(5))
    np.testing.assert_allclose(found, left @ right, atol=1e-5)


def test_three_modalities_with_missing_items_are_turned_onto_the_target():
    x = rows(60, 5)
    turns = {"image": np.eye(5), "text": rotation(5, 1), "audio": rotation(5, 2)}
    own = {"image": np.arange(60), "text": np.arange(40), "audio": np.arange(20, 60)}
    space = Embeddings({name: x[own[name]] @ turns[name] for name in own}, groups=own)
    closer = Procrustes(strength=0).fit(space)
    for name, turn in turns.items():
        np.testing.assert_allclose(closer.as_affine(name).matrix, turn, atol=1e-10)


def test_more_pairs_are_trusted_more():
    x, turn = rows(400, 6), rotation(6)
    found = [
        mean_cosine(Procrustes().fit(space).close(space))
        for n in (8, 40, 400)
        for space in [Embeddings({"image": x[:n], "text": x[:n] @ turn})]
    ]
    assert found == sorted(found)
    assert found[-1] > 0.99


APART = Embeddings(
    {name: np.eye(3) for name in ("image", "text", "audio")},
    groups={"image": [0, 1, 2], "text": [0, 1, 2], "audio": [2, 3, 4]},
)
WRONG = {
    "to": (lambda: Procrustes(to=3), "to must be the name of a modality or None; found 3"),
    "center": (lambda: Procrustes(center=1), "center must be True or False; found 1"),
    "strength": (lambda: Procrustes(strength=-1), "strength must be a number in [0, ∞); found -1"),
    "no such": (lambda: Procrustes(to="depth").fit(APART), "to='depth' is no modality"),
    "no pairs": (
        lambda: Procrustes(to="text").fit(
            Embeddings(
                APART.arrays, groups={"image": [0, 1, 2], "text": [0, 1, 9], "audio": [2, 3, 4]}
            )
        ),
        "'text' and 'audio' have no group in common",
    ),
    "one point": (lambda: Procrustes().fit(APART), "all matched rows of modality 'image' coincide"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_misuse_is_refused(call, message):
    assert message in one_line_refusal(call)
