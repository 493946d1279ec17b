from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from isthmus import Embeddings, InputError
from isthmus.readers import read_embeddings, write_embeddings

ROWS = np.random.default_rng(0).normal(size=(4, 3))


def assert_same(found: Embeddings, expected: Embeddings) -> None:
    assert sorted(found.names) == sorted(expected.names)
    for name in expected.names:
        np.testing.assert_array_equal(found[name], np.asarray(expected[name]))
        assert found[name].dtype == np.asarray(expected[name]).dtype
        assert found.groups[name].tolist() == expected.groups[name].tolist()
    if expected.labels is None:
        assert found.labels is None
    else:
        for name, labels in expected.labels.items():
            assert found.labels[name].tolist() == labels.tolist()


ROUND_TRIPS = {
    "by position": Embeddings({"image": ROWS, "text": ROWS}),
    "single precision": Embeddings({"image": ROWS.astype("float32"), "text": ROWS}),
    "half precision": Embeddings({"image": ROWS.astype("float16"), "text": ROWS}),
    "torch": Embeddings({"image": torch.from_numpy(ROWS), "text": torch.from_numpy(ROWS)}),
    "integers": Embeddings({"image": np.arange(1, 7).reshape(2, 3), "text": ROWS[:2]}),
    "groups": Embeddings(
        {"image": ROWS[:2], "text": ROWS}, groups={"image": [7, 8], "text": [7, 7, 8, 9]}
    ),
    "string groups and labels": Embeddings(
        {"image": ROWS, "text": ROWS}, groups=list("abca"), labels=["cat", "dog", "cat", "owl"]
    ),
    "integer labels": Embeddings({"image": ROWS, "text": ROWS}, labels=[0, 1, 0, 2]),
    "three modalities": Embeddings({"image": ROWS, "text": ROWS, "audio": ROWS * 2}),
    "last items missing": Embeddings(
        {"image": ROWS, "text": ROWS[:3]}, groups={"image": [0, 1, 2, 3], "text": [0, 1, 2]}
    ),
}


@pytest.mark.parametrize("space", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_what_is_written_reads_back(tmp_path, space):
    write_embeddings(tmp_path / "deep" / "space", space)
    assert_same(read_embeddings(tmp_path / "deep" / "space"), space)


def equally_many(space: Embeddings) -> bool:
    return len({len(x) for x in space.arrays.values()}) == 1


def in_single_precision(space: Embeddings) -> Embeddings:
    return space.map(lambda _, x: np.asarray(x, dtype=np.float32))


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_a_safetensors_file_reads_back(tmp_path, name):
    write_embeddings(tmp_path / "deep" / "a.safetensors", ROUND_TRIPS[name])
    assert_same(read_embeddings(tmp_path / "deep" / "a.safetensors"), ROUND_TRIPS[name])


@pytest.mark.parametrize("name", [n for n, space in ROUND_TRIPS.items() if equally_many(space)])
def test_a_parquet_file_reads_back_in_single_precision(tmp_path, name):
    space = ROUND_TRIPS[name]
    write_embeddings(tmp_path / "a.parquet", space)
    assert_same(read_embeddings(tmp_path / "a.parquet"), in_single_precision(space))


def test_a_parquet_file_has_lists_of_fixed_size_in_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.readers.write_files.ROW_GROUP", 3)
    write_embeddings(tmp_path / "a.parquet", ROUND_TRIPS["integer labels"])
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        assert file.schema_arrow.field("image").type == pa.list_(pa.float32(), 3)
        assert [file.metadata.row_group(i).num_rows for i in range(2)] == [3, 1]
        assert set(file.metadata.row_group(0).column(0).encodings) == {"PLAIN", "RLE"}
    assert_same(
        read_embeddings(tmp_path / "a.parquet"), in_single_precision(ROUND_TRIPS["integer labels"])
    )


def test_a_parquet_file_of_modalities_with_different_rows_is_refused(tmp_path):
    with pytest.raises(InputError, match="image has 2, text has 4; write a folder"):
        write_embeddings(tmp_path / "a.parquet", ROUND_TRIPS["groups"])
    assert list(tmp_path.iterdir()) == []


UNICODE = Embeddings({"image": ROWS, "text": ROWS}, groups=["ü", "日本語", "", "a b"])


@pytest.mark.parametrize("name", ["a.safetensors", "a.parquet"])
def test_ids_of_any_letters_read_back(tmp_path, name):
    write_embeddings(tmp_path / name, UNICODE)
    assert read_embeddings(tmp_path / name).groups["text"].tolist() == ["ü", "日本語", "", "a b"]


@pytest.mark.parametrize("name", ["a.safetensors", "a.parquet"])
def test_a_folder_in_a_file_s_place_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_embeddings(tmp_path / name, ROUND_TRIPS["by position"])


def test_bfloat16_reads_back_in_a_wider_type(tmp_path):
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.bfloat16)
    write_embeddings(tmp_path, Embeddings({"image": rows, "text": torch.eye(2)}))
    assert np.asarray(read_embeddings(tmp_path)["image"]).tolist() == [[1, 2], [3, 4]]


def test_ids_that_only_number_the_rows_are_left_out(tmp_path):
    write_embeddings(tmp_path, ROUND_TRIPS["by position"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.npy", "text.npy"]


def test_columns_lie_beside_the_arrays(tmp_path):
    write_embeddings(str(tmp_path), ROUND_TRIPS["string groups and labels"])
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}{ending}.npy" for name in ("image", "text") for ending in ("", ".groups", ".labels")
    }
    assert np.load(tmp_path / "text.labels.npy").tolist() == ["cat", "dog", "cat", "owl"]


@pytest.mark.parametrize("earlier", ["string groups and labels", "integer labels", "groups"])
def test_writing_over_an_earlier_space_leaves_nothing_of_it(tmp_path, earlier):
    space = ROUND_TRIPS["by position"]
    write_embeddings(tmp_path, ROUND_TRIPS[earlier])
    write_embeddings(tmp_path, space)
    assert_same(read_embeddings(tmp_path), space)


@pytest.mark.parametrize("blocked", ["image.npy", "text.npy", "text.labels.npy"])
def test_after_an_error_nothing_has_appeared(tmp_path, blocked):
    (tmp_path / blocked).mkdir()
    with pytest.raises(InputError, match="cannot write"):
        write_embeddings(tmp_path, ROUND_TRIPS["integer labels"])
    assert [path.name for path in tmp_path.iterdir()] == [blocked]


def test_a_file_in_the_folder_s_place_is_refused(tmp_path):
    place: Path = tmp_path / "space"
    place.write_text("kept")
    with pytest.raises(InputError, match="cannot write") as caught:
        write_embeddings(place, ROUND_TRIPS["by position"])
    assert "\n" not in str(caught.value)
    assert place.read_text() == "kept"
