"""The pretrained CLIP that MM-IMDb is read with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...datasets.root import data_root
from ...errors import InputError

ARCHITECTURE, TAG = "ViT-B-32-quickgelu", "openai"
IMAGE_FILE = "open_clip_model.safetensors"
TEXT = "clip-ViT-B-32-multilingual-v1"


@dataclass(frozen=True)
class Weights:
    """Where weights are: a tag and a name, which are downloaded, or a file and a folder."""

    image: str = TAG
    text: str = f"sentence-transformers/{TEXT}"
    architecture: str = ARCHITECTURE


def at_hand(root: Path | None) -> Weights:
    """Those saved in ROOT/clip/, or else the published ones; loaded once, to see that they can be.

    Raises
    ------
    InputError
        A package or the weights of either are missing.
    """
    home = data_root(root) / "clip"
    image, text = home / IMAGE_FILE, home / TEXT
    found = Weights(
        str(image) if image.exists() else Weights.image,
        str(text) if text.is_dir() else Weights.text,
    )
    _check(found, home)
    return found


@lru_cache
def _check(found: Weights, home: Path) -> None:
    from ...models.hugging_face import HuggingFaceText
    from ...models.open_clip_tokens import OpenCLIPImageTokens

    try:
        OpenCLIPImageTokens(
            side=224, dimension=768, model=found.architecture, pretrained=found.image, frozen=True
        )
        HuggingFaceText(model=found.text, dimension=768)
    except InputError as error:
        reason = str(error).partition(": pip install")[0]
        raise InputError(
            f"there is no pretrained CLIP at hand ({reason}): pip install "
            f"'isthmus[open_clip,transformers]', and where weights cannot be downloaded, save "
            f"{IMAGE_FILE} of timm/vit_base_patch32_clip_224.openai and the folder {TEXT} of "
            f"sentence-transformers in {home}"
        ) from error
