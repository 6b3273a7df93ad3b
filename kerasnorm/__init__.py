"""kerasnorm: why validation breaks in Keras, what fixes it, and the proof.

Subpackages are imported when they are first used, so that a command line can print
its help without waiting for TensorFlow. As soon as Keras is imported, by whomever,
the layers and optimizers register themselves with it, and
`keras.saving.load_model` needs no custom objects.
"""

import lazy_loader
import wrapt

from kerasnorm.notebook import load_ipython_extension as load_ipython_extension
from kerasnorm.notebook import unload_ipython_extension as unload_ipython_extension
from kerasnorm.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

wrapt.register_post_import_hook("kerasnorm.registration:register_all", "keras")
