"""Data sets that the package makes or reads, as batches with one entry per modality."""

from .digits import CaptionedDigits, captioned_digits

__all__ = ["CaptionedDigits", "captioned_digits"]
