"""The quiz directive: what a reader gets, and what an author is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from helpers import ROOT
from sphinx.application import Sphinx

OPTIONS = """- The *pixels* of a region.
  > No: over orders.
- All orders $n!$ of joining.
  > Right: the mean of what a player adds."""


def built(folder: Path, *quizzes: str) -> tuple[BeautifulSoup, str]:
    """Return the page with `quizzes` on it, and the warnings of its build."""
    source = folder / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book' / '_ext')!r})\n"
        "extensions = ['myst_parser', 'quiz']\nmyst_enable_extensions = ['colon_fence']\n"
    )
    page = "\n\n".join(f":::{{quiz}} What is *averaged*?\n{quiz}\n:::" for quiz in quizzes)
    (source / "index.md").write_text(f"# Quiz\n\n{page}\n")
    warnings = io.StringIO()
    out = folder / "html"
    Sphinx(
        str(source), str(source), str(out), str(out), "html", status=None, warning=warnings
    ).build()
    return BeautifulSoup((out / "index.html").read_text(), "html.parser"), warnings.getvalue()


def test_each_option_is_a_labelled_radio_button_with_its_feedback(tmp_path: Path) -> None:
    page, warnings = built(tmp_path, OPTIONS, OPTIONS)
    assert not warnings
    first, second = page.find_all("fieldset")
    assert first.legend.text == "What is averaged?" and first.legend.em.text == "averaged"
    for quiz in (first, second):
        buttons = quiz.find_all("input")
        assert [button["type"] for button in buttons] == ["radio", "radio"]
        assert {button["name"] for button in buttons} == {quiz["id"]}
        labels = [quiz.find("label", attrs={"for": button["id"]}).text for button in buttons]
        assert [label.split()[0] for label in labels] == ["The", "All"]
        assert "mean of what" in quiz.select_one(".quiz-option > div > .quiz-right").text
        assert "over orders" in quiz.select_one(".quiz-option > div > .quiz-no").text
    assert first["id"] != second["id"]  # a choice in one leaves the other as it is


@pytest.mark.parametrize(
    "options",
    [
        "Nothing to choose from.",
        "- One.\n  > Right: alone.",
        "- One.\n  > No: a.\n- Two.\n  > No: b.",
        "- One.\n  > Right: a.\n- Two.\n  > Right: b.",
        "- One.\n- Two.\n  > Right: b.",
        "- One.\n  > Yes: a.\n- Two.\n  > Right: b.",
    ],
)
def test_a_quiz_without_one_right_answer_fails_the_build(tmp_path: Path, options: str) -> None:
    assert "a quiz is one list of two or more options" in built(tmp_path, options)[1]
