"""The calibration of rows: probabilities that hold on fresh rows, cut-offs, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from isthmus import Embeddings, InputError
from isthmus.calibration import SCORES, ScoreCalibration
from isthmus.closers import Centering
from tests.calibration.made import space
from tests.strategies import rotation, seeds

WAY = {"query_modality": "text", "candidate_modality": "image"}
BASE = space(160)
FITTED = ScoreCalibration.fit(BASE)
FRESH = space(300, seed=7)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("prior", [0.5, 0.02])
def test_probabilities_hold_on_fresh_rows(score, prior):
    found = FITTED.probability(FRESH["text"], FRESH["image"], **WAY, score=score, prior=prior)
    assert found.shape == (300, 300)
    assert ((found > 0) & (found < 1)).all()
    same = np.eye(300, dtype=bool)
    weight = np.where(same, prior / same.sum(), (1 - prior) / (~same).sum())
    tenths = np.minimum((found * 10).astype(int), 9).reshape(-1)
    off = np.bincount(tenths, weights=(weight * (found - same)).reshape(-1), minlength=10)
    assert np.abs(off).sum() < 0.04  # expected calibration error
    assert abs(off.sum()) < 0.02


def test_without_a_prior_it_is_the_share_of_matches():
    assert FITTED.of("text", "image").prior == 1 / 160
    stated = FITTED.probability(FRESH["text"], FRESH["image"], **WAY, prior=1 / 160)
    unstated = FITTED.probability(FRESH["text"], FRESH["image"], **WAY)
    np.testing.assert_array_equal(stated, unstated)


def test_the_prior_of_the_constructor_is_the_default():
    fitted = ScoreCalibration.fit(BASE, prior=0.1)
    expected = fitted.probability(FRESH["text"], FRESH["image"], **WAY, prior=0.1)
    np.testing.assert_array_equal(
        fitted.probability(FRESH["text"], FRESH["image"], **WAY), expected
    )
    assert fitted.cut_off("text", "image", precision=0.8).prior == 0.1


@settings(max_examples=3)
@given(seeds)
def test_a_rotated_space_is_calibrated_alike(seed):
    turn = rotation(24, seed)
    turned = ScoreCalibration.fit(BASE.map(lambda _, x: x @ turn))
    for score in SCORES:
        found = turned.probability(
            FRESH["text"][:9] @ turn, FRESH["image"] @ turn, **WAY, score=score
        )
        expected = FITTED.probability(FRESH["text"][:9], FRESH["image"], **WAY, score=score)
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("score", SCORES)
def test_probabilities_rise_with_the_score_and_p_values_fall(score):
    z = FITTED.scores(FRESH["text"], FRESH["image"], **WAY, score=score).reshape(-1)
    order = np.argsort(z)
    p = FITTED.probability(FRESH["text"], FRESH["image"], **WAY, score=score).reshape(-1)
    assert (np.diff(p[order]) >= 0).all()
    values = FITTED.p_values(FRESH["text"], FRESH["image"], **WAY, score=score).reshape(-1)
    assert (np.diff(values[order]) <= 0).all()


@pytest.mark.parametrize("score", ["cosine", "mutual"])
def test_what_is_alike_both_ways_is_the_same_both_ways(score):
    back = {"query_modality": "image", "candidate_modality": "text"}
    there = FITTED.probability(FRESH["text"][:5], FRESH["image"], **WAY, score=score)
    here = FITTED.probability(FRESH["image"], FRESH["text"][:5], **back, score=score)
    np.testing.assert_allclose(here.T, there, atol=1e-6)


def test_every_type_of_pairs_has_its_own_map():
    fitted = ScoreCalibration.fit(space(200, texts=3, gap=2))
    assert fitted.types == (("image", "text"), ("image", "image"), ("text", "text"))
    assert fitted.of("text", "text").evidence.n_matches == 200 * 3
    assert fitted.of("text", "text").prior == pytest.approx(2 / 599)
    assert fitted.of("image", "image").prior is None
    across, within = (fitted.of("text", other) for other in ("image", "text"))
    assert across.evidence.means[0] < within.evidence.means[1]  # the gap, and why types differ


def test_closed_rows_need_one_threshold_where_open_ones_need_two():
    base = space(200, texts=2, gap=2)
    closer = Centering().fit(base)
    passing = {}
    for name, by in (("open", None), ("closed", closer)):
        fitted = ScoreCalibration.fit(base, closer=by)
        cut = fitted.cut_off("text", "image", recall=0.9)
        passing[name] = fitted.of("text", "text").evidence.passing(cut.threshold)
    assert passing["open"] > 0.9
    assert passing["closed"] < 0.1
    assert fitted.closer == "centering"


def test_closing_inside_the_fit_is_closing_before_it():
    closer = Centering().fit(BASE)
    inside = ScoreCalibration.fit(BASE, closer=closer)
    before = ScoreCalibration.fit(closer.close(BASE))
    x, y = (closer.close(FRESH)[name] for name in ("text", "image"))
    np.testing.assert_allclose(
        inside.probability(x, y, **WAY), before.probability(x, y, **WAY), atol=1e-5
    )


@pytest.mark.parametrize("score", SCORES)
def test_matches_are_what_passes_best_first_and_none_where_nothing_does(score):
    cut = FITTED.cut_off("text", "image", precision=0.5, score=score)
    strangers = space(40, seed=8)["text"]  # their images are not there
    alien = FITTED.scores(strangers, FRESH["image"], **WAY, score=score).max(axis=1).argmin()
    queries = np.concatenate([FRESH["text"][:20], strangers[alien : alien + 1]])
    found = FITTED.matches(queries, FRESH["image"], cut)
    z = FITTED.scores(queries, FRESH["image"], **WAY, score=score)
    assert len(found) == 21
    for places, own in zip(found, z, strict=True):
        assert set(places.tolist()) == set(np.flatnonzero(own >= cut.threshold).tolist())
        assert (np.diff(own[places]) <= 0).all()
    assert found[-1].tolist() == []
    nothing = FITTED.cut_off("text", "image", precision=0.999, prior=1e-6)
    assert [len(each) for each in FITTED.matches(queries, FRESH["image"], nothing)] == [0] * 21


def test_matches_visit_candidates_in_chunks(monkeypatch):
    from isthmus import arrays

    cut = FITTED.cut_off("text", "image", recall=0.9)
    whole = FITTED.matches(FRESH["text"], FRESH["image"], cut)
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1)
    parts = FITTED.matches(FRESH["text"], FRESH["image"], cut)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_cosine_to_cut_at_for_every_query_is_the_cut_off_on_its_z_score():
    cut = FITTED.cut_off("text", "image", recall=0.8, score="query")
    cosines = FITTED.cut_offs(FRESH["text"], **WAY, recall=0.8)
    assert cosines.shape == (300,)
    assert cosines.std() > 0.01
    z = FITTED.scores(FRESH["text"], FRESH["image"], **WAY, score="query")
    plain = FITTED.scores(FRESH["text"], FRESH["image"], **WAY)
    np.testing.assert_array_equal(plain >= cosines[:, None], z >= cut.threshold)


@pytest.mark.parametrize("target", [{"recall": 0.9}, {"precision": 0.7, "prior": 0.02}])
@pytest.mark.parametrize("score", SCORES)
def test_targets_hold_on_fresh_rows(score, target):
    cut = FITTED.cut_off("text", "image", **target, score=score)
    fresh = space(600, seed=11)
    passes = FITTED.scores(fresh["text"], fresh["image"], **WAY, score=score) >= cut.threshold
    same = np.eye(600, dtype=bool)
    recall, passing = passes[same].mean(), passes[~same].mean()
    if "recall" in target:
        assert recall == pytest.approx(0.9, abs=0.06)
    else:
        assert 0.02 * recall / (0.02 * recall + 0.98 * passing) == pytest.approx(0.7, abs=0.1)
    assert cut.recall.low - 0.03 < recall < cut.recall.high + 0.03
    assert cut.passing.low * 0.8 < passing < cut.passing.high * 1.25


def test_unmatched_rows_give_p_values_that_are_uniform_for_what_does_not_match():
    base = space(400, seed=1)
    fitted = ScoreCalibration.fit_unmatched({"image": base["image"][:200], "text": base["text"]})
    for score in SCORES:
        found = fitted.p_values(FRESH["text"], FRESH["image"], **WAY, score=score)
        same = np.eye(300, dtype=bool)
        for level in (0.5, 0.1, 0.01):
            assert (found[~same] <= level).mean() == pytest.approx(level, rel=0.3)
        assert np.median(found[same]) < 0.05
    cut = fitted.cut_off("text", "image", false_positives=0.01)
    assert (cut.precision, cut.recall, cut.prior) == (None, None, None)
    assert cut.passing.low < 0.01 < cut.passing.high


def test_one_modality_alone_is_enough_without_matches():
    fitted = ScoreCalibration.fit_unmatched({"text": BASE["text"]})
    assert fitted.types == (("text", "text"),)


def test_the_same_seed_gives_the_same():
    one, other = FITTED, ScoreCalibration.fit(BASE)
    for key, learned in one.learned.items():
        for name in ("edges", "matches", "others"):
            np.testing.assert_array_equal(
                getattr(learned.evidence, name), getattr(other.learned[key].evidence, name)
            )


@pytest.mark.parametrize(
    "library",
    [torch.from_numpy, lambda x: torch.from_numpy(x).half(), lambda x: x.astype(np.float32)],
    ids=["torch", "half", "single"],
)
def test_rows_of_any_library_give_the_same(library):
    fitted = ScoreCalibration.fit(BASE.map(lambda _, x: library(x)))
    found = fitted.probability(library(FRESH["text"][:5]), library(FRESH["image"]), **WAY)
    assert isinstance(found, np.ndarray)
    expected = FITTED.probability(FRESH["text"][:5], FRESH["image"], **WAY)
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_a_memory_map_is_read_and_not_changed(tmp_path):
    for name, x in BASE.arrays.items():
        np.save(tmp_path / f"{name}.npy", x)
    mapped = BASE.map(lambda name, _: np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    found = ScoreCalibration.fit(mapped).cut_off("text", "image", recall=0.9)
    assert found == FITTED.cut_off("text", "image", recall=0.9)


def test_a_list_of_one_query_is_enough():
    found = FITTED.probability(FRESH["text"][:1].tolist(), FRESH["image"][:1].tolist(), **WAY)
    assert found.shape == (1, 1)


UNMATCHED = ScoreCalibration.fit_unmatched(dict(BASE.arrays))
TEXT, IMAGE = FRESH["text"][:3], FRESH["image"][:3]
FEW = Embeddings({"image": BASE["image"][:9], "text": BASE["text"][:9]})

REFUSED = {
    "few matches": (lambda: ScoreCalibration.fit(FEW), "needs 10 groups with rows that match"),
    "one group": (
        lambda: ScoreCalibration.fit(
            Embeddings({"image": IMAGE, "text": TEXT}, groups=np.zeros(3, dtype=int))
        ),
        "found 1",
    ),
    "method": (lambda: ScoreCalibration.fit(BASE, method="magic"), "no method 'magic'"),
    "prior": (lambda: ScoreCalibration.fit(BASE, prior=1.0), "strictly between 0 and 1"),
    "background": (lambda: ScoreCalibration.fit(BASE, background=1), "background must be at least"),
    "rows": (lambda: ScoreCalibration.fit(BASE, rows=3), "rows must be at least 20; found 3"),
    "no modality": (lambda: ScoreCalibration.fit_unmatched({}), "at least one modality"),
    "widths": (
        lambda: ScoreCalibration.fit_unmatched({"a": np.eye(30), "b": np.eye(31)}),
        "must share one space",
    ),
    "NaN": (
        lambda: ScoreCalibration.fit_unmatched({"a": np.full((30, 2), np.nan)}),
        "NaN or infinity in row 0",
    ),
    "modality": (
        lambda: FITTED.probability(TEXT, IMAGE, query_modality="audio", candidate_modality="image"),
        "not fitted on a modality 'audio'; it knows image, text",
    ),
    "score": (
        lambda: FITTED.probability(TEXT, IMAGE, **WAY, score="dot"),
        "no score 'dot'",
    ),
    "width": (
        lambda: FITTED.probability(TEXT[:, :3], IMAGE, **WAY),
        "fitted on 24 dimensions; rows of modality 'text' must be of shape (n, 24)",
    ),
    "NaN candidate of a later chunk": (
        lambda: FITTED.matches(
            TEXT,
            np.concatenate([np.ones((9000, 24)), np.full((1, 24), np.nan)]),
            FITTED.cut_off("text", "image", recall=0.5),
        ),
        "modality 'image' has NaN or infinity in row 9000",
    ),
    "one axis": (lambda: FITTED.scores(TEXT[0], IMAGE, **WAY), "found (24,)"),
    "NaN query": (
        lambda: FITTED.scores(TEXT * np.nan, IMAGE, **WAY),
        "modality 'text' has NaN or infinity in row 0",
    ),
    "prior of a call": (
        lambda: FITTED.probability(TEXT, IMAGE, **WAY, prior=0.0),
        "strictly between 0 and 1",
    ),
    "no target": (lambda: FITTED.cut_off("text", "image"), "found none"),
    "probability without matches": (
        lambda: UNMATCHED.probability(TEXT, IMAGE, **WAY),
        "no matches of these modalities are known",
    ),
    "recall without matches": (
        lambda: UNMATCHED.cut_off("text", "image", recall=0.9),
        "no matches of these modalities are known",
    ),
    "reliability without matches": (
        lambda: FITTED.reliability("text", "text"),
        "no matches of these modalities are known",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused_in_one_line(call, message):
    with pytest.raises(InputError) as caught, np.errstate(invalid="ignore"):
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_on_real_vectors_one_threshold_serves_one_index_only_once_closed(real_data):
    with np.load(real_data("clip_coco500/coco_val500_clip_vitb16.npz")) as file:
        real = Embeddings({name: file[name] for name in ("image", "text")})
    halves = [Embeddings({name: x[part::2] for name, x in real.arrays.items()}) for part in (0, 1)]
    passing = {}
    for name, closer in (("open", None), ("closed", Centering().fit(halves[0]))):
        fitted = ScoreCalibration.fit(halves[0], closer=closer)
        held_out = halves[1] if closer is None else closer.close(halves[1])
        cut = fitted.cut_off("text", "image", recall=0.9)
        across = fitted.scores(held_out["text"], held_out["image"], **WAY)
        assert (np.diag(across) >= cut.threshold).mean() == pytest.approx(0.9, abs=0.06)
        within = fitted.scores(
            held_out["text"],
            held_out["text"],
            query_modality="text",
            candidate_modality="text",
        )
        passing[name] = (within[~np.eye(250, dtype=bool)] >= cut.threshold).mean()
    assert passing["open"] > 0.95
    assert passing["closed"] < 0.13
