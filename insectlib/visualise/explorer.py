"""The coalition explorer: a game with few players that a reader plays in the page.

Chapter ``04_shapley``. The page holds the network's answer to every coalition, so it needs neither
network nor server. Without scripts it shows the picture and a table; in print, a figure. The
script and its style lie beside this file: the book links them, a notebook carries them along.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insectlib.explain.games.coalitions import exact_shapley, leave_one_out, player_count
from insectlib.models.inference import softmax
from insectlib.specimens.layered_svg import layered_svg, picture_uri
from insectlib.specimens.rendering import render
from insectlib.specimens.scene import INSECT, Scene
from insectlib.visualise.explorer_result import Explorer
from insectlib.visualise.region_svg import LETTERS, outlines, places_in_words, runs
from insectlib.visualise.style import class_looks, printable, with_minus

PRINTED = 320  # side in pixels of the printed picture of a scene


def explore_scene(
    scene: Scene,
    players: Sequence[str],
    table: NDArray[np.float64],
    class_names: Sequence[str],
    *,
    key: str,
    title: str,
    explained: int | None = None,
) -> Explorer:
    """Return an explorer of a drawn specimen, whose parts are switched on and off.

    Chapter ``04_shapley``.

    Parameters
    ----------
    scene : Scene
    players : sequence of str
        The six parts of the insect, ``"background"`` and ``"strip"``, in any order:
        `insectlib.explain.SCENE_PLAYERS`.
    table : float64 array, shape (256, n_classes)
        Logits of every coalition, from `insectlib.explain.scene_shapley`.
    class_names : sequence of str
    key : str
        Name of this explorer in its page: lower-case letters, digits and hyphens.
    title : str
        Heading above the explorer.
    explained : int, optional
        The class whose probability is shared out first; the predicted one where missing.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        When `players` are others, or when key, table or classes do not fit.
    """
    if sorted(players) != sorted((*INSECT, "background", "strip")):
        raise ValueError(
            f"players are {', '.join(players)}; expected the six parts of the insect, "
            "background and strip"
        )
    number = {name: i for i, name in enumerate(players)}
    label = f"Drawing of a {scene.class_name}, with background and label strip"
    svg = layered_svg(scene, number, f"{_checked_key(key)}-", label)
    data = {"kind": "scene", "noun": "part", "what": f"a {scene.class_name}"}
    names = tuple(players)
    picture = render(scene, PRINTED)[0]
    return _explorer(key, title, data, svg, picture, names, names, table, class_names, explained)


def explore_regions(
    picture: NDArray[np.float32],
    background: ArrayLike,
    segments: NDArray[np.int64],
    table: NDArray[np.float64],
    class_names: Sequence[str],
    *,
    key: str,
    title: str,
    what: str,
    names: Sequence[str] | None = None,
    explained: int | None = None,
    quality: int = 90,
) -> Explorer:
    """Return an explorer of any picture, whose regions are switched on and off.

    Chapter ``04_shapley``.

    Parameters
    ----------
    picture : float32 array, shape (height, width, 3)
        Values from 0 to 255; larger than the network's where there is a larger one.
    background : array, shape (3,) or of the shape of `picture`
        What stands where a region is hidden.
    segments : int64 array, shape (rows, columns)
        The region of each pixel that the network sees, at most twelve of them.
    table : float64 array, shape (2**n_regions, n_classes)
        Logits of every coalition, in the order of `insectlib.explain.all_coalitions`.
    class_names : sequence of str
    key : str
        Name of this explorer in its page: lower-case letters, digits and hyphens.
    title : str
        Heading above the explorer.
    what : str
        What the picture shows, such as ``"a beetle"``.
    names : sequence of str, optional
        Names of the regions; their letters alone where missing.
    explained : int, optional
        The class whose probability is shared out first; the predicted one where missing.
    quality : int
        Quality of the picture's WebP file, 1 to 100.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        When there are more than twelve regions, or when key, table, classes or names do not fit.
    """
    n = int(segments.max()) + 1
    if n > len(LETTERS):
        raise ValueError(f"{n} regions; expected at most {len(LETTERS)}: they double the table")
    if names is not None and len(names) != n:
        raise ValueError(f"{len(names)} names for {n} regions; expected one each")
    letters = tuple(LETTERS[:n])
    players = letters if names is None else tuple(names)
    places = places_in_words(segments)
    spoken = tuple(f"{a}, {b}" for a, b in zip(letters, names or places, strict=True))
    hidden = np.asarray(background, dtype=np.float32)
    data = {
        "kind": "regions",
        "noun": "region",
        "what": what,
        "letters": letters,
        "shape": segments.shape,
        "runs": runs(segments),
        "picture": picture_uri(picture, quality),
        "background": picture_uri(hidden, 60) if hidden.ndim == 3 else _hex(hidden),
    }
    alt = escape(f"The picture of {what}, whose {n} regions the explorer switches on and off")
    still = f'<img src="{data["picture"]}" alt="{alt}">' + outlines(segments)
    return _explorer(
        key, title, data, still, picture, players, spoken, table, class_names, explained, segments
    )


def _explorer(
    key: str,
    title: str,
    data: dict[str, Any],
    still: str,
    picture: NDArray[np.float32],
    players: tuple[str, ...],
    spoken: tuple[str, ...],
    table: NDArray[np.float64],
    class_names: Sequence[str],
    explained: int | None,
    segments: NDArray[np.int64] | None = None,
) -> Explorer:
    """Check the game, and put the still picture, the table and the data into one element."""
    n = player_count(table)
    if n != len(players):
        raise ValueError(f"the table is of {n} players; expected {len(players)}: {players}")
    if table.shape[1] != len(class_names):
        raise ValueError(f"{len(class_names)} class_names for {table.shape[1]} outputs")
    k = int(table[-1].argmax()) if explained is None else explained
    shares = softmax(table)
    values, left_out = exact_shapley(shares)[:, k], leave_one_out(shares)[:, k]
    colours = [look["color"] for look in class_looks(len(class_names))]
    data |= {
        "players": players,
        "spoken": spoken,
        "classes": list(class_names),
        "colours": colours,
        "explained": k,
        "logits": base64.b64encode(table.astype("<f4").tobytes()).decode("ascii"),
    }
    data.pop("picture", None)  # the still picture is the same; it is in the page once
    # after "<!--<script>" a browser would take the rest of the page for a script
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    html = (
        f'<div class="coalition-explorer" id="explorer-{_checked_key(key)}">'
        f'<p class="ce-title">{escape(title)}</p><div class="ce-still" '
        f'style="max-width:360px;position:relative">{still}</div>'
        + _still_table(players, values, left_out, shares[:, k], class_names[k])
        + f'<script type="application/json">{text}</script></div>'
    )
    return Explorer(printable(html), picture, players, values, left_out, class_names[k], segments)


def _still_table(
    players: tuple[str, ...],
    values: NDArray[np.float64],
    left_out: NDArray[np.float64],
    shares: NDArray[np.float64],
    class_name: str,
) -> str:
    """Return the scores as a table, for pages without scripts."""
    lines = [*zip(players, values, left_out, strict=True), ("sum", values.sum(), left_out.sum())]
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{with_minus(f'{100 * each:+z.1f}')}</td>" for each in scores)
        + "</tr>"
        for name, *scores in lines
    )
    caption = (
        f"Probability of <bdi>{escape(class_name)}</bdi>: {shares[0]:.1%} with nothing shown, "
        f"{shares[-1]:.1%} with everything shown. What each adds, in percentage points. In the "
        "pages of the book, where scripts run, this is a figure to play with."
    )
    return (
        f'<table class="ce-still-table"><caption>{caption}</caption><thead><tr><th></th>'
        '<th scope="col">Shapley value</th><th scope="col">leave one out</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _checked_key(key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]*", key):
        raise ValueError(f"key is {key!r}; expected lower-case letters, digits and hyphens")
    return key


def _hex(colour: NDArray[np.float32]) -> str:
    return "#" + "".join(f"{round(float(v)):02x}" for v in colour)
