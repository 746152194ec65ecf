from .cnns import regularised_cnn as regularised_cnn
from .cnns import small_cnn as small_cnn
from .inference import (
    check_images as check_images,
)
from .inference import (
    model_outputs as model_outputs,
)
from .inference import (
    probabilities as probabilities,
)
from .inference import (
    softmax as softmax,
)
from .metrics import accuracy_interval as accuracy_interval
from .metrics import mean_interval as mean_interval
from .networks import without_augmentation as without_augmentation
from .seeds import numpy_seed as numpy_seed
from .seeds import seed_stream as seed_stream
from .training import train as train
from .transfer.augmentation import augment as augment
from .transfer.backbones import backbone as backbone
from .transfer.checkpoint import read_checkpoint as read_checkpoint
from .transfer.efficientnet import (
    efficientnet_lite0 as efficientnet_lite0,
)
from .transfer.efficientnet import (
    imagenet_names as imagenet_names,
)
from .transfer.features import cached_features as cached_features
from .transfer.fine_tuning import fine_tune as fine_tune
from .transfer.heads import fit_head as fit_head
