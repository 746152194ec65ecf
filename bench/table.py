"""The one table of all benchmarks, and the page of the book with it: ``make bench``.

``python -m bench.table --page`` writes the page from the figures that are kept in
``bench/results``, without measuring again.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
from pathlib import Path

from bench import estimators
from bench.row import RESULTS, Row, read_rows, write_rows
from bench.scene import machine

MEASURED = ("engine", "backends", "collection", "lab")
"""Modules with a function `rows`; each keeps its results under its own name."""

KEPT = {
    "engine": "What is spent around each evaluation",
    "backends": "What could run the network",
    "collection": "A whole collection",
    "lab": "In the browser",
}
"""The sections of the page that are one table each; that of the estimators has its own form."""

PAGE = Path(__file__).parent.parent / "book" / "benchmarks.md"
PLACE = "machine.txt"


def markdown(rows: list[Row]) -> str:
    """Return the table as text that Markdown takes."""
    lines = ["| what | ours | peer | ratio | limit |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.what} | {unbroken(row.ours)} | {row.peer} | {row.ratio:.2f} | {row.limit or '–'} |"
        for row in rows
    ]
    return "\n".join(lines)


def unbroken(figure: str) -> str:
    """Return a figure that keeps its unit beside it in a narrow column."""
    return figure.replace(" ", "\N{NO-BREAK SPACE}")


def page() -> str:
    """Return the page of the book: the words in ``page.md``, with the tables in their places."""
    text = (Path(__file__).parent / "page.md").read_text()
    text = text.replace("{machine}", (RESULTS / PLACE).read_text().strip())
    for name, title in KEPT.items():
        rows = read_rows(name)
        section = f"## {title}\n\n{markdown(rows)}" if rows else ""
        text = text.replace(f"{{{name}}}", section)
    text = text.replace("{estimators}", estimators.section())
    return text.rstrip() + "\n"


def surroundings() -> str:
    """Say on what, and with which versions, the figures were measured."""
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("tensorflow", "keras", "shap", "openvino", "opencv-python-headless")
        if name != "openvino" or importlib.util.find_spec(name)
    ]
    return f"{machine()}; {', '.join(versions)}"


def main() -> None:
    """Measure, unless only the page is wanted; print the table and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--page", action="store_true", help="write the page from kept figures")
    arguments = parser.parse_args()
    if not arguments.page:
        for name in MEASURED:
            write_rows(name, importlib.import_module(f"bench.{name}").rows(arguments.repeats))
        (RESULTS / PLACE).write_text(surroundings() + "\n")
    print(markdown([row for name in KEPT for row in read_rows(name)]))
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
