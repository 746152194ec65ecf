"""Insects drawn by the package itself, with exact masks of every part."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
