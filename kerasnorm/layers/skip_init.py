"""A learned scalar in front of a residual branch."""

import keras

from kerasnorm.registration import register


@register
class SkipInit(keras.layers.Layer):
    """Multiply by one learned number, `scale * gain`.

    Put it at the end of a residual branch of a network without norms. The gain starts
    at 0, so the network starts as its shortcuts and stays trainable at any depth.
    Training and validation see the same multiplication; the gain is saved.

    Args:
        scale: Constant factor, for example the alpha of an NFNet. Default 1.
        initializer: Initializer of the gain. Default `"zeros"`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Example:
        >>> branch = SkipInit(scale=0.2)(branch)

    Reference:
        De and Smith 2020, https://arxiv.org/abs/2002.10444.
    """

    def __init__(self, scale=1.0, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True

    def build(self, input_shape):
        """Create the gain, a scalar."""
        self.gain = self.add_weight(name="gain", shape=(), initializer=self.initializer)

    def call(self, inputs):
        """Return `inputs`, of any shape, times `scale * gain`."""
        return inputs * (self.scale * self.gain)

    def compute_output_shape(self, input_shape):
        """Return the input's shape."""
        return input_shape

    def get_config(self):
        """Return every constructor argument."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "initializer": keras.initializers.serialize(self.initializer),
        }
