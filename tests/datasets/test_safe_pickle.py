"""Pickles of plain arrays: read as they are, and nothing that could run."""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isthmus.datasets.safe_pickle import read_pickle
from isthmus.errors import InputError
from tests.datasets.official_multibench import write

PROTOCOLS = range(6)


def same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        one, other = list(one.values()), list(other.values())
    if isinstance(one, np.ndarray) and one.dtype.kind == "O":
        assert one.shape == other.shape
        one, other = one.ravel().tolist(), other.ravel().tolist()
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


def everything() -> dict[str, Any]:
    shared = np.arange(3, dtype=">f4")
    return {
        "numbers": [1, -2.5, True, None, 10**30, "text", b"bytes", b""],
        "tuple": (np.float32(3), np.int64(-1), np.bool_(True)),
        "kinds": {
            kind: np.array([[1, 0], [0, 1]]).astype(kind)
            for kind in ("?", "i1", "u2", "<i8", ">i4", "f2", "<f4", ">f8", "c8", "U5", "S3")
        },
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "strided": np.arange(12).reshape(3, 4)[:, ::2],
        "empty": np.empty((0, 4), np.float32),
        "single": np.array(2.0),
        "objects": np.array([["a", 1], [b"c", np.ones(2)]], dtype=object),
        "twice": [shared, shared],
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_things_are_what_they_were(tmp_path: Path, protocol: int) -> None:
    tree = everything()
    tree["single"] = float(tree["single"])  # an array of no axes comes back as its number
    found = read_pickle(write(tmp_path / "all.pkl", tree, protocol=protocol))
    same(found, tree)
    assert found["twice"][0] is found["twice"][1]


@given(
    array=hnp.arrays(
        st.one_of(hnp.floating_dtypes(), hnp.integer_dtypes(), hnp.unicode_string_dtypes()),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0),
    ),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_any_array(tmp_path_factory: pytest.TempPathFactory, array: Any, protocol: int) -> None:
    if array.dtype.itemsize > 8 and array.dtype.kind == "f":
        return
    path = tmp_path_factory.getbasetemp() / "any.pkl"
    same(read_pickle(write(path, array, protocol=protocol)), array)


def test_arrays_of_python_2(tmp_path: Path) -> None:
    """There the bytes of an array are a text."""
    blob = b"\x00\x80\xff\x3f"
    path = tmp_path / "two.pkl"
    path.write_bytes(
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I2\ntcnumpy\ndtype\n(S'u2'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        b"U\x04" + blob + b"tb."
    )
    np.testing.assert_array_equal(read_pickle(path), np.frombuffer(blob, "<u2"))


class Evil:
    """Runs a function of choice when loaded."""

    def __init__(self, call: Callable[..., Any], *given: Any) -> None:
        self.call = call, given

    def __reduce__(self) -> Any:
        return self.call


def note(path: str) -> None:
    Path(path).touch()


REFUSED = {
    "builtins.eval": Evil(eval, "1"),
    "builtins.getattr": Evil(getattr, [], "clear"),
    "posix.system": Evil(__import__("os").system, "true"),
    "collections.OrderedDict": collections.OrderedDict(a=1),
    "collections.defaultdict": collections.defaultdict(int),
    "builtins.set": {1},
    "numpy.ma": np.ma.masked_array([1, 2]),
    "datetime.date": __import__("datetime").date(2020, 1, 1),
    "pathlib": Path("a"),
    "test_safe_pickle.Evil": Evil,
    "a dtype": np.dtype("f4"),
    "test_safe_pickle.note": note,
}


@pytest.mark.parametrize("named", REFUSED)
@pytest.mark.parametrize("protocol", [2, 4])
def test_anything_else_is_refused_by_name(tmp_path: Path, named: str, protocol: int) -> None:
    path = write(tmp_path / "bad.pkl", {"train": [REFUSED[named]]}, protocol=protocol)
    with pytest.raises(InputError, match=named.split(".")[-1]) as found:
        read_pickle(path)
    assert "bad.pkl" in str(found.value)
    assert "\n" not in str(found.value)


def test_a_set_is_refused_in_protocols_that_have_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds a frozenset"):
        read_pickle(write(tmp_path / "s.pkl", frozenset({1})))


def test_nothing_of_a_refused_file_runs(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = write(tmp_path / "bad.pkl", Evil(note, str(mark)))
    with pytest.raises(InputError):
        read_pickle(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())  # it would have
    assert mark.exists()


def array(
    kind: bytes = b"f8", order: bytes = b"<", shape: bytes = b"I1\n", data: str = "x" * 8
) -> bytes:
    """A pickle of one array, by hand."""
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(" + shape
        + b"tcnumpy\ndtype\n(S'" + kind + b"'\nI0\nI1\ntR(I3\nS'" + order
        + b"'\nNNNI-1\nI-1\nI0\ntbI00\nS'" + data.encode() + b"'\ntb."
    )  # fmt: skip


BROKEN = {
    "fewer bytes than its shape": array(shape=b"I9\n"),
    "no bytes at all": array(shape=b"I9\n", data=""),
    "a shape beyond memory": array(shape=b"I4611686018427387904\n"),
    "a negative size": array(shape=b"I-1\nI-1\n"),
    "objects as raw bytes": array(kind=b"O8"),
    "records": array(kind=b"V8"),
    "times": array(kind=b"M8"),
    "an order that is none": array(order=b"!"),
    "an array without its state": array().split(b"(I1\n(I")[0] + b".",
    "a class that is called": b"cnumpy\nndarray\n(I3\ntR.",
    "a function that gets a state": b"cnumpy\ndtype\n}S'a'\nI1\nsb.",
    "a function that is changed": b"cnumpy\ndtype\n(N}S'_make'\nNstb(I1\ntR.",
    "a list in itself": b"]q\x00h\x00a.",
    "a reference outside": b"Pabc\n.",
    "cut short": pickle.dumps({"a": np.arange(9)})[:-20],
    "no pickle": b"hello",
    "empty": b"",
}  # fmt: skip


def test_the_array_by_hand_is_right(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(array())
    assert read_pickle(tmp_path / "a.pkl").tobytes() == b"x" * 8


@pytest.mark.parametrize("what", BROKEN)
def test_damaged_and_hostile_files(tmp_path: Path, what: str) -> None:
    (tmp_path / "bad.pkl").write_bytes(BROKEN[what])
    with pytest.raises(InputError, match=r"bad\.pkl") as found:
        read_pickle(tmp_path / "bad.pkl")
    assert "\n" not in str(found.value)


@given(data=st.data())
def test_no_byte_that_changes_brings_more_than_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    whole = bytearray(pickle.dumps({"a": np.arange(3.0), "b": ["c", 1]}, 2))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.pkl"
    path.write_bytes(whole)
    try:
        read_pickle(path)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it may also be read


def test_many_references_to_one_thing_cost_one(tmp_path: Path) -> None:
    nest: list[Any] = [1]
    for _ in range(60):
        nest = [nest, nest]
    found = read_pickle(write(tmp_path / "nest.pkl", nest))
    assert found[0] is found[1]


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_pickle(tmp_path / "none.pkl")
