"""Keras' Muon for the kernels of convolutions as well as those of dense layers."""

import math
import re
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasnorm.optimizers.exclusion import (
    FINAL_KERNEL,
    Exclude,
    deserialize_exclude,
    excluded_mask,
    serialize_exclude,
)
from kerasnorm.optimizers.gradients import (
    KERNEL_LAYERS,
    is_depthwise,
    make_dense,
    unit_axes,
)
from kerasnorm.optimizers.variable_layers import find_variable_layers
from kerasnorm.registration import register


@register
class Muon(keras.optimizers.Muon):
    """Step by the nearest orthogonal matrix to the momentum of each kernel.

    Use it where few epochs have to do; for cats and dogs from scratch it is the default
    of the apps. Keras' own class treats matrices alone so and leaves all kernels of
    convolutions to AdamW. Here a kernel is the matrix of its units, one column for each
    output: (height * width * inputs, outputs) for a convolution. With momentum M and k
    the longer side of the matrix,

        M <- momentum * M + G
        W <- W - learning_rate * (rms_rate * sqrt(k) * orthogonal(G + momentum * M)
                                  + weight_decay * W)

    where `orthogonal` moves all singular values near 1 by `ns_steps` Newton-Schulz
    steps. The factor gives steps of the size of AdamW's, so learning rates and decays
    that suit AdamW suit it. Its time does not depend on the batch: larger batches have
    less of it per image.

    Vectors, depthwise kernels, embeddings, scalars and the final kernel step by Adam
    with decoupled decay, as in Keras' class.

    Args:
        learning_rate: A float, a `LearningRateSchedule` or a callable. Default 1e-3.
        adam_beta_1: Decay of Adam's first moment. Default 0.9.
        adam_beta_2: Decay of Adam's second moment. Default 0.999.
        adam_weight_decay: Decoupled decay of what Adam steps, at least 0; `None`
            takes `weight_decay`. Default `None`.
        epsilon: Added to Adam's denominator. Default 1e-7.
        weight_decay: Decoupled decay of the orthogonalized kernels, at least 0.
            Default 0.004.
        clipnorm: As in every optimizer of Keras, like those up to `name`.
        clipvalue: Likewise.
        global_clipnorm: Likewise.
        use_ema: Likewise.
        ema_momentum: Likewise.
        ema_overwrite_frequency: Likewise.
        loss_scale_factor: Likewise.
        gradient_accumulation_steps: Likewise.
        name: Likewise.
        exclude_layers: Regular expressions; Adam steps what has a match in its path.
        exclude_embeddings: Whether Adam steps embeddings. Default true.
        muon_a: Coefficient of the Newton-Schulz step, like the next two.
        muon_b: Likewise.
        muon_c: Likewise.
        adam_lr_ratio: Adam's learning rate as a multiple of `learning_rate`. Default 1.
        momentum: Momentum of the orthogonalized kernels. Default 0.95.
        ns_steps: Newton-Schulz steps, at least 1. Default 5.
        nesterov: Whether the momentum looks ahead. Default true.
        rms_rate: Size of a step against Adam's; `None` leaves out the factor in front
            of `orthogonal`. Default 0.2.
        exclude: What Adam steps besides: path parts or a function of the variable, as
            in `AGC`. Default `"final_kernel"`.
        **kwargs: Those of `keras.optimizers.Optimizer`.

    Example:
        ```python
        model.compile(optimizer=Muon(3e-3, weight_decay=0.05), loss="mse")
        ```

    Reference:
        Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks,
        https://kellerjordan.github.io/posts/muon/; the factor from Liu et al. 2025,
        Muon is scalable for LLM training, https://arxiv.org/abs/2502.16982.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = None,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        *,
        exclude: Exclude = FINAL_KERNEL,
        **kwargs: Any,
    ):
        for argument, value in (
            ("weight_decay", weight_decay),
            ("adam_weight_decay", adam_weight_decay),
        ):
            if value is not None and value < 0:
                raise ValueError(
                    f"Expected `{argument}` to be at least 0, received {value!r}."
                )
        super().__init__(
            learning_rate,
            adam_beta_1,
            adam_beta_2,
            weight_decay if adam_weight_decay is None else adam_weight_decay,
            epsilon,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            exclude_layers,
            exclude_embeddings,
            muon_a,
            muon_b,
            muon_c,
            adam_lr_ratio,
            momentum,
            ns_steps,
            nesterov,
            rms_rate,
            **kwargs,
        )
        self.exclude = exclude

    def build(self, variables):
        """Look up the units of `variables` and create the moments."""
        if self.built:
            return
        found = find_variable_layers(variables, KERNEL_LAYERS)
        owners = [found.get(id(variable)) for variable in variables]
        axes_of_units = list(map(unit_axes, variables, owners))
        excluded = excluded_mask(self.exclude, variables, axes_of_units)
        # Each channel of a depthwise kernel has inputs of its own: it is no matrix.
        self._matrix_axes = [
            () if spare or axes is None or is_depthwise(variable, owner) else axes
            for variable, owner, axes, spare in zip(
                variables, owners, axes_of_units, excluded, strict=True
            )
        ]
        super().build(variables)

    # Keras' class asks this, also while it is being built.
    def _should_use_adamw(self, variable):
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        if any(re.search(pattern, variable.path) for pattern in self.exclude_layers):
            return True
        return not self._axes_of(variable)

    def _axes_of(self, variable) -> tuple[int, ...]:
        """Axes of a unit of what is a matrix; nothing for what Adam steps."""
        return self._matrix_axes[self._get_variable_index(variable)]

    def _muon_update_step(self, gradient, variable, lr, m):
        gradient = ops.cast(make_dense(gradient), variable.dtype)
        momentum = m * self.momentum + gradient
        self.assign(m, momentum)
        step = gradient + self.momentum * momentum if self.nesterov else momentum
        axes = self._axes_of(variable)
        order = [*axes, *(axis for axis in range(len(step.shape)) if axis not in axes)]
        turned = ops.transpose(step, order)
        # Sizes in full: nothing can be inferred of a variable without entries.
        inputs = math.prod(turned.shape[: len(axes)])
        outputs = math.prod(turned.shape[len(axes) :])
        matrix = ops.reshape(turned, (inputs, outputs))
        flat = self.lr_adjust(self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        back = [order.index(axis) for axis in range(len(order))]
        update = ops.transpose(ops.reshape(flat, turned.shape), back)
        self.assign_sub(variable, ops.cast(lr, variable.dtype) * update)

    def zeropower_via_newtonschulz5(self, x, steps: int):
        """Move the singular values of a matrix near 1, those far below 0.01 apart.

        The quintic steps are those of Keras' class, of the same coefficients. Each is
        a polynomial of the Gram matrix of the shorter side, so all of them are worked
        out on that small matrix and the large one is multiplied once, at the end. For
        the kernel of a 3 x 3 convolution that is less than half the arithmetic.

        Args:
            x: Matrix of shape (rows, columns).
            steps: Number of Newton-Schulz steps, at least 1.

        Returns:
            Matrix of the same shape.
        """
        x = x / (ops.norm(x) + 1e-7)
        is_tall = x.shape[0] > x.shape[1]
        turned = ops.transpose(x)
        gram = ops.matmul(turned, x) if is_tall else ops.matmul(x, turned)
        identity = ops.eye(gram.shape[0], dtype=gram.dtype)
        product = identity
        for step in range(steps):
            square = ops.matmul(gram, gram)
            factor = self.muon_a * identity + self.muon_b * gram + self.muon_c * square
            product = ops.matmul(factor, product) if step else factor
            if step < steps - 1:
                gram = ops.matmul(ops.matmul(factor, gram), factor)
        return ops.matmul(x, product) if is_tall else ops.matmul(product, x)

    def get_config(self):
        """Return the constructor arguments."""
        return {**super().get_config(), "exclude": serialize_exclude(self.exclude)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make the optimizer that `get_config` described."""
        config = deserialize_exclude(config, custom_objects)
        return super().from_config(config, custom_objects)
