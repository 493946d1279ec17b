"""The errors that a user can cause, each of which says what is wrong and how to mend it."""

from __future__ import annotations


class InputError(ValueError):
    """Input that cannot be used.

    The message names the file, modality, row or argument, says what was found and what was
    expected, and how to fix it. The command line prints it as one line and exits with 2.
    """


class MissingDependencyError(InputError, ImportError):
    """A feature needs a package that is not installed."""


def missing(package: str, *, extra: str) -> MissingDependencyError:
    """The error for a missing optional package, with the install command."""
    return MissingDependencyError(
        f"this needs the package '{package}', which is not installed: "
        f"pip install 'isthmus[{extra}]'"
    )
