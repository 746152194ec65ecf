"""The built pages, opened in a real browser: nothing missing, nothing fetched from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from helpers import HTML, PAGES
from playwright.sync_api import Browser, Page


def watched(page: Page, address: str) -> list[str]:
    """Open `address` and return what went wrong: errors, failed and foreign requests."""
    wrong: list[str] = []
    own = address.split("/", 3)[2]
    page.on("console", lambda m: wrong.append(f"console: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda request: (
            wrong.append(f"foreign: {request.url}")
            if request.url.startswith(("http:", "https:")) and request.url.split("/", 3)[2] != own
            else None
        ),
    )
    page.goto(address, wait_until="load")
    page.wait_for_load_state("networkidle")
    return wrong


def test_there_are_pages() -> None:
    assert {"book/welcome.html", "book/status.html", "notebooks/01_data.html"} <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_page_loads_cleanly_from_its_own_host(page: Page, site: str, name: str) -> None:
    assert watched(page, site + name) == []


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_from_disk(page: Page, name: str) -> None:
    """A book on a memory stick asks no host for anything."""
    foreign: list[str] = []
    page.on(
        "request", lambda r: None if r.url.startswith(("file:", "data:")) else foreign.append(r.url)
    )
    page.goto((HTML / name).as_uri(), wait_until="load")
    assert page.locator("article h1").count() == 1
    assert foreign == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways_on_a_phone(page: Page, site: str, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(site + name, wait_until="load")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, f"{width} px wide"


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_is_there_and_described(page: Page, site: str, name: str) -> None:
    page.goto(site + name, wait_until="load")
    pictures = page.locator("article img:not(.sd-card-img-top)").evaluate_all(
        """all => Promise.all(all.map(async i => {
            i.loading = 'eager';
            await i.decode().catch(() => 0);
            return {source: i.src, alt: i.alt, width: i.naturalWidth};
        }))"""
    )
    for picture in pictures:
        assert picture["width"] > 0, picture
        assert len(picture["alt"]) > 30, picture
        assert "_images" not in picture["alt"], picture


@pytest.mark.parametrize("name", [n for n in PAGES if n.startswith("notebooks/")])
def test_chapter_shows_figures_and_no_error(page: Page, site: str, name: str) -> None:
    page.goto(site + name, wait_until="load")
    assert page.locator("article figure img").count() >= 2
    text = page.locator("article").inner_text()
    for sign in ("Traceback", "nan%", "glue:", "WARNING"):
        assert sign not in text, sign


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("superpixels", "notebooks/05_kernel_shap.html#the-parts-superpixels"),
        ("expected gradients", "notebooks/06_gradient_shap.html#expected-gradients-many-baselines"),
        ("own pictures", "notebooks/05_kernel_shap.html#index-1"),
        ("own model", "book/compatibility.html#index-0"),
        ("LIME", "notebooks/05_kernel_shap.html#index-0"),
        ("install", "book/setup.html#index-0"),
        ("baseline", "book/glossary.html#term-baseline"),
        ("background set", "book/glossary.html#term-background-set"),
        ("Clever Hans", "notebooks/10_clever_hans.html"),
        ("transfer learning", "notebooks/03_transfer.html"),
    ],
)
def test_search_leads_to_the_place(page: Page, site: str, words: str, place: str) -> None:
    """What learners ask for: it is among the first four that are found."""
    assert watched(page, site + "search.html") == []
    page.goto(f"{site}search.html?q={words.replace(' ', '+')}", wait_until="load")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    links = page.locator("#search-results li > a")
    found = links.evaluate_all("all => all.slice(0, 4).map(a => a.pathname + a.hash)")
    assert any(link.endswith(place) for link in found), found


def test_search_shows_text_and_ranks_lists_low(page: Page, site: str) -> None:
    page.goto(site + "search.html?q=superpixel", wait_until="load")
    page.wait_for_selector("#search-results li .context", timeout=20_000)
    assert "Contents" not in "".join(page.locator("#search-results .context").all_inner_texts())
    found = page.locator("#search-results li > a").evaluate_all("all => all.map(a => a.pathname)")
    places = {Path(path).stem: place for place, path in reversed(list(enumerate(found)))}
    assert places["05_kernel_shap"] < min(places.get("benchmarks", 99), places.get("claims", 99))


LINE = """paragraphs => {
    const pen = document.createElement("canvas").getContext("2d");
    const long = paragraphs.filter(p => p.textContent.length > 300);
    return long.map(p => {
        pen.font = getComputedStyle(p).font;
        return p.clientWidth / pen.measureText(p.textContent).width * p.textContent.length;
    });
}"""


@pytest.mark.parametrize("name", ["notebooks/04_shapley.html", "notebooks/09_evaluation.html"])
def test_lines_have_about_seventy_letters(page: Page, site: str, name: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(site + name, wait_until="load")
    letters = page.locator("article > section > section > p").evaluate_all(LINE)
    assert len(letters) > 2 and all(65 < each < 85 for each in letters), letters


def test_formulas_are_typeset(page: Page, site: str) -> None:
    page.goto(site + "book/notation.html", wait_until="load")
    page.wait_for_selector("mjx-container", timeout=20_000)
    assert page.locator("mjx-container").count() > 3


def test_dark_mode_keeps_figures_readable(browser: Browser, site: str) -> None:
    """A figure keeps a light ground under its dark letters."""
    context = browser.new_context(color_scheme="dark")
    dark = context.new_page()
    dark.goto(site + "notebooks/01_data.html", wait_until="load")
    dark.evaluate("document.documentElement.dataset.theme = 'dark'")
    colours = dark.evaluate(
        """() => {
            const picture = document.querySelector('article figure img');
            const canvas = document.createElement('canvas');
            canvas.width = canvas.height = 1;
            const pen = canvas.getContext('2d');
            pen.drawImage(picture, 0, 0, 1, 1, 0, 0, 1, 1);
            return [...pen.getImageData(0, 0, 1, 1).data];
        }"""
    )
    context.close()
    assert min(colours) > 200, colours


NOTEBOOKS = sorted((HTML / "_sources" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_downloaded_notebook_is_plain_markdown(path: Path) -> None:
    page = HTML / "notebooks" / f"{path.stem}.html"
    assert f"_sources/notebooks/{path.name}" in page.read_text()
    texts = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
    raw = [re.findall(r"\{[a-z:]+\}`[^`]*`|^:::.*", text, re.MULTILINE) for text in texts]
    assert not sum(raw, [])


def test_every_chapter_can_be_downloaded() -> None:
    pages = {path.stem for path in (HTML / "notebooks").glob("*.html")}
    assert {path.stem for path in NOTEBOOKS} == pages != set()


def test_a_question_answers_by_keyboard_and_without_scripts(site: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(site + "notebooks/04_shapley.html", wait_until="load")
    quiz = page.locator("fieldset.quiz").first
    assert quiz.locator(".quiz-right:visible, .quiz-no:visible").count() == 0
    quiz.locator("input").first.focus()
    page.keyboard.press("Space")
    for _ in range(quiz.locator("input").count()):
        chosen = quiz.locator("input:checked")
        feedback = quiz.locator(".quiz-right:visible, .quiz-no:visible")
        assert chosen.count() == feedback.count() == 1
        assert feedback.text_content().strip().startswith(("Right:", "No:"))
        page.keyboard.press("ArrowDown")
    context.close()
