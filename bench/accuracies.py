"""Print leaked and honest accuracies of both networks: ``python bench/accuracies.py --help``.

The rows that chapter ``02_cnn`` shows one by one, for both data sets in one table. Networks that
were kept are loaded; the others are trained.
"""

from __future__ import annotations

import argparse
import os

import numpy as np

from insectlib.course import (
    PROFILES,
    SEED,
    course_cnn,
    course_collection,
    course_profile,
    course_split,
)
from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import cover_strip
from insectlib.models.cnns import small_cnn
from insectlib.models.inference import probabilities
from insectlib.models.kept import Trained
from insectlib.models.metrics import accuracy_interval
from insectlib.models.training import train

COLUMNS = ("network", "leaked", "honest (95 % over groups)", "strip covered", "new", "broken", "s")


def share(trained: Trained, part: ImageSet, *, covered: bool = False) -> str:
    """Return the accuracy on `part` as text, with the strip painted over if `covered`."""
    images = cover_strip(part.images) if covered else part.images
    correct = probabilities(trained.model, images).argmax(axis=1) == part.labels
    return f"{correct.mean():.1%}"


def row(
    name: str, leaked: str, trained: Trained, test: ImageSet, extra: dict[str, ImageSet]
) -> str:
    """Return one line of the table."""
    correct = probabilities(trained.model, test.images).argmax(axis=1) == test.labels
    low, high = accuracy_interval(correct, test.groups, seed=SEED)
    cells = (
        name,
        leaked,
        f"{correct.mean():.1%} ({low:.0%} to {high:.0%})",
        share(trained, test, covered=True),
        share(trained, extra["new_test"]) if "new_test" in extra else "",
        share(trained, extra["counterfactual"]) if "counterfactual" in extra else "",
        f"{trained.seconds:.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def report(dataset: str, profile: str) -> None:
    """Train or load all networks for one data set, and print its table."""
    chosen = course_profile(dataset, profile)
    large = course_collection(dataset, profile, tutorial=True)
    split = course_split(large)
    majority = np.bincount(split.training.labels).argmax()
    print(
        f"\n{dataset}, {profile}: {len(split.test)} test pictures in "
        f"{len(set(split.test.groups))} groups; always "
        f"{split.test.class_names[majority]}: {(split.test.labels == majority).mean():.1%}\n"
    )
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    epochs = chosen.tutorial_epochs
    leaked = share(train(small_cnn, large.train, large.test, epochs=epochs, seed=SEED), large.test)
    small = train(small_cnn, split.training, split.validation, epochs=epochs, seed=SEED)
    name = f"small, {chosen.tutorial_size} px, {small.epochs} epochs"
    print(row(name, leaked, small, split.test, large.extra), flush=True)
    del large, split

    collection = course_collection(dataset, profile)
    split = course_split(collection)
    regularised = course_cnn(dataset, profile)
    published = course_cnn(dataset, profile, published=True)
    name = f"regularised, {chosen.size} px, epoch {regularised.best_epoch}"
    leaked = share(published, collection.test)
    print(row(name, leaked, regularised, split.test, collection.extra), flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="full", choices=tuple(PROFILES))
    parser.add_argument("--dataset", action="append", choices=("specimens", "photos"))
    arguments = parser.parse_args()
    named = arguments.dataset or ["specimens"] + ["photos"] * bool(os.getenv("INSECTLIB_PHOTOS"))
    for dataset in named:
        report(dataset, arguments.profile)


if __name__ == "__main__":
    main()
