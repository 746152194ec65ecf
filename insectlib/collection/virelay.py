"""A store as files that ViRelAy reads, an explorer of clusters of explanations.

Layout and types are those of ViRelAy's database specification, for pictures of one size:
``input.h5`` with ``data`` and ``label``, ``attribution.h5`` with ``index``, ``attribution``,
``label`` and ``prediction``, ``analysis.h5`` with ``index``, ``cluster`` and ``embedding``.
"""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from insectlib.collection.reading import Piece, pieces
from insectlib.collection.report import Clusters
from insectlib.collection.store import Store
from insectlib.shortcuts.clusters import map_features

CATEGORY = "all"
"""The one group of pictures that is analysed: all of them."""


def write_virelay(store: Store, folder: Path | str, clusters: Clusters) -> Path:
    """Write a finished store as a project that ViRelAy opens.

    Chapter ``12_collection``. Shard by shard; what grows with the collection is on the disk. An
    attribution is a map for the output that is largest, and the label is that output, for a store
    knows no true classes.

    Parameters
    ----------
    store : Store
    folder : Path or str
        Made where it is missing; files of the same names give way when all new ones are there.
    clusters : Clusters
        From `insectlib.collection.report.find_clusters`.

    Returns
    -------
    Path
        ``project.yaml``: ``virelay project.yaml`` opens it.

    Raises
    ------
    ValueError
        As `insectlib.collection.reading.pieces`.
    OSError
        Where the disk has no room for the next shard.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".draft-") as draft:
        _write(store, Path(draft), clusters)
        for path in sorted(Path(draft).iterdir()):  # the project, which names the others, last
            path.replace(target / path.name)
    return target / "project.yaml"


def _write(store: Store, target: Path, clusters: Clusters) -> None:
    import h5py

    embed = PCA(2, random_state=0).fit(clusters.sample)
    with (
        h5py.File(target / "input.h5", "w") as inputs,
        h5py.File(target / "attribution.h5", "w") as attribution,
        h5py.File(target / "analysis.h5", "w") as analysis,
    ):
        for piece in pieces(store):
            _want_room(target, 4 * piece.images.nbytes + 2**20)
            features = map_features(piece.maps)
            start = _append(inputs, "data", _channels_first(piece.images))
            places = np.arange(start, start + len(piece.places), dtype=np.uint32)
            _append(inputs, "label", piece.classes.astype(np.uint16))
            _append(attribution, "index", places)
            _append(attribution, "attribution", _over_channels(piece.maps, piece.images))
            _append(attribution, "label", piece.classes.astype(np.uint16))
            _append(attribution, "prediction", piece.outputs.astype(np.float32))
            _append(analysis, f"{CATEGORY}/index", places)
            _append(
                analysis,
                f"{CATEGORY}/cluster/kmeans-{len(clusters.centres)}",
                clusters.nearest(features).astype(np.uint32),
            )
            _append(analysis, f"{CATEGORY}/embedding/pca", embed.transform(features))
        _write_project(store, target, piece)


def _want_room(folder: Path, needed: int) -> None:
    """Refuse to begin what does not fit: HDF5 may end the interpreter on a full disk."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"{needed / 1e6:.0f} MB are needed for the next shard, and {free / 1e6:.0f} MB are "
            "free: make room, or name a folder elsewhere",
            str(folder.parent),
        )


def _channels_first(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.moveaxis(images, 3, 1)


def _over_channels(maps: NDArray[np.float64], images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share maps out evenly over the channels, for ViRelAy adds channels up, and draws no fewer."""
    channels = images.shape[3]
    return np.repeat(maps[:, None] / channels, channels, axis=1).astype(np.float32)


def _append(file: Any, name: str, rows: NDArray[Any]) -> int:
    """Add rows to a dataset, which begins with the first ones; return how many there were."""
    kept = rows.astype(np.float32) if rows.dtype == np.float64 else rows
    if name not in file:
        shape = (None, *kept.shape[1:])
        file.create_dataset(name, data=kept, maxshape=shape, chunks=True)
        return 0
    start = len(file[name])
    file[name].resize(start + len(kept), axis=0)
    file[name][start:] = kept
    return start


def _write_project(store: Store, target: Path, piece: Piece) -> None:
    """Write the two text files that hold the others together; JSON is YAML too."""
    size, settings = piece.images.shape[1], store.about["settings"]
    labels = [
        {"index": int(k), "word_net_id": f"output {k}", "name": f"output {k}"}
        for k in range(1 + int(np.nanmax(store.row("class", 0, len(store.pictures.names)))))
    ]
    project = {
        "name": store.path.name,
        "model": settings["model"][:12],
        "label_map": "labels.json",
        "dataset": {
            "name": store.path.name,
            "type": "hdf5",
            "path": "input.h5",
            "input_width": size,
            "input_height": size,
            "up_sampling_method": "none",
            "down_sampling_method": "none",
        },
        "attributions": {
            "attribution_method": settings["explainer"],
            "attribution_strategy": "predicted_label",
            "sources": ["attribution.h5"],
        },
        "analyses": [{"analysis_method": "k-means of maps", "sources": ["analysis.h5"]}],
    }
    (target / "labels.json").write_text(json.dumps(labels, indent=1), encoding="utf-8")
    text = json.dumps({"project": project}, indent=1)
    (target / "project.yaml").write_text(text, encoding="utf-8")
