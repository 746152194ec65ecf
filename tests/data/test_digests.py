"""Digests of settings, arrays and files: equal for equals, different for all else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from insectlib.data.digests import arrays_digest, file_digest, settings_digest


def test_settings_do_not_depend_on_the_order_of_keys() -> None:
    one = settings_digest({"a": 1, "b": [1.5, None, {"c": "d", "e": 2}]})
    assert one == settings_digest({"b": [1.5, None, {"e": 2, "c": "d"}], "a": 1})
    assert one != settings_digest({"b": [None, 1.5, {"e": 2, "c": "d"}], "a": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        settings_digest({"a": object()})


def test_arrays_differ_by_value_type_shape_and_order() -> None:
    base = np.arange(6, dtype=np.int32)
    changed = base.copy()
    changed[3] = 9
    others = [
        (base.astype(np.int64),),
        (base.view(np.float32),),
        (base.reshape(2, 3),),
        (base.reshape(3, 2),),
        (changed,),
        (base[:3], base[3:]),
        (base[3:], base[:3]),
        (base, base),
        (),
    ]
    assert len({arrays_digest(base), *(arrays_digest(*other) for other in others)}) == 10
    table = np.arange(6.0).reshape(2, 3)
    assert arrays_digest(table.T) == arrays_digest(table.T.copy()), "not how it lies in memory"
    assert arrays_digest(base[::2]) == arrays_digest(base[::2].copy())
    assert arrays_digest(np.float64(1)) != arrays_digest(np.float64(2))


def test_file_digest_is_the_sha256(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"some bytes")
    assert file_digest(path) == hashlib.sha256(b"some bytes").hexdigest()
