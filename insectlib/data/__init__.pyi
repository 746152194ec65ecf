from .collection_audit import audit as audit
from .datasets import Collection as Collection
from .datasets import load as load
from .folds import (
    cross_predict as cross_predict,
)
from .folds import (
    fold_scores as fold_scores,
)
from .folds import (
    random_folds as random_folds,
)
from .image_files import read_image as read_image
from .imageset import ImageSet as ImageSet
from .label_strip import (
    cover_strip as cover_strip,
)
from .label_strip import (
    strip_box as strip_box,
)
from .label_strip import (
    strip_only as strip_only,
)
from .own_picture import EXAMPLE_PICTURE as EXAMPLE_PICTURE
from .own_picture import load_picture as load_picture
from .sources.cifar10 import cifar10_at_hand as cifar10_at_hand
from .sources.cifar10 import load_cifar10 as load_cifar10
from .sources.drawn import draw_specimens as draw_specimens
from .sources.drawn import load_specimens as load_specimens
from .sources.errors import DataUnavailableError as DataUnavailableError
from .sources.fashion_mnist import (
    fashion_mnist_at_hand as fashion_mnist_at_hand,
)
from .sources.fashion_mnist import (
    load_fashion_mnist as load_fashion_mnist,
)
from .sources.imagenet50 import (
    imagenet50_at_hand as imagenet50_at_hand,
)
from .sources.imagenet50 import (
    load_imagenet50 as load_imagenet50,
)
from .sources.photos import load_photos as load_photos
from .sources.ten_kinds import load_ten_kinds as load_ten_kinds
from .splits import (
    catalogue_number as catalogue_number,
)
from .splits import (
    honest_folds as honest_folds,
)
from .splits import (
    honest_split as honest_split,
)
