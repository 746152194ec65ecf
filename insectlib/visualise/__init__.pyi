from .explanation_plots import compare_explanations as compare_explanations
from .explanation_plots import plot_explanation as plot_explanation
from .explorer import explore_regions as explore_regions
from .explorer import explore_scene as explore_scene
from .plots import (
    show_picture as show_picture,
)
from .plots import (
    show_pictures as show_pictures,
)
from .plots import (
    show_probabilities as show_probabilities,
)
from .plots import (
    show_signed_map as show_signed_map,
)
from .style import (
    CLASS_COLOURS as CLASS_COLOURS,
)
from .style import (
    CLASS_MARKERS as CLASS_MARKERS,
)
from .style import (
    GREY as GREY,
)
from .style import (
    INK as INK,
)
from .style import (
    SIGNED_MAP as SIGNED_MAP,
)
from .style import (
    class_looks as class_looks,
)
from .style import (
    signed_norm as signed_norm,
)
from .style import (
    use_style as use_style,
)
