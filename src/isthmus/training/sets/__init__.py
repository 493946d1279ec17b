"""The data sets of the papers, as recipes train on them."""

from .av_mnist import AVMNIST
from .captions import COCO, Captions
from .cifar10 import CIFAR10
from .emoji import Emoji
from .hateful_memes import HatefulMemes
from .known_information import KnownInformation
from .latent_classes import LatentClasses
from .mm_imdb import MMIMDb
from .msr_vtt import MSRVTT
from .multibench import MIMIC, Affect
from .trifeature import Trifeature
from .vision_touch import VisionTouch

__all__ = [
    "AVMNIST",
    "CIFAR10",
    "COCO",
    "MIMIC",
    "MSRVTT",
    "Affect",
    "Captions",
    "Emoji",
    "HatefulMemes",
    "KnownInformation",
    "LatentClasses",
    "MMIMDb",
    "Trifeature",
    "VisionTouch",
]
