from .data import (
    ImageSet as ImageSet,
)
from .data import (
    audit as audit,
)
from .data import (
    honest_split as honest_split,
)
from .data import (
    load as load,
)
from .explain import (
    all_coalitions as all_coalitions,
)
from .explain import (
    deep_shap as deep_shap,
)
from .explain import (
    exact_shapley as exact_shapley,
)
from .explain import (
    grad_cam as grad_cam,
)
from .explain import (
    gradient_shap as gradient_shap,
)
from .explain import (
    kernel_shap as kernel_shap,
)
from .explain import (
    lime_image as lime_image,
)
from .explain import (
    occlusion as occlusion,
)
from .explain import (
    partition_shap as partition_shap,
)
from .explain import (
    permutation_shap as permutation_shap,
)
from .explain import (
    preflight as preflight,
)
from .explain import (
    superpixels as superpixels,
)
from .models import (
    model_outputs as model_outputs,
)
from .models import (
    probabilities as probabilities,
)
from .models import (
    small_cnn as small_cnn,
)
from .models import (
    train as train,
)
from .shortcuts import (
    write_report as write_report,
)
from .visualise import (
    compare_explanations as compare_explanations,
)
from .visualise import (
    plot_explanation as plot_explanation,
)
from .visualise import (
    show_picture as show_picture,
)
from .visualise import (
    show_pictures as show_pictures,
)
from .visualise import (
    show_signed_map as show_signed_map,
)
from .visualise import (
    use_style as use_style,
)
