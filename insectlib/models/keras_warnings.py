"""Keep a warning from readers that has nothing to tell them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


def _worth_telling(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()


@contextmanager
def no_retracing_warning() -> Iterator[None]:
    """Let TensorFlow build one graph for each of many small networks, and not warn of it.

    TensorFlow counts the graphs that it builds from one line of code. Where a network is fitted for
    every fold, there is one for each, as there should be.
    """
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_worth_telling)
    try:
        yield
    finally:
        logger.removeFilter(_worth_telling)
