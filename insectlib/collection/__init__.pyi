from .estimate import Estimate as Estimate
from .estimate import estimate_run as estimate_run
from .job import EXPLAINERS as EXPLAINERS
from .job import Job as Job
from .pictures import Pictures as Pictures
from .run import explain_collection as explain_collection
from .store import Store as Store
