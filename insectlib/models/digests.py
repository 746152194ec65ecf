"""Digests of networks and of image sets: the keys under which results are kept."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from insectlib.data.digests import arrays_digest, settings_digest
from insectlib.data.imageset import ImageSet

if TYPE_CHECKING:
    import keras


def network_digest(model: keras.Model) -> str:
    """Return the SHA-256 of a network's layers and weights, 64 hexadecimal digits.

    Parameters
    ----------
    model : keras.Model
        Built, so that it has its weights.

    Returns
    -------
    str
        Equal for networks with the same layers, settings, names and weights. Names that Keras
        counted up (``dense``, ``dense_1``...) do not matter, for they differ from session to
        session. Of a layer of your own, the class and its settings count, but not its code.

    Raises
    ------
    NotImplementedError, TypeError or ValueError
        From Keras, when the network has parts that cannot be written down.
    """
    layers = _without_counters(json.loads(model.to_json()))
    return settings_digest([layers, arrays_digest(*model.get_weights())])


def imageset_digest(part: ImageSet) -> str:
    """Return the SHA-256 of a set's pictures, labels and class names, 64 hexadecimal digits.

    Parameters
    ----------
    part : ImageSet
        Its names, groups and masks do not count: training does not depend on them.

    Returns
    -------
    str
    """
    return settings_digest([list(part.class_names), arrays_digest(part.images, part.labels)])


def _without_counters(config: Any) -> Any:
    """Return a network's configuration without what differs from session to session.

    Keras counts the layers that were given no name up while a session lasts, and notes addresses
    of shared objects. Counted names are numbered in order of appearance instead.
    """
    names: dict[str, str] = {}

    def find(value: Any) -> None:
        if isinstance(value, dict):
            kind, inner = value.get("class_name"), value.get("config")
            name = inner.get("name") if isinstance(inner, dict) else None
            if isinstance(kind, str) and isinstance(name, str):
                stem = re.sub(r"_\d+$", "", name).replace("_", "")
                if stem == kind.lower():  # Keras's own: max_pooling2d_3 for a MaxPooling2D
                    names.setdefault(name, f"{kind} {len(names)}")
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                find(item)

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: replaced(v) for k, v in value.items() if k != "shared_object_id"}
        if isinstance(value, list):
            return [replaced(v) for v in value]
        return names.get(value, value) if isinstance(value, str) else value

    find(config)
    return replaced(config)
