"""Pipelines: what doing it by hand gives, one affine map where it is one, and saved files."""

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from isthmus import Embeddings
from isthmus.closers import (
    CCA,
    Centering,
    IdealWords,
    LearnedMap,
    Pipeline,
    Procrustes,
    Ridge,
    Standardising,
    Whitening,
    load_closer,
)
from isthmus.errors import InputError
from isthmus.readers import spool
from isthmus.testing.closers import space
from tests.closers.matched import several, unit
from tests.closers.spaces import one_line_refusal

STEPS = [Centering(), Ridge(to="text", strength=0.5), CCA(k=3)]


def test_it_is_doing_it_by_hand():
    found = several(0, 30)
    by_hand = found
    for step in (Centering(), Ridge(to="text", strength=0.5), CCA(k=3)):
        by_hand = step.fit(by_hand).close(by_hand)
    closed = Pipeline(STEPS).fit(found).close(found)
    for name in found.names:
        np.testing.assert_allclose(closed[name], by_hand[name], atol=1e-12)
    assert not hasattr(STEPS[0], "calibration_"), "the steps that were given are not fitted"


def test_one_step_is_that_closer():
    found = several(1, 30)
    alone, only = Ridge().fit(found), Pipeline([Ridge()]).fit(found)
    for name, x in found.arrays.items():
        for a, b in zip(only.as_affine(name), alone.as_affine(name), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(
            only.transform(x, modality=name), alone.transform(x, modality=name)
        )


def test_fitted_or_not_as_closers_or_parameters():
    found = several(2, 30)
    forms = [
        [Centering(), Procrustes(strength=1)],
        [Centering().fit(found), Procrustes(strength=1).fit(found)],
        [{"kind": "centering"}, {"kind": "procrustes", "strength": 1}],
        Pipeline([Centering(), Procrustes(strength=1)]).steps,
    ]
    for steps in forms:
        pipeline = Pipeline(steps)
        assert pipeline.parameters() == {
            "steps": [
                {"kind": "centering"},
                {"kind": "procrustes", "to": None, "center": True, "strength": 1.0},
            ]
        }


AFFINE = {
    "no constant later": [Centering(), Procrustes(center=False)],
    "only turns before": [Procrustes(center=False), Procrustes(to="text", center=False), Ridge()],
    "three": [Whitening(), Procrustes(center=False), Procrustes(to="text", center=False)],
}


@pytest.mark.parametrize("steps", AFFINE.values(), ids=AFFINE)
def test_one_affine_map_where_it_is_one(steps):
    found = several(3, 30)
    closer = Pipeline(steps).fit(found)
    for name, x in found.arrays.items():
        matrix, bias = closer.as_affine(name)
        np.testing.assert_allclose(
            unit(unit(x) @ matrix.T + bias), closer.transform(x, modality=name), atol=1e-9
        )


@pytest.mark.parametrize("steps", [[Centering(), Centering()], [Whitening(), Ridge()]])
def test_a_constant_after_scaling_is_not_one_affine_map(steps):
    closer = Pipeline(steps).fit(several(3, 30))
    with pytest.raises(InputError, match=r"step 2 \(.*\) adds a constant"):
        closer.as_affine("image")


def test_the_inverse_goes_back_step_by_step_or_names_the_loss():
    found = several(4, 30)
    closer = Pipeline([Centering(), Procrustes(), Ridge()]).fit(found)
    for name, x in found.arrays.items():
        closed = closer.transform(x, modality=name)
        np.testing.assert_allclose(
            closer.inverse_transform(closed, modality=name), unit(x), atol=1e-7
        )
    narrow = Pipeline([Centering(), CCA(k=2)]).fit(found)
    with pytest.raises(InputError, match="no inverse"):
        narrow.inverse_transform(np.eye(2), modality="text")


def test_needs_are_those_of_any_step():
    cases = [
        ([Centering()], (False, False, True)),
        ([Centering(), Ridge()], (True, False, True)),
        ([IdealWords(), Centering()], (False, True, True)),
        ([Centering(), Standardising()], (False, False, False)),
    ]
    for steps, expected in cases:
        pipeline = Pipeline(steps)
        assert (pipeline.pairs, pipeline.labels, pipeline.equivariant) == expected


def test_rows_between_steps_lie_in_a_file_where_they_are_many(monkeypatch):
    found = several(5, 40).map(lambda _, x: x.astype(np.float32))
    steps = [Centering(), Whitening(), Procrustes()]
    expected = Pipeline(steps).fit(found).close(found)
    seen = []
    fit = Whitening.fit
    monkeypatch.setattr(Whitening, "fit", lambda self, e: seen.append(e["image"]) or fit(self, e))
    monkeypatch.setattr(spool, "MEMORY_BYTES", 0)
    monkeypatch.setattr(spool, "BLOCK_BYTES", 64)
    closed = Pipeline(steps).fit(found).close(found)
    assert isinstance(seen[0], np.memmap)
    assert seen[0].dtype == np.float32
    for name in found.names:
        np.testing.assert_allclose(closed[name], expected[name], atol=1e-5)


def test_a_saved_pipeline_comes_back(tmp_path):
    found = several(6, 30)
    closer = Pipeline(STEPS).fit(found)
    closer.save(tmp_path / "closer")
    loaded = load_closer(tmp_path / "closer")
    assert isinstance(loaded, Pipeline)
    assert loaded.parameters() == closer.parameters()
    for name, x in found.arrays.items():
        np.testing.assert_array_equal(
            loaded.transform(x, modality=name), closer.transform(x, modality=name)
        )


def test_a_damaged_step_is_named(tmp_path):
    path = tmp_path / "closer"
    Pipeline(STEPS).fit(several(6, 30)).save(path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = load_file(path)
    del arrays["2.bias.text"]
    save_file(arrays, path, metadata=metadata)
    with pytest.raises(InputError, match=r"is damaged: step 2 \(ridge\): .*bias"):
        load_closer(path)


def test_ten_steps_do_not_mix_up_their_arrays(tmp_path):
    found = space()
    closer = Pipeline([Centering()] * 9 + [Procrustes(strength=0), Ridge(strength=1)]).fit(found)
    closer.save(tmp_path / "closer")
    loaded = load_closer(tmp_path / "closer")
    np.testing.assert_array_equal(
        loaded.transform(found["text"], modality="text"),
        closer.transform(found["text"], modality="text"),
    )


WRONG = {
    "none": (lambda: Pipeline([]), "at least one"),
    "text": (lambda: Pipeline("centering"), "steps must be a list of closers"),
    "one closer": (lambda: Pipeline(Centering()), "steps must be a list of closers"),
    "itself": (lambda: Pipeline([Pipeline([Centering()])]), "step 1 is a pipeline itself"),
    "as parameters": (
        lambda: Pipeline([Centering(), {"kind": "pipeline", "steps": []}]),
        "step 2 is of kind 'pipeline'; known are",
    ),
    "no closer": (lambda: Pipeline([Centering(), 3]), "step 2 must be a closer"),
    "kind": (lambda: Pipeline([{"kind": "magic"}]), "step 1 is of kind 'magic'; known are"),
    "no kind": (lambda: Pipeline([{"to": "text"}]), "step 1 must be a closer, or its kind"),
    "parameter": (lambda: Pipeline([{"kind": "centering", "k": 1}]), "step 1: parameters do not"),
    "value": (lambda: Pipeline([{"kind": "ridge", "strength": -1}]), "strength must be"),
    "shards": (
        lambda: Pipeline([LearnedMap()]).fit(Embeddings({"a": np.eye(3), "b": np.eye(3)})),
        "at least 10 groups",
    ),
    "unfitted": (lambda: Pipeline([Centering()]).inverse_transform(np.eye(2), modality="a"), "fit"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_misuse_is_refused(call, message):
    assert message in one_line_refusal(call)
