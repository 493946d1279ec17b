"""Pickles of plain arrays, read without running anything that they name."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..readers.guard import check_file, reading

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_BUILTINS = ("builtins", "__builtin__")
_CODE = re.compile(r"[biufcSUO?]\d*")
_PLAIN = (str, bytes, bytearray, bool, int, float, type(None))


def read_pickle(path: Path | str) -> Any:
    """What a pickle holds: dicts, lists, tuples, texts, bytes, numbers, and arrays of them.

    Arrays are of numbers, truths, texts or bytes, or of objects that are all of the above; they
    may be read-only. Nothing else is admitted, and not even numpy is called by the file: what it
    names as numpy's is stood in for, and arrays are made of their bytes here. Pickles of
    Python 2 are read too. Memory is that of the file.

    Raises
    ------
    InputError
        No such file; a class that is not admitted, by name; damaged, or no pickle.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "two.pkl")
    ...     _ = path.write_bytes(pickle.dumps({"train": np.arange(2.0)}))
    ...     read_pickle(path)
    {'train': array([0., 1.])}
    """
    path = Path(path)
    check_file(path)
    with reading(path, "a pickle of plain arrays"), path.open("rb") as file:
        return _Resolved(path).of(_Unpickler(file, path).load())


def _refused(path: Path, name: str) -> InputError:
    return InputError(
        f"{path} holds {name}, and of a pickle only plain arrays, dicts, lists, texts and numbers "
        "are read, as anything else could run code; save its arrays with np.savez instead"
    )


class _Named:
    """What stands for a function that the file names, once for each time that it does."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *given: Any) -> Any:
        return self._make(*given)


class _Kind:
    """What stands for a dtype: its code, and the byte order that follows as its state."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise ValueError(f"an array of {code!r}, which are no plain numbers or texts")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype."""
        return np.dtype("O" if self.code[0] == "O" else self.code).newbyteorder(self.order)  # type: ignore[arg-type]


class _Array:
    """What stands for an array: its shape, dtype, order and values, which follow as its state."""

    __slots__ = ("kind", "order", "shape", "values")

    def __init__(self, shape: Any = (0,), kind: Any = None, values: Any = b"", order: Any = "C"):
        self.shape, self.kind, self.values, self.order = shape, kind, values, order

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.shape, self.kind, fortran, self.values = state[-4:]
        self.order = "F" if fortran else "C"


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file, encoding="latin1")  # texts of Python 2 are bytes
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        if module in _MULTIARRAY and name == "_reconstruct":
            return _Named(lambda *_: _Array())
        if module in _MULTIARRAY and name == "scalar":
            return _Named(lambda kind, values: _Array((), kind, values))
        if module in _NUMERIC and name == "_frombuffer":
            return _Named(lambda values, kind, shape, order: _Array(shape, kind, values, order))
        if (module, name) == ("numpy", "dtype"):
            return _Named(_Kind)
        if (module, name) == ("numpy", "ndarray"):
            return _Named(_not_called)
        if (module, name) == ("_codecs", "encode"):  # bytes, in protocols before 3
            return _Named(_encoded)
        if module in _BUILTINS and name == "bytes":
            return _Named(lambda: b"")
        raise _refused(self._path, f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise _refused(self._path, "a reference to something outside of it")


def _not_called(*_: Any) -> Any:
    raise ValueError("an array that is made in an unknown way")


def _encoded(text: Any, encoding: Any) -> bytes:
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError(f"a {type(text).__name__} in {encoding!r}, which stands for no bytes")
    return text.encode("latin1")


def _bytes(values: Any) -> bytes | bytearray:
    """Bytes, as they are or as the text that stands for them in old pickles."""
    if isinstance(values, bytes | bytearray):
        return values
    if isinstance(values, str):
        return values.encode("latin1")
    raise ValueError(f"values of an array are {type(values).__name__}, expected bytes")


class _Resolved:
    """Containers with arrays in the place of what stood for them; each object once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[int, tuple[Any, Any]] = {}  # the first keeps the id from being reused

    def of(self, value: Any) -> Any:
        """A value of the file, as the caller gets it."""
        if id(value) in self._done:
            return self._done[id(value)][1]
        if type(value) in _PLAIN:
            return value
        found = self._made(value)
        self._done[id(value)] = value, found
        return found

    def _made(self, value: Any) -> Any:
        if type(value) is dict:
            return {self._key(key): self.of(own) for key, own in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self.of(own) for own in value)
        if isinstance(value, _Array):
            return self._array(value)
        name = "a dtype" if isinstance(value, _Kind | _Named) else f"a {type(value).__name__}"
        raise _refused(self._path, name)

    def _key(self, key: Any) -> Any:
        found = self.of(key)
        return found.item() if isinstance(found, np.generic) else found

    def _array(self, given: _Array) -> Any:
        shape, kind = given.shape, given.kind
        if not isinstance(kind, _Kind) or not isinstance(shape, tuple) or given.order not in "CF":
            raise ValueError("an array without a dtype, a shape or an order")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"an array of the shape {shape!r}")
        dtype, flat = kind.dtype, prod(shape)
        if dtype.kind == "O":
            values: NDArray[Any] = np.empty(flat, object)
            for place, own in enumerate(_listed(given.values, flat)):
                values[place] = self.of(own)
        else:
            raw = _bytes(given.values)
            if len(raw) != flat * dtype.itemsize:
                raise ValueError(f"{len(raw):,} bytes for an array {shape} of {dtype}")
            values = np.frombuffer(raw, dtype) if raw else np.empty(flat, dtype)
        array = values.reshape(shape, order=given.order)
        return array[()] if shape == () else array


def _listed(values: Any, count: int) -> list[Any]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"an array of {count:,} objects that holds others")
    return values
