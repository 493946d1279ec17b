"""The methods that are tried where none is named."""

CANDIDATES = (
    "centering",
    "shift",
    "realign",
    "standardising",
    "subspace",
    "whitening",
    "procrustes",
    "ridge",
    "learned",
    "cca",
)
"""From simple to complex, each with its defaults: means alone, covariances, pairs, descent."""
