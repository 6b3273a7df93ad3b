"""AdamW with positive-negative momentum, stable weight decay and norm loss."""

from typing import Any

import keras
from keras import ops

from kerasnorm.optimizers.assignment import assign_all, sum_over_replicas
from kerasnorm.optimizers.decay import norm_loss_scale, stable_decay_scale
from kerasnorm.optimizers.gradients import make_dense, unit_axes_of
from kerasnorm.registration import register


@register
class AdaPNM(keras.optimizers.Optimizer):
    """AdamW whose momentum, second moments and weight decay can each be refined.

    At update t, with gradient g and weights p,

        m_t = beta_1^2 m_(t-2) + (1 - beta_1^2) g
        m   = ((1 + beta_0) m_t - beta_0 m_(t-1)) / sqrt((1 + beta_0)^2 + beta_0^2)
        v_t = beta_2 v_(t-1) + (1 - beta_2) g^2,    v = max(v, v_t)
        u   = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)
        d   = weight_decay * (1 - 1 / |p|) * p / sqrt(mean(v) / (1 - beta_2^t))
        p  <- p - learning_rate * (u + d)

    The negative weight on the previous momentum adds noise like that of a smaller
    batch without changing the expected step. With all five switches off this is AdamW
    (Keras' own adds `epsilon` before it corrects the bias of v). Norms are those of
    units (see `kerasnorm.optimizers.gradients.unit_axes`), the mean runs over all
    entries of all variables.

    Args:
        learning_rate: A float, a `LearningRateSchedule` or a callable. Default 1e-3.
        weight_decay: Strength of the decay, at least 0. Default 1e-4.
        beta_0: Weight of the negative momentum, at least 0. Default 1.
        beta_1: Decay of the momentum, 0 to 1. Default 0.9.
        beta_2: Decay of the second moments, 0 to 1. Default 0.999.
        epsilon: Added to the root of the second moments, above 0. Default 1e-8.
        positive_negative_momentum: Whether to use two momenta; if not, Adam's
            `m_t = beta_1 m_(t-1) + (1 - beta_1) g`. Default true.
        amsgrad: Whether v keeps its largest value. Default true.
        stable_weight_decay: Whether to divide the decay by the root of the mean second
            moment. Default true.
        norm_loss: Whether decay pulls the norm of units to 1 instead of 0; a norm loss
            of strength `weight_decay / 2`. Default false.
        decay_kernels_only: Whether biases and scales are excluded from decay. Norm loss
            always spares them. Default true.
        **kwargs: Keras' own: `name`, `clipnorm`, `use_ema`,
            `gradient_accumulation_steps` and so on.

    Example:
        ```python
        model.compile(optimizer=AdaPNM(1e-3, weight_decay=5e-4), loss="mse")
        ```

    Reference:
        Xie et al. 2021, Positive-negative momentum, algorithm 3,
        https://arxiv.org/abs/2103.17182; for the decay see
        `kerasnorm.optimizers.decay`.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay: float = 1e-4,
        beta_0: float = 1.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        positive_negative_momentum: bool = True,
        amsgrad: bool = True,
        stable_weight_decay: bool = True,
        norm_loss: bool = False,
        decay_kernels_only: bool = True,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, **kwargs)
        for argument, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= value < 1:
                raise ValueError(
                    f"Expected `{argument}` to be at least 0 and below 1, received "
                    f"{value!r}."
                )
        if epsilon <= 0:
            raise ValueError(f"Expected `epsilon` to be above 0, received {epsilon!r}.")
        for argument, value in (("beta_0", beta_0), ("weight_decay", weight_decay)):
            if value is not None and value < 0:
                raise ValueError(
                    f"Expected `{argument}` to be at least 0, received {value!r}."
                )
        self.beta_0 = beta_0
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.positive_negative_momentum = positive_negative_momentum
        self.amsgrad = amsgrad
        self.stable_weight_decay = stable_weight_decay
        self.norm_loss = norm_loss
        self.decay_kernels_only = decay_kernels_only

    def build(self, variables):
        """Create the moments and look up the units of `variables`."""
        if self.built:
            return
        super().build(variables)
        self._unit_axes = unit_axes_of(variables)
        self._momenta = self._add_slots(variables, "momentum")
        self._second_moments = self._add_slots(variables, "second_moment")
        if self.positive_negative_momentum:
            self._older_momenta = self._add_slots(variables, "older_momentum")
        if self.amsgrad:
            self._largest_moments = self._add_slots(variables, "largest_second_moment")

    def _add_slots(self, variables, name: str) -> list:
        """Create a slot for each variable, in at least float32.

        Squares of gradients underflow in half precision, and steps divide by them.
        """
        return [
            self.add_variable(
                shape=variable.shape,
                dtype=keras.backend.result_type(variable.dtype, "float32"),
                name=f"{variable.path.replace('/', '_')}_{name}",
                layout=getattr(variable, "_layout", None),
            )
            for variable in variables
        ]

    # The decay takes part in the update below: it needs the new second moments.
    def _apply_weight_decay(self, variables):
        pass

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        indices = [self._get_variable_index(v) for v in trainable_variables]
        gradients = [
            ops.cast(make_dense(gradient), self._momenta[index].dtype)
            for gradient, index in zip(sum_over_replicas(grads), indices, strict=True)
        ]
        step = ops.cast(self.iterations + 1, "float32")
        correction = 1.0 - ops.power(ops.cast(self.beta_2, "float32"), step)
        momenta, momentum_updates = self._advance_momenta(gradients, indices)
        moments, moment_updates = self._advance_moments(gradients, indices)
        rate = ops.cast(learning_rate, "float32")
        pace = rate / (1.0 - ops.power(ops.cast(self.beta_1, "float32"), step))
        root = ops.rsqrt(correction)
        decay = rate * (self.weight_decay or 0.0)
        if self.stable_weight_decay and self.weight_decay:
            decay = decay * stable_decay_scale(moments, correction)
        weights = []
        for index, variable, momentum, moment in zip(
            indices, trainable_variables, momenta, moments, strict=True
        ):
            dtype = momentum.dtype
            kept = self._decayed(variable, index, decay, dtype)
            adam = momentum / (ops.sqrt(moment) * ops.cast(root, dtype) + self.epsilon)
            stepped = kept - ops.cast(pace, dtype) * adam
            weights.append(ops.cast(stepped, variable.dtype))
        updates = [*momentum_updates, *moment_updates]
        updates += zip(trainable_variables, weights, strict=True)
        assign_all(*zip(*updates, strict=True))

    def _advance_momenta(self, gradients: list, indices: list[int]):
        """Combined momenta, and pairs of a slot and its new value."""
        momenta, updates = [], []
        for gradient, index in zip(gradients, indices, strict=True):
            slot = self._momenta[index]
            last = ops.convert_to_tensor(slot)
            if not self.positive_negative_momentum:
                momentum = _towards(gradient, last, 1 - self.beta_1)
                updates.append((slot, momentum))
                momenta.append(momentum)
                continue
            older_slot = self._older_momenta[index]
            older = ops.convert_to_tensor(older_slot)
            newest = _towards(gradient, older, 1 - self.beta_1**2)
            noise_norm = ((1 + self.beta_0) ** 2 + self.beta_0**2) ** 0.5
            combined = (1 + self.beta_0) * newest - self.beta_0 * last
            updates += [(older_slot, last), (slot, newest)]
            momenta.append(combined / noise_norm)
        return momenta, updates

    def _advance_moments(self, gradients: list, indices: list[int]):
        """Second moments to divide by, and pairs of a slot and its new value."""
        moments, updates = [], []
        for gradient, index in zip(gradients, indices, strict=True):
            slot = self._second_moments[index]
            moment = _towards(ops.square(gradient), slot, 1 - self.beta_2)
            updates.append((slot, moment))
            if self.amsgrad:
                largest = self._largest_moments[index]
                moment = ops.maximum(largest, moment)
                updates.append((largest, moment))
            moments.append(moment)
        return moments, updates

    def _decayed(self, variable, index: int, decay, dtype):
        """Weights after the decay of this update, in the precision of the slots."""
        weights = ops.cast(ops.convert_to_tensor(variable), dtype)
        axes = self._unit_axes[index]
        spares_vectors = self.decay_kernels_only or self.norm_loss
        if not self.weight_decay or not self._use_weight_decay(variable):
            return weights
        if axes is None and spares_vectors:
            return weights
        if self.norm_loss:
            decay = decay * norm_loss_scale(weights, axes, self.epsilon)
        return weights - ops.cast(decay, dtype) * weights

    def get_config(self):
        """Return the constructor arguments."""
        return {
            **super().get_config(),
            "beta_0": self.beta_0,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "positive_negative_momentum": self.positive_negative_momentum,
            "amsgrad": self.amsgrad,
            "stable_weight_decay": self.stable_weight_decay,
            "norm_loss": self.norm_loss,
            "decay_kernels_only": self.decay_kernels_only,
        }


def _towards(value, average, part: float):
    """Return a moving average moved by a part of the way to a value."""
    # Keras on TensorFlow takes a second summand of shape (0, 2) for a bias, and fails;
    # differences it leaves alone.
    return average - part * (average - value)
