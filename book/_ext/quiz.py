"""Sphinx extension: a question with options, each with its feedback, in plain HTML.

.. code-block:: md

    :::{quiz} What does a Shapley value average over?
    - The pixels of a region.
      > No: it averages over orders.
    - All orders in which the players may join.
      > Right: the mean of what a player adds.
    :::

The options are radio buttons, and style sheets alone show the feedback of the chosen one: no
script, so it works offline, by keyboard, and in print, where all feedback is shown.
"""

from __future__ import annotations

from html import escape

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Quiz(SphinxDirective):
    """One question; exactly one option's feedback begins with "Right:", the others with "No:"."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the question as a fieldset."""
        content = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, content)
        options = [
            item
            for child in content.children
            if isinstance(child, nodes.bullet_list)
            for item in child.children
        ]
        verdicts = [self.verdict(option) for option in options]
        right = ["No"] * (len(options) - 1) + ["Right"]
        if len(content.children) != 1 or len(options) < 2 or sorted(verdicts) != right:
            raise self.error(
                "a quiz is one list of two or more options, each with quoted feedback that begins "
                f"with 'Right:' (once) or 'No:'; here they begin with {verdicts}"
            )
        question, messages = self.state.inline_text(self.arguments[0], self.lineno)
        name = f"quiz-{self.env.new_serialno('quiz') + 1}"
        parts = [html(f'<fieldset class="quiz" id="{name}"><legend>'), *question, html("</legend>")]
        for number, (option, verdict) in enumerate(zip(options, verdicts, strict=True)):
            text, feedback = option.children
            key = escape(f"{name}-{number}")
            parts += [
                html(
                    f'<div class="quiz-option"><input type="radio" name="{name}" id="{key}">'
                    f'<label for="{key}">'
                ),
                *text.children,
                html(f'</label><div aria-live="polite"><div class="quiz-{verdict.lower()}">'),
                *feedback.children,
                html("</div></div></div>"),
            ]
        return [*parts, html("</fieldset>"), *messages]

    def verdict(self, option: nodes.Element) -> str:
        """Return the first word of the option's feedback, up to its colon; empty where none is."""
        if len(option.children) == 2 and isinstance(option.children[1], nodes.block_quote):
            return option.children[1].astext().partition(":")[0]
        return ""


def html(text: str) -> nodes.raw:
    """Return `text` as it is for HTML builders; others leave it out."""
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
