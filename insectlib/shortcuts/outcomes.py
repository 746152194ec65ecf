"""What an intervention does to the accuracy, beside what the maps predict (chapter
``10_clever_hans``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import cover_strip
from insectlib.evaluate.localisation import attribution_sums, border_masks
from insectlib.explain.explanation import Explanation
from insectlib.models.inference import Model, check_images, model_outputs
from insectlib.models.networks import image_shape
from insectlib.shortcuts.clusters import regions_of
from insectlib.shortcuts.interventions import (
    DONORS,
    cover_strips,
    donors,
    exchange,
    keep_strips,
    swap_strips,
    swap_surroundings,
)

CONTROL = "other corner painted over"
"""What any painted box does: a box of the same size in the corner that holds no strip."""


OWN_CONTROL = "surroundings swapped in class"
"""What any collage does: all but the centre is taken from a picture of the same class."""


_Change = tuple[str, ImageSet, list[str], NDArray[np.int64] | None, str]


@dataclass(frozen=True)
class Outcome:
    """What an intervention did to the accuracy.

    Parameters
    ----------
    name : str
        What was done.
    before, after : float
        Accuracy on the untouched and on the changed pictures, 0 to 1.
    predicted : float or None
        The accuracy that the maps predict, see `expected_accuracy`.
    n : int
        Number of pictures.
    control : str
        Name of the control that it is to be compared with; empty for a control.
    """

    name: str
    before: float
    after: float
    predicted: float | None
    n: int
    control: str = CONTROL

    @property
    def drop(self) -> float:
        """How far the accuracy drops: 0.25 are 25 points."""
        return self.before - self.after


def accuracy(model: Model, part: ImageSet) -> float:
    """Return the share of pictures that the model names correctly (chapter ``10_clever_hans``).

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in one logit for each class.
    part : ImageSet

    Returns
    -------
    float
        Accuracy, 0 to 1.
    """
    images = check_images(part.images, image_shape(model))
    return float((model_outputs(model, images).argmax(axis=1) == part.labels).mean())


def expected_accuracy(
    explanation: Explanation,
    regions: Mapping[str, NDArray[np.bool_]],
    labels: NDArray[np.int64],
    exchanged: Sequence[str],
    donor_of: NDArray[np.int64] | None = None,
) -> float:
    """Return the accuracy that the maps predict when regions are taken away or exchanged.

    Chapter ``10_clever_hans``. The map of a picture shares its logits out among regions. If the
    regions acted alone, a picture would lose what its own regions gave, and gain what those of the
    donor gave there. A network in which regions act together does something else.

    Parameters
    ----------
    explanation : Explanation
        The explanation of the logits of all classes, in the order of the model.
    regions : mapping of str to bool array, shape (n, height, width)
    labels : int64 array, shape (n,)
        The true classes.
    exchanged : sequence of str
        Names of regions.
    donor_of : int64 array, shape (n,), optional
        From `donors`; where missing, regions are taken away and nothing takes their place.

    Returns
    -------
    float
        Accuracy, 0 to 1.

    Raises
    ------
    ValueError
        When the explanation holds only the largest outputs, or there is no such region.
    """
    if not (explanation.classes == np.arange(explanation.classes.shape[1])).all():
        raise ValueError("the explanation holds the largest outputs only: explain without target")
    unknown = sorted(set(exchanged) - set(regions))
    if unknown:
        raise ValueError(f"no region {', '.join(unknown)}; expected some of {', '.join(regions)}")
    sums = attribution_sums(explanation, {name: regions[name] for name in exchanged})
    lost = np.sum(list(sums.values()), axis=0)
    gained = np.zeros_like(lost) if donor_of is None else lost[donor_of]
    return float(((explanation.outputs - lost + gained).argmax(axis=1) == labels).mean())


def try_interventions(
    model: Model,
    part: ImageSet,
    explanation: Explanation | None = None,
    *,
    seed: int,
    progress: bool = False,
) -> list[Outcome]:
    """Change strips, and backgrounds where pictures can be drawn again; measure the accuracy.

    Chapter ``10_clever_hans``.

    Parameters
    ----------
    model : keras.Model or callable
        Takes pictures in [0, 255] and ends in one logit for each class.
    part : ImageSet
        The test part. Specimens are drawn again; photographs become collages, see
        `swap_surroundings`.
    explanation : Explanation, optional
        The explanation of all logits of these pictures; with it, each outcome has a prediction.
    seed : int
        Seed of the exchanges.
    progress : bool
        Whether to show a bar while specimens are drawn.

    Returns
    -------
    list of Outcome
        Controls, which have no control of their own, stand before what they control.
    """
    other, box = _other_corner(part)
    around = ~border_masks(*part.images.shape[:3])["centre"]
    regions = {**regions_of(part), "other corner": box, "surroundings": around}
    other_class, same_class = (donors(part.labels, seed=seed, donor=donor) for donor in DONORS[:2])
    strips = swap_strips(part, seed=seed)
    changed: list[_Change] = [
        (CONTROL, other, ["other corner"], None, ""),
        ("strip painted over", cover_strips(part), ["strip"], None, CONTROL),
        ("strips swapped", strips, ["strip"], other_class, CONTROL),
    ]
    if part.scenes is not None:
        both = exchange(part, seed=seed, progress=progress)
        behind, every = keep_strips(both, part), ["background", "strip"]
        changed.append(("backgrounds exchanged", behind, every[:1], other_class, CONTROL))
        changed.append(("both exchanged", both, every, other_class, CONTROL))
    else:
        own = swap_surroundings(part, seed=seed, donor="own")
        swapped = swap_surroundings(part, seed=seed)
        changed.append((OWN_CONTROL, own, ["surroundings"], same_class, ""))
        changed.append(
            (
                "surroundings swapped",
                swapped,
                ["surroundings"],
                other_class,
                OWN_CONTROL,
            )
        )
    before, outcomes = accuracy(model, part), []
    for name, altered, exchanged, donor_of, control in changed:
        expected = None
        if explanation is not None:
            expected = expected_accuracy(explanation, regions, part.labels, exchanged, donor_of)
        after = accuracy(model, altered)
        outcomes.append(Outcome(name, before, after, expected, len(part), control))
    return outcomes


def _other_corner(part: ImageSet) -> tuple[ImageSet, NDArray[np.bool_]]:
    """Return the pictures with the opposite box painted over in the same way, and where that is."""
    images = cover_strip(part.images[:, :, ::-1])[:, :, ::-1]
    box = border_masks(*images.shape[:3])["strip"][:, :, ::-1]
    return replace(part, images=images, scenes=None), box
