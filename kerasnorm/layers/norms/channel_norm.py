"""Base of the layers that normalize and then scale and shift each channel."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.checks import channels_of, check_axis, check_positive
from kerasnorm.layers.norms.moments import at_least_float32


class ChannelNorm(keras.layers.Layer):
    """Hold what the norms share: the axis, `gamma`, `beta` and their options.

    Not a layer to use; `make_norm` makes those. Statistics are taken in at least
    float32 whatever the dtype policy, and the weights are read in full precision.

    Args:
        axis: Axis of the channels, -1 (default) for channels last, 1 for channels
            first.
        epsilon: Positive number added to the variance, so that it has a root.
        center: Whether to add the weight `beta`, default True.
        scale: Whether to multiply by the weight `gamma`, default True.
        beta_initializer: Initializer of `beta`, default zeros.
        gamma_initializer: Initializer of `gamma`, default ones.
        beta_regularizer: Regularizer of `beta`, default none.
        gamma_regularizer: Regularizer of `gamma`, default none.
        beta_constraint: Constraint of `beta`, default none.
        gamma_constraint: Constraint of `gamma`, default none.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `epsilon` is not positive, or `axis` is not an integer or is 0,
            or, at build, if the input has no such axis or does not tell its size.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # `moments.as_computed` casts the inputs.
        self.autocast = False
        self.axis = check_axis(axis)
        self.epsilon = check_positive("epsilon", epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        """Create `gamma` and `beta`, one number per channel."""
        channels = channels_of(self, input_shape)
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={self.axis: channels}
        )
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=(channels,),
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=(channels,),
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
            )

    def scale_and_center(self) -> tuple:
        """Return `gamma` and `beta`, or ones and zeros, in at least float32."""
        channels = self.input_spec.axes[self.axis]
        dtype = at_least_float32(self.compute_dtype)
        gamma = ops.ones(channels) if self.gamma is None else self.gamma
        beta = ops.zeros(channels) if self.beta is None else self.beta
        return ops.cast(gamma, dtype), ops.cast(beta, dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the input's shape: a norm keeps it."""
        return input_shape

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": keras.initializers.serialize(self.beta_initializer),
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
            "beta_regularizer": keras.regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": keras.regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": keras.constraints.serialize(self.beta_constraint),
            "gamma_constraint": keras.constraints.serialize(self.gamma_constraint),
        }
