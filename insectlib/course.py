"""The settings of the course: sizes, split and networks, so that every chapter runs alone.

Chapters ``02_cnn`` and ``03_transfer`` train these networks step by step. The later chapters call
the functions below, which load a network that was kept, or train it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from insectlib.data.datasets import Collection, load
from insectlib.data.imageset import ImageSet
from insectlib.data.splits import honest_split
from insectlib.models.cnns import regularised_cnn, small_cnn
from insectlib.models.kept import Trained
from insectlib.models.training import train
from insectlib.models.transfer.fine_tuning import train_transfer

SEED = 0
"""Seeds the split and the networks of the course."""


@dataclass(frozen=True)
class Profile:
    """Sizes and lengths of training, for the published book or for a quick run.

    Parameters
    ----------
    name : str
        ``"fast"`` or ``"full"``.
    tutorial_size : int
        Side in pixels of the pictures for the small network, which is that of the tutorials, and
        for the frozen network of chapter ``03_transfer``.
    tutorial_epochs : int
        Number of epochs of the small network on the published split.
    small_epochs : int
        Number of epochs of the small network on the honest split.
    size : int
        Side in pixels of the pictures for the regularised network.
    epochs : int
        Largest number of epochs of the regularised network.
    patience : int
        Number of epochs without a lower validation loss after which the regularised network stops,
        and the head.
    learning_rate : float
        Learning rate of the regularised network; the small one has Adam's default, 0.001.
    network_size : int
        Side in pixels to which the frozen network resizes its pictures.
    head_epochs : int
        Largest number of epochs of the head on the frozen network.
    """

    name: str
    tutorial_size: int
    tutorial_epochs: int
    small_epochs: int
    size: int
    epochs: int
    patience: int
    learning_rate: float = 5e-4
    network_size: int = 96
    head_epochs: int = 30


PROFILES = {
    "fast": Profile(
        "fast",
        tutorial_size=64,
        tutorial_epochs=12,
        small_epochs=12,
        size=64,
        epochs=16,
        patience=5,
    ),
    "full": Profile(
        "full",
        tutorial_size=256,
        tutorial_epochs=5,
        small_epochs=5,
        size=96,
        epochs=30,
        patience=6,
        network_size=224,
    ),
}

DRAWN: dict[str, dict[str, Any]] = {
    "full": {"tutorial_size": 96, "tutorial_epochs": 8, "small_epochs": 25, "network_size": 160}
}
"""What is different for specimens: they have one size, so that they are drawn only once."""


class Split(NamedTuple):
    """Training, validation and test part, which share neither pictures nor groups."""

    training: ImageSet
    validation: ImageSet
    test: ImageSet


def course_profile(dataset: str, profile: str) -> Profile:
    """Return the sizes and lengths of training for a data set.

    Chapters ``02_cnn``, ``03_transfer`` and ``06_gradient_shap``.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``, as in the parameters cell of every chapter.

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        For an unknown profile.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile is {profile!r}; expected one of {', '.join(PROFILES)}")
    chosen = PROFILES[profile]
    return replace(chosen, **DRAWN.get(profile, {})) if dataset == "specimens" else chosen


def course_collection(dataset: str, profile: str, *, tutorial: bool = False) -> Collection:
    """Return the collection, with pictures of the size that the profile names.

    Chapters ``01_data`` to ``09_evaluation`` and ``13_common_mistakes``.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``.
    tutorial : bool
        Whether the pictures have the profile's `tutorial_size` instead of its `size`.

    Returns
    -------
    Collection
        With the published training and test parts.

    Raises
    ------
    ValueError
        For an unknown data set or profile.
    """
    chosen = course_profile(dataset, profile)
    return load(dataset, size=chosen.tutorial_size if tutorial else chosen.size)


def course_split(collection: Collection) -> Split:
    """Split the published training part without copies, and without groups in two parts.

    Chapter ``01_data`` explains the split; all chapters from ``02_cnn`` on use it.

    Parameters
    ----------
    collection : Collection
        With pictures of any size: the split depends on digests, labels and groups alone.

    Returns
    -------
    Split
        Training, validation and test part.
    """
    return Split(*honest_split(collection.train, seed=SEED))


def course_cnn(
    dataset: str, profile: str, *, published: bool = False, progress: bool = True
) -> Trained:
    """Return the network that the course explains: `regularised_cnn`, trained on `course_split`.

    Chapter ``02_cnn`` trains it; the chapters from ``04_shapley`` to ``09_evaluation`` explain it.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``.
    published : bool
        Whether to train it on the published training part and to stop by the published test part,
        which has copies in it.
    progress : bool
        Whether to show a bar when it has to be trained.

    Returns
    -------
    Trained
        Takes pictures of the profile's `size`.
    """
    chosen = course_profile(dataset, profile)
    collection = course_collection(dataset, profile)
    if published:
        training, validation = collection.train, collection.test
    else:
        training, validation, _ = course_split(collection)
    return train(
        regularised_cnn,
        training,
        validation,
        epochs=chosen.epochs,
        patience=chosen.patience,
        learning_rate=chosen.learning_rate,
        seed=SEED,
        progress=progress,
    )


def course_small_cnn(dataset: str, profile: str, *, progress: bool = True) -> Trained:
    """Return the network of the walk-throughs: `small_cnn`, trained on `course_split`.

    Chapter ``02_cnn`` trains it.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``.
    progress : bool
        Whether to show a bar when it has to be trained.

    Returns
    -------
    Trained
        Takes pictures of the profile's `tutorial_size`.
    """
    chosen = course_profile(dataset, profile)
    training, validation, _ = course_split(course_collection(dataset, profile, tutorial=True))
    return train(
        small_cnn,
        training,
        validation,
        epochs=chosen.small_epochs,
        seed=SEED,
        progress=progress,
    )


def course_transfer(dataset: str, profile: str, *, progress: bool = True) -> Trained:
    """Return EfficientNet-Lite0, frozen, with a head that was fitted on `course_split`.

    Chapter ``03_transfer``.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``.
    progress : bool
        Whether to show a bar while features are computed.

    Returns
    -------
    Trained
        Takes pictures of the profile's `tutorial_size` in [0, 255]; returns logits. Network and
        head are one network.
    """
    chosen = course_profile(dataset, profile)
    training, validation, _ = course_split(course_collection(dataset, profile, tutorial=True))
    return train_transfer(
        training,
        validation,
        network_size=chosen.network_size,
        epochs=chosen.head_epochs,
        patience=chosen.patience,
        seed=SEED,
        progress=progress,
    )
