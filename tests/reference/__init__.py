"""Slow and obvious float64 versions of the metrics, which the package never imports."""
