"""Sums by class in saved closers: what is damaged is refused, in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from isthmus.closers import IdealWords, load_closer
from isthmus.closers.file import FORMAT
from isthmus.files import VERSION
from tests.closers.spaces import gapped, one_line_refusal


def encoded(value: object) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


COUNTS = np.array([14, 13, 13])
DAMAGE = {
    "no name": ({"factor.0": encoded(5)}, "no name and values"),
    "no list": ({"factor.0": encoded(["label", "cat"])}, "no name and values"),
    "no values": ({"factor.0": encoded(["label", []])}, "no name and values"),
    "no text": ({"factor.0": np.array([255, 254], np.uint8)}, "no name and values"),
    "deep": ({"factor.0": np.full(100_000, ord("["), np.uint8)}, "no name and values"),
    "mixed": ({"factor.0": encoded(["label", [0, "1", 2]])}, "neither integers nor strings"),
    "fractions": ({"factor.0": encoded(["label", [0, 1.5, 2]])}, "neither integers nor strings"),
    "twice": ({"factor.0": encoded(["label", [0, 1, 1]])}, "are not distinct"),
    "unlabelled": ({"factor.0": encoded(["attribute a", [0, 1, 2]])}, "sums by class are missing"),
    "no counts": ({"factor.0.counts.text": None}, "counts of 'label' in modality 'text'"),
    "few counts": ({"factor.0.counts.text": COUNTS[:2]}, "counts of 'label' in modality 'text'"),
    "negative": ({"factor.0.counts.text": COUNTS * [-1, 3, 2]}, "counts of 'label'"),
    "more than rows": ({"factor.0.counts.text": COUNTS * 2}, "counts of 'label'"),
    "no sums": ({"factor.0.totals.image": None}, "sums of 'label' in modality 'image'"),
    "narrow": ({"factor.0.totals.image": np.ones((3, 5))}, "sums of 'label'"),
    "single": ({"factor.0.totals.image": np.ones((3, 6), np.float32)}, "sums of 'label'"),
    "NaN": ({"factor.0.totals.image": np.full((3, 6), np.nan)}, "are not finite"),
}


def write(path, changes):
    IdealWords().fit(gapped()).save(path)
    kept = {name: array for name, array in (load_file(path) | changes).items() if array is not None}
    parameters = {"parameters": "{}", "modalities": '["image", "text"]'}
    about = {"format": FORMAT, "version": VERSION, "kind": "ideal-words"} | parameters
    save_file({name: np.ascontiguousarray(a) for name, a in kept.items()}, path, metadata=about)


@pytest.mark.parametrize(("changes", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_sums_are_refused(tmp_path, changes, message):
    path = tmp_path / "closer.safetensors"
    write(path, changes)
    refusal = one_line_refusal(lambda: load_closer(path))
    assert f"{path} is damaged: " in refusal
    assert message in refusal


def test_undamaged_sums_are_read_and_maps_without_sums_do(tmp_path):
    path = tmp_path / "closer.safetensors"
    write(path, {})
    whole = load_closer(path)
    assert whole.partial_fit(gapped(1)).calibration_["text"].count == 80
    write(path, {f"factor.0{own}": None for own in ("", ".counts.text", ".totals.text")})
    bare = load_closer(path)
    bare.transform(gapped()["text"], modality="text")
    assert "whole calibration set" in one_line_refusal(lambda: bare.partial_fit(gapped(1)))
