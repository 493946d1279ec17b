"""Arrays that are not held in memory: parts of mapped files, and copies in a temporary file."""

from __future__ import annotations

import io
import os
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from isthmus import InputError
from isthmus.progress import watched
from isthmus.readers import read_embeddings
from isthmus.readers.arrow_messages import as_stream, check_batches
from isthmus.readers.formats import open_source
from isthmus.readers.spool import collect

from .sources import (
    FORMATS,
    IMAGE,
    SPACE,
    TEXT,
    Arrays,
    growth,
    table,
    write,
    write_arrow,
    write_clip_retrieval,
    write_feather,
    write_stream,
    write_tensors,
)

Save = Callable[[Path, Arrays], None]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The temporary folder, empty, and every copy of a matrix goes there."""
    path = tmp_path / "temporary"
    path.mkdir()
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.setattr("isthmus.readers.spool.MEMORY_BYTES", 0)
    return path


@pytest.fixture
def no_folder(folder):
    """No temporary folder at all."""
    folder.rmdir()


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_embeddings(path)
    message = str(caught.value)
    assert message.isprintable()
    return message


# copies in a temporary file


def in_blocks(rows: Any, *, size: int = 3) -> Any:
    return (rows[start : start + size] for start in range(0, len(rows), size))


@pytest.mark.parametrize("limit", [0, 2**30])
@pytest.mark.parametrize("dtype", ["float16", "float32", "int8"])
def test_blocks_join_in_memory_and_in_a_file(folder, monkeypatch, limit, dtype):
    monkeypatch.setattr("isthmus.readers.spool.MEMORY_BYTES", limit)
    rows = np.arange(40).reshape(10, 4)
    found = collect("x", in_blocks(rows), rows=10, width=4, dtype=dtype)
    np.testing.assert_array_equal(found, rows)
    assert found.dtype == dtype
    assert isinstance(found, np.memmap) == (limit == 0)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 2**30])
@pytest.mark.parametrize(
    ("rows", "message"), [(9, "more rows than the 9"), (11, "holds 10 rows and announces 11")]
)
def test_blocks_of_another_number_of_rows_are_an_error(folder, monkeypatch, limit, rows, message):
    monkeypatch.setattr("isthmus.readers.spool.MEMORY_BYTES", limit)
    with pytest.raises(ValueError, match=message):
        collect("x", in_blocks(np.ones((10, 4))), rows=rows, width=4, dtype="f4")
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="an open file keeps its name elsewhere")
def test_the_file_has_no_name_while_it_is_filled(folder):
    def blocks() -> Any:
        for _ in range(3):
            yield np.ones((2, 4))
            assert list(folder.iterdir()) == []

    assert collect("x", blocks(), rows=6, width=4, dtype="f4").sum() == 24


def test_progress_is_told_by_rows():
    told = []
    with watched(lambda _, share: told.append(round(share, 2))):
        collect("x", in_blocks(np.ones((10, 4))), rows=10, width=4, dtype="f4")
    assert told == [0.3, 0.6, 0.9, 1.0]


COPIED = ["compressed npz", "parquet", "plain parquet", "arrow", "arrow stream", "feather"]
COPIED += ["clip-retrieval", "Hugging Face"]


@pytest.mark.parametrize("kind", COPIED)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_a_large_copy_lies_in_a_file_and_holds_the_same_numbers(
    folder, tmp_path, monkeypatch, kind, dtype
):
    rows = (np.random.default_rng(2).normal(size=(50, 3)) * 20).round().astype(dtype)
    columns = {name: np.arange(50) for name in SPACE if name not in ("image", "text")}
    source = write(tmp_path, kind, {"image": rows, "text": rows[::-1] + 1, **columns})
    monkeypatch.setattr("isthmus.readers.spool.BLOCK_BYTES", 64)
    found = open_source(source)
    for name, expected in (("image", rows), ("text", rows[::-1] + 1)):
        array = found[name]
        assert isinstance(array, np.memmap)
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_a_space_is_the_same_out_of_memory(folder, tmp_path, kind):
    space = read_embeddings(write(tmp_path, kind))
    np.testing.assert_array_equal(space["image"], IMAGE)
    np.testing.assert_array_equal(space["text"], TEXT)
    assert isinstance(space["image"], np.memmap)


def test_a_lance_table_is_the_same_out_of_memory(folder, tmp_path):
    lancedb = pytest.importorskip("lancedb")
    lancedb.connect(str(tmp_path)).create_table("space", table({"image": IMAGE, "text": TEXT}))
    found = open_source(tmp_path / "space.lance")["image"]
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, IMAGE)


def bfloat16(path: Path) -> Any:
    from safetensors.torch import save_file

    x = torch.from_numpy(IMAGE).bfloat16()
    save_file({"image": x, "text": x.clone()}, path / "a.safetensors")
    torch.save({"image": x, "text": x.clone()}, path / "a.pt")
    np.savez(path / "a.npz", image=x.view(torch.int16).numpy().view("V2"), text=IMAGE)
    return x.float().numpy()


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "a.npz"])
def test_bfloat16_widens_out_of_memory(folder, tmp_path, name):
    expected = bfloat16(tmp_path)
    found = open_source(tmp_path / name)["image"]
    assert isinstance(found, np.memmap)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "image",
    [IMAGE.astype(">f4"), np.asfortranarray(IMAGE), np.asfortranarray(IMAGE.astype(">f8"))],
    ids=["big-endian", "Fortran", "both"],
)
def test_other_orders_of_an_npz_read_out_of_memory(folder, tmp_path, save, image):
    save(tmp_path / "a.npz", image=image, text=TEXT)
    found = open_source(tmp_path / "a.npz")["image"]
    assert isinstance(found, np.memmap)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, IMAGE)


def test_a_scale_per_dimension_is_applied_out_of_memory(folder, tmp_path):
    whole, scale = np.array([[1, -2, 3], [4, 5, -6]], np.int8), np.array([0.5, 2, 0.25], "f4")
    rows = {"image": whole, "text": TEXT[:2], "image.scale": scale}
    write_tensors(tmp_path / "a.safetensors", rows)
    found = read_embeddings(tmp_path / "a.safetensors")["image"]
    assert isinstance(found, np.memmap)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, whole * scale)


def test_shards_of_several_dtypes_join_in_the_widest(folder, tmp_path):
    write_clip_retrieval(tmp_path, SPACE)
    np.save(tmp_path / "img_emb" / "img_emb_1.npy", IMAGE[3:].astype(np.float64))
    found = read_embeddings(tmp_path)["image"]
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, IMAGE)


# a temporary folder that will not do


def nowhere(path: Path, monkeypatch: Any) -> None:
    path.rmdir()


def a_file(path: Path, monkeypatch: Any) -> None:
    path.rmdir()
    path.write_text("")


def nearly_full(path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))


def full(path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: io.FileIO("/dev/full", "w"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (nowhere, "No such file or directory"),
        (a_file, "Not a directory"),
        (nearly_full, "only 10 bytes are free there"),
        pytest.param(
            full,
            "No space left on device",
            marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full"),
        ),
    ],
)
@pytest.mark.parametrize("kind", ["parquet", "compressed npz", "clip-retrieval"])
def test_a_temporary_folder_that_will_not_do_is_one_error(
    folder, tmp_path, monkeypatch, kind, spoil, reason
):
    source = write(tmp_path, kind)
    spoil(folder, monkeypatch)
    found = refusal(source)
    assert f"needs 48 bytes in the temporary folder ({folder}): {reason}" in found
    assert "set TMPDIR to a folder with that much space" in found


# parts of mapped files


def one_batch(new: Any) -> Save:
    def save(path: Path, arrays: Arrays) -> None:
        content = table(arrays)
        with pa.OSFile(str(path), "wb") as file, new(file, content.schema) as writer:
            writer.write_table(content)

    return save


def plain_feather(path: Path, arrays: Arrays) -> None:
    import pyarrow.feather as feather

    feather.write_feather(table(arrays, fixed=False), str(path), compression="uncompressed")


def hugging_face(path: Path, arrays: Arrays) -> None:
    path.mkdir()
    one_batch(pa.ipc.new_stream)(path / "data.arrow", arrays)
    (path / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')


def nothing_but(kind: str) -> Save:
    return FORMATS[kind][1]


MAPPED: dict[str, tuple[str, Save]] = {
    "npy folder": ("space", nothing_but("npy folder")),
    "npz": ("a.npz", nothing_but("npz")),
    "safetensors": ("a.safetensors", nothing_but("safetensors")),
    "torch": ("a.pt", nothing_but("torch")),
    "arrow": ("a.arrow", one_batch(pa.ipc.new_file)),
    "arrow stream": ("a.arrow", one_batch(pa.ipc.new_stream)),
    "feather": ("a.feather", plain_feather),
    "Hugging Face": ("space", hugging_face),
}


@pytest.mark.parametrize(("name", "save"), MAPPED.values(), ids=MAPPED)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_values_that_are_the_matrix_already_stay_where_they_are(
    no_folder, tmp_path, name, save, dtype
):
    rows = (IMAGE * 20).round().astype(dtype) + np.array(1, dtype)
    save(tmp_path / name, {**SPACE, "image": rows})
    space = read_embeddings(tmp_path / name)
    for modality, expected in (("image", rows), ("text", TEXT)):
        assert isinstance(space[modality], np.memmap)
        assert not space[modality].flags.writeable
        assert space[modality].dtype == expected.dtype
        np.testing.assert_array_equal(space[modality], expected)


def test_a_mapped_array_outlives_what_opened_it(no_folder, tmp_path):
    plain_feather(tmp_path / "a.feather", SPACE)
    found = open_source(tmp_path / "a.feather")["image"]
    (tmp_path / "a.feather").unlink()
    np.testing.assert_array_equal(found, IMAGE)


X = torch.from_numpy(IMAGE)


@pytest.mark.parametrize(
    ("content", "is_mapped"),
    [
        ({"image": X, "text": X + 1}, True),
        ({"image": X, "text": X}, True),
        ({"image": torch.cat([X - 1, X])[4:], "text": X + 1}, True),
        ({"image": X, "text": X + 1, "labels": torch.zeros(2, 6), "ids": ["a"]}, True),
        ({"image": X, "text": X + 1, "deep": {"of": X + 2}}, None),
        ({"image": X.T.contiguous().T, "text": X + 1}, False),
    ],
    ids=["plain", "one storage", "part of a storage", "equal sizes", "nested", "transposed"],
)
def test_tensors_of_every_layout_keep_their_values(no_folder, tmp_path, content, is_mapped):
    torch.save(content, tmp_path / "a.pt")
    found = open_source(tmp_path / "a.pt")
    for name in ("image", "text"):
        np.testing.assert_array_equal(found[name], content[name].numpy())
    assert is_mapped is None or isinstance(found["image"], np.memmap) == is_mapped


# what an Arrow file announces


def compressed_stream(path: Path, arrays: Arrays) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    content = table(arrays)
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_stream(file, content.schema, options=options) as writer,
    ):
        writer.write_table(content)


@pytest.mark.parametrize("save", [write_feather, compressed_stream])
@pytest.mark.parametrize(
    ("length", "message"),
    [
        (10**12, "announces 1,000,000,"),
        (2**62, "announces 4,611,686,018,427,"),
        (-2, "announces -2 bytes"),
    ],
)
def test_a_buffer_that_says_it_unfolds_to_anything_is_refused_undecoded(
    tmp_path, monkeypatch, save, length, message
):
    path = tmp_path / "a.arrow"
    rows = np.ones((61, 67), np.float32)
    save(path, {"image": rows, "text": rows})
    assert read_embeddings(path)["image"].shape == (61, 67)
    content, unfolded = path.read_bytes(), struct.pack("<q", rows.nbytes)
    assert content.count(unfolded) == 2
    path.write_bytes(content.replace(unfolded, struct.pack("<q", length), 1))
    monkeypatch.setattr("isthmus.readers.arrow_columns._pieces", None)
    assert message in refusal(path)


@pytest.mark.parametrize("save", [write_arrow, write_stream, write_feather, compressed_stream])
def test_rows_are_counted_without_decoding(tmp_path, save):
    save(tmp_path / "a.arrow", SPACE)
    assert check_batches("a", np.memmap(tmp_path / "a.arrow", np.uint8, mode="r")) == 4


def test_batches_in_the_order_of_the_footer_are_read_so(tmp_path):
    path = tmp_path / "a.arrow"
    write_arrow(path, SPACE)
    content = path.read_bytes()
    assert as_stream(content) is not None
    with pa.ipc.open_file(path) as reader:
        sizes = [reader.get_batch(i).num_rows for i in range(reader.num_record_batches)]
    assert sizes == [3, 1]
    start = len(content) - 10 - int.from_bytes(content[-10:-6], "little")
    blocks = [p for p in range(start, len(content) - 24) if is_block(content, p)]
    first, second = blocks
    swapped = bytearray(content)
    swapped[first : first + 24] = content[second : second + 24]
    swapped[second : second + 24] = content[first : first + 24]
    path.write_bytes(swapped)
    assert as_stream(swapped) is None
    np.testing.assert_array_equal(read_embeddings(path)["image"], IMAGE[[3, 0, 1, 2]])


def is_block(content: bytes, position: int) -> bool:
    """Whether an entry of the footer lies there that points at a message."""
    offset, length, _, _ = struct.unpack_from("<qiiq", content, position)
    if not 8 <= offset < len(content) - 8:
        return False
    mark, metadata = struct.unpack_from("<Ii", content, offset)
    return bool(mark == 0xFFFFFFFF and metadata > 0 and length == metadata + 8)


def test_labels_from_a_dictionary_of_an_arrow_file_are_read(tmp_path):
    labels = pa.array(["ü", "x", "ü", ""]).dictionary_encode()
    for save in (write_feather, compressed_stream, write_arrow):
        save(tmp_path / "a.arrow", {**SPACE, "kind": labels})
        space = read_embeddings(tmp_path / "a.arrow", labels=["kind"])
        assert space.labels is not None
        assert space.labels["image"].tolist() == ["ü", "x", "ü", ""]


# memory


def large_hugging_face(path: Path, arrays: Arrays) -> None:
    hugging_face(path, {name: rows[:8] for name, rows in arrays.items()})
    content = table(arrays)
    with (
        pa.OSFile(str(path / "data.arrow"), "wb") as file,
        pa.ipc.new_stream(file, content.schema) as writer,
    ):
        writer.write_table(content, max_chunksize=1000)


def large_feather(path: Path, arrays: Arrays) -> None:
    import pyarrow.feather as feather

    feather.write_feather(table(arrays), str(path), compression="zstd", chunksize=20_000)


LARGE = {
    "parquet": ("a.parquet", nothing_but("parquet")),
    "compressed feather": ("a.feather", large_feather),
    "Hugging Face": ("space", large_hugging_face),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("name", "save"), LARGE.values(), ids=LARGE)
def test_reading_takes_a_part_of_the_memory_that_the_arrays_would(tmp_path, name, save):
    rows = np.random.default_rng(0).integers(1, 9, size=(120_000, 256)).astype(np.float32)
    save(tmp_path / name, {"image": rows, "text": rows})
    grown, whole = growth(tmp_path / name, limit=0)
    assert whole == 2 * rows.nbytes
    assert grown < whole / 2, f"{grown:,} of {whole:,} bytes"
