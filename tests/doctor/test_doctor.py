from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.doctor import Finding, diagnose

Arrays = dict[str, NDArray[np.float32]]


def healthy(n: int = 300, d: int = 16) -> Arrays:
    rng = np.random.default_rng(0)
    item = rng.normal(size=(n, d))
    return {
        name: (item + 0.5 * rng.normal(size=(n, d)) + 2 * k).astype(np.float32)
        / np.float32(np.sqrt(d))
        for k, name in enumerate(("image", "text"))
    }


def with_text(change: Callable[[NDArray[np.float32]], NDArray[np.generic]]) -> Arrays:
    arrays = healthy()
    return {**arrays, "text": change(arrays["text"].copy())}  # type: ignore[dict-item]


def put(rows: object, value: float) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    def change(x: NDArray[np.float32]) -> NDArray[np.float32]:
        x[rows] = value  # type: ignore[index]
        return x

    return change


def dead(x: NDArray[np.float32]) -> NDArray[np.float32]:
    x[:, [3, 7]] = 0.25
    return x


CASES: dict[str, tuple[Arrays, str, str]] = {
    "NaN": (with_text(put([5, 9], np.nan)), "error", "NaN or infinity in 2 of 300 rows: 5, 9"),
    "zero row": (with_text(put(7, 0.0)), "error", "only zeros in 1 of 300 rows: 7"),
    "one axis": (with_text(lambda x: x[:, 0]), "error", r"shape \(300,\) of float32"),
    "no axis": (with_text(lambda x: np.array(1.0)), "error", r"shape \(\) of float64"),
    "objects": (with_text(lambda x: x.astype("U8")), "error", "not a 2-D array of numbers"),
    "integers": (with_text(lambda x: (40 * x).astype(np.int8)), "note", "integers"),
    "double precision": (with_text(lambda x: x.astype(float)), "note", "double precision"),
    "lengths": (with_text(lambda x: 3 * x), "note", "lengths from"),
    "dead dimensions": (with_text(dead), "warning", "2 of 16 dimensions are constant: 3, 7"),
    "copies": (with_text(lambda x: x[[0, 0, *range(2, 300)]]), "warning", "1 of 300 rows repeat"),
    "shuffled": (
        with_text(lambda x: np.random.default_rng(1).permutation(x)),
        "error",
        "no more alike than random",
    ),
    "a lost row": (with_text(lambda x: np.roll(x, -1, axis=0)), "error", "no more alike"),
    "widths": (with_text(lambda x: x[:, :8]), "error", "16 and 8 dimensions"),
    "row counts": (with_text(lambda x: x[:-3]), "error", "different numbers of rows"),
    "near copies": (
        with_text(lambda x: x[np.arange(300) // 2 * 2] + np.float32(1e-5)),
        "warning",
        "100% of 300 sampled rows have a near copy",
    ),
}


def matching(findings: list[Finding], severity: str, problem: str) -> list[Finding]:
    import re

    return [f for f in findings if f.severity == severity and re.search(problem, f.problem)]


@pytest.mark.parametrize(("arrays", "severity", "problem"), CASES.values(), ids=CASES)
def test_what_is_wrong_is_found_with_its_rows_and_a_remedy(
    arrays: Arrays, severity: str, problem: str
) -> None:
    found = [f for f in matching(diagnose(arrays), severity, problem) if f.where != "image"]
    (finding,) = found
    assert len(finding.remedy) > 20


def test_healthy_data_have_neither_errors_nor_warnings() -> None:
    assert {finding.severity for finding in diagnose(healthy())} <= {"note"}


@pytest.mark.parametrize(("roll", "told"), [(-1, "row i-1 of text"), (2, r"row i\+2 of text")])
def test_a_lost_row_is_told_from_a_shuffle(roll: int, told: str) -> None:
    import re

    arrays = with_text(lambda x: np.roll(x, roll, axis=0))
    (finding,) = matching(diagnose(arrays), "error", "no more alike")
    assert re.search(told, finding.remedy)


def test_labels_of_matched_rows_that_differ_are_counted() -> None:
    labels = np.arange(300) % 3
    swapped = labels.copy()
    swapped[:30] = (swapped[:30] + 1) % 3
    findings = diagnose(healthy(), labels={"image": labels, "text": swapped})
    assert matching(findings, "warning", "30 of 300 matched pairs have different labels")


def test_columns_that_do_not_fit_are_found() -> None:
    ids = np.arange(300)
    assert matching(diagnose(healthy(), groups={"image": ids}), "error", "group ids are missing")
    short = diagnose(healthy(), groups={"image": ids, "text": ids[:7]})
    assert matching(short, "error", "7 group ids for 300 rows")
    apart = diagnose(healthy(), groups={"image": ids, "text": ids + 1000})
    assert matching(apart, "error", "no rows have a group id in common")


def test_the_worst_comes_first() -> None:
    arrays = {"image": 3 * healthy()["image"], "text": put(2, np.nan)(dead(healthy()["text"]))}
    ranks = {"error": 0, "warning": 1, "note": 2}
    order = [ranks[finding.severity] for finding in diagnose(arrays)]
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}
