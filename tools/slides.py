"""Slides of a built book: ``python -m tools.slides build/specimens-full``.

From each notebook as a reader downloads it, with its numbers filled in, by one rule. A heading
begins a slide, with the first sentence of its text and the first figure, table or code below it;
each further one has a slide of its own. Lists, formulas, boxes and exercises are on the slides.
All other prose, solutions, and what the checks said, are the speaker's notes. Code is shown where
it defines something, or calls Keras or shap.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from markdown_it import MarkdownIt
from nbconvert import SlidesExporter
from nbformat import NotebookNode

from tools.lab import WORKSHOP, install

SOURCE = Path("book/slides")
SHOWN_CODE = re.compile(r"^(def|class) |\b(shap|keras)\.[\w.]+\(", re.MULTILINE)
HIDDEN = {"hide-input", "remove-input", "remove-cell", "nbval-check-output"}
TITLE = re.compile(r"\*\*[^*]+\*\*")
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z*`\[(])")
REVEAL = (
    "dist/reveal.css",
    "dist/reveal.js",
    "plugin/notes/notes.js",
)


class Deck:
    """The cells of a slide show, one after the other."""

    def __init__(self) -> None:
        self.cells: list[NotebookNode] = []
        self.taken = False
        """Whether the last slide has its figure, table or code."""
        self.told = 0
        """Paragraphs and lists on the last slide."""

    def add(self, text: str, kind: str = "-") -> None:
        """Add `text` as a new slide, a subslide, more of the last one (``-``), or its notes."""
        cell = nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}})
        self.cells.append(cell)
        if kind.endswith("slide"):
            self.taken, self.told = False, 0

    def show(self, text: str) -> None:
        """Add a figure, a table or code, which shares a slide with a heading and its lead only."""
        self.add(text, "subslide" if self.taken or self.told > 1 else "-")
        self.taken = True

    def tell(self, text: str) -> None:
        """Add what is read on the slide: below a heading, or on a slide of its own."""
        self.add(text, "subslide" if self.taken else "-")
        self.told += 1


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the text of each paragraph, list, table, ... of Markdown."""
    lines = text.splitlines()
    for token in MarkdownIt().enable("table").parse(text):
        if token.level == 0 and token.map and not token.type.endswith("_close"):
            yield token.type, "\n".join(lines[slice(*token.map)])


def add_text(deck: Deck, text: str) -> None:
    """Add the text of a cell."""
    lead = full = False
    for kind, block in blocks(FOLDED.sub("", text)):
        if block.startswith("*Figure.*"):
            continue  # stands below the figure
        if kind == "heading_open":
            deck.add(block, "slide" if block.startswith(("# ", "## ")) else "subslide")
            lead, full = True, False
        elif TITLE.fullmatch(block):  # an exercise or a question begins
            deck.add(block, "subslide")
            full = True
        elif kind == "blockquote_open":
            deck.add(block, "subslide")
            lead = False
        elif kind != "paragraph_open" or full or block.startswith(("$$", "**")):
            deck.tell(block)
        else:
            if lead:
                deck.tell(SENTENCE.split(block)[0])
            deck.add(block, "notes")
            lead = False
    for block in FOLDED.findall(text):
        deck.add(re.sub("</?details>", "", block), "notes")


def add_code(deck: Deck, cell: NotebookNode, caption: str) -> None:
    """Add what a reader sees of a cell of code."""
    tags = set(cell.metadata.get("tags", []))
    if tags & {"remove-cell", "remove-output"}:
        return
    if not tags & HIDDEN and SHOWN_CODE.search(cell.source):
        deck.show(f"```python\n{cell.source}\n```")
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", caption)
            deck.show(figure(data["image/png"], alt, caption))
        elif "text/markdown" in data:
            deck.show(data["text/markdown"])
        elif data.get("text/html", "").startswith("<table"):
            deck.show(data["text/html"])
        elif output.get("name") == "stdout" and "nbval-check-output" in tags:
            deck.add(f"```text\n{output.text}\n```", "notes")
        elif output.get("name") == "stdout":
            deck.show(f"```text\n{output.text}\n```")


def figure(png: str, alt: str, caption: str) -> str:
    """Return a picture with its caption, as HTML with Markdown in it."""
    picture = (
        f'<img alt="{escape(" ".join(alt.split()))}" src="data:image/png;base64,{png.strip()}">'
    )
    return f"<figure>{picture}<figcaption>\n\n{caption}\n\n</figcaption></figure>"


def slides(notebook: NotebookNode) -> NotebookNode:
    """Return the slide show of a notebook whose numbers are filled in."""
    deck = Deck()
    cells = notebook.cells
    for place, cell in enumerate(cells):
        if cell.cell_type == "markdown":
            add_text(deck, cell.source)
        elif cell.cell_type == "code":
            after = cells[place + 1].source if place + 1 < len(cells) else ""
            caption = after.removeprefix("*Figure.* ") if after.startswith("*Figure.*") else ""
            add_code(deck, cell, caption)
    for cell in deck.cells:
        cell.source = re.sub(r"\]\(([\w-]+)\.ipynb\)", r"](../notebooks/\1.html)", cell.source)
    text = "\n".join(cell.source for cell in deck.cells)
    title = next((cell.source[2:] for cell in deck.cells if cell.source.startswith("# ")), "")
    about = {"title": title, "formulas": "$" in text}
    show: NotebookNode = nbformat.v4.new_notebook(cells=deck.cells, metadata=about)
    return show


def build(edition: Path) -> Path:
    """Fill ``html/slides`` of a built edition; return it."""
    folder = edition / "html" / "slides"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reveal").mkdir(parents=True)
    install()
    for name in REVEAL:
        shutil.copy(WORKSHOP / "node_modules" / "reveal.js" / name, folder / "reveal")
    for name in ("slides.css", "slides.js"):
        shutil.copy(SOURCE / name, folder)
    reveal: Any = SlidesExporter  # has no types
    exporter = reveal(template_file=str((SOURCE / "template.html.j2").resolve()))
    links = []
    for path in sorted((edition / "html" / "_sources" / "notebooks").glob("*.ipynb")):
        show = slides(nbformat.read(path, as_version=4))
        page, _ = exporter.from_notebook_node(show)
        (folder / f"{path.stem}.html").write_text(page)
        links.append(f'<li><a href="{path.stem}.html">{escape(show.metadata.title)}</a></li>')
    (folder / "index.html").write_text(INDEX.format(links="\n".join(links)))
    return folder


INDEX = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Slides</title></head>
<body><main><h1>Slides</h1>
<p>Arrows move on, S opens the speaker's notes, F fills the screen, Esc shows all slides.</p>
<ul>
{links}
</ul></main></body>
</html>
"""


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edition", type=Path)
    print(build(parser.parse_args().edition) / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
