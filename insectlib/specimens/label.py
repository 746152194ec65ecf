"""The catalogue label at the bottom right: a black box with white digits, drawn as strokes."""

from __future__ import annotations

from dataclasses import dataclass

from insectlib.specimens.svg import Canvas, Point, polyline

# Strokes of each character on a grid of 4 by 6 (y down); no font, so the same on every machine.
STROKES: dict[str, tuple[tuple[Point, ...], ...]] = {
    "0": (
        ((1, 0), (3, 0), (4, 1), (4, 5), (3, 6), (1, 6), (0, 5), (0, 1), (1, 0)),
        ((1, 5), (3, 1)),
    ),
    "1": (((0.6, 1.2), (2, 0), (2, 6)), ((0.6, 6), (3.4, 6))),
    "2": (((0, 1), (1, 0), (3, 0), (4, 1), (4, 2.2), (0, 6), (4, 6)),),
    "3": (((0, 0), (4, 0), (2, 2.4), (3, 2.4), (4, 3.5), (4, 5), (3, 6), (1, 6), (0, 5)),),
    "4": (((3, 6), (3, 0), (0, 4), (4, 4)),),
    "5": (((4, 0), (0.4, 0), (0, 2.8), (2.8, 2.4), (4, 3.4), (4, 5), (3, 6), (1, 6), (0, 5.2)),),
    "6": (
        (
            (3.6, 0),
            (1.4, 0.8),
            (0, 3),
            (0, 5),
            (1, 6),
            (3, 6),
            (4, 5),
            (4, 3.8),
            (3, 2.8),
            (1, 2.8),
            (0, 3.8),
        ),
    ),
    "7": (((0, 0), (4, 0), (1.4, 6)),),
    "8": (
        (
            (1, 2.8),
            (0, 2),
            (0, 1),
            (1, 0),
            (3, 0),
            (4, 1),
            (4, 2),
            (3, 2.8),
            (1, 2.8),
            (0, 3.8),
            (0, 5),
            (1, 6),
            (3, 6),
            (4, 5),
            (4, 3.8),
            (3, 2.8),
        ),
    ),
    "9": (
        (
            (0.4, 6),
            (2.6, 5.2),
            (4, 3),
            (4, 1),
            (3, 0),
            (1, 0),
            (0, 1),
            (0, 2.2),
            (1, 3.2),
            (3, 3.2),
            (4, 2.2),
        ),
    ),
    "U": (((0, 0), (0, 5), (1, 6), (3, 6), (4, 5), (4, 0)),),
    "G": (((4, 1), (3, 0), (1, 0), (0, 1), (0, 5), (1, 6), (3, 6), (4, 5), (4, 3.2), (2.2, 3.2)),),
    "A": (((0, 6), (2, 0), (4, 6)), ((0.8, 4), (3.2, 4))),
}


@dataclass(frozen=True)
class Strip:
    """What the label shows.

    Parameters
    ----------
    text : str
        Catalogue number: characters of `STROKES`, such as ``"5556820"`` or ``"UGA1225006"``.
    style : int
        The collection in whose style it is printed, an index of `LABEL_STYLES`.
    """

    text: str
    style: int


@dataclass(frozen=True)
class LabelStyle:
    """The label style of one collection.

    Parameters
    ----------
    prefix : str
        Letters before the number.
    first, last : int
        The range that its catalogue numbers are taken from.
    pitch : float
        Width of one character, as a share of the picture's side.
    height : float
        Height of the box, as a share of the picture's side.
    paper, ink : str
        Colours of the box and the digits.
    """

    prefix: str
    first: int
    last: int
    pitch: float
    height: float
    paper: str
    ink: str


LABEL_STYLES = (
    LabelStyle("", 5_540_000, 5_579_999, 0.0265, 0.052, "#000000", "#ffffff"),
    LabelStyle("", 5_380_000, 5_419_999, 0.0300, 0.058, "#121212", "#ececec"),
    LabelStyle("UGA", 1_220_000, 1_259_999, 0.0320, 0.052, "#000000", "#ffffff"),
)


def draw_strip(canvas: Canvas, strip: Strip, size: int) -> None:
    """Draw the label into the lower right corner of the unit square.

    The box lies within the lowest 7 % of the rows and the rightmost 40 % of the columns, and its
    edges lie on the edges of pixels of a picture with `size` pixels a side.

    Raises
    ------
    ValueError
        When the text has a character without strokes.
    """
    strange = sorted(set(strip.text) - set(STROKES))
    if strange:
        raise ValueError(f"strip text {strip.text!r}: no strokes for {', '.join(strange)}")
    style = LABEL_STYLES[strip.style]
    width = round(size * style.pitch * (len(strip.text) + 1)) / size
    height = max(2, round(size * style.height)) / size
    left, top = 1 - width, 1 - height
    box = [(left, top), (1.0, top), (1.0, 1.0), (left, 1.0)]
    canvas.add("strip", polyline(box, closed=True), fill=style.paper)
    scale_x, scale_y = 0.62 * style.pitch / 4, 0.62 * height / 6
    data = ""
    for place, character in enumerate(strip.text):
        x = left + style.pitch * (place + 0.5 + 0.19)
        for stroke in STROKES[character]:
            data += polyline(
                (x + scale_x * u, top + 0.19 * height + scale_y * v) for u, v in stroke
            )
    canvas.detail("strip", data, stroke=style.ink, width=0.09 * height)
