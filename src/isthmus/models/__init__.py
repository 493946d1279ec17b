"""Encoders, and what they form: towers, or a fusion model."""

from .adapters import Adapter, FeatureAdapter, PatchAdapter, TokenAdapter, VectorAdapter
from .features import MLP, Linear
from .fusers import AttentionFuser, CrossAttentionFuser, Fuser, LinearFuser, MLPFuser
from .fusion import FUSED, Fusion
from .inputs import SequenceEncoder
from .projector import Projector
from .small import BagOfWords, ConvMap, SmallConvNet, WordTokens
from .tokens import Tokens
from .towers import Towers
from .transformer import SequenceTransformer

__all__ = [
    "FUSED",
    "MLP",
    "Adapter",
    "AttentionFuser",
    "BagOfWords",
    "ConvMap",
    "CrossAttentionFuser",
    "FeatureAdapter",
    "Fuser",
    "Fusion",
    "Linear",
    "LinearFuser",
    "MLPFuser",
    "PatchAdapter",
    "Projector",
    "SequenceEncoder",
    "SequenceTransformer",
    "SmallConvNet",
    "TokenAdapter",
    "Tokens",
    "Towers",
    "VectorAdapter",
    "WordTokens",
]
