"""Slides: what is on them, and what are the speaker's notes."""

from __future__ import annotations

import nbformat

from tools.slides import slides

OPENING = """# 1. Beetles

> **In this chapter**
>
> **Question.** How many?"""

SECTION = """## Counting

We count them. It takes [long](02_more.ipynb).

- one
- two

More words."""

EXERCISE = """**Exercise: Count again.**

Count twice.

<details><summary>Solution</summary>

Two.

</details>"""


def test_one_rule_decides_what_is_on_a_slide() -> None:
    def code(source: str, *tags: str, text: str = "", png: str = "") -> nbformat.NotebookNode:
        outputs = [nbformat.v4.new_output("stream", text=text)] if text else []
        if png:
            outputs.append(nbformat.v4.new_output("display_data", {"image/png": png}))
        alt = {"image": {"alt": 'A "map".'}}
        return nbformat.v4.new_code_cell(
            source, outputs=outputs, metadata={"tags": list(tags), "mystnb": alt}
        )

    words = nbformat.v4.new_markdown_cell
    cells = [
        words(OPENING),
        words(SECTION),
        code("x = 1"),
        code("def game(x):\n    return x"),
        code("plot()", "hide-input", png="aGk="),
        words("*Figure.* The *map*."),
        code('print("equal:", True)', "nbval-check-output", text="equal: True\n"),
        words(EXERCISE),
    ]
    show = slides(nbformat.v4.new_notebook(cells=cells))
    found = [(c.metadata.slideshow.slide_type, c.source.splitlines()[0]) for c in show.cells]
    assert show.metadata.title == "1. Beetles"
    assert found == [
        ("slide", "# 1. Beetles"),
        ("subslide", "> **In this chapter**"),
        ("slide", "## Counting"),
        ("-", "We count them."),
        ("notes", "We count them. It takes [long](../notebooks/02_more.html)."),
        ("-", "- one"),
        ("notes", "More words."),
        ("subslide", "```python"),
        (
            "subslide",
            '<figure><img alt="A &quot;map&quot;." src="data:image/png;base64,aGk="><figcaption>',
        ),
        ("notes", "```text"),
        ("subslide", "**Exercise: Count again.**"),
        ("-", "Count twice."),
        ("notes", "<summary>Solution</summary>"),
    ]
