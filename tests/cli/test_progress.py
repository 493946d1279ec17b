import io

from rich.console import Console

from isthmus.cli.progress import progress_bar
from isthmus.progress import steps, tracked


def run(*, terminal: bool) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=120)
    with progress_bar(console), steps({"read": 1, "sort": 3}) as step:
        with step("read"):
            pass
        with step("sort"):
            assert list(tracked("abc", 3)) == ["a", "b", "c"]
    return screen.getvalue()


def test_a_terminal_shows_what_is_done_and_the_time_left() -> None:
    shown = run(terminal=True)
    assert "sort" in shown
    assert "100%" in shown
    assert "time left" in shown


def test_nothing_is_written_where_there_is_no_terminal() -> None:
    assert run(terminal=False).strip() == ""
