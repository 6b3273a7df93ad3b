"""Stochastic depth: drop the whole branch of a residual block, per sample."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.checks import check_fraction
from kerasnorm.registration import register


@register
class StochasticDepth(keras.layers.Layer):
    """Drop the branch of a residual block for a random part of the samples.

    Put it on the branch, just before the addition. Training sees each sample's branch
    either whole or zero; inference sees the branch unchanged. A usual choice is a
    `rate` that grows linearly from 0 at the first block to 0.1 or 0.25 at the last.

    Args:
        rate: Fraction of the samples whose branch is dropped, 0 to below 1.
        rescale: Whether to divide what is kept by `1 - rate`, so that training and
            inference agree on average; default True. NFNets train without.
        seed: Seed of the random choice, default None for a random one.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `rate` is not from 0 to below 1.

    Example:
        >>> outputs = shortcut + StochasticDepth(0.1)(branch)

    Reference:
        Huang et al. 2016, Deep Networks with Stochastic Depth, arXiv 1603.09382, with
        the correction moved from inference to training.
    """

    def __init__(
        self,
        rate: float,
        rescale: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = check_fraction("rate", rate)
        self.rescale = rescale
        self.seed = seed
        if self.rate > 0:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop samples of `inputs`, of shape (batch, ...), when training."""
        if not training or self.rate == 0:
            return inputs
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        kept = ops.cast(draw >= self.rate, inputs.dtype)
        if self.rescale:
            kept = kept / (1.0 - self.rate)
        return inputs * kept

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "rate": self.rate,
            "rescale": self.rescale,
            "seed": self.seed,
        }
