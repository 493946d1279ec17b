"""What is wrong with the data, before hours are lost on them.

Looks at arrays as they lie on disk, before `Embeddings` would refuse them, and says for each
finding where it is, how many rows it concerns, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from .finding import Array, Finding
from .pairs import codes_of, column_findings, label_findings, pair_findings
from .rows import (
    dimension_findings,
    duplicate_findings,
    near_findings,
    row_findings,
    shape_findings,
)

__all__ = ["Finding", "diagnose"]


def diagnose(
    arrays: Mapping[str, Array],
    *,
    groups: Mapping[str, Array] | None = None,
    labels: Mapping[str, Array] | None = None,
    seed: int = 0,
) -> list[Finding]:
    """Findings about named arrays of embeddings, the worst first.

    Examples
    --------
    >>> import numpy as np
    >>> good = np.random.default_rng(0).normal(size=(50, 8))
    >>> bad = good.copy()
    >>> bad[3] = np.nan
    >>> [finding.problem for finding in diagnose({"image": good, "text": bad})][:1]
    ['NaN or infinity in 1 of 50 rows: 3']
    """
    findings: list[Finding] = []
    usable = {}
    for name, array in arrays.items():
        shape = list(shape_findings(name, array))
        findings += shape
        if any(finding.severity == "error" for finding in shape):
            continue
        found, good = row_findings(name, array)
        findings += found
        usable[name] = good
        findings += dimension_findings(name, array, good)
        findings += duplicate_findings(name, array)
    arrays = {name: array for name, array in arrays.items() if array.ndim}
    findings += column_findings(arrays, "group ids", groups)
    findings += column_findings(arrays, "labels", labels)
    codes = codes_of(arrays, groups)
    if codes is None:
        findings.append(_unmatched(arrays))
    else:
        for a, b in combinations(usable, 2):
            both = codes[a], codes[b]
            findings += pair_findings(
                (a, b), (arrays[a], arrays[b]), (usable[a], usable[b]), both, seed=seed
            )
            if labels and all(len(labels.get(n, ())) == len(codes[n]) for n in (a, b)):
                findings += label_findings((a, b), (labels[a], labels[b]), both)
        for name, good in usable.items():
            findings += near_findings(name, arrays[name], good, codes[name], seed)
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(findings, key=lambda finding: order[finding.severity])


def _unmatched(arrays: Mapping[str, Array]) -> Finding:
    listed = ", ".join(f"{name} {len(array):,}" for name, array in arrays.items())
    return Finding(
        "error",
        "all",
        f"different numbers of rows ({listed}) and no group ids that fit them",
        "say which rows belong together: one id per row, equal for matching rows",
    )
