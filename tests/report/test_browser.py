"""The page in a real browser: it draws, it is silent, it asks nothing of the network."""

import os
from pathlib import Path

import pytest

from tests.report.test_report import report, space

CHROMIUM = Path(os.environ.get("ISTHMUS_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM} (Debian: apt-get install chromium)"
)


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report named by ISTHMUS_REPORT, or one made here."""
    if given := os.environ.get("ISTHMUS_REPORT"):
        return Path(given).resolve()
    path = tmp_path_factory.mktemp("page") / "report.html"
    report({"open": space(4.0), "closed": space(0.0)}).write(path)
    return path


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_page_draws_every_figure_and_nothing_else_happens(
    page_path: Path, width: int, scheme: str
) -> None:
    from playwright.sync_api import sync_playwright

    messages: list[str] = []
    requests: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_path.as_uri())
        page.wait_for_function("document.documentElement.dataset.drawn", timeout=60_000)
        plots = page.locator(".plot").count()
        marks = page.eval_on_selector_all(
            ".plot", "plots => plots.map(p => p.querySelectorAll('.trace, .point').length)"
        )
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        page.click("#theme")
        page.wait_for_function(f"document.documentElement.dataset.theme !== '{scheme}'")
        browser.close()
    assert plots >= 8
    assert min(marks) >= 1
    assert overflow <= 0
    assert messages == []
    assert requests == [page_path.as_uri()]
