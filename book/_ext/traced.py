"""Sphinx extension: each result in a sentence leads to the cell that computed it.

Results get into sentences by ``{glue:text}`` roles, from cells that the page does not show. Those
cells stand here, folded, at the end of their page; ``course.js`` also shows them beside the number.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from myst_nb.ext.glue.roles import PasteTextRole
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from insectlib.visualise.style import with_minus

SUMMARY = "The cells that computed the numbers in the text"


def cells(env: BuildEnvironment) -> dict[str, tuple[int, str]]:
    """Return the number and the code of the cell that computed each result of the page being read.

    Parameters
    ----------
    env : BuildEnvironment

    Returns
    -------
    dict from str to (int, str)
        By the name of the result.
    """
    path = Path(env.doc2path(env.docname))
    page: dict[str, tuple[int, str]] | None = env.temp_data.get("traced")
    if path.suffix != ".ipynb":  # it shows results of other pages
        return {}
    if page is None:
        notebook = nbformat.read(path, as_version=4)
        page = env.temp_data["traced"] = {
            output.metadata.scrapbook.name: (number, cell.source)
            for number, cell in enumerate(notebook.cells)
            for output in cell.get("outputs", [])
            if "scrapbook" in output.get("metadata", {})
        }
    return page


class TracedRole(PasteTextRole):
    """A result, as a link to the cell that computed it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link, or what is wrong."""
        found, messages = super().run()
        env, name = self.document.settings.env, self.text
        if name not in cells(env) or not "".join(node.astext() for node in found).strip():
            return found, messages  # of another page, or a word that is left out in this edition
        for node in found:
            for text in list(node.findall(nodes.Text)):
                text.parent.replace(text, nodes.Text(with_minus(text)))
        number, code = cells(env)[name]
        env.temp_data.setdefault("traced cells", {})[number] = code
        link = f'<a class="traced" href="#computed-{number}" data-result="{escape(name)}">'
        return [html(link), *found, html("</a>")], messages


def add_cells(app: Sphinx, page: nodes.document) -> None:
    """Put the cells that are led to at the end of the page."""
    used: dict[int, str] = app.env.temp_data.get("traced cells", {})
    if not used:
        return
    last = page.children[-1]
    assert isinstance(last, nodes.Element)
    last += html(f'<details class="traced-cells"><summary>{SUMMARY}</summary>')
    for number, code in sorted(used.items()):
        block = nodes.literal_block(code, code, language="python")
        last += nodes.container("", block, ids=[f"computed-{number}"])
    last += html("</details>")


def html(text: str) -> nodes.raw:
    """Return a piece of a page."""
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Take the place of MyST-NB's role."""
    app.setup_extension("myst_nb")
    app.add_role_to_domain("glue", "text", TracedRole(), override=True)
    app.connect("doctree-read", add_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
