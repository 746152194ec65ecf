"""The page of claims: what the check cells of all chapters say in this edition."""

from __future__ import annotations

import re

from nbformat import NotebookNode

HEAD = """# What the checks say

Where a chapter makes a judgement, a check cell beside it computes whether it is so. Here are all of
them, as they came out in this edition. *No* is an answer too: a chapter that asks "within 3
points?" has to show when it is more. `make test` compares the answers with those that belong to
the course, and stops where one has changed.
"""


def claims_page(notebooks: dict[str, NotebookNode]) -> str:
    """Return the text of the page, with a table for each chapter that has checks."""
    parts, yes, no = [], 0, 0
    for stem, notebook in notebooks.items():
        found = [claim for cell in notebook.cells for claim in claims(cell)]
        if not found:
            continue
        yes += sum(answer == "yes" for _, answer in found)
        no += sum(answer == "no" for _, answer in found)
        rows = [f"| {plain(what)} | {plain(answer)} |" for what, answer in found]
        title = next(cell.source for cell in notebook.cells if cell.source.startswith("# "))
        heading = f"## [{title.splitlines()[0][2:]}](/notebooks/{stem})\n"
        parts.append("\n".join([heading, "| Check | Answer |", "|---|---|", *rows]))
    total = f"Of the questions with one answer, {yes} came out as yes and {no} as no."
    return "\n\n".join([HEAD.rstrip(), total, *parts]) + "\n"


def plain(text: str) -> str:
    """Return a text whose signs mean nothing in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>|$#])", r"\\\1", text)


def claims(cell: NotebookNode) -> list[tuple[str, str]]:
    """Return what a cell checks and what came of it; nothing for a cell that is no check."""
    if "nbval-check-output" not in cell.metadata.get("tags", []):
        return []
    text = "".join(out.text for out in cell.outputs if out.output_type == "stream")
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        what, colon, answer = line.rpartition(": ")
        if colon:  # the others print what there is, and claim nothing
            found.append((what, {"True": "yes", "False": "no"}.get(answer, answer)))
    return found
