"""Registers classes with Keras under the package name `kerasnorm`."""

import importlib
from collections.abc import Callable
from types import ModuleType


def register(cls: type) -> type:
    """Register a layer, optimizer or schedule so that Keras can load it by name.

    Use it as a decorator on every public class that Keras saves.

    Args:
        cls: The class; its saved name becomes `kerasnorm>ClassName`.

    Returns:
        The class itself.
    """
    import keras

    decorate: Callable[[type], type] = keras.saving.register_keras_serializable(
        package="kerasnorm"
    )
    return decorate(cls)


def register_all(keras_module: ModuleType) -> None:
    """Import every subpackage whose classes Keras may meet in a saved file.

    `kerasnorm/__init__.py` has this called as soon as Keras has been imported.

    Args:
        keras_module: Keras itself, handed over by the import hook.
    """
    for subpackage in ("layers", "optimizers", "callbacks"):
        importlib.import_module(f"kerasnorm.{subpackage}")
