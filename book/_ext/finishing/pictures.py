"""Pictures as WebP, with their size, loaded when they are about to be seen."""

from __future__ import annotations

import io
import shutil
from hashlib import sha256
from pathlib import Path

from bs4 import BeautifulSoup
from PIL import Image

LOSSLESS_UP_TO = 250_000
"""Bytes of a PNG; above, a figure is mostly pictures, and lossless takes long for little."""


def shrink(page: BeautifulSoup, folder: Path, kept: Path) -> None:
    """Have `page`, which lies in `folder`, show smaller copies; `kept` has earlier builds' ones."""
    for place, tag in enumerate(page.select("article img[src]")):
        png = folder / str(tag["src"])
        if png.suffix != ".png" or not png.exists():
            continue
        smaller = png.with_suffix(".webp")
        if not smaller.exists():
            shutil.copy(webp(png, kept), smaller)
        with Image.open(smaller) as picture:
            tag["width"], tag["height"] = map(str, picture.size)
        tag["src"] = str(Path(str(tag["src"])).with_suffix(".webp"))
        tag["decoding"] = "async"
        if place:  # the first may be on the first screen
            tag["loading"] = "lazy"


def webp(png: Path, kept: Path) -> Path:
    """Return the smaller of a lossless and a fine lossy copy of `png`, made once for its bytes."""
    data = png.read_bytes()
    copy = kept / f"{sha256(data).hexdigest()}.webp"
    if not copy.exists():
        with Image.open(io.BytesIO(data)) as opened:
            opaque = opened.mode != "RGBA" or opened.getchannel("A").getextrema() == (255, 255)
            picture = opened.convert("RGB" if opaque else "RGBA")
        settings = [{"quality": 88, "method": 4}]
        if len(data) <= LOSSLESS_UP_TO:
            settings.append({"lossless": True, "quality": 20, "method": 1})
        kept.mkdir(exist_ok=True)
        copy.write_bytes(min((encoded(picture, **each) for each in settings), key=len))
    return copy


def encoded(picture: Image.Image, **settings: float) -> bytes:
    """Return the bytes of `picture` as WebP."""
    file = io.BytesIO()
    picture.save(file, "webp", **settings)
    return file.getvalue()


def drop_originals(folder: Path) -> None:
    """Remove each PNG that has a smaller copy."""
    for copy in folder.glob("*.webp"):
        copy.with_suffix(".png").unlink(missing_ok=True)
