"""Encoders, and what they form: towers, or a fusion model."""

from .adapters import Adapter, FeatureAdapter, PatchAdapter, TokenAdapter, VectorAdapter
from .features import MLP, Linear
from .force import ForceEncoder
from .frozen import FrozenTokens
from .fusers import AttentionFuser, CrossAttentionFuser, Fuser, LinearFuser, MLPFuser
from .fusion import FUSED, Fusion
from .inputs import SequenceEncoder
from .projector import Projector
from .proprio import ProprioEncoder
from .recurrent import GRU, GRUTokens
from .resnet import ResNet, ResNetMap
from .small import BagOfWords, ConvMap, SmallConvNet, WordTokens
from .tokens import Tokens
from .towers import Towers
from .transformer import SequenceTransformer
from .vit import ViT, ViTTokens

__all__ = [
    "FUSED",
    "GRU",
    "MLP",
    "Adapter",
    "AttentionFuser",
    "BagOfWords",
    "ConvMap",
    "CrossAttentionFuser",
    "FeatureAdapter",
    "ForceEncoder",
    "FrozenTokens",
    "Fuser",
    "Fusion",
    "GRUTokens",
    "Linear",
    "LinearFuser",
    "MLPFuser",
    "PatchAdapter",
    "Projector",
    "ProprioEncoder",
    "ResNet",
    "ResNetMap",
    "SequenceEncoder",
    "SequenceTransformer",
    "SmallConvNet",
    "TokenAdapter",
    "Tokens",
    "Towers",
    "VectorAdapter",
    "ViT",
    "ViTTokens",
    "WordTokens",
]
