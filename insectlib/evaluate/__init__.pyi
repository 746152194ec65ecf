from .faithfulness import (
    TargetGame as TargetGame,
)
from .faithfulness import (
    curve_area as curve_area,
)
from .faithfulness import (
    infidelity as infidelity,
)
from .faithfulness import (
    random_perturbations as random_perturbations,
)
from .ground_truth import (
    exact_parts as exact_parts,
)
from .ground_truth import (
    part_masks as part_masks,
)
from .ground_truth import (
    pointing_game as pointing_game,
)
from .ground_truth import (
    relative_error as relative_error,
)
from .localisation import (
    attribution_shares as attribution_shares,
)
from .localisation import (
    attribution_sums as attribution_sums,
)
from .localisation import (
    border_masks as border_masks,
)
from .localisation import (
    region_masks as region_masks,
)
from .maps import (
    class_maps as class_maps,
)
from .maps import (
    rank_correlation as rank_correlation,
)
from .part_ranking import completeness as completeness
from .part_ranking import contrastivity as contrastivity
from .randomisation import (
    cascade as cascade,
)
from .randomisation import (
    layers_with_weights as layers_with_weights,
)
from .randomisation import (
    with_shuffled_labels as with_shuffled_labels,
)
from .robustness import gini as gini
from .robustness import map_agreement as map_agreement
from .robustness import with_noise as with_noise
