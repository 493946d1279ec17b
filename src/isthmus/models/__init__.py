"""Encoders and the towers that they form."""

from .features import MLP, Linear
from .small import BagOfWords, SmallConvNet
from .towers import Towers

__all__ = ["MLP", "BagOfWords", "Linear", "SmallConvNet", "Towers"]
