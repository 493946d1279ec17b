"""Encoders and the towers that they form."""

from .small import BagOfWords, SmallConvNet
from .towers import Towers

__all__ = ["BagOfWords", "SmallConvNet", "Towers"]
