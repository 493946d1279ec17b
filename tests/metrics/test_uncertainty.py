import numpy as np
import pytest

from isthmus.embeddings import Embeddings
from isthmus.errors import InputError
from isthmus.metrics.gap import pair_cosine, rmg
from isthmus.metrics.uncertainty import (
    bootstrap,
    difference,
    matched_sizes,
    mean_interval,
    permutation_null,
)


def cosine(space: Embeddings) -> float:
    codes = space.codes["image"], space.codes["text"]
    return pair_cosine(space["image"], space["text"], groups=codes)


def relative_gap(space: Embeddings) -> float:
    codes = space.codes["image"], space.codes["text"]
    return rmg(space["image"], space["text"], groups=codes)


def space(n: int = 80, noise: float = 0.5, seed: int = 0, captions: int = 1) -> Embeddings:
    rng = np.random.default_rng(seed)
    item = rng.normal(size=(n, 6))
    text = np.repeat(item, captions, axis=0) + noise * rng.normal(size=(n * captions, 6))
    groups = {"image": np.arange(n), "text": np.repeat(np.arange(n), captions)}
    return Embeddings({"image": item, "text": text}, groups=groups)


def test_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = mean_interval(values, np.arange(400), resamples=2000)
    assert interval.value == pytest.approx(values.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_rows_of_one_group_are_drawn_together() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=100), 10)
    groups = np.repeat(np.arange(100), 10)
    by_group = mean_interval(values, groups)
    by_row = mean_interval(values, np.arange(1000))
    assert by_group.high - by_group.low > 2.5 * (by_row.high - by_row.low)


def test_bootstrap_of_the_pair_cosine_agrees_with_that_of_its_mean() -> None:
    data = space()
    cosines = [
        float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
        for x, y in zip(data["image"], data["text"], strict=True)
    ]
    general = bootstrap(data, cosine, resamples=400)
    direct = mean_interval(cosines, np.arange(80))
    assert general.value == pytest.approx(direct.value)
    assert general.low == pytest.approx(direct.low, abs=0.02)
    assert general.high == pytest.approx(direct.high, abs=0.02)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    truth = cosine(space(20_000, seed=99))
    found = [bootstrap(space(60, seed=s), cosine, resamples=100, seed=s) for s in range(60)]
    covered = np.mean([interval.low <= truth <= interval.high for interval in found])
    assert 0.82 <= covered <= 1


def test_null_of_random_pairs_is_where_shuffled_pairs_are() -> None:
    null = permutation_null(space(noise=0.3), cosine, permutations=99)
    assert abs(null.mean) < 3 * null.standard_deviation
    assert null.value > 0.8
    assert null.p_value == pytest.approx(0.01)


def test_unrelated_modalities_are_not_significant() -> None:
    rng = np.random.default_rng(3)
    unrelated = Embeddings({"image": rng.normal(size=(60, 6)), "text": rng.normal(size=(60, 6))})
    assert permutation_null(unrelated, cosine, permutations=99).p_value > 0.05


def test_paired_difference_is_surer_than_two_separate_intervals() -> None:
    a = space(noise=0.5)
    b = a.map(lambda name, x: x + (0.05 if name == "text" else 0.0))
    paired = difference(a, b, cosine)
    alone = bootstrap(a, cosine)
    assert paired.value == pytest.approx(cosine(b) - cosine(a))
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)


def test_paired_comparison_of_different_items_is_refused() -> None:
    with pytest.raises(InputError, match="same items in both; modality 'image' differs"):
        difference(space(80), space(70), cosine)


def test_matched_sizes_have_equally_many_groups() -> None:
    small, large = matched_sizes([space(30, captions=2), space(90)])
    assert (len(small["image"]), len(small["text"])) == (30, 60)
    assert len(large["image"]) == len(large["text"]) == 30
    assert relative_gap(small) == pytest.approx(relative_gap(space(30, captions=2)))


@pytest.mark.parametrize("groups", [1, 31])
def test_impossible_sizes_are_refused(groups: int) -> None:
    with pytest.raises(InputError, match="between 2 and 30 groups"):
        matched_sizes([space(30), space(90)], groups=groups)


def test_same_seed_same_interval() -> None:
    first, again, other = (bootstrap(space(), cosine, resamples=20, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(("resamples", "level"), [(0, 0.95), (10, 1.0), (10, 0.0)])
def test_impossible_settings_are_refused(resamples: int, level: float) -> None:
    with pytest.raises(InputError, match="at least one draw"):
        mean_interval([1.0, 2.0], [0, 1], resamples=resamples, level=level)


def test_values_without_groups_are_refused() -> None:
    with pytest.raises(InputError, match="one value and one group per row"):
        mean_interval([1.0, 2.0], [0])
