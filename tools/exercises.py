"""The page of all exercises and of all questions to answer from memory."""

from __future__ import annotations

import re

from nbformat import NotebookNode

HEAD = """# All exercises and questions

Every chapter ends with exercises and with three questions to answer from memory. Here they all are,
so that you can choose.

| | What it takes |
|---|---|
| ● | to look, to guess, to give a reason, or to change one line |
| ●● | a few lines, with what the chapter has defined |
| ●●● | an experiment of your own, or an idea that the chapter does not have |
"""
EXERCISE = re.compile(
    r"^:{3,}\{exercise\} (.+)\n:label: (\S+)\n:class: level-([123])$", re.MULTILINE
)
QUESTION = re.compile(r"^:{3,}\{quiz\} (.+)$", re.MULTILINE)


def exercises_page(notebooks: dict[str, NotebookNode]) -> str:
    """Return the text of the page, with a section for each chapter that has exercises."""
    parts = [HEAD.rstrip()]
    for stem, notebook in notebooks.items():
        text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        rows = [
            f"| {'●' * int(level)} | {{ref}}`{name} <{label}>` |"
            for name, label, level in EXERCISE.findall(text)
        ]
        if not rows:
            continue
        title = next(line for line in text.splitlines() if line.startswith("# "))[2:]
        asked = [
            f'{number}. {question} <a href="../notebooks/{stem}.html#quiz-{number}">Answers</a>'
            for number, question in enumerate(QUESTION.findall(text), start=1)
        ]
        head = f"## [{title}](/notebooks/{stem})\n\n| | Exercise |\n|---|---|"
        parts.append("\n".join([head, *rows, "", *asked]))
    return "\n\n".join(parts) + "\n"
