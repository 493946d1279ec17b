"""The learned map: closes planted distortions, is the same for a seed, and needs torch."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from isthmus import Embeddings
from isthmus.closers import Centering, LearnedMap, descent
from isthmus.closers.items import Items
from isthmus.errors import InputError, MissingDependencyError
from isthmus.progress import watched
from tests.closers.matched import mean_cosine, rotation, rows, several, unit
from tests.closers.spaces import one_line_refusal


def distorted(n=200, width=6, seed=0):
    """One set of rows, seen through two affine maps."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    scales = np.geomspace(1, 4, width)
    return Embeddings({"image": x * scales + 1, "text": x * scales[::-1] @ rotation(width) - 1})


def halves(space, n=100):
    return (
        Embeddings({m: x[part] for m, x in space.arrays.items()})
        for part in (slice(n), slice(n, None))
    )


def test_a_planted_distortion_is_closed_on_rows_not_seen():
    seen, unseen = halves(distorted())
    centred = mean_cosine(Centering().fit(seen).close(unseen))
    assert centred < 0.2
    assert mean_cosine(LearnedMap(steps=60).fit(seen).close(unseen)) > 0.9


def test_no_step_that_helps_none_leaves_centering(monkeypatch):
    rng = np.random.default_rng(0)
    space = Embeddings({"image": rng.normal(size=(12, 40)), "text": rng.normal(size=(12, 40))})
    monkeypatch.setattr(descent, "EVERY", 10**6)  # held-out groups are looked at in the end alone
    closer = LearnedMap(steps=2, rate=1e6).fit(space)
    for name, mean in Centering().fit(space).means_.items():
        np.testing.assert_allclose(closer.as_affine(name).matrix, np.eye(40), atol=1e-12)
        np.testing.assert_allclose(closer.as_affine(name).bias, -mean, atol=1e-12)


@pytest.mark.parametrize("options", [{"rate": 1e3}, {"strength": 1e6}, {"temperature": 0.01}])
def test_hard_parameters_never_do_worse_than_centering(options):
    seen, unseen = halves(distorted())
    centred = mean_cosine(Centering().fit(seen).close(unseen))
    found = mean_cosine(LearnedMap(steps=40, **options).fit(seen).close(unseen))
    assert found > centred - 0.05


def test_a_strong_pull_leaves_centering():
    space = distorted()
    closer = LearnedMap(strength=1e9, steps=20).fit(space)
    np.testing.assert_allclose(closer.as_affine("text").matrix, np.eye(6), atol=1e-5)


def test_means_go_to_the_origin():
    space = several(0, 40)
    closer = LearnedMap(steps=20).fit(space)
    for name, x in space.arrays.items():
        matrix, bias = closer.as_affine(name)
        np.testing.assert_allclose(matrix @ unit(x).mean(axis=0) + bias, 0, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"batch": 16}])
def test_a_seed_gives_the_same_whatever_was_drawn_before(options):
    space = several(1, 60)
    first = LearnedMap(steps=20, seed=3, **options).fit(space)
    torch.manual_seed(99)
    np.random.default_rng(99).random()
    second = LearnedMap(steps=20, seed=3, **options).fit(space)
    other = LearnedMap(steps=20, seed=4, **options).fit(space)
    for name in space.names:
        found = first.as_affine(name).matrix
        assert np.array_equal(found, second.as_affine(name).matrix)
        assert not np.allclose(found, other.as_affine(name).matrix, atol=1e-9)


def test_batches_learn_what_the_whole_does():
    seen, unseen = halves(distorted(400), 300)
    assert mean_cosine(LearnedMap(batch=32, steps=60).fit(seen).close(unseen)) > 0.9


def test_single_precision_learns_alike():
    seen, unseen = halves(distorted())
    narrow = seen.map(lambda _, x: x.astype(np.float32))
    assert mean_cosine(LearnedMap(steps=60).fit(narrow).close(unseen)) > 0.9


def test_it_learns_where_gradients_are_off():
    with torch.no_grad():
        closer = LearnedMap(steps=20).fit(distorted())
    assert not np.allclose(closer.as_affine("text").matrix, np.eye(6))


def test_three_modalities_with_missing_items_meet():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 5))
    scales = np.geomspace(1, 3, 5)
    seen = {"image": x * scales, "text": x * scales[::-1] - 1, "audio": x @ rotation(5, 1)}
    own = {"image": np.arange(120), "text": np.arange(80), "audio": np.arange(40, 120)}
    space = Embeddings({name: rows[own[name]] for name, rows in seen.items()}, groups=own)
    unseen = Embeddings({name: rows[120:] for name, rows in seen.items()})
    closed, centred = (c.fit(space).close(unseen) for c in (LearnedMap(steps=60), Centering()))
    for a, b in space.pairs:
        assert mean_cosine(closed, a, b) > max(0.85, mean_cosine(centred, a, b))


def test_groups_with_several_rows_give_one_of_each_at_a_time():
    space = several(2, 30)
    items = Items.of(space)
    common = set(space.groups["image"]) & set(space.groups["text"])
    assert len(items) == len(common)
    rng, seen = np.random.default_rng(0), {name: set() for name in space.names}
    for _ in range(60):
        drawn = items.draw(np.arange(len(items)), rng)
        for name, (x, has) in drawn.items():
            assert has.all()
            cosines = x @ unit(space[name]).T
            places = cosines.argmax(axis=1)
            np.testing.assert_allclose(cosines.max(axis=1), 1)
            assert list(space.groups[name][places]) == sorted(common)
            seen[name] |= set(places)
    for name in space.names:  # in time every row that has a match comes
        assert seen[name] == set(np.flatnonzero(np.isin(space.groups[name], list(common))))


def test_progress_is_told():
    seen = []
    with watched(lambda name, done: seen.append((name, done))):
        LearnedMap(steps=10).fit(distorted(60))
    assert len(seen) > 10
    assert any("groups held out" in name for name, _ in seen)
    assert seen[-1][1] == 1.0


def test_without_torch_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "isthmus.closers.descent", raising=False)
    monkeypatch.delattr("isthmus.closers.descent", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"'torch'.*pip install 'isthmus\[train\]'"):
        LearnedMap().fit(distorted(20))


def test_closers_are_had_without_torch():
    code = "import sys, isthmus.closers; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


WRONG = {
    "steps": (lambda: LearnedMap(steps=0), "steps must be a whole number of at least 1; found 0"),
    "rate": (lambda: LearnedMap(rate=0), "rate must be above 0; found 0"),
    "temperature": (
        lambda: LearnedMap(temperature=0.001),
        "temperature must be a number in [0.01, 1]; found 0.001",
    ),
    "strength": (lambda: LearnedMap(strength="3"), "strength must be a number"),
    "batch": (lambda: LearnedMap(batch=2), "batch must be a whole number of at least 8; found 2"),
    "seed": (lambda: LearnedMap(seed=-1), "seed must be a whole number of at least 0; found -1"),
    "few": (lambda: LearnedMap().fit(distorted(9)), "at least 10 groups with rows of two"),
    "sums": (lambda: LearnedMap().partial_fit(distorted(20)), "the whole calibration set"),
    "merge": (
        lambda: (
            LearnedMap(steps=1).fit(distorted(20)).merge(LearnedMap(steps=1).fit(distorted(20)))
        ),
        "the whole calibration set",
    ),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_misuse_is_refused(call, message):
    assert message in one_line_refusal(call)


def test_a_loaded_map_does_not_merge(tmp_path):
    from isthmus.closers import load_closer

    LearnedMap(steps=1).fit(distorted(20)).save(tmp_path / "closer")
    loaded = [load_closer(tmp_path / "closer") for _ in range(2)]
    with pytest.raises(InputError, match="the whole calibration set"):
        loaded[0].merge(loaded[1])


def test_rows_beyond_memory_are_drawn_from_a_map(tmp_path):
    x = rows(40, 4)
    np.save(tmp_path / "x.npy", x)
    mapped = Embeddings({m: np.load(tmp_path / "x.npy", mmap_mode="r") for m in ("a", "b")})
    whole = LearnedMap(steps=5).fit(Embeddings({"a": x, "b": x}))
    found = LearnedMap(steps=5).fit(mapped)
    assert np.array_equal(found.as_affine("a").matrix, whole.as_affine("a").matrix)
