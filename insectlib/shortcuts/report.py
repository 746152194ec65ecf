"""One call, one page: what a network uses, written down for a reader.

Chapter ``10_clever_hans``. The page is a single HTML file with its figures inside; it loads
nothing from anywhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from insectlib.data.cache import write_whole
from insectlib.data.imageset import ImageSet
from insectlib.shortcuts.clusters import LIMIT, SUSPECTS
from insectlib.shortcuts.diagnosis import Diagnosis, diagnose, plot_clusters
from insectlib.shortcuts.outcomes import accuracy
from insectlib.visualise.plots import show_pictures
from insectlib.visualise.style import printable, use_style

if TYPE_CHECKING:
    import keras

FALL = 0.05
"""A fall of the accuracy by so much more than the control's confirms a suspicion."""

STYLE = """
:root { color-scheme: light dark; --ink: #222832; --paper: #fff; --line: #d1d5da; --soft: #f3f4f5 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ced6dd; --paper: #14181e; --line: #48566b; --soft: #222832 } }
body { background: var(--paper); color: var(--ink); line-height: 1.65; margin: 0 auto;
  max-width: 46rem; padding: 1.5rem 1rem 4rem; overflow-wrap: break-word;
  font-family: -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif }
h1 { font-size: 1.9rem; line-height: 1.2 } h2 { margin-top: 2.2rem }
figure { margin: 1.2rem 0 } figcaption { font-size: .92rem }
figure img { background: #fff; border-radius: 8px; height: auto; max-width: min(100%, 660px);
  padding: 8px; box-sizing: border-box }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: right }
th:first-child, td:first-child { text-align: left }
@media (max-width: 30rem) { table { font-size: .85rem } th, td { padding: .3rem } }
.verdict { background: var(--soft); border-left: .25rem solid #0072b2; padding: .6rem 1rem }
.verdict.bad { border-color: #d55e00 }
"""


def write_report(
    model: keras.Model,
    pictures: ImageSet | Path | str,
    target: Path | str,
    *,
    class_names: Sequence[str] | None = None,
    background: ArrayLike | None = None,
    title: str = "What did the network see?",
    seed: int = 0,
    n_samples: int = 8,
    n_clusters: int | None = None,
    progress: bool = False,
) -> Diagnosis:
    """Diagnose a network on a folder of pictures, and write a page about it.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    model : keras.Model
        Takes square pictures in [0, 255] and ends in one logit for each class.
    pictures : ImageSet, Path or str
        A test part that the network was not trained on, or a folder with one folder of pictures
        for each class.
    target : Path or str
        The HTML file to write; it appears when it is complete, and not before.
    class_names : sequence of str, optional
        Names of the class folders in the order of the model's outputs; alphabetical where missing.
    background : array, shape (m, height, width, 3), optional
        Background set of the explainer, best some training pictures. Where it is missing, a tenth
        of the pictures of each class serves as background and is not explained.
    title : str
        Title of the page.
    seed : int
        Seed of the samples, the clusters and the exchanges.
    n_samples, n_clusters
        As for `insectlib.shortcuts.diagnose`.
    progress : bool
        Whether to show a bar while specimens are drawn.

    Returns
    -------
    Diagnosis
        What the page reports.

    Raises
    ------
    FileNotFoundError
        When the folder of the pictures or of the page is not there.
    ValueError
        When model and pictures do not fit together, or a class has too few pictures.
    """
    path = Path(target)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} is not there: make it first")
    if path.suffix.lower() not in {".html", ".htm"}:
        raise ValueError(f"target is {path.name}; expected a name that ends in .html")
    part = _pictures(model, pictures, class_names)
    if background is None:
        chosen = _background(part.labels)
        background = part.images[chosen]
        part = part.subset(np.setdiff1d(np.arange(len(part)), chosen))
    found = diagnose(
        model,
        part,
        background,
        seed=seed,
        n_samples=n_samples,
        n_clusters=n_clusters,
        progress=progress,
    )
    with mpl.rc_context():  # the caller's figures keep their own style
        use_style()
        page = _page(found, accuracy(model, part), title)
    write_whole(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))
    return found


def verdict(found: Diagnosis) -> tuple[bool, str]:
    """Say in two sentences what the maps suspect, and what the interventions confirm.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    tuple of bool and str
        Whether an intervention confirms a shortcut, and the sentences.
    """
    suspicious = sum(len(c.members) for c in found.clusters if c.suspicious)
    suspects = " and ".join(name for name in found.regions if name in SUSPECTS)
    maps = (
        f"The maps put {found.suspicion:.0%} of the evidence on {suspects}, and "
        f"{suspicious} of {len(found.part)} pictures are in suspicious clusters."
    )
    falls = {outcome.name: 100 * outcome.drop for outcome in found.outcomes}
    tried = [outcome for outcome in found.outcomes if outcome.control]
    if not tried:
        return False, f"{maps} Nothing was changed in the pictures to confirm it."
    beyond = {o.name: falls[o.name] - max(falls[o.control], 0) for o in tried}
    worst = max(tried, key=lambda outcome: beyond[outcome.name])
    beside = f"its control, “{worst.control}”, costs {max(falls[worst.control], 0):.0f}"
    if beyond[worst.name] > 100 * FALL:
        return True, (
            f"{maps} The pictures confirm it: with {worst.name}, the accuracy falls by "
            f"{falls[worst.name]:.0f} points; {beside}."
        )
    return False, (
        f"{maps} The pictures do not confirm a shortcut: the clearest fall is "
        f"{falls[worst.name]:z.0f} points, with {worst.name}; {beside}."
    )


def _pictures(
    model: keras.Model, pictures: ImageSet | Path | str, class_names: Sequence[str] | None
) -> ImageSet:
    """Return the pictures at the size of the model, or say what does not fit."""
    shape = model.input_shape
    if len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] != 3:
        raise ValueError(
            f"the model takes {shape}; expected (None, side, side, 3), square colour pictures"
        )
    if isinstance(pictures, ImageSet):
        return pictures
    return ImageSet.from_folder(pictures, shape[1], class_names)


def _background(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a tenth of each class, and two pictures of it at least."""
    if not len(labels):
        raise ValueError("there are no pictures; expected four or more of each class")
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        wanted = max(2, len(members) // 10)
        if len(members) < 2 * wanted:
            raise ValueError(
                f"class {label} has {len(members)} pictures; expected four or more, or a background"
            )
        chosen.append(members[np.linspace(0, len(members) - 1, wanted).astype(int)])
    return np.concatenate(chosen)


def _page(found: Diagnosis, right: float, title: str) -> str:
    """Return the whole page as HTML."""
    bad, sentences = verdict(found)
    part, clusters = found.part, found.clusters
    typical = part.images[[c.typical for c in clusters]]
    names = [part.class_names[part.labels[c.typical]] for c in clusters]
    suspects = ", ".join(name for name in found.regions if name in SUSPECTS)
    rows = [
        [str(k + 1), str(len(c.members)), *(f"{s:.0%}" for s in c.shares.values())]
        + [f"{c.suspicion:.0%}", "suspicious" if c.suspicious else "-"]
        for k, c in enumerate(clusters)
    ]
    share_rows = [
        [name, f"{share:.0%}", f"{found.areas[name]:.0%}"] for name, share in found.shares.items()
    ]
    outcomes = [
        [
            o.name if o.control else f"{o.name} (control)",
            f"{o.before:.1%}",
            "-" if o.predicted is None else f"{o.predicted:.1%}",
            f"{o.after:.1%}",
            f"{-100 * o.drop:+z.1f}",
        ]
        for o in found.outcomes
    ]
    body = [
        f"<p>{len(part)} pictures of {len(part.class_names)} classes "
        f"({listed(part.class_names)}). The network names {right:.1%} of them "
        "correctly.</p>",
        f'<p class="verdict{" bad" if bad else ""}">{escape(sentences)}</p>',
        "<h2>Where the evidence lies</h2>",
        "<p>Each map is added up by region, with its signs; the share is taken of the size of "
        "these sums.</p>",
        table_of(["region", "share of the evidence", "share of the pixels"], share_rows),
        "<h2>Clusters of maps</h2>",
        f"<p>Maps that look alike are put together. The suspicion of a cluster is the mean share "
        f"of its evidence on {suspects}; above {LIMIT:.0%} it is called suspicious. The most "
        "suspicious come first.</p>",
        figure_of(
            plot_clusters(found),
            "The most suspicious clusters: a typical picture, the mean map, and the share of the "
            "evidence on each region. The upright marks are shares of the pixels.",
        ),
        table_of(["cluster", "pictures", *found.regions, "suspicion", ""], rows),
        figure_of(
            show_pictures(typical, [f"cluster {k + 1}\n{n}" for k, n in enumerate(names)]),
            "The typical picture of every cluster, with its true class.",
        ),
        _members(found),
        "<h2>Interventions</h2>",
        "<p>A map is a claim. Here the pictures themselves are changed. “Predicted” is what the "
        "maps let you expect if the regions acted alone. A control changes as much and should cost "
        "little: any painted box, and the seams of any collage, may confuse a network.</p>",
        table_of(["change", "before", "predicted", "after", "points"], outcomes),
        "<h2>What this page cannot say</h2>",
        "<p>Maps can blame an innocent region and miss a guilty one; believe the interventions "
        "first. Only the regions named here were examined: a network without a shortcut on them "
        "may have another one. A fall after a change can also come from pictures that look odd, "
        "and the surroundings of an insect may hold a leg of it. And none of this tells whether "
        "the network is right for the reasons of a biologist.</p>",
    ]
    return document(title, body)


def document(title: str, body: Sequence[str]) -> str:
    """Return a whole page as HTML, which loads nothing from anywhere."""
    return printable(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as HTML."""
    cells = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Table">'
        f"<table><thead><tr>{cells}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def figure_of(figure: Figure, caption: str) -> str:
    """Return a figure as HTML, with the picture inside, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def listed(names: Iterable[str]) -> str:
    """Return names side by side; one that is written from right to left turns no other."""
    return ", ".join(f"<bdi>{escape(name)}</bdi>" for name in names)


def _members(found: Diagnosis) -> str:
    """List the names of the pictures of each suspicious cluster, folded."""
    lists = [
        f"<details><summary>The {len(c.members)} pictures of cluster {k + 1}</summary>"
        f"<p>{listed(found.part.names[i] for i in c.members)}</p></details>"
        for k, c in enumerate(found.clusters)
        if c.suspicious
    ]
    return "\n".join(lists)
