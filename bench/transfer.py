"""Cross-validate a frozen ImageNet network and a network from scratch: ``--help``.

Each row is one network on one kind of folds, each column one change of the pictures that it is
tested on (the strip painted over) or trained and tested on (the strip cropped off). Chapter
``03_transfer`` quotes the rows for the photographs. With ``INSECTLIB_PHOTOS`` set, the photographs
are taken from that folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from insectlib.data.datasets import NAMES, load
from insectlib.data.folds import FoldScores, cross_predict, fold_scores, random_folds
from insectlib.data.imageset import ImageSet
from insectlib.data.label_strip import cover_strip
from insectlib.data.splits import honest_folds, unique_indices
from insectlib.models.cnns import small_cnn
from insectlib.models.transfer.backbones import backbone
from insectlib.models.transfer.features import cached_features
from insectlib.models.transfer.heads import fit_head, head

Pictures = NDArray[np.float32]
Predict = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]]
COLUMNS = ("network", "folds", "accuracy", "balanced", "by fold", "recall", "painted", "s")


def cropped(part: ImageSet, size: int) -> Pictures:
    """Return the pictures without the rows of the strip, as squares of what the network sees."""
    rest = part.crop_strip().images
    chunks = [
        np.asarray(keras.ops.image.resize(rest[i : i + 64], (size, size)))
        for i in range(0, len(rest), 64)
    ]
    return np.concatenate(chunks)


def frozen(
    part: ImageSet,
    name: str,
    images: Pictures,
    options: argparse.Namespace,
    *,
    painted: bool = False,
    mirrored: bool = False,
) -> Predict:
    """Return what fits a head on cached features and answers for as-is and painted pictures.

    With `mirrored`, it learns from each picture and its mirror image, and is asked about both.
    """
    network = backbone(name, images.shape[1], seed=options.seed, network_size=options.network_size)
    views = [images] + ([np.ascontiguousarray(images[:, :, ::-1])] if mirrored else [])
    inputs = [cached_features(network, view, progress=True) for view in views]
    asked = [inputs]
    if painted:
        asked.append([cached_features(network, cover_strip(images), progress=True)])

    def predict(training: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.int64]:
        top = head(inputs[0].shape[1], len(part.class_names), seed=options.seed)
        fit_head(
            top,
            np.concatenate([found[training] for found in inputs]),
            np.tile(part.labels[training], len(inputs)),
            epochs=options.epochs,
            seed=options.seed,
        )
        answers = [sum(np.asarray(top(f[test])) for f in found).argmax(axis=1) for found in asked]
        return np.stack(answers, axis=1)

    return predict


def scratch(part: ImageSet, images: Pictures, options: argparse.Namespace) -> Predict:
    """Return what trains the 16-32-64 network from scratch and answers likewise."""
    covered = cover_strip(images)

    def predict(training: NDArray[np.int64], test: NDArray[np.int64]) -> NDArray[np.int64]:
        network = small_cnn(images.shape[1], len(part.class_names), seed=options.seed)
        fit_head(
            network,
            images[training],
            part.labels[training],
            epochs=options.scratch_epochs,
            learning_rate=1e-3,
            seed=options.seed,
        )
        answers = [
            network.predict(pictures[test], verbose=0).argmax(axis=1)
            for pictures in (images, covered)
        ]
        return np.stack(answers, axis=1)

    return predict


def row(part: ImageSet, network: str, folds: str, predict: Predict, seed: int) -> str:
    """Run a cross-validation and return its line of the table."""
    begun = time.perf_counter()
    dealt = {"grouped": honest_folds, "random": random_folds}[folds](part, seed=seed)
    answers, fold = cross_predict(dealt, predict)
    results: list[FoldScores] = [
        fold_scores(part.labels, answers[:, i], fold, part.class_names)
        for i in range(answers.shape[1])
    ]
    first = results[0]
    cells = (
        network,
        folds,
        f"{first.accuracy:.1%}",
        f"{first.balanced:.1%}",
        " ".join(f"{100 * value:.0f}" for value in first.by_fold) + f" (sd {first.spread:.1%})",
        " ".join(f"{name} {value:.1%}" for name, value in first.recall.items()),
        f"{results[1].accuracy:.1%}" if len(results) > 1 else "",
        f"{time.perf_counter() - begun:.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def report(dataset: str, options: argparse.Namespace) -> None:
    """Print the table of one data set, line by line as the results come."""
    whole = load(dataset, size=options.size).train
    part = whole.subset(unique_indices(whole))
    print(
        f"\n{dataset}: {len(part)} unique pictures in {len(set(part.groups))} groups, "
        f"{options.size} px\n\n| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|"
    )

    def show(network: str, folds: str, predict: Predict) -> None:
        print(row(part, network, folds, predict, options.seed), flush=True)

    name = "efficientnet_lite0"
    predict = frozen(part, name, part.images, options, painted=True)
    show("frozen + head", "grouped", predict)
    show("frozen + head", "random", predict)
    predict = frozen(part, name, part.images, options, mirrored=True)
    show("frozen + head, mirrored too", "grouped", predict)
    rest = cropped(part, options.network_size)
    show("frozen + head, strip cropped", "grouped", frozen(part, name, rest, options))
    predict = frozen(part, name, rest, options, mirrored=True)
    show("frozen + head, strip cropped, mirrored too", "grouped", predict)
    predict = frozen(part, "random", part.images, options)
    show("frozen random control + head", "grouped", predict)
    if options.scratch_epochs:
        whole = load(dataset, size=options.scratch_size).train
        small = whole.subset(unique_indices(whole))
        label = f"16-32-64 from scratch, {options.scratch_size} px"
        show(label, "grouped", scratch(part, small.images, options))


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("datasets", nargs="*", default=["specimens"], metavar="|".join(NAMES))
    parser.add_argument("--size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--network-size", type=int, default=224, help="what the network sees")
    parser.add_argument("--epochs", type=int, default=30, help="of the head")
    parser.add_argument("--scratch-size", type=int, default=128)
    parser.add_argument("--scratch-epochs", type=int, default=10, help="0 leaves that row out")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for dataset in options.datasets:
        report(dataset, options)


if __name__ == "__main__":
    main()
