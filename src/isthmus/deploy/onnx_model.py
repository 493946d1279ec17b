"""A modality's closing map as an ONNX model."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..closers.base import Closer
from ..errors import InputError, missing
from ..files import write_together
from .maps import affine_map, check_same, floor, metadata, places

OPSET, IR = 18, 8
"""Version of the operators, and of the file format: onnxruntime takes both since 1.14."""

INPUT, OUTPUT = "embedding", "closed"


def onnx_model(closer: Closer, modality: str, *, dtype: str = "float32") -> Any:
    """The map of one modality as an `onnx.ModelProto`.

    `embedding` (N, D) → `closed` (N, K), N free: rows of any length are scaled to length one,
    mapped, and scaled to length one again, in single precision. A matrix that is the identity
    is left out, a diagonal one is D numbers. Nothing can be refused inside a model, so

    - a row of zeros, and a row that the map takes to the origin, give a row of zeros, whose dot
      product with any row is 0;
    - NaN or infinity in a row gives NaN in all of it.

    Parameters
    ----------
    closer:
        Fitted, and affine.
    modality:
        One of the closer's.
    dtype:
        Of `embedding`: `float32`, or `float16` for vectors that are stored so; `closed` is
        float32 in both cases.

    Raises
    ------
    InputError
        A closer that is not affine, an unknown modality, another dtype; the package onnx is
        missing.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError:
        raise missing("onnx", extra="onnx") from None
    if dtype not in ("float32", "float16"):
        raise InputError(f"an ONNX model takes float32 or float16 rows; found dtype {dtype}")
    found = affine_map(closer, modality)
    nodes, constants = _nodes(found.matrix, found.bias, floor(found), half=dtype == "float16")
    taken = TensorProto.FLOAT16 if dtype == "float16" else TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output], **more) for kind, inputs, output, more in nodes],
        "closer",
        [helper.make_tensor_value_info(INPUT, taken, ["N", found.width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", len(found.bias)])],
        [onnx.numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="isthmus",
        doc_string=f"Closes rows of modality '{modality}'.",
    )
    helper.set_model_props(model, dict(metadata(closer, modality=modality)))
    return model


def write_onnx(
    closer: Closer, out: Path | str, *, modality: str | None = None, dtype: str = "float32"
) -> list[Path]:
    """Write `onnx_model` of each modality as `NAME.onnx` in a folder, or of one as a file.

    Each is checked before it is put in place: by onnx's checker, and by running it against the
    closer, with onnxruntime where that is installed, else with onnx's own reference.

    Parameters
    ----------
    closer, modality, dtype:
        As for `onnx_model`; without a modality, all.
    out:
        A folder; for one modality also a file that ends in `.onnx`.

    Raises
    ------
    InputError
        As `onnx_model`; a place that cannot be written to; a model that differs from the
        closer.
    """
    targets = places(closer, Path(out), modality, ".onnx")
    models: dict[Path, bytes] = {}
    for name, path in targets.items():
        models[path] = onnx_model(closer, name, dtype=dtype).SerializeToString()
        check_same(closer, name, _runner(models[path]), "the ONNX model", dtype=dtype)
    write_together({path: partial(_write, model=model) for path, model in models.items()})
    return list(models)


def usage(path: Path, name: str, dtype: str = "float32") -> str:
    """The lines that close rows of one modality with the model."""
    return (
        "import numpy as np, onnxruntime\n"
        f"session = onnxruntime.InferenceSession({str(path)!r})\n"
        f"x = np.load({name + '.npy'!r}).astype(np.{dtype})  # your rows of '{name}', (N, D)\n"
        f"z = session.run([{OUTPUT!r}], {{{INPUT!r}: x}})[0]"
    )


_Node = tuple[str, list[str], str, dict[str, Any]]


def _nodes(
    matrix: NDArray[np.float64] | None, bias: NDArray[np.float64], least: float, *, half: bool
) -> tuple[list[_Node], dict[str, NDArray[Any]]]:
    """Operators (kind, inputs, output, attributes) and the constants that they name.

    A mask of 0 and 1 is added to a divisor that is 0, and then takes the row out at the end.
    """
    to_float: dict[str, Any] = {"to": 1}  # TensorProto.FLOAT
    constants: dict[str, NDArray[Any]] = {
        "row": np.array([1], dtype=np.int64),
        "zero": np.zeros((), dtype=np.float32),
        "one": np.ones((), dtype=np.float32),
        "least": np.array(least, dtype=np.float32),
    }
    nodes: list[_Node] = [("Cast", [INPUT], "x", to_float)] if half else []
    x = "x" if half else INPUT
    nodes += [
        ("Abs", [x], "sizes", {}),
        ("ReduceMax", ["sizes", "row"], "largest", {"keepdims": 1}),
        ("Equal", ["largest", "zero"], "is_empty", {}),
        ("Cast", ["is_empty"], "empty", to_float),
        ("Add", ["largest", "empty"], "scale", {}),
        ("Div", [x, "scale"], "scaled", {}),  # squares stay in range
        ("ReduceL2", ["scaled", "row"], "norm", {"keepdims": 1}),
        ("Add", ["norm", "empty"], "divisor", {}),
        ("Div", ["scaled", "divisor"], "unit", {}),
    ]
    at = "unit"
    if matrix is not None:
        constants["matrix"] = matrix.T.astype(np.float32) if matrix.ndim == 2 else _float(matrix)
        nodes.append(("MatMul" if matrix.ndim == 2 else "Mul", [at, "matrix"], "mapped", {}))
        at = "mapped"
    if bias.any():
        constants["bias"] = _float(bias)
        nodes.append(("Add", [at, "bias"], "moved", {}))
        at = "moved"
    nodes += [
        ("ReduceL2", [at, "row"], "length", {"keepdims": 1}),
        ("LessOrEqual", ["length", "least"], "is_lost", {}),
        ("Cast", ["is_lost"], "lost", to_float),
        ("Add", ["length", "lost"], "whole", {}),
        ("Div", [at, "whole"], "direction", {}),
        ("Sub", ["one", "empty"], "not_empty", {}),
        ("Sub", ["one", "lost"], "not_lost", {}),
        ("Mul", ["not_empty", "not_lost"], "kept", {}),
        ("Mul", ["direction", "kept"], OUTPUT, {}),
    ]
    return nodes, constants


def _write(path: Path, model: bytes) -> None:
    path.write_bytes(model)


def _float(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)


def _runner(model: bytes) -> Any:
    """Rows → the model's output, from a model that onnx's checker accepts."""
    import onnx

    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    try:
        import onnxruntime
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        session: Any = ReferenceEvaluator(onnx.load_from_string(model))
    else:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return lambda x: session.run([OUTPUT], {INPUT: x})[0]
