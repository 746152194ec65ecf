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

from finishing import access, front, pictures, reading, speed  # noqa: E402


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


def test_explorers_share_the_script_of_the_book() -> None:
    explorer = '<article><div class="coalition-explorer"></div>'
    html = f'{explorer}<style data-explorer="">a</style></article>'
    assert patched(speed.explorers_share_one_script, html) == f"{explorer}</article>"


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


def test_the_footer_leads_to_a_page_from_every_folder(tmp_path: Path) -> None:
    html = '<html data-content_root="../"><a data-page="book/status">status</a></html>'
    assert '<a href="../book/status.html">status</a>' in patched(front.footer_links, html)
    front.write_index(tmp_path, "book/welcome", "The course")
    index = (tmp_path / "index.html").read_text()
    assert "<title>The course</title>" in index and "url=book/welcome.html" in index


def test_the_switch_leads_to_the_same_page_of_the_other_edition() -> None:
    html = '<html data-content_root="../"><a data-other="photos/">with photographs</a></html>'
    page = BeautifulSoup(html, "html.parser")
    front.other_edition(page, "notebooks/04_shapley.html")
    assert page.a["href"] == "../photos/notebooks/04_shapley.html" and len(page.a.attrs) == 1


def test_no_withdrawn_role_is_left() -> None:
    html = '<div class="citation-list" role="list"><div role="doc-biblioentry">A</div></div>'
    assert "role" not in patched(access.no_outdated_roles, html)


def test_sidebars_are_landmarks_with_names() -> None:
    html = '<div class="bd-sidebar-primary"></div><div class="bd-sidebar-secondary"></div>'
    found = BeautifulSoup(patched(access.sidebar_is_a_landmark, html), "html.parser")
    names = [tag["aria-label"] for tag in found.select("[role=complementary]")]
    assert names == ["Chapters", "On this page"]


def test_a_toggle_says_what_it_shows() -> None:
    html = '<summary aria-label="Toggle hidden content"><p>Show code cell source</p></summary>'
    shown = patched(access.toggles_say_what_they_show, html)
    assert shown == "<summary><p>Show the code</p></summary>"


def test_the_name_of_the_search_button_is_its_text() -> None:
    html = '<script>`<button class="search-button-field" aria-label="Search">`</script>'
    assert "aria-label" not in patched(access.search_is_called_what_it_says, html)


def test_rows_of_a_table_without_a_first_heading_have_one_each() -> None:
    html = (
        "<article><table><thead><tr><th></th><th>a</th></tr></thead>"
        "<tbody><tr><td>x</td><td>1</td></tr></tbody></table></article>"
    )
    page = BeautifulSoup(patched(access.rows_have_headings, html), "html.parser")
    assert [tag.get_text() for tag in page.select("th")] == ["a", "x"]
    assert page.select_one("tbody th")["scope"] == "row"


def cell(code: str, output: str = "", tag: str = "") -> str:
    """Return a cell of a page."""
    shown = f'<div class="cell_output"><pre>{output}</pre></div>' if output else ""
    code = f'<div class="cell_input"><pre>{code}</pre></div>'
    return f'<div><div class="cell {tag}">{code}{shown}</div></div>'


def test_cells_of_imports_are_folded() -> None:
    fold = reading.imports_are_folded
    shown = patched(
        fold, cell("import numpy as np\nfrom insectlib.data import ImageSet\nuse_style()")
    )
    assert "<summary>Imports from numpy, insectlib</summary>" in shown
    for other in ("import numpy as np\nx = 1", "not python", ""):
        assert "<summary>" not in patched(fold, cell(other))


def test_checks_are_folded_when_all_are_true() -> None:
    fold, tag = reading.true_checks_are_folded, "tag_nbval-check-output"
    shown = patched(fold, cell("print(1)", "it holds: True\nboth hold: True True\n", tag))
    assert "<summary>2 checks, all true</summary>" in shown
    assert "<summary>1 check, true</summary>" in patched(fold, cell("print(1)", "ok: True", tag))
    for code, output in [
        ("print(1)", "it holds: False\nthis too: True"),
        ("print(1)", "pictures: 3\nit holds: True"),
        ("x = f()\nprint(x)", "it holds: True"),  # code that is worth reading
        ("print(1)", ""),
    ]:
        assert "<summary>" not in patched(fold, cell(code, output, tag))


TABLE = (
    "<article><table border='1'><thead><tr><th>name</th><th>value</th></tr></thead>"
    "<tbody><tr><td>a</td><td>−1.5</td></tr><tr><td>b</td><td>12 %</td></tr></tbody></table>"
    "</article>"
)


def test_tables_scroll_and_numbers_stand_to_the_right() -> None:
    wrapped = patched(reading.tables_scroll_by_themselves, TABLE)
    assert "pst-scrollable-table-container" in wrapped and "border" not in wrapped
    page = BeautifulSoup(patched(reading.numbers_stand_below_each_other, wrapped), "html.parser")
    assert [tag.text for tag in page.select(".number")] == ["value", "−1.5", "12 %"]
