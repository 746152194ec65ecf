"""Unpack a .zip or .tar without letting it write anywhere else."""

from __future__ import annotations

import stat
import tarfile
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path, PurePosixPath

MAX_BYTES = 2_000_000_000
"""Larger contents are refused: a small archive can unfold into terabytes."""


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
        When it is no archive, holds links or devices, has paths that lead out of it, or
        contents of more than `MAX_BYTES`. Nothing is written then.
    """
    with archive.open("rb") as file:
        digest = sha256(file.read()).hexdigest()
    folder = target / digest
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=target) as draft:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                for item in packed.infolist():
                    plain = not stat.S_ISLNK(item.external_attr >> 16)
                    check_member(archive, item.filename, plain)
                check_bytes(archive, sum(item.file_size for item in packed.infolist()))
                packed.extractall(Path(draft) / "contents")
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as taped:
                for member in taped:
                    check_member(archive, member.name, member.isfile() or member.isdir())
                check_bytes(archive, sum(member.size for member in taped))
                taped.extractall(Path(draft) / "contents", filter="data")
        else:
            raise ValueError(f"{archive} is neither a .zip nor a .tar: pass a folder, or pack it")
        (Path(draft) / "contents").rename(folder)
    return folder


def check_member(archive: Path, name: str, plain: bool) -> None:
    """Refuse a member that is a link, or would be written outside of the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise ValueError(f"{archive} holds {name!r}, which leads out of its folder: not unpacked")
    if not plain:
        raise ValueError(f"{archive} holds {name!r}, a link or device: not unpacked")


def check_bytes(archive: Path, total: int) -> None:
    """Refuse contents that would fill the disk."""
    if total > MAX_BYTES:
        raise ValueError(
            f"{archive} unfolds to {total:,} bytes; at most {MAX_BYTES:,} are unpacked"
        )
