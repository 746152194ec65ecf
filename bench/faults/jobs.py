"""Small jobs that the scenarios disturb: ``python -m bench.faults.jobs training``.

Each prints the SHA-256 of what it made, or took from the cache, as its last line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from insectlib.data.digests import arrays_digest, settings_digest

SIZE = 32


def drawing() -> str:
    """Draw a small collection in two processes."""
    from insectlib.data.sources.drawn import load_specimens

    part = load_specimens(SIZE, counts={"train": (12, 12, 12)}, workers=2, progress=False)["train"]
    assert part.masks is not None
    return arrays_digest(part.images, part.masks, part.labels, part.groups)


def training() -> str:
    """Train a small network on noise."""
    from insectlib.data.imageset import ImageSet
    from insectlib.models.cnns import small_cnn
    from insectlib.models.training import train

    n, random = 60, np.random.default_rng(0)
    part = ImageSet(
        images=random.uniform(0, 255, (n, SIZE, SIZE, 3)).astype(np.float32),
        labels=(np.arange(n) % 3).astype(np.int64),
        class_names=("a", "b", "c"),
        names=tuple(map(str, range(n))),
        digests=tuple(map(str, range(n))),
        groups=np.arange(n, dtype=np.int64),
    )
    found = train(small_cnn, part, part, epochs=6, seed=0, patience=5, progress=False)
    return settings_digest([found.history, arrays_digest(*found.model.get_weights())])


def features() -> str:
    """Compute the features of a few pictures."""
    from insectlib.models.cnns import small_cnn
    from insectlib.models.transfer.features import cached_features

    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (8, SIZE, SIZE, 3)).astype(np.float32)
    return arrays_digest(cached_features(small_cnn(SIZE, 3, seed=0), images))


def game() -> str:
    """Play the game of a drawn scene."""
    from insectlib.explain.games.scene_game import scene_shapley
    from insectlib.models.cnns import small_cnn
    from insectlib.specimens.catalogue import plan_collection

    scene = plan_collection(0, counts={"train": (1, 1, 1)})[0].scene
    return arrays_digest(scene_shapley(small_cnn(SIZE, 3, seed=0), scene, size=SIZE).table)


JOBS: dict[str, Callable[[], str]] = {
    job.__name__: job for job in (drawing, training, features, game)
}

if __name__ == "__main__":
    print(JOBS[sys.argv[1]]())
