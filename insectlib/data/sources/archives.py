"""Unpack a .zip or .tar without letting it write anywhere else."""

from __future__ import annotations

import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path, PurePosixPath

from insectlib.data.digests import file_digest

MAX_BYTES = 2_000_000_000
"""Larger contents are refused: a small archive can unfold into terabytes."""

MAX_FILES = 100_000
"""More files and folders are refused."""

DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)


def unpack(archive: Path, target: Path) -> Path:
    """Unpack an archive into a folder named after its SHA-256, once.

    Parameters
    ----------
    archive : Path
        A .zip or .tar, compressed or not.
    target : Path
        The folder to make that folder in.

    Returns
    -------
    Path
        The folder with the contents.

    Raises
    ------
    ValueError
        When it is no archive, is empty, encrypted, truncated or damaged, holds links or devices,
        has paths that lead out of it, or contents of more than `MAX_BYTES` or `MAX_FILES`. The
        message names the archive, and nothing is left in `target`.
    OSError
        When `target` cannot be written to.
    """
    folder = target / file_digest(archive)
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=target, prefix=".draft-") as draft:
        contents = Path(draft) / "contents"
        contents.mkdir()
        try:
            # the other way round, a .tar of a .zip would be taken for one
            if tarfile.is_tarfile(archive):
                _unpack_tar(archive, contents)
            elif zipfile.is_zipfile(archive):
                _unpack_zip(archive, contents)
            else:
                raise ValueError("it is neither a .zip nor a .tar: pass a folder, or pack it")
            if not any(path.is_file() for path in contents.rglob("*")):
                raise ValueError("it holds no files")
        except (*DAMAGE, OSError, ValueError, RuntimeError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EROFS):
                raise
            raise ValueError(f"{archive} cannot be unpacked: {error}") from error
        try:
            contents.rename(folder)
        except OSError:
            if not folder.exists():  # another process has been first
                raise
    return folder


def _unpack_tar(archive: Path, target: Path) -> None:
    count = _Count()
    with tarfile.open(archive) as taped:
        for member in taped:  # read once, so that a limit ends the reading too
            count.add(member.name, member.size, plain=member.isfile() or member.isdir())
            taped.extract(member, target, filter="data")
        assert taped.fileobj is not None
        taped.fileobj.seek(taped.offset)
        if taped.fileobj.read(512) != bytes(512):  # where a cut falls between two members
            raise ValueError("it is truncated: its end is missing")
        while rest := taped.fileobj.read(1 << 20):  # at the end the checksum is compared
            count.add("padding", len(rest), plain=True)


def _unpack_zip(archive: Path, target: Path) -> None:
    count = _Count()
    with zipfile.ZipFile(archive) as packed:
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
        if not plain:
            raise ValueError(f"it holds {name!r}, a link or device")
        self.size += size
        self.files += 1
        if self.size > MAX_BYTES:
            raise ValueError(f"it unfolds to more than {MAX_BYTES:,} bytes")
        if self.files > MAX_FILES:
            raise ValueError(f"it holds more than {MAX_FILES:,} files and folders")
