"""axe-core finds no fault on a page, on a desktop and on a phone, light and dark.

The lab draws its page itself, and has tests of its own.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from helpers import PAGES
from playwright.sync_api import Page

RUN = """options => axe.run(document, {resultTypes: ['violations'], ...options}).then(
    found => found.violations.flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${node.target} ${node.failureSummary}`)))"""
AND_LABELS = {"rules": {"label-content-name-mismatch": {"enabled": True}}}
WITHOUT_COLOURS = {"rules": AND_LABELS["rules"] | {"color-contrast": {"enabled": False}}}
COLOURS: dict[str, Any] = {"runOnly": ["color-contrast", "link-in-text-block"]}


@pytest.mark.parametrize("name", [name for name in PAGES if name != "book/lab.html"])
def test_axe_finds_nothing(page: Page, site: str, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(site + name, wait_until="load")
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(RUN, AND_LABELS) == []
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate(RUN, COLOURS) == []
    page.set_viewport_size({"width": 390, "height": 900})
    # a phone has the colours of a desktop: they are looked at on the page that has all of its parts
    again = AND_LABELS if name == "book/welcome.html" else WITHOUT_COLOURS
    assert page.evaluate(RUN, again) == []
