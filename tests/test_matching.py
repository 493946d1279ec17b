from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import matching
from isthmus.matching import count_matches, encode, matched_pairs
from tests.reference.gap import matches

codes = st.lists(st.integers(-3, 12), max_size=40).map(lambda v: np.array(v, dtype=np.int64))


def visit(x: np.ndarray, y: np.ndarray, chunk: int) -> list[tuple[np.ndarray, np.ndarray]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "PAIR_CHUNK", chunk)
        return list(matched_pairs(x, y))


@given(codes, codes, st.integers(1, 60))
def test_matched_pairs_equal_the_brute_force_set(x, y, chunk):
    found = [(int(a), int(b)) for i, j in visit(x, y, chunk) for a, b in zip(i, j, strict=True)]
    assert sorted(found) == matches(x, y)


@given(codes, codes, st.integers(1, 60))
def test_chunks_respect_the_limit_unless_one_row_exceeds_it(x, y, chunk):
    for i, _ in visit(x, y, chunk):
        assert 0 < len(i) <= chunk or len(set(i.tolist())) == 1


@given(codes, codes)
def test_chunks_are_as_few_as_rows_allow(x, y):
    assert len(visit(x, y, 10_000)) <= 1


@pytest.mark.parametrize(("x", "y"), [([], [1]), ([1], []), ([1, 2], [3, 4]), ([], [])])
def test_nothing_in_common_gives_no_chunk(x, y):
    assert not list(matched_pairs(np.array(x, np.int64), np.array(y, np.int64)))


@given(codes, codes)
def test_count_matches_equals_counting(x, y):
    assert count_matches(x, y).tolist() == [int((y == code).sum()) for code in x]


IDS = {
    "integers": ([3, 1, 3], [1, 7]),
    "strings": (["b", "a", "b"], ["a", "longer"]),
    "negative": ([-1, 5, -1], [5, 0]),
    "narrow and wide": (np.array([3, 1, 3], np.int8), np.array([1, 2**40])),
    "bool and int": (np.array([True, False, True]), np.array([0, 1])),
    "unsigned and signed": (
        np.array([2**53, 2**53 + 1, 2**53], np.uint64),
        np.array([2**53 + 1, 2**53 + 2]),
    ),
}


@pytest.mark.parametrize(("x", "y"), IDS.values(), ids=IDS)
def test_codes_are_equal_exactly_where_ids_are(x, y):
    x, y = np.asarray(x), np.asarray(y)
    found = encode({"x": x, "y": y})
    all_ids = x.tolist() + y.tolist()
    all_codes = found["x"].tolist() + found["y"].tolist()
    for a, code_a in zip(all_ids, all_codes, strict=True):
        for b, code_b in zip(all_ids, all_codes, strict=True):
            assert (code_a == code_b) == (a == b)
    assert found["x"].dtype == np.int64
