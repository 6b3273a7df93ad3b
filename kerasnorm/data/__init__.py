"""Image folders to batches: index, decode, scan, augment, and feed a training.

Nothing here imports TensorFlow until a name that needs it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
