"""Keras' batch normalization in training, by TensorFlow's fused kernel."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

# What the kernel of processors computes in float32 inside.
DTYPES = (tf.float32, tf.bfloat16)


@dataclasses.dataclass(frozen=True)
class FusedCall:
    """The `call` of a batch norm, by one kernel.

    Keras writes a batch norm as a dozen operations, each of which reads and writes the
    whole tensor when TensorFlow runs them one by one. The fused kernel computes the
    same and has a gradient of its own. What it does not know goes Keras' way:
    inference, masks, channels in front, other ranks and dtypes.

    Args:
        layer: The batch norm.
        original: Its own `call`.
    """

    layer: keras.layers.BatchNormalization
    original: Callable[..., Any]

    def __call__(self, inputs, training=None, mask=None):
        """Normalize `inputs`, of shape (batch, height, width, channels)."""
        layer = self.layer
        if not training or not layer.trainable or mask is not None:
            return self.original(inputs, training=training, mask=mask)
        if inputs.shape.rank != 4 or layer.axis not in (-1, 3):
            return self.original(inputs, training=training, mask=mask)
        if inputs.dtype not in DTYPES:
            return self.original(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        scale = tf.cast(layer.gamma, tf.float32) if layer.scale else tf.ones(channels)
        offset = tf.cast(layer.beta, tf.float32) if layer.center else tf.zeros(channels)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=tf.zeros(0),
            variance=tf.zeros(0),
            epsilon=layer.epsilon,
            is_training=True,
        )
        # The kernel tells the unbiased variance; Keras averages the biased one.
        count = tf.cast(tf.size(inputs) // channels, tf.float32)
        self._follow(layer.moving_mean, mean)
        self._follow(layer.moving_variance, variance * ((count - 1.0) / count))
        return outputs

    def _follow(self, moving, value):
        # In float32, whatever type the statistics are kept in.
        before, momentum = tf.cast(moving, tf.float32), self.layer.momentum
        moving.assign(before * momentum + value * (1.0 - momentum))
