"""Each result in a sentence leads to the cell that computed it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from helpers import ROOT
from playwright.sync_api import Page, expect


def glued(name: str, value: str) -> nbformat.NotebookNode:
    """Return the output of a cell that has glued `value`."""
    data = {"application/papermill.record/text/plain": repr(value)}
    about = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
    return nbformat.v4.new_output("display_data", data=data, metadata=about)


def built(folder: Path, *texts: str) -> list[BeautifulSoup]:
    """Return a page for each text, each of which may use two results of two cells."""
    source = folder / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\n"
        "extensions = ['myst_nb', 'traced']\nnb_execution_mode = 'off'\nroot_doc = 'page0'\n"
    )
    for i, text in enumerate(texts):
        cells = [nbformat.v4.new_markdown_cell(f"# Page {i}\n\n## Part\n\n{text}")]
        for name, value in (("shares", "-12 %"), ("best", "a <beetle>"), ("none", "")):
            cell = nbformat.v4.new_code_cell(
                f'x = "{name}" < "z"', metadata={"tags": ["remove-cell"]}
            )
            cell.outputs = [glued(name, value)]
            cells.append(cell)
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells, metadata={"orphan": True}),
            source / f"page{i}.ipynb",
        )
    out = folder / "html"
    # in a process of its own: MyST-NB changes how later builds in this one read their sources
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    subprocess.run([*command, str(source), str(out)], check=True)
    return [
        BeautifulSoup((out / f"page{i}.html").read_text(), "html.parser") for i in range(len(texts))
    ]


def test_a_result_is_a_link_to_the_code_of_its_cell(tmp_path: Path) -> None:
    both, none, one = built(
        tmp_path,
        "Of all, {glue:text}`shares` are {glue:text}`best`; again {glue:text}`shares`.",
        "Nothing computed{glue:text}`none`.",
        "Only {glue:text}`best`.",
    )
    links = both.select("a.traced")
    assert [link.text for link in links] == ["−12 %", "a <beetle>", "−12 %"]
    for link in links:
        (cell,) = both.select(f"details.traced-cells [id='{link['href'][1:]}'] pre")
        assert cell.text.strip() == f'x = "{link["data-result"]}" < "z"'
    assert len(both.select("details.traced-cells pre")) == 2  # each cell once
    assert both.select("section > section > p") and both.select_one("section > details")
    assert not none.select(".traced, .traced-cells")
    assert len(one.select("details.traced-cells pre")) == 1  # of this page, and no other


def test_every_result_of_the_book_leads_to_a_cell() -> None:
    pages = sorted((ROOT / "build/specimens-fast/html/notebooks").glob("*.html"))
    assert len(pages) > 14
    found = 0
    for path in pages:
        page = BeautifulSoup(path.read_text(), "html.parser")
        ids = {each["id"] for each in page.select("details.traced-cells [id]")}
        links = page.select("a.traced")
        shown = [each for each in page.select("article .pasted-text") if each.text.strip()]
        assert len(links) == len(shown) == len([each for each in links if each.text.strip()])
        assert {link["href"][1:] for link in links} <= ids, path.name
        found += len(links)
    assert found > 400


def test_a_result_shows_its_cell_to_mouse_and_keyboard(page: Page, site: str) -> None:
    page.goto(f"{site}/notebooks/05_kernel_shap.html")
    card = page.locator("#computed")
    result = page.locator("article p > a.traced").first
    cell = page.locator(str(result.get_attribute("href")))
    expect(card).to_be_hidden()
    result.hover()
    assert card.locator("pre").text_content() == cell.locator("pre").text_content()
    page.mouse.move(0, 0)
    expect(card).to_be_hidden()
    result.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.keyboard.press("Enter")
    expect(cell).to_be_in_viewport()  # which opens what is folded
