"""Helpers of the course *What Did the Network See?*

The names that most chapters use are here; the rooms hold the rest, in the order in which they
import each other: specimens, data, models, explain, visualise, evaluate, shortcuts, course.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
