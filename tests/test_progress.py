import pytest

from isthmus.progress import steps, tracked, watched


def told(work) -> list[tuple[str, float]]:  # type: ignore[no-untyped-def]
    seen: list[tuple[str, float]] = []
    with watched(lambda name, done: seen.append((name, done))):
        work()
    return seen


def test_steps_inside_steps_take_shares_of_their_share() -> None:
    def inner() -> None:
        with steps({"a": 1, "b": 1}) as step:
            with step("a"):
                pass
            with step("b"):
                list(tracked(range(2), 2))

    def outer() -> None:
        with steps({"first": 1, "second": 3}) as step:
            with step("first"):
                inner()
            with step("second"):
                inner()

    seen = told(outer)
    assert ("first: b", 0.1875) in seen
    assert ("second: a", 0.625) in seen
    assert [share for _, share in seen] == sorted(share for _, share in seen)
    assert seen[-1] == ("second", 1.0)


def test_a_loop_that_starts_again_never_moves_the_share_back() -> None:
    def work() -> None:
        list(tracked(range(4), 4))
        list(tracked(range(4), 4))

    assert [share for _, share in told(work)] == [0.25, 0.5, 0.75, 1.0]


def test_items_count_by_their_size() -> None:
    assert told(lambda: list(tracked(["a", "bcd"], 4, len))) == [("", 0.25), ("", 1.0)]


def test_a_step_that_raises_leaves_the_watcher_to_those_outside() -> None:
    def work() -> None:
        with steps({"a": 1, "b": 1}) as step:
            with pytest.raises(ValueError, match="broken"), step("a"):
                raise ValueError("broken")
            with step("b"):
                pass

    assert told(work) == [("a", 0.0), ("b", 0.5), ("b", 1.0)]


def test_nothing_happens_without_a_watcher() -> None:
    with steps({"a": 1}) as step, step("a"):
        assert list(tracked("ab", 2)) == ["a", "b"]
