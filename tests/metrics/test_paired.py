import numpy as np
import pytest

from isthmus.embeddings import Embeddings
from isthmus.errors import InputError
from isthmus.metrics import intervals
from isthmus.metrics.gap import l2m, pair_cosine, rmg
from isthmus.metrics.paired import paired_difference
from isthmus.metrics.pairing import LEAST_GROUPS, pair_sets
from isthmus.metrics.recall import ranks, recall_at_k
from isthmus.metrics.uncertainty import difference
from isthmus.resampling import take
from tests.metrics.test_uncertainty import cosine, relative_gap, space

PAIR = ("image", "text")
KEYS = ("l2m", "rmg", "pair_cosine", "recall@1 image→text", "recall@1 text→image")


def noisier(data: Embeddings, noise: float, seed: int = 7) -> Embeddings:
    """The same items by another model."""
    rng = np.random.default_rng(seed)
    return data.map(lambda name, x: x + noise * rng.normal(size=x.shape))


def numbers(data: Embeddings) -> list[float]:
    x, y = (data[name] for name in PAIR)
    groups = data.groups["image"], data.groups["text"]
    return [
        l2m(x, y),
        rmg(x, y, groups=groups),
        pair_cosine(x, y, groups=groups),
        recall_at_k(x, y, groups=groups),
        recall_at_k(y, x, groups=groups[::-1]),
    ]


def part(data: Embeddings, groups: list[int]) -> Embeddings:
    return take(data, {n: np.flatnonzero(np.isin(data.groups[n], groups)) for n in PAIR})


def shuffled(data: Embeddings, seed: int = 5) -> Embeddings:
    rng = np.random.default_rng(seed)
    return take(data, {name: rng.permutation(len(data.groups[name])) for name in PAIR})


@pytest.mark.parametrize("captions", [1, 3])
def test_values_are_those_of_the_plain_functions(captions: int) -> None:
    a = space(captions=captions)
    b = noisier(a, 0.3)
    found = paired_difference(a, b, PAIR, resamples=20)
    assert tuple(found.differences) == KEYS
    assert list(found.base.values()) == pytest.approx(numbers(a))
    assert list(found.other.values()) == pytest.approx(numbers(b))
    for key in KEYS:
        assert found.differences[key].value == pytest.approx(found.other[key] - found.base[key])


def test_order_of_rows_does_not_matter_but_for_the_ids() -> None:
    a = space(captions=2)
    b = noisier(a, 0.3)
    found, again = (paired_difference(a, other, PAIR) for other in (b, shuffled(b)))
    for key in KEYS:
        assert found.differences[key].low == pytest.approx(again.differences[key].low)
        assert found.differences[key].high == pytest.approx(again.differences[key].high)


def test_widths_agree_with_the_general_paired_bootstrap() -> None:
    a = space(100)
    b = noisier(a, 0.3)
    found = paired_difference(a, b, PAIR).differences
    for key, metric in (("pair_cosine", cosine), ("rmg", relative_gap)):
        general = difference(a, b, metric, resamples=400)
        assert found[key].value == pytest.approx(general.value)
        width = found[key].high - found[key].low
        assert width == pytest.approx(general.high - general.low, rel=0.25)


def test_recall_is_paired_by_query() -> None:
    a = space(400, noise=1.0)
    b = noisier(a, 0.01)
    found = paired_difference(a, b, PAIR)
    hits = np.array(
        [ranks(e["image"], e["text"], (np.arange(400), np.arange(400))).mean == 1 for e in (a, b)],
        dtype=float,
    )
    theory = 2 * 1.96 * (hits[1] - hits[0]).std() / np.sqrt(400)
    interval = found.differences["recall@1 image→text"]
    assert interval.high - interval.low == pytest.approx(theory, rel=0.15)
    assert theory < 0.5 * 2 * 1.96 * hits[0].std() / np.sqrt(400)


def test_intervals_of_models_that_are_equally_good_hold_zero_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(60):
        truth = space(80, noise=0.0, seed=seed)
        a, b = noisier(truth, 0.5, seed=1000 + seed), noisier(truth, 0.5, seed=2000 + seed)
        found = paired_difference(a, b, PAIR, resamples=200, seed=seed).differences
        held.append([found[key].low <= 0 <= found[key].high for key in KEYS])
    assert (np.mean(held, axis=0) >= 0.85).all()
    assert np.mean(held) <= 0.99


def test_fewer_blocks_than_groups_give_about_the_same_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = space(1000)
    b = noisier(a, 0.3)
    whole = paired_difference(a, b, PAIR).differences
    monkeypatch.setattr("isthmus.metrics.paired.BLOCKS", 100)
    few = paired_difference(a, b, PAIR).differences
    for key in KEYS[1:]:
        widths = [found[key].high - found[key].low for found in (few, whole)]
        assert widths[0] == pytest.approx(widths[1], rel=0.35)
    assert intervals.BLOCKS > 100


def test_a_sample_of_queries_is_the_same_in_both_sets() -> None:
    a = space(300, captions=2)
    same = paired_difference(a, shuffled(a), PAIR, max_queries=50)
    assert same.base == pytest.approx(same.other)
    assert same.base["recall@1 text→image"] != pytest.approx(numbers(a)[4], abs=1e-6)
    assert same.base["l2m"] == pytest.approx(numbers(a)[0])


def test_only_groups_that_both_sets_have_count() -> None:
    a = space(100, captions=2)
    first, second = part(a, [*range(90), 95]), part(noisier(a, 0.3), [*range(10, 100)])
    found = paired_difference(first, second, PAIR)
    common = [*range(10, 90), 95]
    assert found.pairing.groups == 81
    assert not found.pairing.whole
    assert found.rows == {"image": (81, 81), "text": (162, 162)}
    assert list(found.base.values()) == pytest.approx(numbers(part(a, common)))
    assert list(found.other.values()) == pytest.approx(numbers(part(noisier(a, 0.3), common)))


def test_a_group_that_one_set_has_in_one_modality_alone_is_left_out() -> None:
    a = space(50)
    rows = {"image": np.arange(50), "text": np.arange(1, 50)}
    found = pair_sets(a, take(a, rows), PAIR)
    assert (found.groups, found.sizes) == (49, (50, 50))
    assert not found.kept[0]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (range(50), range(40), "50 and 40 groups, whose ids only count them"),
        (range(50), range(30, 80), "20 groups in common, of 50 and 50"),
        (range(50), [str(k) for k in range(50)], "numbers in one set and strings in the other"),
        (range(1, LEAST_GROUPS), range(1, LEAST_GROUPS), "5 groups with rows of both"),
    ],
    ids=["counted", "few in common", "kinds", "too few"],
)
def test_sets_of_other_items_are_refused(first: object, second: object, reason: str) -> None:
    rng = np.random.default_rng(0)
    spaces = [
        Embeddings({n: rng.normal(size=(len(ids), 4)) for n in PAIR}, groups=list(ids))  # type: ignore[arg-type, call-overload]
        for ids in (first, second)
    ]
    with pytest.raises(InputError, match=reason):
        pair_sets(*spaces, PAIR)


def test_ids_of_which_one_set_skips_some_are_taken_at_their_word() -> None:
    a = space(50)
    found = pair_sets(a, part(a, [k for k in range(50) if k != 3]), PAIR)
    assert (found.groups, found.counted) == (49, False)
    assert pair_sets(a, a, PAIR).counted


def test_a_modality_that_one_set_lacks_is_named() -> None:
    a = space(20)
    other = Embeddings({"image": a["image"], "audio": a["text"]})
    with pytest.raises(InputError, match="no modality 'text'; there are image, audio"):
        paired_difference(a, other, PAIR)


def test_same_seed_same_interval() -> None:
    a = space()
    b = noisier(a, 0.3)
    first, again, other = (paired_difference(a, b, PAIR, seed=s).differences for s in (1, 1, 2))
    assert first == again
    assert first["l2m"] != other["l2m"]
