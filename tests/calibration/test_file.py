"""Saved and loaded calibrations are equal; what is no calibration is refused in one line."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from isthmus import InputError
from isthmus.calibration import SCORES, ScoreCalibration, load_calibration
from isthmus.closers import Centering
from tests.calibration.made import space

BASE = space(40, width=6, texts=2)
FITTED = ScoreCalibration.fit(BASE, closer=Centering().fit(BASE), background=20)
WAY = {"query_modality": "text", "candidate_modality": "image"}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    FITTED.save(tmp_path / "deep" / "c.safetensors")
    return tmp_path / "deep" / "c.safetensors"


def test_a_loaded_calibration_equals_the_saved_one(saved):
    loaded = load_calibration(str(saved))
    assert [path.name for path in saved.parent.iterdir()] == ["c.safetensors"]
    assert loaded.settings == FITTED.settings
    assert loaded.closer == "centering"
    assert loaded.types == FITTED.types
    assert loaded.background.spreads == FITTED.background.spreads
    fresh = space(30, seed=5, width=6)
    for score in SCORES:
        for call in (ScoreCalibration.probability, ScoreCalibration.p_values):
            np.testing.assert_array_equal(
                call(loaded, fresh["text"], fresh["image"], **WAY, score=score),
                call(FITTED, fresh["text"], fresh["image"], **WAY, score=score),
            )
        for target in ({"recall": 0.8}, {"precision": 0.5}, {"false_positives": 0.1}):
            assert loaded.cut_off("text", "image", **target, score=score) == FITTED.cut_off(
                "text", "image", **target, score=score
            )
    assert loaded.reliability("text", "text") == FITTED.reliability("text", "text")


def test_an_unmatched_calibration_comes_back(tmp_path):
    fitted = ScoreCalibration.fit_unmatched(dict(BASE.arrays))
    fitted.save(tmp_path / "c.safetensors")
    loaded = load_calibration(tmp_path / "c.safetensors")
    assert loaded.of("text", "image").log_odds is None
    cut = {"false_positives": 0.1}
    assert loaded.cut_off("text", "image", **cut) == fitted.cut_off("text", "image", **cut)


def parts(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safe_open(path, framework="numpy") as file:
        return load_file(path), file.metadata()


def changed(name: str, by: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        arrays, metadata = parts(path)
        save_file({**arrays, name: np.ascontiguousarray(by(arrays[name]))}, path, metadata)

    return write


def without(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        arrays, metadata = parts(path)
        del arrays[name]
        save_file(arrays, path, metadata)

    return write


def told(key: str, value: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        arrays, metadata = parts(path)
        save_file(arrays, path, {**metadata, key: value})

    return write


def retold(old: str, new: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        arrays, metadata = parts(path)
        assert old in metadata["content"]
        content = metadata["content"].replace(old, new)
        save_file(arrays, path, {**metadata, "content": content})

    return write


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


BROKEN = {
    "missing": (lambda path: path.unlink(), " as a calibration: "),
    "empty": (lambda path: path.write_bytes(b""), " as a calibration: "),
    "text": (lambda path: path.write_text("no\n" * 99), " as a calibration: "),
    "truncated": (truncated, " as a calibration: "),
    "a closer": (lambda path: Centering().fit(BASE).save(path), "not a calibration saved by"),
    "weights": (lambda path: save_file({"w": np.ones(2)}, path), "not a calibration saved by"),
    "later version": (told("version", "9"), "in format 9"),
    "no content": (told("content", ""), "its header does not fit"),
    "other content": (told("content", "[1]"), "its header does not fit"),
    "deep content": (told("content", "[" * 9999), "its header does not fit"),
    "unknown setting": (retold('"seed"', '"sead"'), "its header does not fit"),
    "unknown method": (retold('"logistic"', '"magic"'), "no method 'magic'"),
    "unknown score": (retold('"mutual"', '"dot"'), "it names unknown pairs"),
    "unknown modality": (retold('"modalities": ["image"', '"modalities": ["x"'), "background.x"),
    "closer of no name": (retold('"closer": "centering"', '"closer": 3'), "closer has no name"),
    "no background": (without("background.text"), "background.text is missing"),
    "no map": (without("0.knots"), "0.knots is missing"),
    "background of zeros": (changed("background.text", np.zeros_like), "holds no unit rows"),
    "widths": (changed("background.text", lambda x: np.eye(5, dtype=np.float32)), "width"),
    "NaN edges": (changed("0.edges", lambda x: x * np.nan), "has NaN or infinity"),
    "edges fall": (changed("0.edges", lambda x: x[::-1]), "its edges do not ascend"),
    "map falls": (changed("0.values", lambda x: x[::-1]), "its map does not ascend"),
    "negative counts": (changed("0.matches", np.negative), "its counts contradict"),
    "counts of another shape": (changed("0.others", lambda x: x[1:]), "differ in shape"),
    "counts of pairs in no block": (changed("0.others", np.zeros_like), "its counts contradict"),
    "counts as numbers": (changed("0.matches", lambda x: x / 2), "of another kind"),
    "no matches": (changed("0.matches", np.zeros_like), "its prior has no matches"),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_calibration_is_refused(saved, change, message):
    change(saved)
    with pytest.raises(InputError) as caught:
        load_calibration(saved)
    assert message in str(caught.value)
    assert "c.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def loaded_or_refused(path: Path) -> ScoreCalibration | None:
    try:
        return load_calibration(path)
    except InputError as error:
        refusal = str(error)
    assert "\n" not in refusal
    return None


@settings(max_examples=25)
@given(
    flips=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=4),
    header=st.booleans(),
)
def test_flipped_bytes_give_a_calibration_or_a_refusal(tmp_path_factory, flips, header):
    path = tmp_path_factory.mktemp("flipped") / "c.safetensors"
    FITTED.save(path)
    content = bytearray(path.read_bytes())
    reach = 4000 if header else len(content)
    for position, value in flips:
        content[position % reach] = value
    path.write_bytes(content)
    loaded = loaded_or_refused(path)
    if loaded is None:
        return
    found = loaded.probability(BASE["text"][:3], BASE["image"], **WAY)
    assert np.isfinite(found).all()
    for kind in loaded.types:
        cut = loaded.cut_off(*kind, false_positives=0.1)
        assert not np.isnan(cut.threshold)
