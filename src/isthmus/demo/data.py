"""The demonstration's data: captioned digits, drawn as recipes draw them."""

from ..training.data import DigitsSplit as Split

__all__ = ["Split"]
