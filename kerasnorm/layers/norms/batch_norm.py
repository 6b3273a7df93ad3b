"""Keras' batch normalization with inputs and statistics that half precision loses."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.norms.moments import at_least_float32
from kerasnorm.registration import register


@register
class BatchNorm(keras.layers.BatchNormalization):
    """Keras' batch normalization, which in half precision loses nothing on the way.

    Under `mixed_float16` Keras casts a layer's inputs before it calls the layer, so
    that what is above 65504 reaches its batch normalization as infinity. Under
    `float16` the moving variance overflows, too, and under `bfloat16` the moving
    statistics stand still as soon as an update is smaller than their last digit. This
    layer takes its inputs as they are and keeps the moving statistics in at least
    float32. In float32 it is Keras' layer, but on PyTorch, where Keras' variance of a
    constant channel (from about 100 on) can be negative, it is never below 0.

    `make_norm` makes it where the dtype policy asks for it, and Keras' own elsewhere.

    Args:
        *args: As for `keras.layers.BatchNormalization`.
        **kwargs: Likewise.

    Example:
        >>> layer = BatchNorm(dtype="mixed_float16")
        >>> bool(keras.ops.all(layer(1e5 * keras.ops.ones((2, 3)), training=True) == 0))
        True
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The call of Keras' layer casts to at least float32 by itself.
        self.autocast = False

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        """Create a weight; moving statistics in at least float32."""
        if not kwargs.get("trainable", True):
            kwargs["dtype"] = at_least_float32(self.variable_dtype)
        return super().add_weight(*args, **kwargs)

    def _moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        if mask is not None or keras.config.backend() != "torch":
            return super()._moments(inputs, mask)
        # Keras subtracts the square of the mean from the mean of the squares.
        axes = [a for a in range(len(inputs.shape)) if a != self.axis % inputs.ndim]
        return ops.mean(inputs, axes), ops.var(inputs, axes)
