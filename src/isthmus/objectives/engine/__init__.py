"""Reductions over all pairs of rows, tile by tile: what every contrastive loss is made of.

A loss over B × B pairs is a reduction of the scores (a log-sum-exp, a sum of softplus) and sums
over the matching pairs. Only the reduction needs all pairs; sums over matching pairs are dot
products with group sums, O(B·D). So a few reductions carry every objective of this package: of dot
products, of dot products within groups, of any score.
"""

from .formed import Form, formed_sums
from .log_sum_exp import log_sum_exp, self_log_sum_exp
from .softplus import softplus_sum
from .within import log_sum_exp_within

__all__ = [
    "Form",
    "formed_sums",
    "log_sum_exp",
    "log_sum_exp_within",
    "self_log_sum_exp",
    "softplus_sum",
]
