from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from isthmus.arguments import check_count, check_number
from isthmus.closers.options import target
from tests.closers.spaces import one_line_refusal


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.5), np.int8(1), Fraction(1, 2)])
def test_numbers_of_all_kinds_become_plain_ones(value):
    found = check_number("share", value, low=0, high=1)
    assert type(found) is float
    assert found == value


@pytest.mark.parametrize("value", [-1, np.nan, np.inf, 10**400, "1", None, True, 1j, np.True_])
def test_what_is_no_such_number_is_refused(value):
    message = one_line_refusal(lambda: check_number("share", value, low=0, high=np.inf))
    assert message.startswith(("share must be a number in [0, ∞); found ", "share is too large"))


def test_an_open_end_is_left_out():
    assert check_number("share", 0, low=0, high=1, below=True) == 0
    message = one_line_refusal(lambda: check_number("share", 1, low=0, high=1, below=True))
    assert message == "share must be a number in [0, 1); found 1"


def test_counts_become_plain_integers():
    assert type(check_count("k", np.int64(3))) is int
    assert check_count("k", 0, low=0) == 0


@pytest.mark.parametrize(("to", "expected"), [(None, "b"), ("a", "a"), ("b", "b")])
def test_the_target_is_the_first_if_not_given(to, expected):
    assert target(to, {"b": 1, "a": 2}) == expected
