"""The landing page's pictures: a card for each chapter, and the picture at the top.

All of it is taken from the executed notebooks: the question and the minutes from the box that
opens a chapter, the thumbnail from one of its figures.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from nbformat import NotebookNode
from PIL import Image

THUMBNAILS = {
    "00_specimens": "fig-00-mask",
    "01_data": "fig-01-leak",
    "02_cnn": "fig-02-confusion",
    "04_shapley": "fig-04-tiles",
    "05_kernel_shap": "fig-05-twice",
    "08_partition_shap": "fig-08-tree",
    "09_evaluation": "fig-09-parts",
    "10_clever_hans": "fig-10-repaired",
    "12_collection": "fig-12-maps",
    "14_estimators": "fig-14-intervals",
}
"""The figure on a chapter's card, where it is not the first one."""

HERO = ("10_clever_hans", "fig-10-caught")


def cards(notebooks: Mapping[str, NotebookNode], toc: Mapping[str, Any], static: Path) -> str:
    """Return the cards of the chapters in the order of `toc`; write their pictures to `static`."""
    thumbnails = static / "cards"
    thumbnails.mkdir(parents=True, exist_ok=True)
    text = []
    for part in toc["parts"]:
        stems = [Path(entry["file"]).stem for entry in part["chapters"]]
        if stems := [stem for stem in stems if stem in notebooks]:
            text += [f"### {part['caption']}", "", "::::{grid} 1 2 2 3", ":gutter: 3", ""]
            for stem in stems:
                thumbnail(figures(notebooks[stem]), THUMBNAILS.get(stem)).save(
                    thumbnails / f"{stem}.webp", quality=85
                )
                text += card(stem, notebooks[stem])
            text += ["::::", ""]
    stem, name = HERO
    if stem in notebooks:
        first_row(figures(notebooks[stem])[name]).save(static / "hero.webp", quality=90)
    return "\n".join(text)


def card(stem: str, notebook: NotebookNode) -> list[str]:
    """Return the lines of one chapter's card."""
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title = re.search(r"^# (.+)$", words, re.MULTILINE)
    question = re.search(r"^\*\*Question\.\*\* (.+?)\n\n", words, re.MULTILINE | re.DOTALL)
    minutes = re.search(r"(\d+) minutes to read", words)
    lines = [f":::{{grid-item-card}} {title[1] if title else stem}"]
    lines += [
        f":link: /notebooks/{stem}",
        ":link-type: doc",
        f":img-top: _static/cards/{stem}.webp",
    ]
    # the title says it all, and a screen reader would say it twice
    lines += [":img-alt: ", "", " ".join(question[1].split()) if question else ""]
    if minutes:
        lines += ["", f"*{minutes[1]} minutes to read*"]
    return [*lines, ":::", ""]


def figures(notebook: NotebookNode) -> dict[str, Image.Image]:
    """Return the labelled figures of an executed notebook, by name."""
    found = {}
    for cell in notebook.cells:
        name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        for output in cell.get("outputs", []):
            if name and (data := output.get("data", {}).get("image/png")):
                found[name] = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return found


def thumbnail(pictures: Mapping[str, Image.Image], name: str | None) -> Image.Image:
    """Return the upper part of a figure, 480 by 240 pixels."""
    picture = pictures.get(name or "") or next(iter(pictures.values()))
    width, height = picture.size
    picture = picture.crop((0, 0, width, min(height, width // 2)))
    picture.thumbnail((480, 240))
    card = Image.new("RGB", (480, 240), "white")
    card.paste(picture, ((480 - picture.width) // 2, (240 - picture.height) // 2))
    return card


def first_row(figure: Image.Image) -> Image.Image:
    """Return a figure down to the end of its first row of pictures."""
    inked = (np.asarray(figure) < 250).any(axis=(1, 2))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inked, [False]])))
    starts, ends = edges[::2], edges[1::2]
    tall = ends - starts > figure.height // 8
    return figure.crop((0, 0, figure.width, int(ends[tall][0]) + 8))
