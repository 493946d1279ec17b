"""A small vision transformer."""

from __future__ import annotations

from torch import Tensor, nn

from .pixels import Pixels
from .positions import grid_positions
from .shapes import check_shape
from .transformer import Block


class ViTTokens(nn.Module):
    """Patches, self-attention, and a token for each patch, for a fusion model.

    (B, C, side, side) uint8 or float in [0, 255] → (B, (side / patch)², dimension). Fixed
    positions on the grid tell where a patch is; there is no class token, which the fuser has.

    Parameters
    ----------
    side, patch:
        Of pictures and patches, in pixels; the one must be a multiple of the other.
    dimension:
        Of the tokens; if it is not `width`, one linear map leads to it.
    width, layers, heads, dropout:
        D inside, blocks, heads among which it is divided, and dropout of what they add.

    Raises
    ------
    ValueError
        Sizes that do not go into each other; a picture of another shape.

    References
    ----------
    Dosovitskiy et al., *An Image Is Worth 16x16 Words* (2021); positions as in Chen et al., *An
    Empirical Study of Training Self-Supervised Vision Transformers* (2021).

    Examples
    --------
    >>> import torch
    >>> net = ViTTokens(side=32, patch=8, dimension=6, width=16, layers=1, heads=2)
    >>> net(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 16, 6])
    """

    adapter = "TokenAdapter"

    def __init__(
        self,
        *,
        side: int,
        dimension: int,
        channels: int = 3,
        patch: int = 16,
        width: int = 192,
        layers: int = 6,
        heads: int = 3,
        dropout: float = 0.0,
    ) -> None:
        if patch < 1 or side < patch or side % patch:
            raise ValueError(
                f"patches of side {patch} do not fill a picture of side {side}: one must divide it"
            )
        if width % 4:
            raise ValueError(f"positions on a grid need a width divisible by 4; found {width}")
        if layers < 1:
            raise ValueError(f"layers must be at least 1; found {layers}")
        super().__init__()
        self.side, self.channels = side, channels
        self.patches = nn.Sequential(Pixels(), nn.Conv2d(channels, width, patch, stride=patch))
        self.blocks = nn.ModuleList(
            Block(width, heads=heads, depth=layers, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.project = nn.Identity() if width == dimension else nn.Linear(width, dimension)

    def forward(self, images: Tensor) -> Tensor:
        """The tokens of the patches, row by row."""
        name, side = type(self).__name__, self.side
        check_shape(images, "(B, C, H, W)", name, C=self.channels, H=side, W=side)
        grid = self.patches(images)  # (B, width, side / patch, side / patch)
        tokens = grid.flatten(2).transpose(1, 2)
        rows, columns = grid.shape[2:]
        tokens = tokens + grid_positions(rows, columns, grid.shape[1], like=tokens)
        for block in self.blocks:
            tokens = block(tokens)
        found: Tensor = self.project(self.norm(tokens))
        return found


class ViT(nn.Module):
    """The mean of `ViTTokens`, then one linear map. (B, C, side, side) → (B, dimension).

    All arguments but `dimension` are as of `ViTTokens`.
    """

    def __init__(
        self,
        *,
        side: int,
        dimension: int,
        channels: int = 3,
        patch: int = 16,
        width: int = 192,
        layers: int = 6,
        heads: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.tokens = ViTTokens(
            side=side,
            dimension=width,
            channels=channels,
            patch=patch,
            width=width,
            layers=layers,
            heads=heads,
            dropout=dropout,
        )
        self.project = nn.Linear(width, dimension, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """The embeddings of pictures."""
        found: Tensor = self.project(self.tokens(images).mean(dim=1))
        return found
