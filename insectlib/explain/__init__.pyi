from .checks import PreflightWarning as PreflightWarning
from .checks import preflight as preflight
from .controls.grad_cam import grad_cam as grad_cam
from .controls.lime import lime_image as lime_image
from .controls.simple_maps import (
    edge_map as edge_map,
)
from .controls.simple_maps import (
    occlusion as occlusion,
)
from .controls.simple_maps import (
    random_map as random_map,
)
from .deep.deep_shap import deep_shap as deep_shap
from .deep.handlers import deep_rules as deep_rules
from .deep.handlers import unsupported_operations as unsupported_operations
from .estimators.gaussian_process import fit_surrogate as fit_surrogate
from .estimators.priors import local_prior as local_prior
from .estimators.sampling import (
    PairedCoalitions as PairedCoalitions,
)
from .estimators.sampling import (
    paired_regression as paired_regression,
)
from .estimators.surrogate import (
    region_centres as region_centres,
)
from .estimators.surrogate import (
    surrogate_shapley as surrogate_shapley,
)
from .explanation import Explanation as Explanation
from .explanation import to_explanation as to_explanation
from .games.coalition_game import CoalitionGame as CoalitionGame
from .games.coalitions import (
    all_coalitions as all_coalitions,
)
from .games.coalitions import (
    exact_shapley as exact_shapley,
)
from .games.coalitions import (
    join_in_order as join_in_order,
)
from .games.coalitions import (
    leave_one_out as leave_one_out,
)
from .games.coalitions import (
    pair_interactions as pair_interactions,
)
from .games.coalitions import (
    player_count as player_count,
)
from .games.layouts import BORDER_TILES as BORDER_TILES
from .games.layouts import border_tiles as border_tiles
from .games.layouts import tiles as tiles
from .games.scene_game import SCENE_PLAYERS as SCENE_PLAYERS
from .games.scene_game import scene_shapley as scene_shapley
from .gradients.expected_gradients import gradient_shap as gradient_shap
from .gradients.inner_layers import (
    cut_points as cut_points,
)
from .gradients.inner_layers import (
    enlarge as enlarge,
)
from .gradients.inner_layers import (
    split_at as split_at,
)
from .kernel import kernel_shap as kernel_shap
from .masking.hierarchy import level_boxes as level_boxes
from .masking.hierarchy import picture_hierarchy as picture_hierarchy
from .masking.local_network import local_network as local_network
from .masking.masked_inference import (
    masked_forward as masked_forward,
)
from .masking.masked_inference import (
    pixel_forward as pixel_forward,
)
from .masking.maskers import PictureMasker as PictureMasker
from .masking.patchwork import (
    SAVED as SAVED,
)
from .masking.patchwork import (
    logits_by_patchwork as logits_by_patchwork,
)
from .masking.patchwork import (
    patchwork as patchwork,
)
from .masking.patchwork import (
    views_of as views_of,
)
from .masking.segments import (
    blurred as blurred,
)
from .masking.segments import (
    mask_image as mask_image,
)
from .masking.segments import (
    mean_colour as mean_colour,
)
from .masking.segments import (
    region_sums as region_sums,
)
from .masking.segments import (
    segment_values as segment_values,
)
from .masking.segments import (
    superpixels as superpixels,
)
from .partition import partition_shap as partition_shap
from .permutation import permutation_shap as permutation_shap
from .target import Target as Target
from .target import prepare as prepare
