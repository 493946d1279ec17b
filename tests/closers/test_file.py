"""Files of closers: what is no closer, or damaged, gives one clear error."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from isthmus import InputError
from isthmus.closers import Centering, load_closer
from isthmus.closers.file import FORMAT
from isthmus.testing.closers import space
from tests.closers.zoo import ZOO

FITTED = Centering().fit(space())
KIND = {
    "format": FORMAT,
    "version": "1",
    "kind": "centering",
    "parameters": "{}",
    "modalities": '["a", "b"]',
}
STATE = {
    f"{what}.{name}": value
    for name in "ab"
    for what, value in (
        ("bias", np.full(2, -0.25)),
        ("count", np.array([4])),
        ("total", np.full(2, 1.0)),
    )
}


def damaged(state=None, metadata=None):
    """A writer of an otherwise right file with some arrays or header fields replaced."""

    def write(path: Path) -> None:
        arrays = {k: v for k, v in (STATE | (state or {})).items() if v is not None}
        header = {k: v for k, v in (KIND | (metadata or {})).items() if v is not None}
        save_file(arrays, path, metadata=header)

    return write


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(500))


def truncated(path: Path) -> None:
    FITTED.save(path)
    path.write_bytes(path.read_bytes()[:-40])


def header_alone(path: Path) -> None:
    FITTED.save(path)
    path.write_bytes(path.read_bytes()[:20])


UNREADABLE = {
    "missing": (lambda path: None, " as a closer: "),
    "empty": (lambda path: path.write_bytes(b""), " as a closer: "),
    "folder": (lambda path: path.mkdir(), " as a closer: "),
    "random bytes": (random_bytes, " as a closer: "),
    "text": (lambda path: path.write_text("not\na closer\n" * 9), " as a closer: "),
    "truncated": (truncated, " as a closer: "),
    "header alone": (header_alone, " as a closer: "),
    "weights of a model": (
        lambda path: save_file({"w": np.ones(2)}, path),
        "not a closer saved by Isthmus",
    ),
    "bfloat16 weights of a model": (
        lambda path: save_torch_file({"w": torch.ones(2, dtype=torch.bfloat16)}, path),
        "not a closer saved by Isthmus",
    ),
    "bfloat16 in a closer": (
        lambda path: save_torch_file({"w": torch.ones(2).bfloat16()}, path, metadata=KIND),
        "closer",
    ),
    "other metadata": (damaged(metadata={"format": "pt"}), "not a closer saved by Isthmus"),
    "later version": (damaged(metadata={"version": "7"}), "is a closer in format 7"),
    "kind of a later version": (damaged(metadata={"kind": "teleport"}), "kind 'teleport'; known"),
    "no modalities": (damaged(metadata={"modalities": None}), "its modalities cannot be read"),
    "modalities that are no names": (damaged(metadata={"modalities": "[1]"}), "list of names"),
    "no JSON": (damaged(metadata={"parameters": "{'a': 1}"}), "its parameters cannot be read"),
    "deep JSON": (damaged(metadata={"parameters": "[" * 99999}), "its parameters cannot be read"),
    "unknown parameter": (
        damaged(metadata={"parameters": '{"speed": 3}'}),
        "its parameters do not fit 'centering'",
    ),
    "another modality": (damaged(metadata={"modalities": '["a", "c"]'}), "modality 'c'"),
    "no bias": (damaged({"bias.a": None}), "bias of modality 'a' is missing"),
    "NaN bias": (damaged({"bias.a": np.full(2, np.nan)}), "holds no finite numbers"),
    "no numbers": (damaged({"bias.a": np.zeros(0)}), "holds no finite numbers"),
    "single precision": (damaged({"bias.a": np.zeros(2, np.float32)}), "of another shape"),
    "bias of two axes": (damaged({"bias.a": np.zeros((2, 2))}), "of another shape"),
    "matrix of three axes": (damaged({"matrix.a": np.zeros((2, 2, 2))}), "of another shape"),
    "matrix too tall": (damaged({"matrix.a": np.zeros((3, 2))}), "do not fit together"),
    "widths differ": (
        damaged({"bias.a": np.zeros(3), "total.a": np.zeros(3)}),
        "of different widths",
    ),
    "mean of another width": (damaged({"total.a": np.zeros(3)}), "of different widths"),
    "no total": (damaged({"total.a": None}), "no float64 vector"),
    "NaN total": (damaged({"total.a": np.full(2, np.nan)}), "not a mean of unit vectors"),
    "mean too long": (damaged({"total.a": np.full(2, 3.0)}), "not a mean of unit vectors"),
    "longer than numbers reach": (damaged({"total.a": np.full(2, 1e300)}), "not a mean of unit"),
    "empty count": (damaged({"count.a": np.zeros(0, np.int64)}), "not one positive integer"),
    "scalar count": (damaged({"count.a": np.array(3)}), "not one positive integer"),
    "NaN count": (damaged({"count.a": np.array([np.nan])}), "not one positive integer"),
    "no rows": (damaged({"count.a": np.array([0])}), "not one positive integer"),
}


@pytest.mark.parametrize(("write", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_closer_is_refused(tmp_path, write, message):
    path = tmp_path / "closer.safetensors"
    write(path)
    with pytest.raises(InputError) as caught, np.errstate(over="ignore"):
        load_closer(path)
    refusal = str(caught.value)
    assert message in refusal
    assert "\n" not in refusal
    assert "closer.safetensors" in refusal


def test_the_undamaged_file_is_read(tmp_path):
    damaged()(tmp_path / "closer.safetensors")
    assert load_closer(tmp_path / "closer.safetensors").names == ("a", "b")


def test_saving_an_unfitted_closer_writes_nothing(tmp_path):
    with pytest.raises(InputError, match="not fitted yet"):
        Centering().save(tmp_path / "closer.safetensors")
    assert not list(tmp_path.iterdir())


def test_saving_makes_folders_and_leaves_one_file(tmp_path):
    FITTED.save(tmp_path / "deep" / "closer.safetensors")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["closer.safetensors"]


def survives(path: Path) -> None:
    """A closer whose numbers are finite, or a refusal of one line."""
    try:
        with np.errstate(all="ignore"):
            loaded = load_closer(path)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert loaded.dimension > 0
    assert all(np.isfinite(array).all() for array in loaded.state().values())


@pytest.mark.parametrize("name", ZOO)
def test_a_file_without_one_of_its_arrays_gives_a_closer_or_a_refusal(tmp_path, name):
    path = tmp_path / "closer.safetensors"
    path.write_bytes(saved(name))
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert json.loads(metadata["modalities"]) == ["image", "text"]
    for absent, array in state.items():
        others = {name: found for name, found in state.items() if name != absent}
        for replaced in (others, others | {absent: array[..., :-1]}, others | {absent: array[:0]}):
            whole = {name: np.ascontiguousarray(found) for name, found in replaced.items()}
            save_file(whole, path, metadata=metadata)
            survives(path)


@cache
def saved(name: str) -> bytes:
    """The file of a fitted closer of the zoo."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "closer.safetensors"
        ZOO[name]().fit(space()).save(path)
        return path.read_bytes()


@pytest.mark.parametrize("name", ZOO)
@settings(max_examples=20)
@given(data=st.data())
def test_flipped_bytes_give_a_closer_or_a_refusal(tmp_path_factory, name, data):
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    content = bytearray(saved(name))
    places = st.one_of(st.integers(0, 1023), st.integers(0, len(content) - 1))
    flips = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4)
    for position, value in data.draw(flips):
        content[position % len(content)] = value
    path.write_bytes(content)
    survives(path)
