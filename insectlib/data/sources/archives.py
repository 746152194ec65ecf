"""Unpack a .zip or .tar without letting it write anywhere else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path, PurePosixPath

MAX_BYTES = 500_000_000
"""Larger contents are refused: a small archive can unfold into terabytes."""

MAX_FILES = 10_000
"""More files and folders are refused."""

MAX_DEPTH = 20
"""Folders nested deeper are refused."""

MAX_HEADERS = 16_384
"""Names and other notes of a tar's member that take more bytes are refused."""


def unpack(archive: Path, target: Path) -> None:
    """Unpack an archive.

    Parameters
    ----------
    archive : Path
        A .zip or .tar, compressed or not.
    target : Path
        An empty folder. What was unpacked of an archive that is refused is left in it.

    Raises
    ------
    ValueError
        When it is no archive, is empty, encrypted, truncated or damaged, holds links or devices,
        has paths that lead out of it, or more than the limits above. The message names the archive.
    OSError
        When `target` cannot be written to.
    """
    try:
        with archive.open("rb") as file:
            head = file.read(6)
            file.seek(0)
            if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                _unpack_zip(file, target)
            else:
                _unpack_tar(_Once(_decompressed(file, head)), target)
        if not any(path.is_file() for path in target.rglob("*")):
            raise ValueError("it holds no files")
    except Exception as error:  # the standard library's readers raise nearly everything
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EROFS):
            raise
        raise ValueError(f"{archive} cannot be unpacked: {error}") from error


def _decompressed(file: io.BufferedReader, head: bytes) -> io.BufferedIOBase:
    """Return what a compressed file holds, by its first bytes; any other file as it is."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(file)
    if head.startswith(b"BZh"):
        return bz2.open(file)
    if head.startswith(b"\xfd7zXZ"):
        return lzma.open(file)
    return file


class _Once(io.BufferedIOBase):
    """A file that is read once, from front to end, and no further than it may be."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self.file, self.left, self.last = file, MAX_HEADERS, b""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= self.left:
            raise ValueError(f"it is damaged, or has notes of more than {MAX_HEADERS:,} bytes")
        self.left -= size
        self.last = self.file.read(size)
        return self.last

    def seek(self, position: int, whence: int = 0) -> int:
        if position < self.tell():  # a size below zero: the same member would come for ever
            raise ValueError("it is damaged: a member has less than no bytes")
        return self.file.seek(position, whence)

    def tell(self) -> int:
        return self.file.tell()


def _unpack_tar(file: _Once, target: Path) -> None:
    count = _Count()
    try:
        taped = tarfile.TarFile(fileobj=file)  # reads the first header
    except tarfile.ReadError as error:
        raise ValueError("it is neither a .zip nor a .tar: pass a folder, or pack it") from error
    for member in taped:
        count.add(member.name, member.size, plain=member.isfile() or member.isdir())
        file.left = member.size + MAX_HEADERS
        taped.extract(member, target, filter="data")
    if file.last != bytes(512):  # where a cut falls between two members
        raise ValueError("it is truncated: its end is missing")
    while rest := file.file.read(1 << 20):  # at the end the checksum is compared
        count.add("padding", len(rest), plain=True)


def _unpack_zip(file: io.BufferedReader, target: Path) -> None:
    count = _Count()
    with zipfile.ZipFile(file) as packed:
        for item in packed.infolist():
            mode = stat.S_IFMT(item.external_attr >> 16)
            plain = mode in (0, stat.S_IFREG, stat.S_IFDIR)
            count.add(item.filename, item.file_size, plain=plain)
            packed.extract(item, target)  # never writes more than `file_size`


class _Count:
    """Counts what is unpacked, and refuses what must not be."""

    def __init__(self) -> None:
        self.size = 0
        self.files = 0

    def add(self, name: str, size: int, *, plain: bool) -> None:
        """Refuse a member that is a link, leads out of the folder, or is too much."""
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
            raise ValueError(f"it holds {name!r}, which leads out of its folder")
        if len(path.parts) > MAX_DEPTH:
            raise ValueError(f"it holds folders that are nested more than {MAX_DEPTH} deep")
        if not plain:
            raise ValueError(f"it holds {name!r}, a link or device")
        if size < 0:
            raise ValueError(f"it says that {name!r} has {size} bytes")
        self.size += size
        self.files += 1
        if self.size > MAX_BYTES:
            raise ValueError(f"it unfolds to more than {MAX_BYTES:,} bytes")
        if self.files > MAX_FILES:
            raise ValueError(f"it holds more than {MAX_FILES:,} files and folders")
