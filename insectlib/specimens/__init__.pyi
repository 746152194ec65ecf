from .backgrounds import KINDS as KINDS
from .catalogue import plan_collection as plan_collection
from .catalogue import sample_scene as sample_scene
from .insects.species import CLASS_NAMES as CLASS_NAMES
from .kinds.body_plans import TEN_KINDS as TEN_KINDS
from .plates import anatomy_plate as anatomy_plate
from .rendering import render as render
from .scene import PARTS as PARTS
