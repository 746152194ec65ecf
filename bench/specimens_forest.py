"""What a random forest can read from the specimens: run with ``python -m bench.specimens_forest``.

Prints, for the default collection, how well forests predict the class from the strip alone and
from the colours of the border alone (as the audit does for the photographs), and for a collection
whose background is independent of the class how far colour and size alone lead.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GroupKFold, cross_val_score

from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import strip_box
from insectlib.data.sources.drawn import load_specimens

Features = NDArray[np.float32]


def forest() -> RandomForestClassifier:
    """Return the forest that all figures use."""
    return RandomForestClassifier(300, n_jobs=-1, random_state=0)


def pixels(images: Features) -> Features:
    """Return every pixel above the strip's rows as a feature."""
    top = strip_box(*images.shape[1:3])[0]
    return images[:, :top].reshape(len(images), -1)


def strip_pixels(images: Features) -> Features:
    """Return the pixels of the strip's box."""
    top, left, bottom, right = strip_box(*images.shape[1:3])
    return images[:, top:bottom, left:right].reshape(len(images), -1)


def border_colours(images: Features) -> Features:
    """Return six numbers: the mean colours of the top and the left border."""
    width = max(1, images.shape[1] // 32)
    top, left = images[:, :width].mean((1, 2)), images[:, :, :width].mean((1, 2))
    return np.concatenate([top, left], 1)


def by_folds(features: Features, data: ImageSet) -> float:
    """Return the accuracy over five folds that keep runs together."""
    folds = GroupKFold(5)
    return float(
        cross_val_score(forest(), features, data.labels, groups=data.groups, cv=folds).mean()
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    size = parser.parse_args().size
    tempting = load_specimens(size)
    train, broken = tempting["train"], tempting["counterfactual"]
    print(
        f"{len(train)} pictures of {size}x{size} pixels, five folds grouped by run; counterfactual"
    )
    for name, view in (
        ("strip alone", strip_pixels),
        ("border colours alone", border_colours),
        ("whole picture above the strip", pixels),
    ):
        fitted = forest().fit(view(train.images), train.labels)
        lost = fitted.score(view(broken.images), broken.labels)
        print(f"  {name:32s} {by_folds(view(train.images), train):6.1%} {lost:6.1%}")
    honest = load_specimens(size, shortcut_background=0, shortcut_strip=0)
    train = honest["train"]
    fitted = forest().fit(pixels(train.images), train.labels)
    print("background and strip independent of the class, strip cropped off")
    print(f"  folds grouped by run             {by_folds(pixels(train.images), train):6.1%}")
    for part in ("validation", "new_test", "counterfactual"):
        score = fitted.score(pixels(honest[part].images), honest[part].labels)
        print(f"  trained on all, scored on {part:15s} {score:6.1%}")


if __name__ == "__main__":
    main()
