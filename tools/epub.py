"""Write the built book as an EPUB: ``python -m tools.epub build/specimens-full``.

Pandoc packs what the pages hold. What needs a script has a still picture in its place, and what is
folded stands open.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pypandoc
import yaml
from bs4 import BeautifulSoup, Tag
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tools.pdf import chromium, contents

GONE = (
    "script, style, link, noscript, button, .headerlink, .traced-cells, .quiz-option input, #lab, "
    "details.hide > summary"
)
EXPLORER = ".coalition-explorer"
HEADERS = ".skip-link, header, .bd-header-article"
"""Stay in sight on a screen, and would be in the picture."""
STYLE = """
pre { font-size: 0.8em; white-space: pre-wrap; }
table { border-collapse: collapse; font-size: 0.85em; }
td, th { padding: 0.2em 0.5em; text-align: left; vertical-align: top; }
img { height: auto; max-width: 100%; }
figcaption { font-size: 0.9em; }
div.folded, div.quiz, div.admonition { border-left: 0.2em solid gray; padding-left: 0.8em; }
"""


def article(path: Path, name: str, stills: list[Path], folder: Path) -> Tag:
    """Return what stands on a page, as Pandoc takes it.

    Parameters
    ----------
    path : Path
        Of the finished page.
    name : str
        The page's name in the table of contents, such as ``notebooks/04_shapley``.
    stills : list of Path
        A picture for each thing to play with, in their order.
    folder : Path
        Where pictures are written to.

    Returns
    -------
    Tag
    """
    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    found = page.select_one("article")
    assert found is not None, path
    for explorer, still in zip(found.select(EXPLORER), stills, strict=True):
        explorer.replace_with(page.new_tag("img", src=str(still), alt="The explorer, as it begins"))
    for lab in found.select("img.lab-still"):
        box = lab.find_parent(id="lab")
        assert box is not None
        box.insert_before(lab.extract())
    for each in found.select(GONE):
        each.decompose()
    for card in found.select(".sd-card"):
        heading, link = card.select_one(".sd-card-title"), card.select_one("a.sd-stretched-link")
        if heading and link:
            heading.clear()
            heading.append(link.extract())
    for result in found.select("a.traced"):
        result.unwrap()
    for details in found.select("details"):
        details.name, details["class"] = "div", "folded"
    for line in found.select("summary, legend"):
        line.name = "p"
        line.wrap(page.new_tag("strong"))
    for quiz in found.select("fieldset"):
        quiz.name = "div"
    # Pandoc begins a file at headings that nothing encloses
    for section in found.select("section"):
        heading = section.find(re.compile("^h[1-6]$"))
        if heading and section.get("id"):
            heading.insert(0, page.new_tag("span", id=str(section["id"])))
        section.unwrap()
    for term in found.select("dt[id]"):  # of these Pandoc keeps no id
        term.insert(0, page.new_tag("span", id=str(term["id"])))
        del term["id"]
    for link in found.select("a:has(> img)"):
        link.unwrap()
    for math in found.select(".math"):
        math.string = math.get_text().strip()
    for picture in found.select("img"):
        picture["src"] = str(plain_picture((path.parent / str(picture["src"])).resolve(), folder))
        del picture["width"], picture["height"]
    _ids_of_the_whole_book(found, name)
    title = found.find("h1")
    assert title is not None, path
    title["id"] = anchor(name)
    return found


def _ids_of_the_whole_book(found: Tag, name: str) -> None:
    """Let every id of a page begin with the page's name, and links between pages lead to them."""
    for each in found.select("[id]"):
        each["id"] = f"{anchor(name)}-{each['id']}"
    for link in found.select("a[href]"):
        place = urlsplit(str(link["href"]))
        if place.scheme or place.netloc:
            continue
        target = (Path("/", name).parent / place.path).as_posix() if place.path else f"/{name}"
        parts: list[str] = []
        for part in target.split("/")[1:]:
            parts = parts[:-1] if part == ".." else [*parts, part]
        target = anchor("/".join(parts).removesuffix(".html"))
        link["href"] = f"#{target}-{place.fragment}" if place.fragment else f"#{target}"


def anchor(name: str) -> str:
    """Return the id of a page."""
    return name.replace("/", "-")


def plain_picture(path: Path, folder: Path) -> Path:
    """Return a picture in a form that every reader shows: WebP becomes PNG."""
    if path.suffix != ".webp":
        return path
    target = folder / f"{path.stem}.png"
    with Image.open(path) as picture:
        picture.save(target, optimize=True)
    return target


def photographed(page: Page, path: Path, folder: Path) -> list[Path]:
    """Take a picture of each thing to play with on a page."""
    if EXPLORER[1:] not in path.read_text(encoding="utf-8"):
        return []
    page.goto(path.resolve().as_uri(), wait_until="load")
    page.add_style_tag(content=f"{HEADERS} {{ display: none !important }}")
    explorers = page.locator(EXPLORER)
    stills = [folder / f"{path.stem}-{i}.png" for i in range(explorers.count())]
    for i, still in enumerate(stills):
        explorers.nth(i).screenshot(path=still)
    return stills


def write(edition: Path, target: Path) -> None:
    """Write the whole book.

    Parameters
    ----------
    edition : Path
        Has been built.
    target : Path
        Gets its name when all is there.
    """
    config = yaml.safe_load((edition / "source" / "_config.yml").read_text())
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 700, "height": 900})
        parts = []
        for caption, pages in contents(edition):
            if caption:
                parts.append(f"<h1>{caption}</h1>")
            for each in pages:
                path = edition / "html" / f"{each}.html"
                found = article(path, each, photographed(page, path, folder), folder)
                text = found.decode_contents()
                if caption:  # a page stands below its part
                    text = re.sub(r"<(/?)h([1-5])\b", lambda h: f"<{h[1]}h{int(h[2]) + 1}", text)
                parts.append(text)
        browser.close()
        whole, style = folder / "book.html", folder / "book.css"
        whole.write_text("\n".join(parts), encoding="utf-8")
        style.write_text(STYLE)
        draft = folder / "course.epub"
        pypandoc.convert_file(
            str(whole),
            "epub3",
            format="html+tex_math_single_backslash",
            outputfile=str(draft),
            extra_args=[
                "--mathml",
                "--toc",
                "--toc-depth=2",
                "--split-level=2",
                f"--css={style}",
                f"--metadata=title={config['title']}",
                f"--metadata=author={config['author']}",
                "--metadata=lang=en-GB",
            ],
        )
        shutil.move(draft, target)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edition", type=Path)
    edition = parser.parse_args().edition
    target = edition / "course.epub"
    write(edition, target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
