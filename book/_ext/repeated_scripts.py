"""Sphinx extension: write each script of a page once.

`sphinx-thebe` adds its constants after the builder has begun, and Sphinx then lists them twice;
a browser stops at the second ``const`` of the same name.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def drop_repeated(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Keep the first of equal scripts in the page's context."""
    scripts = {
        (str(script.filename or ""), str(sorted(script.attributes.items(), key=str))): script
        for script in reversed(context.get("script_files", []))
    }
    context["script_files"] = list(reversed(scripts.values()))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx, after the extensions that add scripts."""
    app.connect("html-page-context", drop_repeated, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
