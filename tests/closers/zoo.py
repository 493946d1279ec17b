"""Every closer of the package, as the conformance suite makes it."""

from __future__ import annotations

from collections.abc import Callable

from isthmus.closers import Centering, Closer

ZOO: dict[str, Callable[[], Closer]] = {
    "centering": Centering,
}
"""Name → function that makes an unfitted closer; variants of one kind are entries of their own."""
