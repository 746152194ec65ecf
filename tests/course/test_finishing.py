"""What is put right on each finished page: one test for each fault of the theme."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bs4 import BeautifulSoup
from helpers import ROOT
from PIL import Image

sys.path.insert(0, str(ROOT / "book" / "_ext"))

from finishing import pictures, speed  # noqa: E402


def patched(patch: Callable[[BeautifulSoup], None], html: str) -> str:
    """Return `html` after `patch`, which changes nothing the second time."""
    page = BeautifulSoup(html, "html.parser")
    patch(page)
    once = str(page)
    patch(page)
    assert str(page) == once
    return once


def test_icons_come_from_one_font() -> None:
    html = (
        '<link href="fontawesome/all.min.css" rel="stylesheet"/>'
        '<link href="fontawesome/fa-solid-900.woff2" rel="preload"/>'
    )
    more = '<link href="fontawesome/fa-brands-400.woff2" rel="preload"/>'
    script = '<script src="fontawesome/all.min.js"></script>'
    assert patched(speed.no_script_for_icons, html + more + script) == html


def test_mathjax_is_where_formulas_are() -> None:
    script = '<script defer="" src="_static/mathjax/tex-chtml.js"></script>'
    plain = "<article><p>No formula.</p></article>"
    formula = '<article><span class="math">x</span></article>'
    assert patched(speed.formulas_where_there_are_any, script + plain) == plain
    assert patched(speed.formulas_where_there_are_any, script + formula) == script + formula


def test_scripts_run_after_the_page_is_there() -> None:
    html = patched(
        speed.scripts_wait,
        '<head><link as="script" href="a.js" rel="preload"/><script src="documentation_options.js">'
        '</script><script src="a.js"></script><script defer="defer" src="mathjax.js"></script>'
        "</head>",
    )
    assert html == (
        '<head><script src="documentation_options.js"></script>'
        '<script defer="" src="a.js"></script><script async="" src="mathjax.js"></script></head>'
    )


def test_sidebar_and_colours_are_set_before_the_first_paint() -> None:
    bar = '<div class="bd-sidebar-primary bd-sidebar"></div>'
    assert "scrollTop" in patched(speed.sidebar_in_place, bar).removeprefix(bar)
    theme = '<head><script>dataset.theme = localStorage.getItem("theme") || "auto";</script></head>'
    assert '|| (matchMedia("(prefers' in patched(speed.colours_from_the_start, theme)


def test_a_picture_is_smaller_sized_and_lazy_and_made_once(tmp_path: Path) -> None:
    images = tmp_path / "_images"
    images.mkdir()
    for name in ("first", "second"):
        Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(images / f"{name}.png")
    html = "<article>" + '<img alt="" src="_images/first.png"/>' + '<img src="_images/second.png"/>'
    page = BeautifulSoup(html, "html.parser")
    pictures.shrink(page, tmp_path, tmp_path / "kept")
    pictures.drop_originals(images)
    first, second = page.select("img")
    assert (first["width"], first["height"], first["src"]) == ("60", "40", "_images/first.webp")
    assert "loading" not in first.attrs and second["loading"] == "lazy"
    assert sorted(path.name for path in images.iterdir()) == ["first.webp", "second.webp"]
    assert len(list((tmp_path / "kept").iterdir())) == 1  # both are the same picture
    with Image.open(images / "first.webp") as picture:
        assert picture.size == (60, 40) and np.asarray(picture).max() < 3
    assert re.fullmatch("[0-9a-f]{64}", next((tmp_path / "kept").iterdir()).stem)
