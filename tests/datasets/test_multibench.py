"""MIMIC and the spoken sentences of MultiBench: splits, cleaning, labels, what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.datasets.multibench_affect import affect, affect_splits
from isthmus.datasets.multibench_mimic import mimic, mimic_splits, split_rows
from isthmus.errors import InputError
from tests.datasets.official_multibench import (
    NAMES,
    WIDTHS,
    affect_tree,
    mimic_tree,
    sentences,
    write_affect,
    write_mimic,
)

SPLITS = ("train", "validation", "test")

Tree = dict[str, Any]

# MIMIC


def published(rows: int) -> dict[str, list[int]]:
    """The split as the released code makes it: a list that is shuffled in place."""
    random.seed(10)
    items = list(range(rows))
    random.shuffle(items)
    return {
        "train": items[rows // 5 :],
        "validation": items[: rows // 10],
        "test": items[rows // 10 : rows // 5],
    }


@pytest.mark.parametrize("rows", [10, 19, 43, 1000])
def test_the_published_split(rows: int) -> None:
    state = random.getstate()
    found = {split: own.tolist() for split, own in split_rows(rows).items()}
    assert random.getstate() == state  # nobody else's random numbers change
    assert found == published(rows)


def test_rows_belong_together_and_no_row_is_in_two_splits(tmp_path: Path) -> None:
    tree = mimic_tree(43)
    write_mimic(tmp_path, tree)
    found = mimic_splits(root=tmp_path)
    rows = np.concatenate([found[split].rows for split in SPLITS])
    assert sorted(rows) == list(range(43))
    for split in SPLITS:
        own = found[split]
        assert own.tabular.shape == (len(own), 5)
        assert own.series.shape == (len(own), 24, 12)
        assert (own.tabular.dtype, own.series.dtype, own.labels.dtype) == (
            *(np.float32, np.float32, np.int64),
        )
        np.testing.assert_array_equal(own.labels, tree["y_icd9"][own.rows, 7])
        # Order within a feature survives standardising: rows are those of the file.
        for name, key in (("tabular", "adm_features_all"), ("series", "ep_tdata")):
            order = np.argsort(tree[key][own.rows][..., 1], axis=0)
            np.testing.assert_array_equal(np.argsort(getattr(own, name)[..., 1], axis=0), order)
    one = mimic("test", root=tmp_path)
    np.testing.assert_array_equal(one.series, found["test"].series)


def test_standardised_by_the_train_split_alone(tmp_path: Path) -> None:
    """P2-17: the released code takes mean and deviation of all rows, test ones among them."""
    tree = mimic_tree(50)
    held = np.concatenate([split_rows(50)["validation"], split_rows(50)["test"]])
    write_mimic(tmp_path, tree)
    before = mimic_splits(root=tmp_path)
    for name, axes in (("tabular", (0,)), ("series", (0, 1))):
        x = getattr(before["train"], name).astype(np.float64)
        np.testing.assert_allclose(x.mean(axis=axes), 0, atol=1e-5)
        np.testing.assert_allclose(x.std(axis=axes), 1, atol=1e-5)
    tree["adm_features_all"][held] *= 1000
    tree["ep_tdata"][held] += 1000
    write_mimic(tmp_path, tree)
    after = mimic_splits(root=tmp_path)
    for name in ("tabular", "series"):
        unmoved = getattr(before["train"], name), getattr(after["train"], name)
        np.testing.assert_array_equal(*unmoved)
        assert np.abs(getattr(after["test"], name)).max() > 50


def test_what_is_not_finite_is_zero_and_a_constant_feature_too(tmp_path: Path) -> None:
    tree = mimic_tree(30)
    tree["adm_features_all"][:, 2] = 0.1
    tree["ep_tdata"][:, :, 4] = 0
    tree["ep_tdata"][3, 5, 6] = np.nan
    clean = {key: x.copy() for key, x in tree.items()}
    tree["ep_tdata"][7, 8, 9], clean["ep_tdata"][7, 8, 9] = -np.inf, 0
    clean["ep_tdata"][3, 5, 6] = 0
    found, expected = [], []
    for each, into in ((tree, found), (clean, expected)):
        write_mimic(tmp_path, each)
        splits = mimic_splits(root=tmp_path)
        into += [x for split in SPLITS for x in (splits[split].tabular, splits[split].series)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.isfinite(one).all()
    np.testing.assert_allclose(found[0][:, 2], 0, atol=1e-12)
    np.testing.assert_allclose(found[1][:, :, 4], 0, atol=1e-12)


def test_mortality_in_six_classes(tmp_path: Path) -> None:
    tree = mimic_tree(12)
    tree["adm_labels_all"][:] = 0
    tree["adm_labels_all"][:, 0] = 1  # says nothing of when
    for row in range(1, 6):
        tree["adm_labels_all"][row, row:] = 1
    write_mimic(tmp_path, tree)
    found = mimic_splits(root=tmp_path, task=-1)
    labels = {row: k for own in found.values() for row, k in zip(own.rows, own.labels, strict=True)}
    assert [labels[row] for row in range(12)] == [0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0]


def test_objects_that_are_numbers_and_an_npz(tmp_path: Path) -> None:
    tree = mimic_tree(20)
    write_mimic(tmp_path, tree | {"y_icd9": tree["y_icd9"].astype(object)})
    one = mimic("train", root=tmp_path)
    (tmp_path / "b" / "mimic").mkdir(parents=True)
    np.savez_compressed(tmp_path / "b" / "mimic" / "im.npz", **tree)
    other = mimic("train", root=tmp_path / "b")
    np.testing.assert_array_equal(one.series, other.series)
    np.testing.assert_array_equal(one.labels, other.labels)


MIMIC_WRONG: dict[str, tuple[Callable[[Tree], Any], str]] = {
    "a key": (lambda t: t.pop("ep_tdata"), "has no 'ep_tdata'; it has adm_features_all"),
    "axes": (lambda t: t.update(ep_tdata=t["ep_tdata"][0]), r"3 axes; found shape \(24, 12\)"),
    "rows": (lambda t: t.update(y_icd9=t["y_icd9"][1:]), "and the labels 19; they must be"),
    "few": (lambda t: t.update({k: x[:9] for k, x in t.items()}), "at least 10 rows"),
    "texts": (lambda t: t.update(y_icd9=t["y_icd9"].astype(str)), "found shape .* of <U"),
    "objects": (
        lambda t: t.update(y_icd9=np.full((20, 20), "no", object)),
        "'y_icd9' is no array of numbers",
    ),
    "ragged": (lambda t: t.update(ep_tdata=[[1.0], [1.0, 2.0]]), "'ep_tdata' is no array"),
}


@pytest.mark.parametrize("what", MIMIC_WRONG)
def test_mimic_with_something_wrong(tmp_path: Path, what: str) -> None:
    tree = mimic_tree(20)
    spoil, message = MIMIC_WRONG[what]
    spoil(tree)
    write_mimic(tmp_path, tree)
    with pytest.raises(InputError, match=message):
        mimic("train", root=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": 20}, "0 to 19, or -1 for mortality; found 20"),
        ({"task": True}, "found True"),
        ({"task": -2}, "found -2"),
        ({"split": "val"}, "found 'val'"),
    ],
)
def test_mimic_that_is_not_there(tmp_path: Path, options: Tree, message: str) -> None:
    write_mimic(tmp_path, mimic_tree(20))
    with pytest.raises(InputError, match=message):
        mimic(**{"split": "train", "root": tmp_path, **options})


def test_no_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mimic holds no im\.pk or im\.npz: credentialed users"):
        mimic("train", root=tmp_path)
    with pytest.raises(InputError, match=r"mosi holds no mosi_data\.pkl or mosi_raw\.pkl or mosi"):
        affect("mosi", "train", root=tmp_path)
    (tmp_path / "mimic").mkdir()
    (tmp_path / "mimic" / "im.pk").write_bytes(b"\x80\x04]\x94.")
    with pytest.raises(InputError, match="holds a list, expected a dict"):
        mimic("train", root=tmp_path)


# Sentences


@pytest.mark.parametrize("name", NAMES)
def test_sentences_begin_at_their_first_word(tmp_path: Path, name: Any) -> None:
    tree = affect_tree(name)
    write_affect(tmp_path, name, tree)
    for split, key in zip(SPLITS, ("train", "valid", "test"), strict=True):
        found = affect(name, split, root=tmp_path)  # type: ignore[arg-type]
        given = tree[key]
        assert len(found) == len(given["labels"])
        assert list(found.sequences) == list(WIDTHS)
        steps = given["text"].shape[1]
        for row, length in enumerate(found.lengths):
            for m, x in found.sequences.items():
                np.testing.assert_array_equal(
                    x[row, :length], given[m][row, steps - length :].astype(np.float32)
                )
                assert not x[row, length:].any()
        assert found.lengths.tolist() == [1 + row % steps for row in range(len(found))]
        np.testing.assert_array_equal(found.valid.sum(axis=1), found.lengths)
        np.testing.assert_array_equal(found.labels, given["labels"].reshape(-1) > 0)
        assert (found.dropped, set(found.replaced.values())) == (0, {0})


def test_sentences_that_are_padded_at_their_end_end_with_their_last_word(tmp_path: Path) -> None:
    tree = affect_tree()
    short = tree["train"]
    for x in (short[m] for m in WIDTHS):
        x[:] = np.flip(x, axis=1).copy()
    short["text"][5, 5] = 0  # a word without an embedding that is still seen and heard
    write_affect(tmp_path, "mosi", tree)
    found = affect("mosi", "train", root=tmp_path)
    assert found.lengths.tolist() == [1, 2, 3, 4, 5, 6] * 2


def test_rows_without_text_are_dropped_and_counted(tmp_path: Path) -> None:
    """P2-20: a text whose numbers cancel out is a text; one that is all zeros is none."""
    tree = affect_tree()
    text = tree["train"]["text"]
    text[2] = 0
    text[4] = 0
    text[4, 3, 0], text[4, 4, 1] = 1, -1
    assert text[4].sum() == 0
    text[7] = np.nan
    write_affect(tmp_path, "mosi", tree)
    found = affect("mosi", "train", root=tmp_path)
    assert (len(found), found.dropped) == (10, 2)
    assert found.rows.tolist() == [0, 1, 3, 4, 5, 6, 8, 9, 10, 11]
    assert found.lengths[3] == 3
    np.testing.assert_array_equal(found.values, tree["train"]["labels"][found.rows, 0, 0])


def test_numbers_that_are_not_finite_become_zero_and_are_counted(tmp_path: Path) -> None:
    tree = affect_tree()
    train = tree["train"]
    train["audio"][11, -2:, 0] = -np.inf
    train["audio"][5, 1, 1] = np.nan
    train["vision"][5, 1, 1] = 1e300  # infinite in single precision
    train["audio"][0, 0] = -np.inf  # before the first word, where nothing is read
    write_affect(tmp_path, "mosi", tree)
    found = affect("mosi", "train", root=tmp_path)
    assert found.replaced == {"vision": 1, "text": 0, "audio": 3}
    assert found.sequences["audio"][11, 4:6, 0].tolist() == [0, 0]
    assert all(np.isfinite(x).all() for x in found.sequences.values())


@pytest.mark.parametrize(("name", "no"), [("mustard", -1), ("mustard", 0), ("ur_funny", 0)])
def test_humour_and_sarcasm_in_both_ways_of_writing_no(tmp_path: Path, name: Any, no: int) -> None:
    """P2-20: what a label means hangs on the set, in all of its splits."""
    write_affect(tmp_path, name, affect_tree(name, no=no))
    for found in affect_splits(name, root=tmp_path).values():
        assert found.labels.tolist() == [row % 2 for row in range(len(found))]


def test_sentiment_as_a_number_and_as_a_class(tmp_path: Path) -> None:
    tree = affect_tree(rows=5)
    tree["train"]["labels"] = np.array([-3, -0.2, 0, 0.4, 3]).reshape(5, 1, 1)
    write_affect(tmp_path, "mosi", tree)
    found = affect("mosi", "train", root=tmp_path)
    np.testing.assert_array_equal(found.values, np.float32([-3, -0.2, 0, 0.4, 3]))
    assert found.labels.tolist() == [0, 0, 0, 1, 1]


def test_sentiment_stands_before_the_emotions_of_mosei(tmp_path: Path) -> None:
    tree = affect_tree("mosei")
    for split in tree.values():
        rest = np.full((len(split["labels"]), 1, 6), 2.0)
        split["labels"] = np.concatenate([split["labels"] - 0.5, rest], axis=2)
    write_affect(tmp_path, "mosei", tree)
    found = affect("mosei", "test", root=tmp_path)
    assert set(found.values.tolist()) == {-0.5, 0.5}
    write_affect(tmp_path, "mosi", tree)
    with pytest.raises(InputError, match=r"one number for each of 7 sentences; found shape \(7, 1"):
        affect("mosi", "test", root=tmp_path)


def test_an_npz_holds_the_same_under_names_with_their_split(tmp_path: Path) -> None:
    tree = affect_tree()
    write_affect(tmp_path, "mosi", tree)
    one = affect("mosi", "validation", root=tmp_path)
    (tmp_path / "b" / "mosi").mkdir(parents=True)
    flat = {f"{s}/{k}": x for s, own in tree.items() for k, x in own.items() if k != "id"}
    np.savez(tmp_path / "b" / "mosi" / "mosi.npz", **flat)
    other = affect("mosi", "validation", root=tmp_path / "b", modalities=["text"])
    assert list(other.sequences) == ["text"]
    np.testing.assert_array_equal(one.sequences["text"], other.sequences["text"])
    np.testing.assert_array_equal(one.values, other.values)


def silent(tree: Tree) -> None:
    for split in tree.values():
        split["text"][:] = 0


def longer(tree: Tree) -> None:
    tree["train"]["audio"] = np.ones((12, 500, 2))


AFFECT_WRONG: dict[str, tuple[Callable[[Tree], Any], str]] = {
    "a split": (lambda t: t.pop("train"), "has no 'train/vision'; it has valid/vision"),
    "a modality": (lambda t: t["train"].pop("audio"), "has no 'train/audio'"),
    "no text at all": (silent, "none of the 12 sentences of 'train' has any text"),
    "other steps": (longer, r"audio \(12, 500, 2\); take the file that is aligned by words"),
    "a label more": (lambda t: t["train"].update(labels=np.ones(13)), "each of 12 sentences"),
    "one label": (lambda t: t["train"].update(labels=1.0), r"found shape \(\)"),
    "no number": (lambda t: t["train"].update(labels=[np.nan] * 12), "is nan in row 0, no number"),
    "a list of lists": (lambda t: t["train"].update(text=[[1], [2, 3]]), "no array of numbers"),
}


@pytest.mark.parametrize("what", AFFECT_WRONG)
def test_sentences_with_something_wrong(tmp_path: Path, what: str) -> None:
    tree = affect_tree()
    spoil, message = AFFECT_WRONG[what]
    spoil(tree)
    write_affect(tmp_path, "mosi", tree)
    with pytest.raises(InputError, match=message):
        affect("mosi", "train", root=tmp_path)


def test_humour_is_yes_or_no(tmp_path: Path) -> None:
    write_affect(tmp_path, "ur_funny", {"train": sentences(9, yes=2)})
    with pytest.raises(InputError, match=r"must be 1 for yes and 0 or −1 for no; found \[0\.0, 2"):
        affect("ur_funny", "train", root=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "humor"}, "one of mosi, ur_funny, mustard, mosei; found 'humor'"),
        ({"split": "valid"}, "found 'valid'"),
        ({"modalities": "text"}, "found 'text'"),
        ({"modalities": []}, "each once; found none"),
        ({"modalities": ["text", "text"]}, "each once"),
        ({"modalities": ["image"]}, "each once; found image"),
    ],
)
def test_sentences_that_are_not_there(tmp_path: Path, options: Tree, message: str) -> None:
    write_affect(tmp_path)
    with pytest.raises(InputError, match=message):
        affect(**{"name": "mosi", "split": "train", "root": tmp_path, **options})
