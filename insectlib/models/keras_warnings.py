"""Hide the one warning of TensorFlow's that is expected here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


def _is_other(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def no_retracing_warning() -> Iterator[None]:
    """Hide TensorFlow's warning about "retracing" inside a ``with`` block.

    TensorFlow warns when it builds many graphs from one line of code. Where a network is fitted
    for every fold, one graph for each is right.
    """
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_is_other)
    try:
        yield
    finally:
        logger.removeFilter(_is_other)
