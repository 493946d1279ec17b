from pathlib import Path

import pytest
import torch
import torch.multiprocessing

from isthmus.integrations.torchmetrics import ModalityGap
from isthmus.metrics import l2i, l2m, mean_angular_value, pair_cosine, rmg

N, D = 50, 8


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return x, x + torch.randn(N, D, generator=generator, dtype=torch.float64) + 1


def expected() -> dict[str, float]:
    x, y = rows()
    return {
        "l2m": l2m(x, y),
        "rmg": rmg(x, y),
        "l2i": l2i(x, y),
        "pair_cosine": pair_cosine(x, y),
        "mean_angular_x": mean_angular_value(x),
        "mean_angular_y": mean_angular_value(y),
    }


def assert_expected(found: dict[str, torch.Tensor]) -> None:
    assert {k: v.item() for k, v in found.items()} == pytest.approx(expected(), abs=1e-6)


@pytest.mark.parametrize("sizes", [[N], [1, 19, 30], [25, 25]])
def test_batches_of_any_size_give_the_numbers_of_the_plain_functions(sizes: list[int]) -> None:
    metric = ModalityGap(dimension=D)
    for a, b in zip(*(z.split(sizes) for z in rows()), strict=True):
        metric.update(a, b)
    assert_expected(metric.compute())


def test_reset_forgets() -> None:
    metric = ModalityGap(dimension=D)
    metric.update(torch.ones(4, D), torch.ones(4, D))
    metric.reset()
    metric.update(*rows())
    assert_expected(metric.compute())


def test_updates_are_out_of_place() -> None:
    metric = ModalityGap(dimension=D)
    before = metric.total_x
    metric.update(*rows())
    assert before.abs().sum() == 0


@pytest.mark.parametrize("shape", [(4, D + 1), (3, D), (4,)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"shape \(B, {D}\)"):
        ModalityGap(dimension=D).update(torch.ones(4, D), torch.ones(shape))


def _rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
    )
    metric = ModalityGap(dimension=D)
    part = slice(0, 13) if rank == 0 else slice(13, N)  # uneven on purpose
    metric.update(*(z[part] for z in rows()))
    torch.save(metric.compute(), Path(folder) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_two_ranks_with_uneven_batches_give_the_whole(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_rank, (str(tmp_path),), nprocs=2)
    for rank in range(2):
        assert_expected(torch.load(tmp_path / f"{rank}.pt", weights_only=True))
