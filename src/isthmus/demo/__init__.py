"""The demonstration: train, measure, close and report on embedded data."""

from .run import run_demo

__all__ = ["run_demo"]
