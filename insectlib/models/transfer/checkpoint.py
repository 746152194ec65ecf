"""Read a PyTorch checkpoint without PyTorch, and without running what it names.

A checkpoint of the old kind consists of five *pickles*, followed by the raw numbers. A pickle may
call any function that it names, so opening one from elsewhere can run somebody else's code. Chapter
``03_transfer`` needs one such file. It is read with two precautions: the file's SHA-256 is compared
before anything is opened; and each pickle is listed before it is opened, and may hold nothing but
plain containers, not nested deeply, and four names, all of which just hold numbers.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
import pickletools
import reprlib
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
"""What the first pickle of a PyTorch checkpoint of the old kind holds."""

PROTOCOL = 1001
"""The only version of that format, in the second pickle."""

MAX_WEIGHT = 100_000
"""Pickles of heavier tuples, or of more instructions, are refused: see `_unpickled`."""

MAX_NUMBERS = 250_000_000
"""Checkpoints of more numbers are refused: a small file can lay thousands of tensors over one."""

OPCODES = (
    "PROTO STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINUNICODE EMPTY_DICT "
    "EMPTY_LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 SETITEM SETITEMS APPEND APPENDS BINPUT "
    "LONG_BINPUT BINGET LONG_BINGET GLOBAL REDUCE BUILD BINPERSID"
)
"""What PyTorch's pickles consist of."""


class Storage(NamedTuple):
    """A one-dimensional array that tensors are views of."""

    dtype: np.dtype[Any]
    key: str
    length: int


class Tensor(NamedTuple):
    """Where in a storage a tensor begins, and how many numbers apart its entries are."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_checkpoint(path: Path | str, sha256: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a PyTorch checkpoint of the old kind (before version 1.6).

    Chapter ``03_transfer``.

    Parameters
    ----------
    path : Path or str
        The checkpoint.
    sha256 : str
        The SHA-256 that the file must have, 64 hexadecimal digits. It is compared before anything
        of the file is interpreted.

    Returns
    -------
    dict of str to array
        Each parameter under its name, as float32 or int64, with axes in PyTorch's order.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file has another SHA-256, is no checkpoint of the old kind, or is damaged.
    pickle.UnpicklingError
        When the file names anything but the four allowed names, or is no pickle at all.
    """
    # read once: what was compared is what is opened, whatever happens to the file meanwhile
    content = Path(path).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.lower():
        raise ValueError(
            f"{path} has the SHA-256 {found}; expected {sha256}: it is not the file that was "
            "checked, so it is not opened. Install it anew"
        )
    try:
        return _arrays(io.BytesIO(content))
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # whatever a file that was not written by PyTorch leads to
        raise ValueError(f"{path} is no PyTorch checkpoint of the old kind: {error}") from error


def _arrays(file: io.BytesIO) -> dict[str, NDArray[Any]]:
    """Read the five pickles, then the storages."""
    magic, protocol, system, state, keys = (_unpickled(file) for _ in range(5))
    if magic != MAGIC or protocol != PROTOCOL:
        begin = f"{reprlib.repr(magic)}, {reprlib.repr(protocol)}"
        raise ValueError(f"it begins with {begin}, not {MAGIC}, {PROTOCOL}")
    if system["little_endian"] is not True:
        raise ValueError("its numbers are big-endian")
    storages = {tensor.storage.key: tensor.storage for tensor in state.values()}
    if sum(math.prod(tensor.shape) for tensor in state.values()) > MAX_NUMBERS:
        raise ValueError(f"it holds more than {MAX_NUMBERS:,} numbers")
    data = {key: _read_storage(file, key, storages) for key in keys}
    return {name: _as_array(name, tensor, data) for name, tensor in state.items()}


def _unpickled(file: io.BytesIO) -> Any:
    """Open the next pickle, once a list of its instructions has shown that it is harmless.

    A few hundred bytes can build tuples nested so deeply that to hash them ends the interpreter, or
    so often shared that it never ends. A tuple weighs twice what it holds, so that one limit is one
    of depth and of size.
    """
    start, total, memo = file.tell(), 0, {}
    stack: list[int] = []  # the weight of each value; 0 is a mark
    for op, argument, _ in pickletools.genops(file):
        total += 1
        if op.name not in OPCODES.split():
            raise ValueError(f"a pickle holds {op.name}, which PyTorch does not write")
        held = 0
        if pickletools.markobject in op.stack_before:
            while weight := stack.pop():
                held += weight
        held += sum(stack.pop() for kind in op.stack_before if kind not in _MARKED)
        if op.name.endswith("PUT"):
            memo[argument] = stack[-1]
            total = max(total, int(argument or 0))
        elif op.name.endswith("GET"):
            stack.append(memo[argument])
            total += memo[argument]
        elif op.name.startswith("TUPLE"):
            stack.append(1 + 2 * held)
            total += 1 + 2 * held
        elif op.stack_after:
            stack.append(0 if op.name == "MARK" else 1 + held)
        if total > MAX_WEIGHT:
            raise ValueError(
                "a pickle is too long, or its tuples are nested too deeply or too large"
            )
    file.seek(start)
    return _Reader(file).load()


_MARKED = (pickletools.markobject, pickletools.stackslice)


class _Reader(pickle.Unpickler):
    """Opens pickles of plain containers; PyTorch's names are replaced by types that do nothing."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what replaces an allowed name; refuse every other name."""
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(
                f"the file names {module}.{name}, which is not allowed; a checkpoint needs only "
                + ", ".join(sorted(".".join(pair) for pair in _ALLOWED))
            )
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        """Return the storage that a tensor is a view of."""
        kind, dtype, key, _device, length, view = pid
        plain = isinstance(dtype, np.dtype) and type(key) is str and type(length) is int
        if kind != "storage" or not plain or view is not None:
            raise pickle.UnpicklingError(
                f"the file refers to {reprlib.repr(pid)}; expected a plain storage"
            )
        return Storage(dtype, key, length)


def _tensor(storage: Storage, offset: int, shape: Any, strides: Any, *_: Any) -> Tensor:
    """Describe a tensor, in place of PyTorch's function that makes one."""
    if not isinstance(storage, Storage):
        raise pickle.UnpicklingError(
            f"the file makes a tensor of {reprlib.repr(storage)}; expected a storage"
        )
    return Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


def _read_storage(file: io.BytesIO, key: str, storages: dict[str, Storage]) -> NDArray[Any]:
    """Read the next storage: the count of its numbers, then the numbers."""
    if key not in storages:
        raise ValueError(f"it has a storage {reprlib.repr(key)} that no tensor refers to")
    storage = storages[key]
    length = int.from_bytes(file.read(8), "little", signed=True)
    if length != storage.length:
        raise ValueError(f"storage {key!r} has {length} numbers, not {storage.length}")
    size = length * storage.dtype.itemsize
    if not 0 <= size <= len(file.getbuffer()) - file.tell():
        raise ValueError(f"it ends in the middle of storage {key!r}: install it anew")
    return np.frombuffer(file.read(size), storage.dtype)


def _as_array(name: str, tensor: Tensor, data: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return a tensor as an array of its own."""
    if tensor.storage.key not in data:
        raise ValueError(f"it has no numbers for {name!r}")
    flat = data[tensor.storage.key][max(tensor.offset, 0) :]
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    # as_strided itself would read beyond the end
    bad = tensor.offset < 0 or min((*tensor.shape, *tensor.strides, 0)) < 0
    if bad or (0 not in tensor.shape and last >= len(flat)):
        raise ValueError(f"{name!r} reaches beyond its storage, as {reprlib.repr(tensor)}")
    steps = [step * flat.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, steps).copy()
