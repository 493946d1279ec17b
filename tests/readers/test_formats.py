"""Every format gives the same space, with its ids, labels and attributes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from isthmus import InputError
from isthmus.errors import MissingDependencyError
from isthmus.readers import read_attributes, read_embeddings, read_sets
from isthmus.readers.formats import open_source

from .sources import (
    CLASSES,
    FORMATS,
    IDS,
    IMAGE,
    SPACE,
    TEXT,
    lists,
    write,
    write_clip_retrieval,
    write_hugging_face,
    write_parquet,
    write_tensors,
    write_torch,
)

WITHOUT_STRINGS = {"safetensors"}
every_format = pytest.mark.parametrize("kind", FORMATS)


def refusal(*source: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_embeddings(*source, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message


@every_format
def test_a_format_reads_as_the_arrays_written(tmp_path, kind):
    space = read_embeddings(write(tmp_path, kind))
    assert sorted(space.names) == ["image", "text"]
    np.testing.assert_array_equal(space["image"], IMAGE)
    np.testing.assert_array_equal(space["text"], TEXT)
    assert space["image"].dtype == np.float32


@every_format
def test_ids_and_labels_are_named_by_column(tmp_path, kind):
    ids = "class" if kind in WITHOUT_STRINGS else "id"
    space = read_embeddings(write(tmp_path, kind), groups=[ids], labels=["class"])
    assert space.groups["text"].tolist() == SPACE[ids].tolist()
    assert space.labels is not None
    assert space.labels["image"].tolist() == CLASSES.tolist()


@every_format
def test_columns_beside_the_modalities_are_found(tmp_path, kind):
    if kind == "clip-retrieval":
        pytest.skip("its metadata belongs to no modality")
    beside = {f"{name}.labels": CLASSES for name in ("image", "text")}
    space = read_embeddings(write(tmp_path, kind, {"image": IMAGE, "text": TEXT, **beside}))
    assert sorted(space.names) == ["image", "text"]
    assert space.labels is not None
    assert space.labels["text"].tolist() == CLASSES.tolist()


@every_format
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_values_keep_their_dtype(tmp_path, kind, dtype):
    rows = (IMAGE * 20).round().astype(dtype) + np.array(1, dtype)
    space = read_embeddings(write(tmp_path, kind, {**SPACE, "image": rows}))
    assert space["image"].dtype == np.dtype(dtype)
    np.testing.assert_array_equal(space["image"], rows)


@every_format
def test_a_format_with_a_bad_row_is_refused(tmp_path, kind):
    rows = IMAGE.copy()
    rows[2, 1] = np.nan
    found = refusal(write(tmp_path, kind, {**SPACE, "image": rows}))
    assert "'image' has NaN or infinity in row 2" in found


@every_format
def test_a_name_that_is_no_modality_is_refused(tmp_path, kind):
    found = refusal(write(tmp_path, kind), modalities=["image", "class"])
    assert "modality 'class' must be a 2-D array of real numbers; found" in found


@pytest.mark.parametrize("kind", ["npy folder", "safetensors"])
def test_values_stay_on_disk(tmp_path, kind):
    assert isinstance(open_source(write(tmp_path, kind))["image"], np.memmap)


UNEVEN = pa.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0], [1.0, 2.0, 3.0]])
MISSING_ROW = pa.array([[1.0, 2.0, 3.0], None, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
MISSING_NUMBER = pa.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, None, 3.0]])

BAD_COLUMNS = {
    "uneven lists": (UNEVEN, "uneven length: 2 numbers in row 2, 3 in row 0"),
    "uneven first row": (pa.array([[1.0], *[[1.0, 2.0]] * 3]), "2 numbers in row 1, 1 in row 0"),
    "a row missing": (MISSING_ROW, "has no value in row 1"),
    "a number missing": (MISSING_NUMBER, "has a missing number in row 3"),
}


@pytest.mark.parametrize("kind", ["parquet", "arrow", "arrow stream", "feather", "Hugging Face"])
@pytest.mark.parametrize(("column", "message"), BAD_COLUMNS.values(), ids=BAD_COLUMNS)
def test_a_bad_column_of_lists_is_refused_with_its_row(tmp_path, kind, column, message):
    assert message in refusal(write(tmp_path, kind, {**SPACE, "image": column}))


@pytest.mark.parametrize("kind", ["parquet", "plain parquet", "feather"])
def test_many_batches_join_in_order(tmp_path, kind, monkeypatch):
    monkeypatch.setattr("isthmus.readers.spool.BLOCK_BYTES", 4096)
    rows = np.random.default_rng(1).normal(size=(1000, 8)).astype(np.float16)
    space = read_embeddings(write(tmp_path, kind, {"image": rows, "text": rows + 1}))
    np.testing.assert_array_equal(space["image"], rows)


def test_string_columns_may_be_dictionaries_and_of_any_width(tmp_path):
    names = pa.array(["ü", "a long name", "ü", ""]).dictionary_encode()
    write_parquet(tmp_path / "a.parquet", {**SPACE, "kind": names})
    space = read_embeddings(tmp_path / "a.parquet", labels=["kind"])
    assert space.labels is not None
    assert space.labels["image"].tolist() == ["ü", "a long name", "ü", ""]


def test_a_parquet_file_may_have_columns_that_are_not_read(tmp_path):
    others = {"when": pa.array([0, 1, 2, 3], pa.timestamp("s")), "box": pa.array([{"x": 1}] * 4)}
    write_parquet(tmp_path / "a.parquet", {**SPACE, **others})
    assert read_embeddings(tmp_path / "a.parquet").names == ("image", "text")
    assert "holds timestamp" in refusal(tmp_path / "a.parquet", labels=["when"])


# bfloat16 and quantised rows


def bfloat16_safetensors(path: Path, x: torch.Tensor) -> None:
    from safetensors.torch import save_file

    save_file({"image": x, "text": x.clone()}, path)


def bfloat16_torch(path: Path, x: torch.Tensor) -> None:
    torch.save({"image": x, "text": x}, path)


def bfloat16_npz(path: Path, x: torch.Tensor) -> None:
    bits = x.view(torch.int16).numpy().view("V2")  # what np.save makes of ml_dtypes.bfloat16
    np.savez(path, image=bits, text=bits)


@pytest.mark.parametrize(
    ("name", "save"),
    [("a.safetensors", bfloat16_safetensors), ("a.pt", bfloat16_torch), ("a.npz", bfloat16_npz)],
)
def test_bfloat16_reads_exactly_in_single_precision(tmp_path, name, save):
    x = torch.tensor([[1.5, -2.0, 1e30], [1e-40, 3.140625, 0.0]]).bfloat16()
    save(tmp_path / name, x)
    found = read_embeddings(tmp_path / name)["image"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, x.float().numpy())


def test_bfloat16_of_ml_dtypes_reads_from_npy(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for name in ("image", "text"):
        np.save(tmp_path / f"{name}.npy", IMAGE.astype(ml_dtypes.bfloat16))
    expected = IMAGE.astype(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(read_embeddings(tmp_path)["image"], expected)


INT8 = np.array([[1, -2, 3], [4, 5, -6], [7, 8, 9], [-1, 2, 127]], np.int8)
PER_DIMENSION = np.array([0.5, 2.0, 0.25], np.float32)

SCALES = {
    "one": (np.float32(0.1), INT8),
    "one in an array": (np.array([0.1]), INT8),
    "per row": (np.array([0.1, 0.2, 0.3, 0.4], np.float32), INT8),
    "per row as column": (np.full((4, 1), 0.5), INT8),
    "per dimension": (PER_DIMENSION, INT8 * PER_DIMENSION),
    "per dimension as row": (PER_DIMENSION[None].astype(np.float64), INT8 * PER_DIMENSION),
}


@pytest.mark.parametrize("kind", ["npy folder", "npz", "safetensors"])
@pytest.mark.parametrize(("scale", "expected"), SCALES.values(), ids=SCALES)
def test_a_scale_of_quantised_rows_is_applied_where_it_turns_them(tmp_path, kind, scale, expected):
    arrays = {"image": INT8, "text": TEXT, "image.scale": scale}
    found = read_embeddings(write(tmp_path, kind, arrays))["image"]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype


def test_a_scale_per_row_may_be_a_column(tmp_path):
    arrays = {"image": INT8, "text": TEXT, "image.scale": np.array([0.1, 0.2, 0.3, 0.4])}
    np.testing.assert_array_equal(
        read_embeddings(write(tmp_path, "parquet", arrays))["image"], INT8
    )


BAD_SCALES = {
    "zero": (np.array([0.1, 0.0, 0.1, 0.1]), "must hold finite numbers above zero"),
    "negative": (np.float32(-1), "must hold finite numbers above zero"),
    "NaN": (np.array([1, np.nan, 1]), "must hold finite numbers above zero"),
    "strings": (IDS, "must hold finite numbers above zero"),
    "another length": (np.ones(5), "one per row (4) or one per dimension (3); found shape (5,)"),
}


@pytest.mark.parametrize(("scale", "message"), BAD_SCALES.values(), ids=BAD_SCALES)
def test_a_bad_scale_is_refused(tmp_path, scale, message):
    arrays = {"image": INT8, "text": TEXT, "image.scale": scale}
    assert message in refusal(write(tmp_path, "npz", arrays))


def test_a_scale_that_may_be_of_rows_or_dimensions_is_refused(tmp_path):
    arrays = {"image": INT8[:3], "text": TEXT[:3], "image.scale": np.ones(3)}
    assert "with shape (3, 1) or (1, 3)" in refusal(write(tmp_path, "npz", arrays))


# layouts of folders


def test_shards_join_in_order_of_their_numbers(tmp_path):
    rows = np.arange(36, dtype=np.float16).reshape(12, 3) + 1
    for folder in ("img_emb", "text_emb"):
        (tmp_path / folder).mkdir()
        for number in range(12):
            np.save(tmp_path / folder / f"{folder}_{number}.npy", rows[[number]])
    space = read_embeddings(tmp_path)
    np.testing.assert_array_equal(space["image"], rows)
    assert space["image"].dtype == np.float16


def test_one_shard_is_memory_mapped(tmp_path):
    write(tmp_path, "clip-retrieval")
    for path in tmp_path.rglob("*_1.*"):
        path.unlink()
    space = read_embeddings(tmp_path / "space", groups=["id"])
    assert isinstance(space["image"], np.memmap)
    assert space.groups["text"].tolist() == ["a", "b", "c"]


def test_a_metadata_column_with_a_modality_s_name_is_told_apart(tmp_path):
    write_clip_retrieval(tmp_path, SPACE)
    for number, part in enumerate((IDS[:3], IDS[3:])):
        file = tmp_path / "metadata" / f"metadata_{number}.parquet"
        pq.write_table(pa.table({"image": part}), file)
    space = read_embeddings(tmp_path, groups=["metadata.image"])
    assert space.groups["image"].tolist() == IDS.tolist()
    np.testing.assert_array_equal(space["image"], IMAGE)


def lose_shard(folder: Path) -> None:
    (folder / "text_emb" / "text_emb_0.npy").unlink()


def shorten_shard(folder: Path) -> None:
    np.save(folder / "img_emb" / "img_emb_0.npy", IMAGE[:2])
    np.save(folder / "img_emb" / "img_emb_1.npy", IMAGE[2:])


def shorten_metadata(folder: Path) -> None:
    pq.write_table(pa.table({"id": ["a"]}), folder / "metadata" / "metadata_0.parquet")


def widen_shard(folder: Path) -> None:
    np.save(folder / "img_emb" / "img_emb_1.npy", np.ones((1, 4), np.float32))


def repeat_number(folder: Path) -> None:
    np.save(folder / "img_emb" / "again_1.npy", IMAGE[3:])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lose_shard, "has a shard 0, but text lacks it"),
        (shorten_shard, "shard 0 of"),
        (shorten_metadata, "image has 3, text has 3, metadata has 1"),
        (widen_shard, "holds rows of shape (4,) of float32"),
        (repeat_number, "both end in the number 1"),
    ],
)
def test_shards_that_do_not_fit_are_refused(tmp_path, damage, message):
    path = write(tmp_path, "clip-retrieval")
    damage(path)
    assert message in refusal(path)


def test_a_folder_of_layouts_reads_as_sets(tmp_path):
    write_clip_retrieval(tmp_path / "clip", SPACE)
    write_hugging_face(tmp_path / "hub", SPACE)
    sets = read_sets(tmp_path)
    assert list(sets) == ["clip", "hub"]
    assert list(read_sets(tmp_path / "clip")) == ["clip"]


def test_splits_read_as_sets_and_one_must_be_named_for_one_set(tmp_path):
    for split in ("test", "train"):
        write_hugging_face(tmp_path / split, SPACE)
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert list(read_sets(tmp_path)) == ["test", "train"]
    assert "holds the splits train, test; name one" in refusal(tmp_path)
    assert read_embeddings(tmp_path / "train").names == ("image", "text")


def test_what_the_datasets_package_saves_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    content = {"image": IMAGE.tolist(), "text": TEXT.tolist(), "id": IDS.tolist()}
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(content).save_to_disk(tmp_path / "space", num_shards=2)
    space = read_embeddings(tmp_path / "space", groups=["id"])
    np.testing.assert_array_equal(space["image"], IMAGE)
    assert space.groups["text"].tolist() == IDS.tolist()


STATES = {
    "no JSON": ("{", "as JSON"),
    "a list": ("[]", "found a list in place of an object"),
    "no files": ("{}", "does not list the files"),
    "a path out of the folder": ('{"_data_files": [{"filename": "../x.arrow"}]}', "'../x.arrow'"),
    "an index": ('{"_indices_data_files": [{"filename": "i.arrow"}]}', "flatten_indices()"),
    "a lost file": ('{"_data_files": [{"filename": "lost.arrow"}]}', "no such file"),
}


@pytest.mark.parametrize(("state", "message"), STATES.values(), ids=STATES)
def test_a_bad_state_of_a_saved_dataset_is_refused(tmp_path, state, message):
    path = write(tmp_path, "Hugging Face")
    (path / "state.json").write_text(state)
    assert message in refusal(path)


def test_a_lance_table_is_read(tmp_path):
    lancedb = pytest.importorskip("lancedb")
    content = pa.table({"image": lists(IMAGE), "text": lists(TEXT), "id": IDS, "class": CLASSES})
    lancedb.connect(str(tmp_path)).create_table("space", content)
    space = read_embeddings(tmp_path / "space.lance", groups=["id"], labels=["class"])
    np.testing.assert_array_equal(space["image"], IMAGE)
    assert space.groups["text"].tolist() == IDS.tolist()


@pytest.mark.parametrize(("package", "name"), [("lancedb", "a.lance"), ("torch", "a.pt")])
def test_a_missing_package_is_named(tmp_path, monkeypatch, package, name):
    monkeypatch.setitem(sys.modules, package, None)
    if name.endswith(".pt"):
        (tmp_path / name).write_bytes(b"")
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(MissingDependencyError, match=f"'{package}', which is not installed"):
        read_embeddings(tmp_path / name)


# side files


def side(path: Path, kind: str) -> str:
    """A file with the columns `id` and `class`, and FILE:COLUMN of `class`."""
    columns = {"id": IDS, "class": CLASSES}
    rows = [{"id": str(i), "class": int(c)} for i, c in zip(IDS, CLASSES, strict=True)]
    file = path / f"side.{kind.split()[-1]}"
    if kind == "parquet":
        write_parquet(file, columns)
    elif kind == "npz":
        np.savez(file, **columns)
    elif kind == "safetensors":
        write_tensors(file, columns)
    elif kind == "pt":
        write_torch(file, columns)
    elif kind == "records json":
        file.write_text(json.dumps(rows))
    elif kind == "columns json":
        file.write_text(json.dumps({name: array.tolist() for name, array in columns.items()}))
    else:
        mark = "," if kind == "csv" else "\t"
        lines = [mark.join(columns), *(mark.join(map(str, row.values())) for row in rows)]
        file.write_text("\n".join(lines))
    return str(file)


SIDES = ["parquet", "npz", "safetensors", "pt", "csv", "tsv", "records json", "columns json"]


@pytest.mark.parametrize("kind", SIDES)
def test_a_column_of_a_side_file_is_named_after_a_colon(tmp_path, kind):
    file = side(tmp_path, kind)
    space = read_embeddings(write(tmp_path, "npy folder"), labels=[f"{file}:class"])
    assert space.labels is not None
    assert space.labels["text"].tolist() == CLASSES.tolist()


@pytest.mark.parametrize("kind", [kind for kind in SIDES if kind != "safetensors"])
def test_a_side_file_of_several_columns_needs_one_named(tmp_path, kind):
    file = side(tmp_path, kind)
    found = refusal(write(tmp_path, "npy folder"), labels=[file])
    assert "must have one column, or be given as FILE:COLUMN; found id, class" in found
    found = refusal(tmp_path / "space", labels=[f"image={file}:colour"])
    assert "has no column 'colour'; there are id, class" in found


def test_a_json_list_is_a_column(tmp_path):
    (tmp_path / "c.json").write_text('["x", "y", "x", "z"]')
    space = read_embeddings(write(tmp_path, "parquet"), labels=[str(tmp_path / "c.json")])
    assert space.labels is not None
    assert space.labels["image"].tolist() == ["x", "y", "x", "z"]


def test_the_one_column_beside_vectors_needs_no_name(tmp_path):
    write_parquet(tmp_path / "side.parquet", {"image": IMAGE, "class": CLASSES})
    side_file = str(tmp_path / "side.parquet")
    space = read_embeddings(write(tmp_path, "npy folder"), labels=[side_file])
    assert space.labels is not None
    assert space.labels["image"].tolist() == CLASSES.tolist()


BAD_SIDES = {
    "uneven csv": ("c.csv", b"a,b\n1,2\n1\n", "line 3 has 1 columns, the first has 2"),
    "csv with one name twice": ("c.csv", b"a,a\n1,2\n", "two of its columns have one name"),
    "csv with an open quote": ("c.csv", b'a\n"1\n2\n', "cannot read"),
    "broken JSON": ("c.json", b'["x",', "cannot read"),
    "JSON of a number": ("c.json", b"1", "it must be a list"),
    "JSON of different objects": ("c.json", b'[{"a": 1}, {"b": 1}]', "different keys"),
    "JSON of lists": ("c.json", b"[[1], [2], [3], [4]]", "values of one kind"),
    "JSON of kinds": ("c.json", b'[1, "2", 3, 4]', "found int, str"),
    "deep JSON": ("c.json", b"[" * 100_000, "cannot read"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_SIDES.values(), ids=BAD_SIDES)
def test_a_bad_side_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    found = refusal(write(tmp_path, "npy folder"), labels=[str(tmp_path / name)])
    assert message in found


def test_a_modality_may_come_from_a_column_of_any_file(tmp_path):
    write_parquet(tmp_path / "a.parquet", {"vector": IMAGE, "id": IDS})
    write(tmp_path, "safetensors")
    space = read_embeddings(
        f"image={tmp_path / 'a.parquet'}",
        f"text={tmp_path / 'space.safetensors'}:text",
        labels=[f"{tmp_path / 'a.parquet'}:id"],
    )
    np.testing.assert_array_equal(space["image"], IMAGE)
    np.testing.assert_array_equal(space["text"], TEXT)


# attributes

TRUTH = [True, False, False, True]
ATTRIBUTES = {
    "truths": np.array(TRUTH),
    "numbers": np.array([1, 0, 0, 1]),
    "floats": np.array([1.0, 0.0, 0.0, 1.0]),
    "words": np.array(["True", "false", "FALSE", "true"]),
}


@pytest.mark.parametrize("kind", ["npz", "parquet", "npy folder"])
def test_attributes_are_read_by_name(tmp_path, kind):
    source = write(tmp_path, kind, {**SPACE, **ATTRIBUTES})
    found = read_attributes(source, attributes=list(ATTRIBUTES))
    assert {name: values.tolist() for name, values in found.items()} == dict.fromkeys(
        ATTRIBUTES, TRUTH
    )
    assert all(values.dtype == np.bool_ for values in found.values())


def test_attributes_are_read_from_side_files(tmp_path):
    source = write(tmp_path, "npz")
    (tmp_path / "striped.txt").write_text("true\nfalse\nfalse\ntrue\n")
    (tmp_path / "more.csv").write_text("furry,red\n0,1\n1,0\n1,0\n0,1\n")
    names = [str(tmp_path / "striped.txt"), f"{tmp_path / 'more.csv'}:red"]
    found = read_attributes(source, attributes=names)
    assert {name: v.tolist() for name, v in found.items()} == {"striped": TRUTH, "red": TRUTH}


@pytest.mark.parametrize("values", [np.array([0, 1, 2, 1]), IDS, IMAGE, np.array([0.5, 1, 0, 1])])
def test_what_is_neither_true_nor_false_is_no_attribute(tmp_path, values):
    source = write(tmp_path, "npz", {**SPACE, "odd": values})
    with pytest.raises(InputError, match="attribute 'odd' must hold true or false"):
        read_attributes(source, attributes=["odd"])
