from .clusters import (
    cluster_maps as cluster_maps,
)
from .clusters import (
    regions_of as regions_of,
)
from .diagnosis import Diagnosis as Diagnosis
from .diagnosis import (
    coarse as coarse,
)
from .diagnosis import (
    diagnose as diagnose,
)
from .diagnosis import (
    exact_shares as exact_shares,
)
from .diagnosis import plot_clusters as plot_clusters
from .diagnosis import (
    show_shares as show_shares,
)
from .interventions import (
    exchange as exchange,
)
from .interventions import (
    randomise as randomise,
)
from .interventions import (
    swap_surroundings as swap_surroundings,
)
from .mitigation import cropped as cropped
from .mitigation import train_for_right_reasons as train_for_right_reasons
from .outcomes import CONTROL as CONTROL
from .outcomes import accuracy as accuracy
from .outcomes import try_interventions as try_interventions
from .report import verdict as verdict
from .report import write_report as write_report
