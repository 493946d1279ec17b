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
    "cca",
)
"""From simple to complex, each with its defaults: means alone, covariances, pairs."""

SLOW = ("learned",)
"""More of them, which take seconds to minutes for each of the splits."""
