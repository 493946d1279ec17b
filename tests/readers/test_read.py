from __future__ import annotations

import gc
import io
import os
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings, InputError
from isthmus.readers import read_embeddings, read_sets

IMAGE, TEXT = np.random.default_rng(0).normal(size=(2, 4, 3))


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(*, compressed: bool = False, **arrays: Any) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def folder(path: Path, **arrays: Any) -> Path:
    path.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(path / f"{name}.npy", array)
    return path


def as_folder(path: Path, **arrays: Any) -> list[str]:
    return [str(folder(path / "space", **arrays))]


def as_npz(path: Path, **arrays: Any) -> list[str]:
    (path / "space.npz").write_bytes(npz(**arrays))
    return [str(path / "space.npz")]


def as_files(path: Path, **arrays: Any) -> list[str]:
    folder(path / "files", **arrays)
    return [f"{name}={path / 'files' / name}.npy" for name in arrays]


every_source = pytest.mark.parametrize("source", [as_folder, as_npz, as_files])


@every_source
def test_arrays_read_as_modalities(tmp_path, source):
    space = read_embeddings(*source(tmp_path, image=IMAGE, text=TEXT))
    assert sorted(space.names) == ["image", "text"]
    np.testing.assert_array_equal(space["image"], IMAGE)
    np.testing.assert_array_equal(space["text"], TEXT)
    assert space.groups["image"].tolist() == [0, 1, 2, 3]
    assert space.labels is None


def test_npy_files_are_memory_mapped_read_only(tmp_path):
    space = read_embeddings(folder(tmp_path / "space", image=IMAGE, text=TEXT))
    assert isinstance(space["image"], np.memmap)
    assert not space["image"].flags.writeable


@every_source
def test_groups_and_labels_beside_the_arrays_are_used(tmp_path, source):
    columns = {
        "image.groups": np.array(list("abcd")),
        "text.groups": np.array(list("dcb")),
        "image.labels": np.arange(4) % 2,
        "text.labels": np.arange(3) % 2,
    }
    space = read_embeddings(*source(tmp_path, image=IMAGE, text=TEXT[:3], **columns))
    assert sorted(space.names) == ["image", "text"]
    assert space.groups["text"].tolist() == ["d", "c", "b"]
    assert space.labels["image"].tolist() == [0, 1, 0, 1]


@every_source
def test_modalities_may_be_chosen(tmp_path, source):
    given_source = source(tmp_path, image=IMAGE, text=TEXT, audio=TEXT + 1)
    space = read_embeddings(*given_source, modalities=["audio", "image"])
    assert space.names == ("audio", "image")


def test_an_npz_takes_numeric_matrices_alone(tmp_path):
    arrays = {"image": IMAGE, "text": TEXT, "caption": np.array(list("abcd")), "ids": np.arange(4)}
    assert set(read_embeddings(*as_npz(tmp_path, **arrays)).names) == {"image", "text"}


@every_source
@pytest.mark.parametrize("what", ["groups", "labels"])
def test_an_array_of_the_source_may_be_named_as_column(tmp_path, source, what):
    given_source = source(tmp_path, image=IMAGE, text=TEXT, ids=np.array([3, 1, 2, 3]))
    space = read_embeddings(*given_source, **{what: ["ids"]})
    assert sorted(space.names) == ["image", "text"]
    assert getattr(space, what)["text"].tolist() == [3, 1, 2, 3]


COLUMNS: dict[str, tuple[bytes, list[Any]]] = {
    "c.npy": (npy(np.array([3, 1, 2, 3])), [3, 1, 2, 3]),
    "strings.npy": (npy(np.array(["x", "y", "z", "x"])), ["x", "y", "z", "x"]),
    "numbers.txt": (b"3\n1\n2\n3\n", [3, 1, 2, 3]),
    "unterminated.txt": (b"3\n1\n2\n3", [3, 1, 2, 3]),
    "windows.txt": (b"x\r\ny\r\nz\r\nx\r\n", ["x", "y", "z", "x"]),
    "names.txt": ("é\ny\nz\né\n".encode(), ["é", "y", "z", "é"]),
    "marked.txt": ("3\n1\n2\n3\n".encode("utf-8-sig"), [3, 1, 2, 3]),
    "mixed.txt": (b"3\n1\n2\nx\n", ["3", "1", "2", "x"]),
    "numbers.csv": (b"label\n3\n1\n2\n3\n", [3, 1, 2, 3]),
    "quoted.csv": (b'label\n"a, b"\ny\nz\n"a, b"\n', ["a, b", "y", "z", "a, b"]),
    "blank_end.csv": (b"label\n3\n1\n2\n3\n\n", [3, 1, 2, 3]),
}


@pytest.mark.parametrize("what", ["groups", "labels"])
@pytest.mark.parametrize("name", COLUMNS)
def test_columns_read_from_files(tmp_path, name, what):
    content, expected = COLUMNS[name]
    (tmp_path / name).write_bytes(content)
    source = as_folder(tmp_path, image=IMAGE, text=TEXT)
    space = read_embeddings(*source, **{what: [str(tmp_path / name)]})
    assert getattr(space, what)["image"].tolist() == expected
    assert getattr(space, what)["text"].tolist() == expected


def test_a_column_may_be_for_one_modality(tmp_path):
    (tmp_path / "image.txt").write_text("a\nb\nc\nd\n")
    (tmp_path / "text.csv").write_text("group\nb\na\nd\n")
    space = read_embeddings(
        *as_folder(tmp_path, image=IMAGE, text=TEXT[:3]),
        groups=[f"image={tmp_path / 'image.txt'}", f"text={tmp_path / 'text.csv'}"],
    )
    assert space.groups["image"].tolist() == ["a", "b", "c", "d"]
    assert space.groups["text"].tolist() == ["b", "a", "d"]


def test_an_option_goes_before_what_lies_beside(tmp_path):
    (tmp_path / "text.txt").write_text("9\n8\n7\n6\n")
    beside = {"image.labels": np.arange(4), "text.labels": np.arange(4)}
    space = read_embeddings(
        *as_folder(tmp_path, image=IMAGE, text=TEXT, **beside),
        labels=[f"text={tmp_path / 'text.txt'}"],
    )
    assert space.labels["text"].tolist() == [9, 8, 7, 6]
    assert space.labels["image"].tolist() == [0, 1, 2, 3]


def test_a_folder_of_folders_reads_as_sets(tmp_path):
    for name in ("before", "after"):
        folder(tmp_path / name, image=IMAGE, text=TEXT)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    sets = read_sets(tmp_path)
    assert list(sets) == ["after", "before"]
    assert sets["before"].names == ("image", "text")


def test_options_hold_for_every_set(tmp_path):
    for name in ("before", "after"):
        folder(tmp_path / name, image=IMAGE, text=TEXT, audio=TEXT)
    sets = read_sets(tmp_path, modalities=["audio", "text"])
    assert [space.names for space in sets.values()] == [("audio", "text")] * 2


@pytest.mark.parametrize(
    ("source", "name"), [(as_folder, "space"), (as_npz, "space"), (as_files, "embeddings")]
)
def test_one_source_reads_as_one_set(tmp_path, source, name):
    sets = read_sets(*source(tmp_path, image=IMAGE, text=TEXT))
    assert list(sets) == [name]
    np.testing.assert_array_equal(sets[name]["image"], IMAGE)


def refusal(source: Sequence[str | Path], **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_embeddings(*source, **options)
    message = str(caught.value)
    assert "\n" not in message
    del caught
    gc.collect()  # a file that was left open makes a warning, in the test that opened it
    return message


HEADER_WITHOUT_BRACE = npy(IMAGE).replace(b"}", b" ", 1)

BAD_NPY: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot read"),
    "magic alone": (npy(IMAGE)[:6], "cannot read"),
    "half a header": (npy(IMAGE)[:40], "cannot read"),
    "truncated": (npy(IMAGE)[:-8], "cannot read"),
    "broken header": (HEADER_WITHOUT_BRACE, "cannot read"),
    "text": (b"0.1 0.2 0.3\n0.4 0.5 0.6\n", "image.npy"),
    "pickle": (pickle.dumps([[1.0, 2.0]]), "image.npy"),
    "pickled array": (npy(np.array([[1.0], [None]], object)), "bjects"),
    "npz": (npz(image=IMAGE), "image"),
    "truncated npz": (npz(image=IMAGE)[:100], "cannot read"),
    "strings": (npy(np.array([["a"], ["b"]])), "left out image (shape (2, 1) of <U1)"),
    "one axis": (npy(np.arange(4.0)), "left out image (shape (4,) of float64)"),
    "no axis": (npy(np.array(1.0)), "left out image (shape () of float64)"),
    "NaN": (npy(np.full((4, 3), np.nan)), "'image' has NaN or infinity in row 0"),
}


@pytest.mark.parametrize("source", [as_folder, as_files])
@pytest.mark.parametrize(("content", "message"), BAD_NPY.values(), ids=BAD_NPY)
def test_a_bad_npy_is_refused(tmp_path, source, content, message):
    given_source = source(tmp_path, image=IMAGE, text=TEXT)
    (path,) = tmp_path.rglob("image.npy")
    path.write_bytes(content)
    found = refusal(given_source)
    assert message in found
    assert "image" in found


def test_text_named_npy_is_not_called_a_pickle(tmp_path):
    (source,) = as_folder(tmp_path, image=IMAGE, text=TEXT)
    (Path(source) / "image.npy").write_text("0.1 0.2 0.3\n")
    assert "pickle" not in refusal([source])


DAMAGED = bytearray(npz(compressed=True, image=IMAGE, text=TEXT))
DAMAGED[70:90] = b"\xff" * 20
UNKNOWN_METHOD = zipped(**{"image.npy": npy(IMAGE)}).replace(b"\x14\0\0\0\0\0", b"\x14\0\0\0\x63\0")

BAD_NPZ: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot read"),
    "truncated": (npz(image=IMAGE, text=TEXT)[:-100], "cannot read"),
    "half": (npz(image=IMAGE, text=TEXT)[:300], "cannot read"),
    "text": (b"image,text\n1,2\n", "space.npz"),
    "npy": (npy(IMAGE), "as an npz archive: File is not a zip file"),
    "damaged": (npz(image=IMAGE, text=TEXT).replace(IMAGE.tobytes()[:8], b"damaged!"), "cannot"),
    "damaged compression": (bytes(DAMAGED), "cannot read"),
    "unknown compression": (UNKNOWN_METHOD, "cannot read"),
    "pickled array": (npz(image=IMAGE, text=np.array([[1.0], [None]], object)), "pickled objects"),
    "zip of texts": (zipped(**{"a.txt": b"hello", "b.txt": b"hello"}), "at least two"),
    "arrays in no npy": (zipped(**{"image.npy": npy(IMAGE), "text.npy": b"hello"}), "space.npz"),
    "one modality": (npz(image=IMAGE), "at least two modalities"),
    "no matrix": (npz(image=np.arange(4), text=np.arange(4)), "at least two modalities"),
    "widths": (npz(image=IMAGE, text=TEXT[:, :2]), "image has 3, text has 2 columns"),
}


@pytest.mark.parametrize(("content", "message"), BAD_NPZ.values(), ids=BAD_NPZ)
def test_a_bad_npz_is_refused(tmp_path, content, message):
    (tmp_path / "space.npz").write_bytes(content)
    found = refusal([tmp_path / "space.npz"])
    assert message in found
    assert "space.npz" in found


def test_a_note_in_an_npz_does_no_harm(tmp_path):
    members = {"image.npy": npy(IMAGE), "text.npy": npy(TEXT), "notes.txt": b"made today"}
    (tmp_path / "space.npz").write_bytes(zipped(**members))
    assert read_embeddings(tmp_path / "space.npz").names == ("image", "text")


def flip(content: bytes, flips: list[tuple[int, int]], within: int) -> bytes:
    flipped = bytearray(content)
    for position, value in flips:
        flipped[position % min(within, len(content))] = value
    return bytes(flipped)


byte_flips = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=4)


def read_or_refusal(source: Sequence[Path]) -> Embeddings | str:
    try:
        return read_embeddings(*source)
    except InputError as error:
        return str(error)


FLIPPED: dict[str, tuple[str, bytes, int]] = {
    "npy header": ("image.npy", npy(IMAGE), 128),
    "npz": ("space.npz", npz(image=IMAGE, text=TEXT), 2**16),
    "compressed npz": ("space.npz", npz(compressed=True, image=IMAGE, text=TEXT), 2**16),
}


@pytest.mark.parametrize(("name", "content", "within"), FLIPPED.values(), ids=FLIPPED)
@given(flips=byte_flips)
def test_flipped_bytes_give_embeddings_or_a_refusal(tmp_path_factory, name, content, within, flips):
    path = tmp_path_factory.mktemp("flipped") / name
    path.write_bytes(flip(content, flips, within))
    np.save(path.parent / "text.npy", TEXT)
    source = [path] if name.endswith(".npz") else [path.parent]
    found = read_or_refusal(source)
    if isinstance(found, str):
        assert "\n" not in found
    else:
        assert np.isfinite(found[found.names[0]]).all()


def nothing(path: Path) -> list[str]:
    return []


SOURCES: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "nothing": (nothing, "found nothing"),
    "missing folder": (lambda p: [str(p / "nowhere")], "no such file or folder"),
    "missing npz": (lambda p: [str(p / "nowhere.npz")], "no such file or folder"),
    "missing npy": (
        lambda p: [f"image={p}/nowhere.npy", f"text={p}/nowhere.npy"],
        "no such file: ",
    ),
    "folder for npy": (lambda p: [f"image={p}", f"text={p}"], "is not a file"),
    "no file for name": (lambda p: ["image=", "text="], "is not a file"),
    "empty folder": (lambda p: [str(folder(p / "space"))], "holds no .npy file"),
    "folder of one": (lambda p: as_folder(p, image=IMAGE), "at least two modalities"),
    "one named file": (lambda p: as_files(p, image=IMAGE), "at least two modalities"),
    "name twice": (lambda p: as_files(p, image=IMAGE) * 2, "each once"),
    "folder and file": (
        lambda p: as_folder(p, text=TEXT) + as_files(p, image=IMAGE),
        "either one folder or npz",
    ),
    "two folders": (lambda p: as_folder(p, image=IMAGE) * 2, "either one folder or npz"),
    "bare npy": (
        lambda p: [str(folder(p / "space", image=IMAGE) / "image.npy")],
        "given as NAME=",
    ),
    "groups of one modality": (
        lambda p: as_folder(p, image=IMAGE, text=TEXT, **{"image.groups": np.arange(4)}),
        "groups are missing for modality 'text'",
    ),
    "labels too few": (
        lambda p: as_folder(
            p, image=IMAGE, text=TEXT, **{f"{n}.labels": np.arange(3) for n in ("image", "text")}
        ),
        "labels of modality 'image' must be one per row",
    ),
    "rows differ": (lambda p: as_folder(p, image=IMAGE, text=TEXT[:3]), "image has 4, text has 3"),
}


@pytest.mark.parametrize(("make", "message"), SOURCES.values(), ids=SOURCES)
def test_a_source_that_is_no_space_is_refused(tmp_path, make, message):
    assert message in refusal(make(tmp_path))


OPTIONS: dict[str, tuple[dict[str, list[str]], str]] = {
    "unknown modality": (
        {"modalities": ["image", "smell"]},
        "no array 'smell'; there are image, text",
    ),
    "one modality": ({"modalities": ["image"]}, "at least two modalities"),
    "unknown column": ({"labels": ["smell"]}, "'smell' is neither an array of the source"),
    "column of unknown modality": ({"groups": ["smell=ids.npy"]}, "no modality 'smell'"),
    "missing npy": ({"labels": ["nowhere.npy"]}, "no such file: nowhere.npy"),
    "missing txt": ({"labels": ["nowhere.txt"]}, "no such file: nowhere.txt"),
    "missing csv": ({"groups": ["image=nowhere.csv"]}, "no such file: nowhere.csv"),
    "floats": ({"groups": ["image"]}, "groups of modality 'image' must be one per row"),
}


@every_source
@pytest.mark.parametrize(("options", "message"), OPTIONS.values(), ids=OPTIONS)
def test_an_option_that_does_not_fit_is_refused(tmp_path, source, options, message):
    found = refusal(source(tmp_path, image=IMAGE, text=TEXT), **options)
    assert message in found


BAD_COLUMNS: dict[str, tuple[str, bytes, str]] = {
    "two columns": ("c.csv", b"a,b\n1,2\n1,2\n1,2\n1,2\n", "must have one column"),
    "empty csv": ("c.csv", b"", "found shape (0,)"),
    "header alone": ("c.csv", b"label\n", "found shape (0,)"),
    "too few lines": ("c.txt", b"1\n2\n", "found shape (2,)"),
    "latin-1": ("c.txt", b"caf\xe9\n" * 4, "cannot read"),
    "floats": ("c.npy", npy(np.ones(4)), "must be integers or strings"),
    "two axes": ("c.npy", npy(np.ones((4, 1), int)), "found shape (4, 1)"),
    "truncated": ("c.npy", npy(np.arange(4))[:-3], "cannot read"),
    "huge numbers": ("c.txt", b"9" * 30 + b"\n1\n2\n3\n", "must be integers or strings"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_COLUMNS.values(), ids=BAD_COLUMNS)
def test_a_bad_column_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    source = as_folder(tmp_path, image=IMAGE, text=TEXT)
    assert message in refusal(source, labels=[str(tmp_path / name)])


def test_a_folder_for_a_column_is_refused(tmp_path):
    (tmp_path / "c.txt").mkdir()
    source = as_folder(tmp_path, image=IMAGE, text=TEXT)
    assert "cannot read" in refusal(source, labels=[str(tmp_path / "c.txt")])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read")
@pytest.mark.parametrize("source", [as_folder, as_files, as_npz])
def test_a_file_without_permission_is_refused(tmp_path, source):
    given_source = source(tmp_path, image=IMAGE, text=TEXT)
    for path in [*tmp_path.rglob("image.npy"), *tmp_path.rglob("space.npz")]:
        path.chmod(0)
    assert "ermission" in refusal(given_source)
