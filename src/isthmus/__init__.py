"""Isthmus measures, explains and closes the modality gap.

>>> import numpy as np
>>> import isthmus
>>> rng = np.random.default_rng(0)
>>> image = rng.normal(size=(100, 16))
>>> space = isthmus.Embeddings({"image": image, "text": image + 2.0})
>>> closer = isthmus.closers.Centering().fit(space)
>>> isthmus.measure(space).pairs[0].l2m > isthmus.measure(closer.close(space)).pairs[0].l2m
True
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import (
        calibration,
        closers,
        datasets,
        metrics,
        models,
        objectives,
        readers,
        report,
        training,
    )
    from .embeddings import Embeddings
    from .errors import InputError
    from .metrics.measure import measure
    from .metrics.measurement import Measurement

__version__ = "0.1.0"

__all__ = [
    "Embeddings",
    "InputError",
    "Measurement",
    "__version__",
    "calibration",
    "closers",
    "datasets",
    "measure",
    "metrics",
    "models",
    "objectives",
    "readers",
    "report",
    "training",
]

# Everything is imported on first use: `import isthmus` stays quick and never imports torch.
_HOMES = {
    "Embeddings": "embeddings",
    "InputError": "errors",
    "Measurement": "metrics.measurement",
    "measure": "metrics.measure",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'isthmus' has no attribute {name!r}")
    if name in _HOMES:
        return getattr(importlib.import_module(f"isthmus.{_HOMES[name]}"), name)
    return importlib.import_module(f"isthmus.{name}")


def __dir__() -> list[str]:
    return __all__
