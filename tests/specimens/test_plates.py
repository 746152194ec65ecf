"""The labelled plates."""

from __future__ import annotations

from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from insectlib.specimens.insects.species import BODY_PLANS, CLASS_NAMES
from insectlib.specimens.plates import LABELS, VIEWS, anatomy_plate, draw_large, exemplar

mpl.use("Agg")


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_a_plate_names_every_part_once_and_inside_the_figure(class_name: str) -> None:
    figure = anatomy_plate(class_name, height=200)
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    assert sorted(t.get_text() for t in texts) == sorted(row[0] for row in LABELS[class_name])
    boxes = [mpl.text.Text.get_window_extent(text) for text in texts]
    width, height = figure.get_size_inches() * figure.dpi
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
    for first, second in combinations(boxes, 2):
        assert not first.overlaps(second)
    plt.close(figure)


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_landmarks_lie_on_the_insect(class_name: str) -> None:
    picture, landmarks = draw_large(class_name, 300)
    assert isinstance(exemplar(class_name), BODY_PLANS[class_name])
    drawn = (picture != picture[0, 0]).any(2)
    units, middle = VIEWS[class_name]
    for _, mark, _, _ in LABELS[class_name]:
        x, y = landmarks[mark]
        column = round(picture.shape[1] / 2 + 300 * x / units)
        row = round(150 + 300 * (y - middle) / units)
        assert drawn[row - 2 : row + 3, column - 2 : column + 3].any(), mark


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(ValueError, match="'spider'"):
        exemplar("spider")
