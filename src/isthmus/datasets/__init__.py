"""Data sets that the package makes, downloads or reads, as arrays whose rows belong together.

Each lies in `ROOT/NAME/`, where ROOT is the argument `root`, `$ISTHMUS_DATA_ROOT`, or
`~/.cache/isthmus/data`. What has an official home is downloaded from there once, and verified.
"""

from .av_mnist import AVDigits, av_mnist
from .bimodal_trifeature import BimodalTrifeature, bimodal_trifeature
from .captions import CaptionSet, caption_set
from .cifar10 import cifar10
from .coco import caption_categories, coco
from .digits import CaptionedDigits, captioned_digits
from .download import Resource, fetch
from .emoji import DrawnConcepts, emoji
from .fsdd import SpokenDigits, fsdd, spoken_log_mel
from .hateful_memes import MemeSet, hateful_memes
from .information_world import SUITES, InformationWorld
from .known_information import KnownInformation, known_information
from .labelled import LabelledImages
from .latent_classes import LatentClasses, latent_classes
from .mm_imdb import MovieSet, mm_imdb
from .mnist import mnist
from .msr_vtt import VideoSet, msr_vtt
from .multibench_affect import Sentences, affect
from .multibench_mimic import Admissions, mimic
from .root import data_root
from .trifeature import Trifeature, trifeature
from .vision_touch import ManipulationSteps, vision_touch

__all__ = [
    "SUITES",
    "AVDigits",
    "Admissions",
    "BimodalTrifeature",
    "CaptionSet",
    "CaptionedDigits",
    "DrawnConcepts",
    "InformationWorld",
    "KnownInformation",
    "LabelledImages",
    "LatentClasses",
    "ManipulationSteps",
    "MemeSet",
    "MovieSet",
    "Resource",
    "Sentences",
    "SpokenDigits",
    "Trifeature",
    "VideoSet",
    "affect",
    "av_mnist",
    "bimodal_trifeature",
    "caption_categories",
    "caption_set",
    "captioned_digits",
    "cifar10",
    "coco",
    "data_root",
    "emoji",
    "fetch",
    "fsdd",
    "hateful_memes",
    "known_information",
    "latent_classes",
    "mimic",
    "mm_imdb",
    "mnist",
    "msr_vtt",
    "spoken_log_mel",
    "trifeature",
    "vision_touch",
]
