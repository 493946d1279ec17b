"""Half precision to single and back, exactly as numpy converts, in a fraction of its time.

numpy converts one number at a time. Here the bits of many are moved at once, by operations on
whole arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIGN = 0x8000
_DROPPED = 13  # bits of the mantissa that single precision has more
_TIE = np.uint32(0x1000)  # half of what the last bit that is kept is worth
_REBIAS = 112  # the exponent's offset is 127 in single precision, 15 in half
_UP, _DOWN = np.float32(2.0**_REBIAS), np.float32(2.0**-_REBIAS)
_KEPT = np.int32(-0x80000000 | 0x0FFFE000)  # sign, five bits of exponent, ten of mantissa
_LEAST = 2.0**-13  # a factor below would not be exact once it is scaled down
_TOGETHER = 8  # truths that are looked through as one number


def single_of_half(half: NDArray[np.float16], out: NDArray[np.float32]) -> None:
    """Write the values of a float16 array into a float32 array of its shape.

    Infinity and NaN come out as finite numbers of 65,536 and more, which no half-precision
    number has.
    """
    bits = out.view(np.int32)
    np.copyto(bits, half.view(np.int16))
    np.left_shift(bits, _DROPPED, out=bits)
    np.bitwise_and(bits, _KEPT, out=bits)
    np.multiply(out, _UP, out=out)  # as if the bits had been a half's all along


class HalfOfSingle:
    """Writes float32 rows, each times a factor, into float16 arrays: as numpy rounds products.

    Parameters
    ----------
    shape:
        (n, K), of the largest array that will come.

    Scaled down by 2⁻¹¹², a number of at most 65,504 has the half's bits, sign aside, thirteen
    places up, subnormal numbers too: adding half a unit of the last bit kept rounds it. That is
    wrong only for ties, and where scaling down has rounded to what looks like one; those few
    numbers are converted by numpy.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._scaled = np.empty(shape, np.float32)
        self._bits = np.empty(shape, np.uint32)
        self._signs = np.empty(shape, np.uint16)
        self._ties = np.empty(shape, np.bool_)

    def __call__(
        self, rows: NDArray[np.float32], factors: NDArray[np.float32], out: NDArray[np.float16]
    ) -> None:
        """Convert rows (n, K) times factors (n,); the products are at most 65,504 in size."""
        n = len(rows)
        if not factors.min() > _LEAST:
            np.copyto(out, rows * factors[:, None], casting="unsafe")
            return
        scaled, bits, signs = self._scaled[:n], self._bits[:n], self._signs[:n]
        np.multiply(rows, (factors * _DOWN)[:, None], out=scaled)
        np.right_shift(scaled.view(np.uint32), 16, out=bits)
        np.copyto(signs, bits, casting="unsafe")
        np.bitwise_and(signs, np.uint16(_SIGN), out=signs)
        np.add(scaled.view(np.uint32), _TIE, out=bits)
        low = np.bitwise_and(bits, np.uint32(2 * _TIE - 1), out=scaled.view(np.uint32))
        np.equal(low, 0, out=self._ties[:n])
        np.right_shift(bits, _DROPPED, out=bits)
        target = out.view(np.uint16)
        np.copyto(target, bits, casting="unsafe")  # the sign lies beyond bit 15
        np.bitwise_or(target, signs, out=target)
        self._round_ties(rows, factors, out)

    def _round_ties(
        self, rows: NDArray[np.float32], factors: NDArray[np.float32], out: NDArray[np.float16]
    ) -> None:
        ties = self._ties[: len(rows)]
        size = _TOGETHER if rows.shape[1] % _TOGETHER == 0 else 1
        few = np.flatnonzero(ties.reshape(-1).view(np.uint64 if size > 1 else np.bool_) != 0)
        values = _groups(rows, size)[few] * factors[few * size // rows.shape[1], None]
        _groups(out, size)[few] = values


def _groups(array: NDArray[Any], size: int) -> NDArray[Any]:
    return array.reshape(-1, size)
