"""Pictures with labels: sets of them, files, splits, and what is wrong with a collection."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
