"""The reader of PyTorch checkpoints: reads numbers, and nothing but numbers."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from insectlib.models.transfer.checkpoint import MAGIC, PROTOCOL, read_checkpoint

SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True}
NUMBERS = np.arange(24, dtype="<f4")


class Reference:
    """A storage, to be written as PyTorch refers to one."""

    def __init__(self, kind: object, key: str, length: int, view: object = None) -> None:
        self.pid = ("storage", kind, key, "cpu", length, view)


class Rebuilt:
    """A tensor, to be written as a call of PyTorch's function."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = function, (*arguments, False, OrderedDict())

    def __reduce__(self) -> Any:
        return self.call


class Writer(pickle.Pickler):
    """Writes storages as PyTorch does."""

    def persistent_id(self, item: object) -> object:
        return item.pid if isinstance(item, Reference) else None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Put a module with PyTorch's names in its place, for the writing of files."""
    package, utils = ModuleType("torch"), ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage", "HalfStorage"):
        setattr(package, name, type(name, (), {"__module__": "torch"}))
    exec("def _rebuild_tensor_v2(*args): raise AssertionError('called')", utils.__dict__)
    utils._rebuild_tensor_v2.__module__ = "torch._utils"
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    package.rebuild = utils._rebuild_tensor_v2
    return package


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes the five pickles and the numbers into a file."""

    def checkpoint(
        state: object,
        keys: object = ("7",),
        *,
        raw: bytes | None = None,
        magic: int = MAGIC,
        system: object = SYSTEM,
    ) -> Path:
        path = tmp_path / "weights.pth"
        with path.open("wb") as file:
            for part in (magic, PROTOCOL, system, state, list(keys)):
                Writer(file, protocol=2).dump(part)
            file.write((24).to_bytes(8, "little") + NUMBERS.tobytes() if raw is None else raw)
        return path

    return checkpoint


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_reads_every_layout(torch: ModuleType, write: Write) -> None:
    floats = Reference(torch.FloatStorage, "7", 24)
    whole = Reference(torch.LongStorage, "8", 1)
    state = OrderedDict(
        rows=Rebuilt(torch.rebuild, floats, 0, (4, 6), (6, 1)),
        columns=Rebuilt(torch.rebuild, floats, 12, (2, 3), (1, 2)),
        steps=Rebuilt(torch.rebuild, whole, 0, (), ()),
    )
    raw = (24).to_bytes(8, "little") + NUMBERS.tobytes()
    raw += (1).to_bytes(8, "little") + np.array([5], "<i8").tobytes()
    path = write(state, ("7", "8"), raw=raw)
    arrays = read_checkpoint(path, digest(path).upper())
    assert list(arrays) == ["rows", "columns", "steps"]
    np.testing.assert_array_equal(arrays["rows"], NUMBERS.reshape(4, 6))
    np.testing.assert_array_equal(arrays["columns"], [[12, 14, 16], [13, 15, 17]])
    assert arrays["steps"].shape == ()
    assert arrays["steps"] == 5
    assert [a.dtype for a in arrays.values()] == [np.float32, np.float32, np.int64]
    arrays["rows"][0, 0] = -1  # arrays of their own, that may be written to
    assert arrays["columns"][0, 0] == 12


class Bomb:
    """Writes a file when it is unpickled, as a malicious checkpoint would."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [(os.mkdir, "mkdir"), (eval, "eval"), (print, "print"), (np.savetxt, "savetxt")],
)
@pytest.mark.parametrize("builtins", [b"c__builtin__", b"cbuiltins"])  # old name, new name
def test_malicious_pickle_is_refused(
    write: Write,
    tmp_path: Path,
    function: Any,
    name: str,
    builtins: bytes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fallen = tmp_path / "fallen"
    argument = f"open({str(fallen)!r}, 'w')" if function is eval else str(fallen)
    path = write(OrderedDict(weight=Bomb(function, argument)))
    path.write_bytes(path.read_bytes().replace(b"c__builtin__", builtins))
    with pytest.raises(pickle.UnpicklingError, match=f"{name}.*not allowed.*OrderedDict"):
        read_checkpoint(path, digest(path))
    assert not fallen.exists()
    assert capsys.readouterr().out == ""
    # the file does what we think it does, where nobody stops it
    if function is eval:
        with path.open("rb") as file:
            for _ in range(4):
                pickle.load(file)
        assert fallen.exists()


def test_digest_is_compared_before_anything_is_opened(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(OrderedDict())

    def opened(self: object) -> None:
        raise AssertionError("the file was opened")

    monkeypatch.setattr("insectlib.models.transfer.checkpoint._Reader.load", opened)
    with pytest.raises(ValueError, match=f"{digest(path)}; expected {'0' * 64}"):
        read_checkpoint(path, "0" * 64)
    with pytest.raises(FileNotFoundError):
        read_checkpoint(tmp_path / "nowhere.pth", "0" * 64)


def test_other_files_are_refused(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "text.pth"
    path.write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(ValueError, match="no PyTorch checkpoint of the old kind"):
        read_checkpoint(path, digest(path))
    path = write(OrderedDict(), magic=5)
    with pytest.raises(ValueError, match="old kind: it begins with 5, 1001, not 1195470"):
        read_checkpoint(path, digest(path))
    path = write({"weight": 3})
    with pytest.raises(ValueError, match="old kind: 'int' object has no attribute 'storage'"):
        read_checkpoint(path, digest(path))
    path = write(OrderedDict(), system={"little_endian": False})
    with pytest.raises(ValueError, match="big-endian"):
        read_checkpoint(path, digest(path))


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(20, (5,), (1,)), (0, (4, 6), (6, 2)), (-1, (2,), (1,)), (0, (-4,), (1,)), (5, (3,), (-1,))],
)
def test_nothing_is_read_beyond_a_storage(
    torch: ModuleType, write: Write, offset: int, shape: tuple[int], strides: tuple[int]
) -> None:
    storage = Reference(torch.FloatStorage, "7", 24)
    path = write(OrderedDict(w=Rebuilt(torch.rebuild, storage, offset, shape, strides)))
    with pytest.raises(ValueError, match="'w' reaches beyond its storage"):
        read_checkpoint(path, digest(path))


def test_damaged_numbers_are_refused(torch: ModuleType, write: Write) -> None:
    storage = Reference(torch.FloatStorage, "7", 24)
    state = OrderedDict(w=Rebuilt(torch.rebuild, storage, 0, (24,), (1,)))
    whole = (24).to_bytes(8, "little") + NUMBERS.tobytes()
    cases = {
        "ends in the middle of storage '7'": write(state, raw=whole[:-3]).read_bytes(),
        "has 23 numbers, not 24": write(state, raw=b"\x17" + whole[1:]).read_bytes(),
        "no numbers for 'w'": write(state, ()).read_bytes(),
        "'9' that no tensor refers to": write(state, ("7", "9")).read_bytes(),
    }
    for message, content in cases.items():
        path = write(state)
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_checkpoint(path, digest(path))


def test_only_plain_storages_are_taken(torch: ModuleType, write: Write) -> None:
    half = Reference(torch.HalfStorage, "7", 24)
    path = write(OrderedDict(w=Rebuilt(torch.rebuild, half, 0, (24,), (1,))))
    with pytest.raises(pickle.UnpicklingError, match=r"torch\.HalfStorage, which is not allowed"):
        read_checkpoint(path, digest(path))
    view = Reference(torch.FloatStorage, "7", 24, ("1", 0, 3))
    path = write(OrderedDict(w=Rebuilt(torch.rebuild, view, 0, (24,), (1,))))
    with pytest.raises(pickle.UnpicklingError, match="expected a plain storage"):
        read_checkpoint(path, digest(path))
    path = write(OrderedDict(w=Rebuilt(torch.rebuild, "7", 0, (24,), (1,))))
    with pytest.raises(pickle.UnpicklingError, match="makes a tensor of '7'"):
        read_checkpoint(path, digest(path))


DEEP = b"N" + b"\x85" * 200_000
"""A pickled tuple of one tuple of one tuple ..."""

SHARED = b"Nq\x00" + b"h\x00h\x00\x86q\x00" * 200
"""A pickled pair of the same pair twice, of the same pair twice ...: 2 ** 200 values."""


@pytest.mark.parametrize("value", [DEEP, SHARED], ids=["deep", "shared"])
@pytest.mark.parametrize("place", [b"%b.", b"}%bNs.", b"%bQ."], ids=["itself", "key", "storage"])
def test_nested_tuples_are_refused_before_they_are_built(
    tmp_path: Path, value: bytes, place: bytes
) -> None:
    path = tmp_path / "nested.pth"
    path.write_bytes(b"\x80\x02" + place % value)
    with pytest.raises(ValueError, match="old kind: .*nested too deeply or too large"):
        read_checkpoint(path, digest(path))


def test_one_storage_is_not_laid_out_thousands_of_times(torch: ModuleType, write: Write) -> None:
    storage = Reference(torch.FloatStorage, "7", 24)
    path = write(OrderedDict(w=Rebuilt(torch.rebuild, storage, 0, (10**6, 10**6), (0, 0))))
    with pytest.raises(ValueError, match="more than 250,000,000 numbers"):
        read_checkpoint(path, digest(path))


@pytest.mark.parametrize(
    ("length", "shape", "strides"),
    [(2**70, (24,), (1,)), (-1, (24,), (1,)), (24, (1,), (2**80,)), (24, (0, 2**70), (1, 1))],
)
def test_numbers_beyond_all_bounds_are_refused(
    torch: ModuleType, write: Write, length: int, shape: tuple[int], strides: tuple[int]
) -> None:
    storage = Reference(torch.FloatStorage, "7", length)
    path = write(OrderedDict(w=Rebuilt(torch.rebuild, storage, 0, shape, strides)))
    with pytest.raises(ValueError, match="no PyTorch checkpoint of the old kind"):
        read_checkpoint(path, digest(path))


def test_what_pytorch_does_not_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.pth"
    path.write_bytes(pickle.dumps({1, 2}, protocol=4))
    with pytest.raises(ValueError, match="which PyTorch does not write"):
        read_checkpoint(path, digest(path))
