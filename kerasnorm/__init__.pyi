from . import callbacks as callbacks
from . import data as data
from . import doctor as doctor
from . import layers as layers
from . import models as models
from . import optimizers as optimizers
from . import surgery as surgery
from . import training as training
from .version import __version__ as __version__

__all__ = [
    "__version__",
    "callbacks",
    "data",
    "doctor",
    "layers",
    "models",
    "optimizers",
    "surgery",
    "training",
]
