"""Print the built book to one file: ``python -m tools.pdf build/specimens-full``.

Chromium prints each page, in the order of the table of contents; the parts and the pages are the
outline of the file.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from pathlib import Path

import yaml
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import IndirectObject

FOOT = (
    '<div style="font-size:8px;width:100%;text-align:center">'
    '<span class="title"></span> · <span class="pageNumber"></span></div>'
)
MARGINS = {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"}


def contents(edition: Path) -> list[tuple[str, list[str]]]:
    """Return the parts of the book, each with its pages; the landing page is a part of its own."""
    toc = yaml.safe_load((edition / "source" / "_toc.yml").read_text())
    parts = [
        (part["caption"], [entry["file"] for entry in part["chapters"]]) for part in toc["parts"]
    ]
    return [("", [toc["root"]]), *parts]


def chromium() -> str:
    """Return where Chromium is.

    Raises
    ------
    FileNotFoundError
        Where none is found.
    """
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        raise FileNotFoundError("pages are opened in Chromium: install it, or name it in CHROMIUM")
    return found


def printed(edition: Path) -> PdfWriter:
    """Return the whole book.

    Raises
    ------
    FileNotFoundError
        Where no Chromium is found.
    """
    book = PdfWriter()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        for caption, names in contents(edition):
            part: IndirectObject | None = None
            for name in names:
                page.goto((edition / "html" / f"{name}.html").resolve().as_uri(), wait_until="load")
                page.evaluate(
                    "Promise.all([...document.images].map(i => {"
                    "i.loading = 'eager'; return i.decode().catch(() => 0)}))"
                )
                sheets = PdfReader(
                    io.BytesIO(
                        page.pdf(
                            format="A4",
                            margin=MARGINS,  # type: ignore[arg-type]
                            print_background=True,
                            display_header_footer=True,
                            header_template="<span></span>",
                            footer_template=FOOT,
                        )
                    )
                )
                first = len(book.pages)
                for sheet in sheets.pages:
                    book.add_page(sheet)
                if caption and part is None:
                    part = book.add_outline_item(title=caption, page_number=first)
                title = page.locator("article h1").inner_text()
                book.add_outline_item(title=title, page_number=first, parent=part)
        browser.close()
    book.compress_identical_objects()
    return book


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edition", type=Path)
    edition = parser.parse_args().edition
    target = edition / "course.pdf"
    printed(edition).write(target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
