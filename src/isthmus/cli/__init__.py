"""The command `isthmus`: one file per verb, each a thin shell over the library."""

from .main import main

__all__ = ["main"]
