"""A page of the built book is light, paints early and stays where it is."""

from __future__ import annotations

import pytest
from helpers import HTML, PAGES
from playwright.sync_api import Page

MEGABIT = 1e6 / 8
SHIFTS = """
window.shifted = 0;
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({type: 'layout-shift', buffered: true});
"""


def opened(page: Page, address: str, megabits: float) -> int:
    """Open `address` over a line of that many Mbit/s; return the bytes that came."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 75,
            "downloadThroughput": megabits * MEGABIT,
            "uploadThroughput": megabits * MEGABIT,
        },
    )
    came: list[float] = []
    session.on("Network.loadingFinished", lambda event: came.append(event["encodedDataLength"]))
    page.add_init_script(SHIFTS)
    page.goto(address, wait_until="load", timeout=60_000)
    page.wait_for_load_state("networkidle")
    return int(sum(came))


@pytest.mark.parametrize("name", ["book/welcome.html", "notebooks/04_shapley.html"])
def test_first_paint_on_a_slow_line(page: Page, site: str, name: str) -> None:
    opened(page, site + name, megabits=1.6)
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert painted < 2_500, f"{painted:.0f} ms"
    assert page.evaluate("window.shifted") < 0.02


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_under_a_megabyte_before_scrolling(page: Page, site: str, name: str) -> None:
    came = opened(page, site + name, megabits=100)
    assert 10_000 < came < 1_000_000


def test_pictures_are_small_and_have_their_size() -> None:
    pictures = list((HTML / "_images").iterdir())
    assert len(pictures) > 90
    assert sum(path.stat().st_size for path in pictures) < 7_000_000
