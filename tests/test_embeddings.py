from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus import Embeddings, InputError
from isthmus import arrays as arrays_module
from isthmus.metrics import rmg
from isthmus.resampling import redraw

EYE = np.eye(3)


def with_row(row: int, value: float, dtype: Any = np.float64) -> np.ndarray:
    rows = np.ones((5, 3), dtype)
    rows[row] = value
    return rows


def with_entry(row: int, value: float) -> np.ndarray:
    rows = np.ones((5, 3))
    rows[row, 1] = value
    return rows


REFUSED_ARRAYS = {
    "no modality": ({}, r"at least two modalities; found none"),
    "one modality": ({"image": EYE}, r"at least two modalities; found image"),
    "one axis": ({"image": EYE, "text": np.ones(3)}, r"'text' must be a 2-D array.*\(3,\)"),
    "three axes": ({"image": np.ones((2, 3, 4)), "text": EYE}, r"'image' must be.*\(2, 3, 4\)"),
    "widths": ({"image": EYE, "text": np.eye(4)}, r"widths differ: image has 3, text has 4"),
    "one row": ({"image": EYE, "text": EYE[:1]}, r"'text' needs at least two rows.*\(1, 3\)"),
    "no row": ({"image": EYE[:0], "text": EYE}, r"'image' needs at least two rows.*\(0, 3\)"),
    "no column": ({"image": EYE[:, :0], "text": EYE}, r"'image' needs.*one column.*\(3, 0\)"),
    "complex": ({"image": EYE + 0j, "text": EYE}, r"'image' must hold real.*complex128"),
    "bool": ({"image": EYE, "text": EYE > 0}, r"'text' must hold real numbers.*bool"),
    "strings": ({"image": [["a"], ["b"]], "text": EYE}, r"'image' must hold real numbers"),
    "objects": ({"image": EYE.astype(object), "text": EYE}, r"'image' must hold real.*object"),
    "ragged": ({"image": [[1.0, 2.0], [3.0]], "text": EYE}, r"'image'"),
    "NaN": ({"image": EYE, "text": with_entry(3, np.nan)}, r"'text' has NaN or inf.* in row 3;"),
    "infinity": ({"image": with_entry(4, np.inf), "text": EYE}, r"'image' has NaN.* in row 4;"),
    "-infinity": ({"image": with_entry(0, -np.inf), "text": EYE}, r"'image' has NaN.* in row 0;"),
    "float16 infinity": ({"a": with_row(2, np.inf, np.float16), "b": EYE}, r"'a' .* in row 2;"),
    "zeros": ({"image": EYE, "text": with_row(1, 0)}, r"'text' has only zeros in row 1;"),
    "negative zeros": ({"image": with_row(2, -0.0), "text": EYE}, r"only zeros in row 2;"),
    "integer zeros": ({"a": with_row(2, 0, np.int32), "b": EYE}, r"'a' has only zeros in row 2;"),
    "two bad rows": ({"a": np.vstack([EYE, EYE * 0]), "b": EYE}, r"in row 3 \(and 2 more nearby"),
    "torch NaN": ({"a": torch.tensor(with_row(4, np.nan)), "b": EYE}, r"'a' has NaN.* in row 4;"),
    "torch zeros": ({"a": torch.tensor(with_row(1, 0)), "b": EYE}, r"'a' has only .* in row 1;"),
    "torch complex": ({"a": EYE, "b": torch.ones(3, 3) * 1j}, r"'b' must hold real numbers"),
    "two libraries": ({"a": EYE, "b": torch.ones(3, 3)}, r"one library; found numpy, torch"),
    "rows differ": (
        {"image": EYE, "text": with_row(0, 2)},
        r"image has 3, text has 5.*give groups",
    ),
}


@pytest.mark.parametrize(("modalities", "message"), REFUSED_ARRAYS.values(), ids=REFUSED_ARRAYS)
def test_unusable_arrays_are_refused(modalities, message):
    with pytest.raises(InputError, match=message) as caught:
        Embeddings(modalities)
    assert "\n" not in str(caught.value)


REFUSED_VALUES = {
    "too few": ([1, 2], r"of modality 'image' must be one per row, shape \(3,\).*\(2,\)"),
    "two axes": (np.ones((3, 1), int), r"'image' must be one per row.*\(3, 1\)"),
    "text too few": ({"image": [1, 2, 3], "text": [1]}, r"'text' must be one per row"),
    "missing": ({"image": [1, 2, 3]}, r"are missing for modality 'text'"),
    "float": ([1.0, 2.0, 3.0], r"'image' must be integers or strings; found dtype float64"),
    "objects": (np.array([1, "a", None], object), r"'image' must be integers.*object"),
    "bytes": (np.array([b"a", b"b", b"c"]), r"'image' must be integers or strings"),
    "two kinds": ({"image": [1, 2, 3], "text": list("abc")}, r"image has integers, text has str"),
}


@pytest.mark.parametrize("what", ["groups", "labels"])
@pytest.mark.parametrize(("values", "message"), REFUSED_VALUES.values(), ids=REFUSED_VALUES)
def test_ids_and_labels_that_do_not_fit_are_refused(what, values, message):
    with pytest.raises(InputError, match=f"{what}.*{message}") as caught:
        Embeddings({"image": EYE, "text": EYE}, **{what: values})
    assert "\n" not in str(caught.value)


NOTHING_IN_COMMON = {
    "two modalities": ({"a": [1, 2, 3], "b": [4, 5, 6]}, r"'a' has no group id.*is 1.*are 4;"),
    "two of them match": (
        {"a": [1, 2, 3], "b": [3, 2, 1], "c": [7, 8, 9]},
        r"'c' has no group id in common.*its first is 7, the others' first are 1, 3;",
    ),
    "strings": ({"a": list("abc"), "b": list("xyz")}, r"'a' has no.*first is a.*are x;"),
}


@pytest.mark.parametrize(("groups", "message"), NOTHING_IN_COMMON.values(), ids=NOTHING_IN_COMMON)
def test_a_modality_without_a_common_group_is_refused(groups, message):
    with pytest.raises(InputError, match=message):
        Embeddings(dict.fromkeys(groups, EYE), groups=groups)


@pytest.mark.parametrize("chunk_bytes", [1, 12, 100])
@pytest.mark.parametrize("row", [0, 3, 4])
def test_a_bad_row_is_named_by_its_index_in_the_whole_array(monkeypatch, chunk_bytes, row):
    monkeypatch.setattr(arrays_module, "CHUNK_BYTES", chunk_bytes)
    with pytest.raises(InputError, match=f"in row {row};"):
        Embeddings({"image": with_row(row, np.nan), "text": EYE}, groups={"image": [0] * 5})


SAME_IDS = {
    "list": [5, 3, 5],
    "tuple": (5, 3, 5),
    "array": np.array([5, 3, 5]),
    "narrow": np.array([5, 3, 5], np.uint8),
    "torch": torch.tensor([5, 3, 5]),
    "mapping": {"image": [5, 3, 5], "text": np.array([5, 3, 5])},
    "strings": ["b", "a", "b"],
    "string objects": np.array(["b", "a", "b"], object),
    "strings of different lengths": {
        "image": np.array(["b", "a", "b"]),
        "text": np.array(["b", "a", "b"], "<U9"),
    },
    "bool": [True, False, True],
}


@pytest.mark.parametrize("groups", SAME_IDS.values(), ids=SAME_IDS)
def test_ids_may_come_in_any_form(groups):
    space = Embeddings({"image": EYE, "text": EYE}, groups=groups)
    assert {name: codes.tolist() for name, codes in space.codes.items()} == {
        "image": [1, 0, 1],
        "text": [1, 0, 1],
    }


def test_string_objects_become_strings():
    labels = np.array(["a", "b", "c"], object)
    space = Embeddings({"image": EYE, "text": EYE}, labels=labels)
    assert space.labels["text"].dtype.kind == "U"
    assert space.labels["text"].tolist() == ["a", "b", "c"]


def test_attributes_are_kept_by_name_and_modality_through_select_and_map():
    both = {"image": [True, False, True], "text": [1, 0, 0], "audio": [0, 0, 1]}
    space = Embeddings(
        {"image": EYE, "text": EYE, "audio": EYE},
        attributes={"red": both, "small": [False, True, False]},
    )
    for part in (space.select(["text", "audio"]), space.map(lambda _, x: 2 * x)):
        assert part.attributes["red"]["text"].tolist() == [True, False, False]
        assert part.attributes["small"]["audio"].tolist() == [False, True, False]
        assert part.attributes["red"]["text"].dtype == bool
    assert Embeddings({"image": EYE, "text": EYE}).attributes == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1, 2], "attribute 'red' must be true or false for each row of modality 'image'"),
        (["yes", "no", "yes"], "attribute 'red' must be true or false"),
        ([True, False], r"values of attribute 'red' of modality 'image' must be one per row"),
        ({"image": [True] * 3}, "values of attribute 'red' are missing for modality 'text'"),
    ],
)
def test_attributes_that_are_no_truths_of_the_rows_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        Embeddings({"image": EYE, "text": EYE}, attributes={"red": values})


def test_without_ids_rows_match_by_position():
    space = Embeddings({"image": EYE, "text": EYE})
    assert space.groups["text"].tolist() == [0, 1, 2]
    assert space.labels is None


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 2], [3, 4]],
        np.array([[1, 2], [3, 4]], np.int16),
        np.array([[1, 2], [3, 4]], np.float16),
        np.array([[1e-30, 2], [3, 4e30]], np.float32),
        torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True),
        torch.tensor([[1, 2], [3, 4]], dtype=torch.bfloat16),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
    ],
    ids=["list", "int16", "float16", "extreme", "gradient", "bfloat16", "fortran"],
)
def test_real_rows_of_any_kind_are_taken(rows):
    space = Embeddings({"image": rows, "text": rows})
    assert space["image"].shape == (2, 2)


def test_arrays_are_kept_as_they_came():
    image = np.asfortranarray(EYE * 7)
    space = Embeddings({"image": image, "text": EYE})
    assert space["image"] is image
    assert space.arrays["image"] is image


def test_a_memory_map_stays_one(tmp_path):
    np.save(tmp_path / "x.npy", EYE)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert Embeddings({"image": mapped, "text": EYE})["image"] is mapped


@pytest.fixture
def three() -> Embeddings:
    return Embeddings(
        {"image": EYE, "text": np.eye(3)[[0, 0, 1, 2]], "audio": EYE[:2]},
        groups={"image": list("abc"), "text": list("aabc"), "audio": list("ca")},
        labels={"image": [0, 0, 1], "text": [0, 0, 0, 1], "audio": [1, 0]},
    )


def test_what_a_space_says_of_itself(three):
    assert repr(three) == "Embeddings(image: 3 x 3, text: 4 x 3, audio: 2 x 3, 3 groups)"
    assert three.names == ("image", "text", "audio")
    assert three.dimension == 3
    assert list(three.pairs) == [("image", "text"), ("image", "audio"), ("text", "audio")]


def test_codes_are_shared_by_all_modalities(three):
    assert three.codes["image"].tolist() == [0, 1, 2]
    assert three.codes["text"].tolist() == [0, 0, 1, 2]
    assert three.codes["audio"].tolist() == [2, 0]


def test_select_keeps_rows_ids_and_labels_in_the_order_asked(three):
    two = three.select(["audio", "image"])
    assert two.names == ("audio", "image")
    assert two["audio"] is three["audio"]
    assert two.groups["audio"].tolist() == ["c", "a"]
    assert two.labels["image"].tolist() == [0, 0, 1]
    assert "text" not in two.labels


@pytest.mark.parametrize(
    ("names", "message"),
    [(("image",), "at least two"), (("image", "smell"), "no modality 'smell'.*image, text, audio")],
)
def test_a_selection_that_is_no_space_is_refused(three, names, message):
    with pytest.raises(InputError, match=message):
        three.select(names)


def test_select_works_without_labels():
    space = Embeddings({"a": EYE, "b": EYE, "c": EYE}).select(("c", "a"))
    assert space.names == ("c", "a")
    assert space.labels is None


def test_map_replaces_the_arrays_alone(three):
    mapped = three.map(lambda name, x: x * (2 if name == "text" else 3))
    assert mapped["text"].max() == 2
    assert mapped["audio"].max() == 3
    assert {n: g.tolist() for n, g in mapped.groups.items()} == {
        n: g.tolist() for n, g in three.groups.items()
    }
    assert mapped.labels["audio"].tolist() == [1, 0]
    assert three["text"].max() == 1


def test_map_to_other_row_counts_is_refused(three):
    with pytest.raises(InputError, match=r"groups of modality 'image' must be one per row"):
        three.map(lambda _, x: x[:2])


def test_an_unknown_modality_is_refused(three):
    with pytest.raises(InputError, match=r"no modality 'smell'; there are image, text, audio"):
        three["smell"]


@pytest.mark.parametrize("view", ["arrays", "groups", "labels", "codes"])
def test_views_cannot_be_written(three, view):
    with pytest.raises(TypeError, match="does not support item assignment"):
        getattr(three, view)["image"] = None


def test_unpaired_rows_match_nowhere_and_stay_so():
    space = Embeddings(
        {"a": np.eye(3), "b": np.eye(3)[:2]}, labels={"a": [0, 1, 1], "b": [0, 1]}, unpaired=True
    )
    assert repr(space) == "Embeddings(a: 3 x 3, b: 2 x 3, unpaired)"
    for same in (
        space,
        space.map(lambda _, x: -x),
        space.select(("b", "a")),
        redraw(space, np.arange(5)),
    ):
        assert same.unpaired
        assert not set(same.codes["a"]) & set(same.codes["b"])
    with pytest.raises(InputError, match="no row of the one modality matches"):
        rmg(space["a"], space["b"], groups=(space.codes["a"], space.codes["b"]))
