"""z-scores level hubs and easy queries, and no row meets itself in the background."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings, InputError
from isthmus.calibration.background import FEWEST, Background, Level, draw_places
from isthmus.calibration.sample import Sample
from isthmus.calibration.scores import SCORES, block_scores, check_score, combine
from tests.calibration.made import space
from tests.strategies import seeds

KIND = ("text", "image")


def levels(rng: np.random.Generator, n: int) -> Level:
    return Level(rng.normal(size=n), rng.uniform(0.5, 2, size=n))


@given(seeds, st.floats(-3, 3))
def test_a_constant_on_all_scores_of_a_query_changes_no_z_score(seed, shift):
    rng = np.random.default_rng(seed)
    background = Background({}, {KIND: 0.05})
    cosines, backed = rng.normal(size=(4, 6)), rng.normal(size=(4, 200))
    shifts = np.array([shift, 0, 0, 0])
    same = levels(rng, 6)
    before = combine("query", cosines, background.level_of(backed, KIND), same)
    after = combine(
        "query",
        cosines + shifts[:, None],
        background.level_of(backed + shifts[:, None], KIND),
        same,
    )
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_scores_are_as_defined():
    rng = np.random.default_rng(0)
    cosines, query, candidate = rng.normal(size=(3, 5)), levels(rng, 3), levels(rng, 5)
    z_query = (cosines - query.mean[:, None]) / query.scale[:, None]
    z_candidate = (cosines - candidate.mean) / candidate.scale
    np.testing.assert_array_equal(combine("cosine", cosines, query, candidate), cosines)
    np.testing.assert_allclose(combine("query", cosines, query, candidate), z_query)
    mutual = combine("mutual", cosines, query, candidate)
    np.testing.assert_allclose(mutual, (z_query + z_candidate) / 2)
    np.testing.assert_allclose(combine("mutual", cosines.T, candidate, query), mutual.T)


@pytest.mark.parametrize(("size", "kept"), [(300, 30), (100, FEWEST), (5, 5)])
def test_a_level_is_of_the_nearest_tenth(size, kept):
    cosines = np.random.default_rng(0).normal(size=(7, size))
    highest = np.sort(cosines, axis=1)[:, -kept:]
    found = Background({}, {KIND: 0.3}).level_of(cosines, KIND)
    np.testing.assert_allclose(found.mean, highest.mean(axis=1))
    np.testing.assert_allclose(found.scale, (highest.std(axis=1) + 0.3) / 2)


def test_equal_scores_in_the_background_divide_by_no_zero():
    found = Background({}, {KIND: 0.0}).level_of(np.full((2, 20), 0.5), KIND)
    assert (found.scale > 0).all()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("kind", [("text", "image"), ("text", "text")])
def test_pairs_of_blocks_are_scored_against_a_background_without_either(kind, score):
    sample = Sample.of(space(40, texts=2), limit=2000, seed=0)
    places = draw_places(sample, 60, 1)
    background = Background.of(sample, places)
    seen = 0
    for parts in block_scores(sample, background, places, kind):
        part = parts[*kind, score]
        i = np.flatnonzero(sample.blocks[kind[0]] == part.first)
        j = np.flatnonzero(sample.blocks[kind[1]] == part.second)
        x, y = sample.rows[kind[0]][i], sample.rows[kind[1]][j]
        clean = {
            name: sample.rows[name][
                [p for p in places[name] if sample.blocks[name][p] not in (part.first, part.second)]
            ]
            for name in kind
        }
        expected = combine(
            score,
            x @ y.T,
            background.level_of(x @ clean[kind[1]].T, kind),
            background.level_of(y @ clean[kind[0]].T, kind[::-1]),
        )
        same = sample.codes[kind[0]][i][:, None] == sample.codes[kind[1]][j]
        keep = np.ones_like(same)
        if kind[0] == kind[1] and part.first == part.second:
            keep = np.triu(keep, 1)
        np.testing.assert_allclose(part.matches, expected[same & keep], atol=1e-4)
        np.testing.assert_allclose(part.others, expected[~same & keep], atol=1e-4)
        seen += len(part.matches) + len(part.others)
    assert seen == (80 * 40 if kind == ("text", "image") else 80 * 79 // 2)


def test_the_query_score_is_there_both_ways():
    sample = Sample.of(space(40), limit=2000, seed=0)
    places = draw_places(sample, 40, 1)
    background = Background.of(sample, places)
    ways = [
        list(block_scores(sample, background, places, kind))
        for kind in (("text", "image"), ("image", "text"))
    ]
    for key in (("text", "image", "query"), ("image", "text", "query")):
        one, other = (np.sort(np.concatenate([p[key].others for p in way])) for way in ways)
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_hub_is_levelled():
    """A candidate that is nearer to everything outscores matches by cosine, but not as z."""
    rng = np.random.default_rng(0)
    background = Background({}, {KIND: 0.1, KIND[::-1]: 0.1})
    cosines, backed = rng.normal(0, 0.1, (20, 20)), rng.normal(0, 0.1, (20, 300))
    cosines += 0.6 * np.eye(20)
    hub = np.where(np.arange(20) == 3, 1.5, 0)
    query = background.level_of(rng.normal(0, 0.1, (20, 300)), KIND)
    candidate = background.level_of(backed + hub[:, None], KIND[::-1])
    found = combine("mutual", cosines + hub, query, candidate)
    assert ((cosines + hub).argmax(axis=1) == 3).all()
    z_candidate = 2 * found - combine("query", cosines + hub, query, candidate)
    np.testing.assert_array_equal(z_candidate.argmax(axis=1), np.arange(20))


def test_a_score_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="no score 'dot'; there are cosine, query, mutual"):
        check_score("dot")


def test_samples_keep_groups_whole_and_matched_groups_first():
    base = space(500, texts=3)
    sample = Sample.of(base, limit=300, seed=0)
    for name, x in sample.rows.items():
        assert len(x) <= 300
        np.testing.assert_array_equal(sample.blocks[name] // 20, 0)
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(*(np.unique(c) for c in sample.codes.values()))
    assert (np.unique(sample.codes["text"], return_counts=True)[1] == 3).all()
    groups = dict(zip(sample.codes["text"], sample.blocks["text"], strict=True))
    assert all(
        groups[code] == block
        for code, block in zip(sample.codes["image"], sample.blocks["image"], strict=True)
    )
    assert sample.matched_groups(("image", "text")) == sample.matched_groups(("text", "text"))
    assert sample.matched_groups(("image", "image")) == 0
    again = Sample.of(base, limit=300, seed=0)
    np.testing.assert_array_equal(again.codes["text"], sample.codes["text"])
    other = Sample.of(base, limit=300, seed=1)
    assert not np.array_equal(other.codes["text"], sample.codes["text"])


def test_groups_that_match_come_first():
    base = space(30)
    lone = np.random.default_rng(0).normal(size=(500, 24))
    padded = Embeddings(
        {name: np.concatenate([lone, x]) for name, x in base.arrays.items()},
        groups={
            name: np.concatenate([np.arange(500) + 1000 * k, np.arange(30) + 9000])
            for k, name in enumerate(base.names)
        },
    )
    sample = Sample.of(padded, limit=60, seed=0)
    assert sample.matched_groups(("image", "text")) == 30
