"""Keep what TensorFlow's C++ side says of the machine out of the progress of a build.

It writes to the file descriptor itself, before any level of logging is set, from the kernels that
papermill starts as well: so the descriptor is where such lines are taken out.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

VENDOR_LINE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|[IW]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ \w+\.cc:\d+\]"
    rb"|To enable the following instructions: "
)
"""The start of a line about the machine or a level of logging; errors (E, F) are no such line."""


@contextmanager
def without_vendor_lines(descriptor: int = 2) -> Iterator[None]:
    """Pass on what is written to `descriptor`, by this process and its children, without them.

    Parameters
    ----------
    descriptor : int
        An open file descriptor; 2 is the error stream.
    """
    real = os.dup(descriptor)
    read_end, write_end = os.pipe()
    os.dup2(write_end, descriptor)
    os.close(write_end)
    thread = threading.Thread(target=_pass_on, args=(read_end, real), daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.dup2(real, descriptor)
        # a child that lives on would keep the pipe open: do not wait for it for ever
        thread.join(timeout=5)
        os.close(real)


def _pass_on(source: int, target: int) -> None:
    """Copy line by line; a bar of progress ends its lines with a carriage return."""
    left = b""
    while chunk := os.read(source, 65536):
        *lines, left = re.split(rb"(?<=[\r\n])", left + chunk)
        for line in lines:
            _write(target, line)
        if not VENDOR_LINE.match(left) and not _may_become_vendor_line(left):
            _write(target, left)
            left = b""
    _write(target, left)
    os.close(source)


def _may_become_vendor_line(left: bytes) -> bool:
    """Tell whether the start of a line could be one of the vendor's when the rest arrives."""
    return left[:1] in (b"W", b"I", b"T") and len(left) < 100


def _write(target: int, line: bytes) -> None:
    """Write a line that is not the vendor's."""
    if line and not VENDOR_LINE.match(line):
        os.write(target, line)
