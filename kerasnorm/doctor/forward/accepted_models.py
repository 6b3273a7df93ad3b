"""Says which models the doctor can look at."""

from typing import Any

import keras

from kerasnorm.inspection.own_methods import check_callable


def check_model(model: Any) -> None:
    """Refuse what is no model, and what cannot be called.

    Args:
        model: What somebody passed as one.

    Raises:
        TypeError: If it is no Keras model.
        ValueError: If it has no `call`.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"expected a Keras model, received {type(model).__name__}")
    check_callable(model)
