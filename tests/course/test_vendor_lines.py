"""The filter of the error stream: what TensorFlow says of the machine goes, all else stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tools.vendor_lines import without_vendor_lines

NOISE = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    "I0000 00:00:1795793485.255897   14010 port.cc:153] oneDNN custom operations are on.\n"
    "W0000 00:00:1795793485.256651   14010 cudart_stub.cc:31] Could not find cuda drivers\n"
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild\n"
)
KEPT = (
    "E0000 00:00:1795793485.256651   14010 executor.cc:31] out of memory\n"
    "Traceback (most recent call last):\n"
    "chapter:  50%|#####     | 1/2\rchapter: 100%|##########| 2/2\r\n"
    "I am a sentence that begins like the vendor's\n"
    "no newline at the end"
)


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_vendor_lines_go_and_the_rest_stays(pieces: int) -> None:
    text = (NOISE + KEPT[:60] + KEPT[60:]).encode()
    read_end, write_end = os.pipe()
    with without_vendor_lines(write_end):
        for start in range(0, len(text), -(-len(text) // pieces)):
            os.write(write_end, text[start : start + -(-len(text) // pieces)])
            if pieces > 1:
                time.sleep(0.0005)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        assert stream.read().decode() == KEPT


def test_children_write_through_it_and_the_descriptor_is_given_back() -> None:
    child = f"import os; os.write(2, {NOISE.encode() + b'kept'!r})"
    program = (
        "import os, subprocess, sys\n"
        "from tools.vendor_lines import without_vendor_lines\n"
        "with without_vendor_lines():\n"
        f"    subprocess.run([sys.executable, '-c', {child!r}])\n"
        "os.write(2, b', and after')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stderr.decode() == "kept, and after"


def test_importing_tensorflow_says_nothing() -> None:
    program = (
        "from tools.vendor_lines import without_vendor_lines\n"
        "with without_vendor_lines():\n"
        "    import subprocess, sys\n"
        "    subprocess.run([sys.executable, '-c', 'import tensorflow as tf; tf.zeros(1)'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.stderr.decode() == ""
