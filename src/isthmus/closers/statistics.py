"""What closers learn from: sums over rows, pairs and classes, which add up over shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.moments import Moments
from ..metrics.second_moments import SecondMoments
from .factor_sums import FactorSums, factor_sums, merge_factors
from .pair_products import PairProducts


class Needs(Enum):
    """What a closer's `fit` looks at. Covariances include means, pairs include covariances."""

    MEANS = 1
    """The mean of each modality: no pairs, O(D) memory."""
    COVARIANCES = 2
    """Mean and covariance of each modality: no pairs, O(D²) memory."""
    PAIRS = 3
    """Covariances of matched rows across modalities: pairs, O(D²) memory."""
    CLASSES = 4
    """Means, and those of each class and attribute: labels, no pairs, O(C·D) memory."""


@dataclass(frozen=True)
class Statistics:
    """Sums over a calibration set. Those of shards that hold whole groups merge to the whole's.

    Attributes
    ----------
    means:
        Modality → count and sum of its unit rows.
    covariances:
        Modality → second moments, where they are needed; else empty.
    pairs:
        Pair of modalities → products of matched rows, where they are needed; else empty. A
        pair without any common group is absent.
    factors:
        "label", and "attribute" with the name of each: sums of rows by value, where they are
        needed; else empty.
    """

    means: Mapping[str, Moments]
    covariances: Mapping[str, SecondMoments] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], PairProducts] = field(default_factory=dict)
    factors: Mapping[str, FactorSums] = field(default_factory=dict)

    @classmethod
    def of(cls, embeddings: Embeddings, needs: Needs) -> Statistics:
        """One pass over the rows of each modality, one for each pair and each factor.

        Raises
        ------
        InputError
            Classes are needed, and the embeddings have no labels.
        """
        arrays = embeddings.arrays
        if needs in (Needs.MEANS, Needs.CLASSES):
            factors = factor_sums(embeddings) if needs is Needs.CLASSES else {}
            means = {name: Moments.of(x) for name, x in arrays.items()}
            return cls(means, factors=factors)
        seconds = {name: SecondMoments.of(x) for name, x in arrays.items()}
        pairs = {}
        if needs is Needs.PAIRS:
            codes = embeddings.codes
            for a, b in embeddings.pairs:
                found = PairProducts.of(arrays[a], arrays[b], (codes[a], codes[b]))
                if found.count:
                    pairs[a, b] = found
        return cls({name: second.moments for name, second in seconds.items()}, seconds, pairs)

    def merge(self, other: Statistics) -> Statistics:
        """Those of both sets of rows together, if no group is in both.

        Raises
        ------
        InputError
            Other modalities, or another width; labels or attributes that others lack.
        """
        if set(self.means) != set(other.means):
            raise InputError(
                f"shards must hold the same modalities; found {', '.join(self.means)} and "
                f"{', '.join(other.means)}"
            )
        pairs = dict(self.pairs)
        for pair, products in other.pairs.items():
            pairs[pair] = pairs[pair].merge(products) if pair in pairs else products
        return Statistics(
            {name: mean.merge(other.means[name]) for name, mean in self.means.items()},
            {name: own.merge(other.covariances[name]) for name, own in self.covariances.items()},
            pairs,
            merge_factors(self.factors, other.factors),
        )

    def pair(self, a: str, b: str) -> PairProducts:
        """Products of matched rows of a and b, whichever way round they were summed.

        Raises
        ------
        InputError
            No group has rows in both.
        """
        if (a, b) in self.pairs:
            return self.pairs[a, b]
        if (b, a) in self.pairs:
            return self.pairs[b, a].swapped
        raise InputError(
            f"modalities '{a}' and '{b}' have no group in common, but this closer learns from "
            "matched rows: give group ids that match, or choose a closer that needs no pairs"
        )
