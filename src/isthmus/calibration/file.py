"""Calibrations as one safetensors file: counts, maps, the background, and what they are."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import load_arrays, save_arrays
from .background import Background
from .evidence import Evidence
from .learned import Learned, Settings
from .log_odds import LogOdds, check_prior
from .scores import SCORES, Key

if TYPE_CHECKING:
    from .calibration import ScoreCalibration

FORMAT = "isthmus-calibration"

_COUNTS = ("matches", "others", "all_others")
_MAP = ("knots", "values")

Arrays = dict[str, NDArray[Any]]


def write_calibration(path: Path | str, calibration: ScoreCalibration) -> None:
    """Write a calibration, atomically."""
    arrays: Arrays = {
        f"background.{name}": rows for name, rows in calibration.background.rows.items()
    }
    known = []
    for k, (key, learned) in enumerate(calibration.learned.items()):
        evidence = learned.evidence
        arrays[f"{k}.edges"], arrays[f"{k}.centres"] = evidence.edges, evidence.centres
        for name in _COUNTS:
            arrays[f"{k}.{name}"] = getattr(evidence, name).astype(np.int32)
        if learned.log_odds is not None:
            for name in _MAP:
                arrays[f"{k}.{name}"] = getattr(learned.log_odds, name)
        known.append([*key, learned.prior])
    content = {
        "settings": asdict(calibration.settings),
        "modalities": list(calibration.modalities),
        "spreads": [[*kind, value] for kind, value in calibration.background.spreads.items()],
        "learned": known,
        "closer": calibration.closer,
    }
    save_arrays(path, arrays, form=FORMAT, content=json.dumps(content))


def load_calibration(path: Path | str) -> ScoreCalibration:
    """Read a calibration that `save` wrote.

    Raises
    ------
    InputError
        The file is missing, damaged, no calibration, or of a version that this one lacks.
    """
    metadata, arrays = load_arrays(path, form=FORMAT, what="a calibration")
    try:
        return _calibration(json.loads(metadata.get("content", "")), arrays)
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from error
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise InputError(f"{path} is damaged: its header does not fit its arrays") from error


def _calibration(content: Any, arrays: Arrays) -> ScoreCalibration:
    from .calibration import ScoreCalibration

    settings = Settings(**content["settings"])
    names = content["modalities"]
    _require(isinstance(names, list) and bool(names), "its modalities are no list of names")
    rows = {name: _background(arrays, str(name)) for name in names}
    _require(len({x.shape[1] for x in rows.values()}) == 1, "its backgrounds differ in width")
    spreads = {(str(a), str(b)): float(value) for a, b, value in content["spreads"]}
    for kind in ((a, b) for a in rows for b in rows):
        _require(0 <= spreads.get(kind, -1.0) < 10, f"it has no spread of {' and '.join(kind)}")
    learned: dict[Key, Learned] = {}
    for k, (first, second, score, prior) in enumerate(content["learned"]):
        _require(first in rows and second in rows and score in SCORES, "it names unknown pairs")
        learned[first, second, score] = _learned(arrays, k, prior, settings.method)
    _require(bool(learned), "it has learned nothing")
    closer = content["closer"]
    _require(closer is None or isinstance(closer, str), "its closer has no name")
    return ScoreCalibration(settings, Background(rows, spreads), learned, closer)


def _background(arrays: Arrays, name: str) -> NDArray[np.float32]:
    rows = _array(arrays, f"background.{name}", 2, "f")
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    fits = rows.dtype == np.float32 and len(rows) > 0 and bool((abs(lengths - 1) < 1e-3).all())
    _require(fits, f"the background of modality '{name}' holds no unit rows")
    return np.asarray(rows)


def _learned(arrays: Arrays, k: int, prior: Any, method: str) -> Learned:
    edges, centres = (_array(arrays, f"{k}.{name}", 1, "f") for name in ("edges", "centres"))
    matches, others, all_others = (
        _array(arrays, f"{k}.{name}", axes, "i").astype(np.int64)
        for name, axes in zip(_COUNTS, (2, 2, 1), strict=True)
    )
    blocks, cells = matches.shape
    fits = others.shape == matches.shape and all_others.shape == centres.shape == (cells,)
    _require(fits and len(edges) == cells - 1 > 0 and blocks > 0, "its counts differ in shape")
    _require(bool((np.diff(edges) > 0).all()), "its edges do not ascend")
    counted = min(matches.min(), others.min(), all_others.min()) >= 0 and all_others.sum() > 0
    touched = others.sum(axis=0)
    twice = bool(((all_others <= touched) & (touched <= 2 * all_others)).all())
    lowest = not (matches[:, 0].any() or all_others[0])
    _require(bool(counted) and twice and lowest, "its counts contradict one another")
    evidence = Evidence(edges, centres, matches, others, all_others)
    if prior is None:
        _require(evidence.n_matches == 0, "its matches have no prior")
        return Learned(evidence, None, None, method)
    _require(evidence.n_matches > 0, "its prior has no matches")
    left = evidence.n_matches - matches.sum(axis=1), evidence.n_others - others.sum(axis=1)
    _require(min(map(np.min, left)) > 0, "its pairs all touch one block")
    knots, values = (_array(arrays, f"{k}.{name}", 1, "f") for name in _MAP)
    fits = len(knots) == len(values) > 0 and bool((np.diff(values) >= 0).all())
    _require(fits and bool((np.diff(knots) > 0).all()), "its map does not ascend")
    return Learned(evidence, LogOdds(knots, values), check_prior(prior), method)


def _array(arrays: Arrays, name: str, axes: int, kind: str) -> NDArray[Any]:
    array = arrays.get(name)
    if array is None or array.ndim != axes or array.dtype.kind != kind:
        raise InputError(f"its array {name} is missing or of another kind")
    _require(bool(np.isfinite(array).all()), f"its array {name} has NaN or infinity")
    return array


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InputError(otherwise)
