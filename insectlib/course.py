"""The course's own settings: sizes, split and networks, so that every chapter runs alone.

Chapter ``02_cnn`` trains these networks step by step. The later chapters ask for them here, and get
what was kept, or have it trained on the spot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from insectlib.data.datasets import Collection, load
from insectlib.data.imageset import ImageSet
from insectlib.data.splits import honest_split
from insectlib.models.cnns import regularised_cnn
from insectlib.models.kept import Trained
from insectlib.models.training import train
from insectlib.models.transfer.fine_tuning import train_transfer

SEED = 0
"""The seed of the course's split and networks."""


@dataclass(frozen=True)
class Profile:
    """How large and how long, for the published book or for a quick run.

    Parameters
    ----------
    name : str
        ``"fast"`` or ``"full"``.
    tutorial_size : int
        Side in pixels of the pictures for the network of the tutorials.
    tutorial_epochs : int
        Epochs of that network.
    size : int
        Side in pixels of the pictures for everything else.
    epochs : int
        At most so many epochs for the regularised network.
    patience : int
        Epochs without a lower validation loss after which it stops.
    learning_rate : float
        Of the regularised network; the other one has Adam's usual 0.001.
    network_size : int
        Side in pixels to which the frozen network resizes the pictures of the tutorials' size.
    head_epochs : int
        At most so many epochs for the head upon it, with the same patience.
    """

    name: str
    tutorial_size: int
    tutorial_epochs: int
    size: int
    epochs: int
    patience: int
    learning_rate: float = 5e-4
    network_size: int = 96
    head_epochs: int = 30


PROFILES = {
    "fast": Profile("fast", tutorial_size=64, tutorial_epochs=12, size=64, epochs=16, patience=5),
    "full": Profile(
        "full",
        tutorial_size=256,
        tutorial_epochs=5,
        size=96,
        epochs=30,
        patience=6,
        network_size=224,
    ),
}

DRAWN: dict[str, dict[str, Any]] = {
    "full": {"tutorial_size": 96, "tutorial_epochs": 8, "network_size": 160}
}
"""What differs for specimens: one size for all, so that they are drawn once."""


class Split(NamedTuple):
    """Three parts of a collection that share neither pictures nor groups."""

    training: ImageSet
    validation: ImageSet
    test: ImageSet


def course_profile(dataset: str, profile: str) -> Profile:
    """Return the profile of that name for a data set.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``, as in the parameters cell of every chapter.

    Returns
    -------
    Profile
        Its sizes and epochs.

    Raises
    ------
    ValueError
        For another name.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile is {profile!r}; expected one of {', '.join(PROFILES)}")
    chosen = PROFILES[profile]
    return replace(chosen, **DRAWN.get(profile, {})) if dataset == "specimens" else chosen


def course_collection(dataset: str, profile: str, *, tutorial: bool = False) -> Collection:
    """Return the collection at the size that the profile names.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``.
    tutorial : bool
        Whether to take the size of the tutorials' network instead.

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
    """Return the course's honest split of the published training part (chapter ``01_data``).

    Parameters
    ----------
    collection : Collection
        At any size: the split rests on names and labels, not on pixels.

    Returns
    -------
    Split
        Training, validation and test part.
    """
    return Split(*honest_split(collection.train, seed=SEED))


def course_cnn(
    dataset: str, profile: str, *, published: bool = False, progress: bool = True
) -> Trained:
    """Return the network that the course explains: the regularised one, on the honest split.

    Parameters
    ----------
    dataset : str
        ``"specimens"`` or ``"photos"``.
    profile : str
        ``"fast"`` or ``"full"``.
    published : bool
        Whether to train and test it on the published, leaky split instead.
    progress : bool
        Whether to show a bar when it has to be trained.

    Returns
    -------
    Trained
        For pictures of the profile's ``size``.
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


def course_transfer(dataset: str, profile: str, *, progress: bool = True) -> Trained:
    """Return the course's frozen ImageNet network with its head, on the honest split.

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
        For pictures of the tutorials' size; one Keras model from pictures in
        [0, 255] to logits, whose layers lie side by side.
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
