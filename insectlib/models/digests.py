"""What a network is, in one short text: two networks with the same digest answer alike."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def model_digest(model: keras.Model) -> str:
    """Return a name for what a model computes: the SHA-256 of its layers and weights.

    Parameters
    ----------
    model : keras.Model
        With its weights.

    Returns
    -------
    str
        64 hexadecimal digits. Equal digests mean equal networks; a network that only names its
        layers differently has another one.
    """
    digest = hashlib.sha256(
        json.dumps(model.get_config(), sort_keys=True, default=str).encode("utf-8")
    )
    for weight in model.get_weights():
        digest.update(f"{weight.dtype} {weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()
