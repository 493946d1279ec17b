"""Loss and gradients of every objective at world sizes 2 and 4 against one process."""

import pytest

from isthmus.objectives import Batch, CloseGap, InfoNCE, Objective, Terms
from isthmus.objectives.engine import sharing, tiles
from isthmus.testing.distributed import (
    Gradients,
    assert_distributed_equal,
    compare,
    gradients_beside,
    situations,
)
from tests.objectives.zoo import ZOO, Entry


class Shared(CloseGap):
    """Every tile of 4 x 4 is computed by one rank alone."""

    def of(self, batch: Batch) -> Terms:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sharing, "MIN_PAIRS", 0)
            patch.setattr(tiles, "CPU_TILE_BYTES", 0)
            return super().of(batch)


CASES = {**ZOO, "work shared among ranks": Entry(lambda: Shared(learnable=True))}

Found = dict[tuple[str, str], tuple[Gradients, list[Gradients]]]


@pytest.fixture(scope="module", params=[2, 4])
def found(request: pytest.FixtureRequest) -> Found:
    cases = {
        (name, which): (entry.make(), situation)
        for name, entry in CASES.items()
        for which, situation in situations(entry.modalities).items()
    }
    return gradients_beside(cases, request.param)


@pytest.mark.parametrize("name", CASES)
def test_every_rank_has_the_loss_and_the_gradients_of_one_process(found: Found, name: str) -> None:
    checked = 0
    for (objective, which), (one, several) in found.items():
        if objective == name:
            compare(one, several, 1e-6, f"{name}, {which}, {len(several)} ranks")
            assert any(float(g.norm()) > 0 for g in one.parameters.values())
            checked += 1
    assert checked == len(situations(CASES[name].modalities))


class Local(InfoNCE):
    """The mistake that is copied from project to project: each rank looks at its own rows."""

    def forward(self, embeddings, **given):  # type: ignore[no-untyped-def]
        from isthmus.objectives import Batch

        return self.of(Batch.as_is(embeddings))


def test_a_loss_that_looks_at_one_rank_alone_is_found_out() -> None:
    wrong: Objective = Local(temperature=0.1)
    with pytest.raises(AssertionError, match="even, 2 ranks, rank 0: loss differs"):
        assert_distributed_equal(wrong, world_sizes=(2,))
