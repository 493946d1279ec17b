"""Files made to do harm: none runs code, takes memory it does not back, or leaves its folder."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from isthmus import Embeddings, InputError
from isthmus.readers import read_embeddings, write_embeddings

from .sources import IMAGE, SPACE, TEXT, growth, lists, table, write, write_feather

HUGE = 10**12


def refusal(*source: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_embeddings(*source, **options)
    message = str(caught.value)
    assert message.isprintable()
    return message


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def announcing(shape: str) -> bytes:
    """An npy file of IMAGE whose header announces another shape."""
    content = npy(IMAGE)
    header, values = content[10:128], content[128:]
    changed = header.replace(b"(4, 3)", shape.encode()).rstrip().ljust(117) + b"\n"
    return content[:10] + changed + values


class Harm:
    """An object that runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.command = f"touch {mark}"

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


def harmful_torch(path: Path, mark: Path) -> None:
    torch.save({"image": torch.ones(2, 2), "text": Harm(mark)}, path)


def harmful_old_torch(path: Path, mark: Path) -> None:
    torch.save({"image": Harm(mark)}, path, _use_new_zipfile_serialization=False)


def harmful_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Harm(mark)))


def harmful_new_protocol(path: Path, mark: Path) -> None:
    torch.save({"image": Harm(mark)}, path, pickle_protocol=4)


def harmful_npy_folder(path: Path, mark: Path) -> None:
    path.mkdir()
    for name in ("image", "text"):
        np.save(path / f"{name}.npy", np.array([[Harm(mark)]], object), allow_pickle=True)


def harmful_npz(path: Path, mark: Path) -> None:
    np.savez(path, image=np.array([[Harm(mark)]], object), text=TEXT)


HARMFUL: dict[str, Callable[[Path, Path], None]] = {
    "torch.pt": harmful_torch,
    "old.pt": harmful_old_torch,
    "pickle.pth": harmful_pickle,
    "new.pt": harmful_new_protocol,
    "space": harmful_npy_folder,
    "space.npz": harmful_npz,
}


@pytest.mark.parametrize("name", HARMFUL)
def test_no_file_runs_code(tmp_path, name):
    mark = tmp_path / "mark"
    HARMFUL[name](tmp_path / name, mark)
    assert name in refusal(tmp_path / name)
    assert not mark.exists()


def test_the_harmful_files_would_run_code_if_they_were_trusted(tmp_path):
    mark = tmp_path / "mark"
    harmful_torch(tmp_path / "a.pt", mark)
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert mark.exists()


def test_a_torch_file_is_refused_for_what_it_names_before_it_is_loaded(tmp_path, monkeypatch):
    harmful_torch(tmp_path / "a.pt", tmp_path / "mark")
    monkeypatch.setattr(torch, "load", None)
    assert "holds pickled objects (posix system), which could run code" in refusal(
        tmp_path / "a.pt"
    )


SPARSE = torch.eye(3).to_sparse()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(2, 2)], "must hold a dictionary of tensors; found a list"),
        (torch.ones(2, 2), "must hold a dictionary of tensors; found a Tensor"),
        ({"image": SPARSE, "text": SPARSE}, "holds pickled objects (torch._utils _rebuild_sparse"),
        ({"image": torch.ones(1, 1).expand(HUGE, 9), "text": torch.ones(2, 9)}, "bytes hold"),
        ({"image": torch.eye(3).bool(), "text": torch.eye(3)}, "left out image (shape (3, 3) of"),
        ({"image": {"deep": torch.eye(3)}, "text": torch.eye(3)}, "left out image (a dict)"),
    ],
)
def test_torch_files_that_hold_something_else_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "a.pt")
    assert message in refusal(tmp_path / "a.pt")


@pytest.mark.parametrize("shape", [f"({HUGE}, 3)", "(4, 9)", "(-4, 3)", f"({2**62}, {2**62})"])
def test_an_npy_header_that_announces_more_than_follows_is_refused(tmp_path, shape):
    for name, content in (("image", announcing(shape)), ("text", npy(TEXT))):
        (tmp_path / f"{name}.npy").write_bytes(content)
    assert "cannot read" in refusal(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("image.npy", announcing(shape))
        file.writestr("text.npy", npy(TEXT))
    assert "a.npz" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "name", ["../image.npy", "/image.npy", "a/../../image.npy", "..\\image.npy"]
)
def test_a_member_of_an_npz_that_leads_out_of_it_is_ignored(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        for member in (name, "image.npy", "text.npy"):
            file.writestr(member, npy(IMAGE))
    assert read_embeddings(tmp_path / "a.npz").names == ("image", "text")


@pytest.mark.parametrize("name", ["../image", "a/b", "..", "a\\b"])
def test_a_modality_is_never_written_outside_of_its_folder(tmp_path, name):
    with pytest.raises(InputError, match="cannot name a file"):
        write_embeddings(tmp_path / "out", Embeddings({name: IMAGE, "text": TEXT}))
    assert list(tmp_path.iterdir()) == []


def bomb_npz(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("image.npy", "text.npy"):
            with file.open(name, "w", force_zip64=True) as member:
                header = npy(np.empty((0, 1024), np.float32)).replace(
                    b"(0, 1024)", b"(32768, 1024)"
                )
                member.write(header[:118] + header[118:].rstrip().ljust(9) + b"\n")
                for _ in range(128):
                    member.write(bytes(2**20))


def bomb_parquet(path: Path) -> None:
    """Vectors of a hundred thousand equal numbers, which a dictionary packs into nothing."""
    ones = lists(np.ones((256, 100_000), np.float32))
    pq.write_table(pa.table({"image": ones, "text": ones}), path)


def bomb_feather(path: Path) -> None:
    write_feather(path, {name: np.ones((256, 100_000), np.float32) for name in ("image", "text")})


def bomb_string(path: Path) -> None:
    """One label that is much longer than the others."""
    labels = ["x" * 2_000_000, *["y"] * 63]
    rows = np.random.default_rng(0).normal(size=(64, 3))
    columns = {"image": rows, "text": rows, "image.labels": labels, "text.labels": labels}
    pq.write_table(table(columns), path)


def bomb_dictionary(path: Path) -> None:
    """One long label, a million times."""
    rows = np.arange(2_000_000, dtype=np.float32).reshape(-1, 1) + 1
    labels = pa.DictionaryArray.from_arrays(np.zeros(len(rows), np.int32), ["x" * 100_000])
    columns = {"image": rows, "text": rows, "image.labels": labels, "text.labels": labels}
    pq.write_table(table(columns), path)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.npz", bomb_npz),
        ("a.parquet", bomb_parquet),
        ("a.feather", bomb_feather),
        ("a.parquet", bomb_string),
        ("a.parquet", bomb_dictionary),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_unfolds_to_many_times_its_size_is_refused(tmp_path, name, make):
    make(tmp_path / name)
    found = refusal(tmp_path / name)
    assert "bytes of values in" in found or "cannot read" in found


def header(entries: dict[str, Any]) -> bytes:
    content = json.dumps(entries).encode()
    return len(content).to_bytes(8, "little") + content


ENTRY = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
OTHER = {"dtype": "F32", "shape": [2, 2], "data_offsets": [16, 32]}

BAD_TENSORS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no header of 0 bytes"),
    "endless header": ((2**63).to_bytes(8, "little") + b"{}", "no header of"),
    "no JSON": (header({})[:8] + b"{", "cannot read"),
    "a list": ((4).to_bytes(8, "little") + b"[ ] ", "cannot read"),
    "deep": ((10**5).to_bytes(8, "little") + b"[" * 10**5, "cannot read"),
    "no values": (header({"image": ENTRY}), "end at byte"),
    "values left": (header({"image": ENTRY}) + bytes(17), "end at byte"),
    "overlap": (header({"a": ENTRY, "b": ENTRY}) + bytes(32), "'b' does not begin where"),
    "gap": (header({"a": OTHER}) + bytes(32), "'a' does not begin where"),
    "huge": (header({"a": {**ENTRY, "shape": [HUGE, 2]}}) + bytes(16), "do not hold shape"),
    "negative": (header({"a": {**ENTRY, "shape": [-2, -2]}}) + bytes(16), "whole numbers from 0"),
    "fraction": (header({"a": {**ENTRY, "shape": [2.0, 2]}}) + bytes(16), "whole numbers from 0"),
    "no offsets": (header({"a": {"dtype": "F32", "shape": [2, 2]}}) + bytes(16), "cannot read"),
    "float8": (
        header({"a": {**ENTRY, "dtype": "F8_E4M3"}}) + bytes(16),
        "left out a (shape (2, 2)",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_TENSORS.values(), ids=BAD_TENSORS)
def test_a_bad_safetensors_file_is_refused(tmp_path, content, message):
    (tmp_path / "a.safetensors").write_bytes(content)
    assert message in refusal(tmp_path / "a.safetensors")


def test_a_name_twice_in_a_safetensors_header_is_refused(tmp_path):
    content = header({"a": ENTRY, "b": OTHER}).replace(b'"b"', b'"a"') + bytes(32)
    (tmp_path / "a.safetensors").write_bytes(content)
    assert "a name occurs twice" in refusal(tmp_path / "a.safetensors")


def test_a_name_with_control_characters_stays_on_one_line(tmp_path):
    np.savez(
        tmp_path / "a.npz", **{"image\n\x1b[31m": np.full((3, 2), np.nan), "text": np.eye(3, 2)}
    )
    assert "has NaN or infinity in row 0" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize("kind", ["parquet", "arrow", "feather", "safetensors", "torch"])
@pytest.mark.parametrize("content", [b"", b"PAR1PAR1", b"ARROW1", b"FEA1", b"hello\n" * 100])
def test_what_is_not_of_its_format_is_refused(tmp_path, kind, content):
    path = write(tmp_path, kind)
    path.write_bytes(content)
    assert path.name in refusal(path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_memory_is_the_arrays_and_little_more(tmp_path, kind):
    rows = np.random.default_rng(0).normal(size=(40_000, 256)).astype(np.float32)
    path = write(tmp_path, kind, {"image": rows, "text": rows})
    grown, needed = growth(path, limit=2**40)
    assert grown < needed + 100 * 2**20


def test_the_space_reads_before_it_is_damaged(tmp_path):
    assert read_embeddings(write(tmp_path, "npz", SPACE)).names == ("image", "text")
