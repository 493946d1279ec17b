"""That a closer keeps the contract of all closers."""

from __future__ import annotations

from . import closer_life, closer_rows  # noqa: F401  (they register their checks)
from .closer_check import CHECKS, Make, space

__all__ = ["CHECKS", "check_closer", "space"]


def check_closer(make: Make) -> None:
    """Fail unless a closer keeps the contract: dtypes, libraries, refusals, files, shards …

    Runs `CHECKS`, each on closers that `make` gives, fitted on small seeded spaces.

    Raises
    ------
    AssertionError
        Naming the check.

    Examples
    --------
    >>> from isthmus.closers import Centering
    >>> check_closer(Centering)
    """
    for name, check in CHECKS.items():
        try:
            check(make)
        except AssertionError as error:
            raise AssertionError(f"{make().kind}: {name}: {error}") from error
