"""The landing page's cards: taken from the executed chapters, in the order of the book."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

from tools.cards import cards, first_row

OPENING = (
    "# 4. A chapter\n\n**Question.** What is\nasked?\n\n**Time.** 40 minutes to read, 30 more."
)


def chapter(name: str, figure: np.ndarray) -> NotebookNode:
    """Return an executed chapter with one figure."""
    file = io.BytesIO()
    Image.fromarray(figure).save(file, "png")
    picture = {"image/png": base64.b64encode(file.getvalue()).decode()}
    cell = nbformat.v4.new_code_cell(
        outputs=[nbformat.v4.new_output("display_data", data=picture)],
        metadata={"mystnb": {"figure": {"name": name}}},
    )
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(OPENING), cell])


def rows() -> np.ndarray:
    """Return a figure of two rows of pictures, each below a line of words."""
    figure = np.full((400, 300, 3), 255, np.uint8)
    for top in (0, 200):
        figure[top + 10 : top + 20, 50:100] = 0
        figure[top + 40 : top + 180, 20:280] = 90
    return figure


def test_a_card_has_the_question_the_minutes_and_a_picture(tmp_path: Path) -> None:
    chapters = {
        "04_x": chapter("fig-x", rows()),
        "10_clever_hans": chapter("fig-10-caught", rows()),
    }
    toc = {
        "parts": [
            {"caption": "Values", "chapters": [{"file": "notebooks/04_x"}, {"file": "book/a"}]},
            {"caption": "At the back", "chapters": [{"file": "book/b"}]},
        ]
    }
    text = cards(chapters, toc, tmp_path)
    assert "### Values" in text and "At the back" not in text
    assert ":::{grid-item-card} 4. A chapter\n:link: /notebooks/04_x\n" in text
    assert "\nWhat is asked?\n" in text and "*40 minutes to read*" in text
    with Image.open(tmp_path / "cards" / "04_x.webp") as picture:
        assert picture.size == (480, 240)
    with Image.open(tmp_path / "hero.webp") as picture:
        assert picture.size == (300, 188)


def test_the_first_row_ends_below_its_pictures() -> None:
    assert first_row(Image.fromarray(rows())).height == 188
