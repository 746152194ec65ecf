"""What a cell shows for an explorer: HTML in a page, a figure in print (chapter ``04_shapley``)."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from insectlib.visualise.plots import show_picture
from insectlib.visualise.region_svg import LETTERS
from insectlib.visualise.style import GREY, WIDTH, as_typed, printable


@dataclass(frozen=True)
class Explorer:
    """One explorer, ready to be shown as the result of a cell.

    Parameters
    ----------
    html : str
        The explorer as shown on a web page.
    picture : float32 array, shape (height, width, 3)
        Shown in print, values from 0 to 255.
    players : tuple of str
        Names of the regions or parts that are switched on and off.
    values, left_out : float64 arrays, shape (n_players,)
        Shapley values and leave-one-out of the explained class's probability.
    class_name : str
        The explained class.
    segments : int64 array, shape (height, width), optional
        The regions, to be outlined in print; None for a drawn specimen.
    """

    html: str
    picture: NDArray[np.float32]
    players: tuple[str, ...]
    values: NDArray[np.float64]
    left_out: NDArray[np.float64]
    class_name: str
    segments: NDArray[np.int64] | None = None

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return what a notebook shows: the page takes the HTML, print the picture."""
        style, script = (
            Path(__file__).with_name(name).read_text(encoding="utf-8")
            for name in ("explorer.css", "explorer.js")
        )
        return {
            # the book has both once for all of its pages, and leaves these out
            "text/html": f"{self.html}<style data-explorer>{style}</style>"
            f"<script data-explorer>{script}</script>",
            "image/png": base64.b64encode(self._printed()).decode("ascii"),
            "text/plain": printable(f"Explorer of {', '.join(self.players)} for {self.class_name}"),
        }

    def _printed(self) -> bytes:
        """Return the picture and its two scores as a PNG file."""
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.2))
        names = [as_typed(name) for name in self.players]
        if self.segments is None:
            show_picture(left, self.picture)
        else:
            labels = _enlarged(self.segments, *self.picture.shape[:2])
            show_picture(left, self.picture, labels)
            for i, name in enumerate(names):
                y, x = np.argwhere(labels == i).mean(axis=0)
                halo = {"boxstyle": "circle,pad=0.15", "fc": "black", "ec": "none", "alpha": 0.5}
                left.text(x, y, LETTERS[i], color="white", ha="center", va="center", bbox=halo)
                names[i] = name if name == LETTERS[i] else f"{LETTERS[i]} {name}"
        left.set_title("everything shown")
        places = np.arange(len(names))
        right.barh(places, 100 * self.values, 0.6, label="Shapley value")
        right.plot(100 * self.left_out, places, "o", mfc="white", color=GREY, label="left out")
        right.axvline(0, color=GREY, lw=1)
        right.set(
            yticks=places, yticklabels=names, xlabel=f"points for {as_typed(self.class_name)}"
        )
        right.invert_yaxis()
        right.legend(fontsize=10)
        file = io.BytesIO()
        figure.savefig(file, format="png")
        plt.close(figure)
        return file.getvalue()


def _enlarged(segments: NDArray[np.int64], height: int, width: int) -> NDArray[np.int64]:
    """Return the regions of a picture that is larger than what the network sees."""
    rows = np.arange(height) * segments.shape[0] // height
    columns = np.arange(width) * segments.shape[1] // width
    return np.asarray(segments[rows[:, None], columns])
