"""The notebooks that a reader downloads: this edition's numbers, plain Markdown."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode
from pybtex.database import BibliographyData, parse_string

from tools.distribute import distributed, glued, roles

PAGES = {"/notebooks/05_kernel_shap": "5. Kernel SHAP", "/book/setup": "Set-up"}


@pytest.fixture
def works() -> BibliographyData:
    people = {
        "a": "Shapley, Lloyd S.",
        "b": "Janzing, D. and {\\'C}, E.",
        "c": "A, B and C, D and E, F",
    }
    entries = [
        f"@misc{{{key}, author = {{{who}}}, year = {{195{n}}}}}"
        for n, (key, who) in enumerate(people.items())
    ]
    return parse_string("\n".join(entries), "bibtex")


def notebook(text: str, **numbers: str) -> NotebookNode:
    outputs = [
        nbformat.v4.new_output(
            "display_data",
            {"application/papermill.record/text/plain": repr(value)},
            metadata={"scrapbook": {"name": key}},
        )
        for key, value in numbers.items()
    ]
    code = nbformat.v4.new_code_cell("glue(...)", outputs=outputs)
    figure = {"figure": {"caption": "The {term}`map`,\nwith {glue:text}`n`."}}
    plot = nbformat.v4.new_code_cell("plot()", metadata={"mystnb": figure if numbers else {}})
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), code, plot])


def plain(text: str, works: BibliographyData, **numbers: str) -> list[str]:
    given = notebook(text, **numbers)
    cells = distributed(given, roles(glued(given), PAGES, works)).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{term}`folds <fold>` and {term}`map`", "folds and map"),
        ("{doc}`/notebooks/05_kernel_shap`", "[5. Kernel SHAP](05_kernel_shap.ipynb)"),
        ("{doc}`there </notebooks/05_kernel_shap>`", "[there](05_kernel_shap.ipynb)"),
        ("{doc}`/book/setup`", "Set-up"),
        ("{cite:t}`a`", "Shapley (1950)"),
        ("{cite}`a,c`", "(Shapley, 1950; A et al., 1952)"),
        ("{cite:t}`b`", "Janzing and Ć (1951)"),
        ("(here)=\n## Title", "## Title"),
        (":::{note}\nOne.\n\nTwo.\n:::", "> **Note**\n>\n> One.\n>\n> Two."),
        (
            "::::{dropdown} More\n:::{admonition} Box\nOne.\n:::\n::::",
            "<details><summary>More</summary>\n\n> **Box**\n>\n> One.\n\n</details>",
        ),
        (
            ":::{exercise} Count\n:label: ex-1\n\nOne.\n:::\n\n"
            ":::{solution} ex-1\n:class: dropdown\nTwo.\n:::",
            "**Exercise: Count.**\n\nOne.\n\n"
            "<details><summary>Solution</summary>\n\nTwo.\n\n</details>",
        ),
        (
            ":::{quiz} Why?\n- This.\n  > Right: yes.\n- That.\n  > No: never.\n:::",
            "**Why?**\n\n- This.\n- That.\n\n<details><summary>Answers</summary>\n\n"
            "- This.\n  > Right: yes.\n- That.\n  > No: never.\n\n</details>",
        ),
    ],
)  # fmt: skip
def test_what_only_sphinx_knows_becomes_markdown(
    text: str, expected: str, works: BibliographyData
) -> None:
    assert plain(text, works) == [expected]


def test_numbers_are_filled_in_and_captions_are_shown(works: BibliographyData) -> None:
    text, caption = plain("It is {glue:text}`n` of {glue:text}`all`.", works, n="3", all="it's 4")
    assert text == "It is 3 of it's 4."
    assert caption == "*Figure.* The map, with 3."


@pytest.mark.parametrize("text", ["{math}`x`", ":::{toctree}\na\n:::"])
def test_what_nobody_has_thought_of_fails(text: str, works: BibliographyData) -> None:
    with pytest.raises(ValueError, match="tools/distribute.py"):
        plain(text, works)
