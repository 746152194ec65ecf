"""axe-core finds no fault on a page, on a desktop and on a phone, light and dark.

The lab draws its page itself, and has tests of its own.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from helpers import PAGES
from playwright.sync_api import Page

RUN = """([place, options]) => axe.run(place, {resultTypes: ['violations'], ...options}).then(
    found => found.violations.flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${node.target} ${node.failureSummary}`)))"""
ONE_OF_EACH_COLOUR = """() => {
    for (const each of document.querySelectorAll("[data-coloured]")) delete each.dataset.coloured;
    const seen = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        if (!texts.currentNode.data.trim()) continue;
        const element = texts.currentNode.parentElement;
        const {color, fontSize, fontWeight, textDecorationLine} = getComputedStyle(element);
        const looks = [color, fontSize, fontWeight, textDecorationLine];
        for (let at = element; at; at = at.parentElement) {
            const {backgroundColor, backgroundImage, opacity} = getComputedStyle(at);
            looks.push(backgroundColor, backgroundImage, opacity);
        }
        const key = looks.filter((x) => !["rgba(0, 0, 0, 0)", "none", "1"].includes(x)).join();
        if (!seen.has(key)) element.dataset.coloured = "";
        seen.add(key);
    }
}"""
"""Marks one text of each colour, size and background: axe takes long for each that it looks at."""
UNCOLOURED_CODE = """() => {
    for (const span of document.querySelectorAll("pre span:not([id]):not([tabindex])"))
        span.replaceWith(...span.childNodes);
}"""
STRUCTURE = {
    "rules": {
        "label-content-name-mismatch": {"enabled": True},
        "color-contrast": {"enabled": False},
    }
}
COLOURS: dict[str, Any] = {"runOnly": ["color-contrast", "link-in-text-block"]}


def faults(page: Page, place: str, options: dict[str, Any]) -> list[str]:
    found: list[str] = page.evaluate(RUN, [{"include": [place]}, options])
    return found


def pale(page: Page) -> list[str]:
    page.evaluate(ONE_OF_EACH_COLOUR)
    return faults(page, "[data-coloured]", COLOURS)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "book/lab.html"])
def test_axe_finds_nothing(page: Page, site: str, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(reduced_motion="reduce")
    page.goto(site + name, wait_until="load")
    page.evaluate(AXE_SCRIPT)
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        assert pale(page) == []
    page.evaluate(UNCOLOURED_CODE)
    assert faults(page, "html", STRUCTURE) == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert pale(page) == []
    assert faults(page, "html", STRUCTURE) == []


def test_a_text_that_is_too_pale_is_found(page: Page, site: str) -> None:
    page.goto(site + "book/glossary.html", wait_until="load")
    page.evaluate(AXE_SCRIPT)
    page.add_style_tag(content="dd p:last-child { color: #aaa }")
    assert len(pale(page)) == 1
