"""Sharpness-aware minimization: an optimizer that needs two gradients a step."""

import contextlib
from collections.abc import Callable, Sequence

import keras
from keras import ops

from kerasnorm.optimizers.assignment import assign_all, sum_over_replicas
from kerasnorm.optimizers.gradients import make_dense
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from kerasnorm.registration import register

# Keeps a gradient of zeros from dividing by zero, as in the authors' code.
_SMALLEST_NORM = 1e-12


class _PerturbationState:
    """What passes from the first gradient of a step to the second."""

    def __init__(self):
        self.in_training_step = False
        self.variables: list = []
        self.weights: list | None = None


@register
class SAM(OptimizerWrapper):
    """Step with the gradient from the worst point nearby.

    It looks for flat minima, which often generalize better, at twice the time a step.
    With the gradient g of all variables at the weights p, the inner optimizer steps
    from p with the gradient at p + e, on the same batch, where

        e = rho * g / |g|                     (SAM)
        e = rho * p^2 * g / | |p| * g |       (adaptive: ASAM)

    An optimizer cannot compute gradients, so the model needs a training step that
    does: `attach` gives it one. It runs the model's own `train_step` twice, with the
    same state of random generators, so dropout masks agree. Moving statistics, metrics
    and logs are those of the first run, at p. With `tf.distribute` all replicas climb
    along their summed gradient. Weights are restored from a copy, without drift.

    Wrap it around other wrappers, `SAM(AGC(...))`: these act on the second gradient.
    A loaded model needs `attach` again.

    Args:
        optimizer: The optimizer to wrap, found again as `inner_optimizer`.
        rho: Length of the climb e, at least 0; 0.05 to 0.1 is usual, 0.5 to 2 if
            `adaptive`. With 0 this is the inner optimizer. Default 0.05.
        adaptive: Whether large weights climb further. Default false.
        name: Name of the optimizer.

    Raises:
        ValueError: If `rho` is negative.

    Example:
        ```python
        optimizer = SAM(keras.optimizers.SGD(0.1, momentum=0.9), rho=0.05)
        model.compile(optimizer=optimizer, loss="mse")
        optimizer.attach(model)
        model.fit(x, y)
        ```

        In a loop of your own, call `climb(gradients, variables)`, compute the gradients
        again, and call `apply(gradients, variables)`.

    Reference:
        Foret et al. 2021, Sharpness-aware minimization, algorithm 1,
        https://arxiv.org/abs/2010.01412; Kwon et al. 2021, ASAM, equation 5,
        https://arxiv.org/abs/2102.11600.
    """

    def __init__(
        self,
        optimizer,
        rho: float = 0.05,
        adaptive: bool = False,
        name: str | None = None,
    ):
        super().__init__(optimizer, name=name)
        if rho < 0:
            raise ValueError(
                f"Expected `rho` to be at least 0, received {rho!r}. 0.05 is usual."
            )
        self.rho = rho
        self.adaptive = adaptive
        self._climb = _PerturbationState()

    def attach(self, model: keras.Model) -> keras.Model:
        """Give a compiled model the training step that this optimizer needs.

        The step lasts until the process ends; compiled with another optimizer, the
        model trains as before.

        Args:
            model: A model compiled with this optimizer.

        Returns:
            The model.

        Raises:
            ValueError: If the model's optimizer is not this one, which includes the
                loss scaling that Keras adds under `mixed_float16`.
        """
        optimizer = getattr(model, "optimizer", None)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            raise ValueError(
                "Expected SAM without float16 loss scaling, received a model compiled "
                "under `mixed_float16`. Use `mixed_bfloat16` or `float32`."
            )
        if optimizer is not self:
            raise ValueError(
                f"Expected a model compiled with this {self.name!r}, received one "
                f"compiled with {optimizer!r}. Call `model.compile` before `attach`."
            )
        if not getattr(model.train_step, "takes_two_gradients", False):
            model.train_step = _take_two_gradients(model)
            model.train_function = None
        return model

    def climb(self, gradients: Sequence, variables: Sequence) -> None:
        """Move the weights to the worst point nearby; the next `apply` moves back.

        Args:
            gradients: Gradients at the present weights; `None` where there is none.
            variables: Their variables.
        """
        pairs = [
            (g, v) for g, v in zip(gradients, variables, strict=True) if g is not None
        ]
        climbing = [variable for _, variable in pairs]
        weights = [ops.copy(variable) for variable in climbing]
        summed = sum_over_replicas([make_dense(g) for g, _ in pairs])
        sizes = [ops.abs(w) if self.adaptive else ops.ones_like(w) for w in weights]
        scaled = [size * g for size, g in zip(sizes, summed, strict=True)]
        squares = [ops.sum(ops.square(ops.cast(g, "float32"))) for g in scaled]
        factor = self.rho / (ops.sqrt(sum(squares)) + _SMALLEST_NORM)
        summits = [
            weight + ops.cast(factor, weight.dtype) * size * g
            for weight, size, g in zip(weights, sizes, scaled, strict=True)
        ]
        assign_all(climbing, summits)
        self._climb.variables = climbing
        self._climb.weights = weights

    def apply(self, grads, trainable_variables=None):
        """Climb with the first gradients of a step, update with the second."""
        if self._climb.weights is not None:
            self._descend()
            super().apply(grads, trainable_variables)
        elif self._climb.in_training_step:
            variables = trainable_variables or self._trainable_variables
            if not self.built:
                self.build(list(variables))
            self.climb(grads, list(variables))
        else:
            raise RuntimeError(
                "Expected SAM to get two gradients a step, received one. Call "
                "`optimizer.attach(model)` after `model.compile`, or "
                "`optimizer.climb` in a loop of your own."
            )

    def _descend(self) -> None:
        if self._climb.weights is not None:
            assign_all(self._climb.variables, self._climb.weights)
        self._climb.variables, self._climb.weights = [], None

    @contextlib.contextmanager
    def _taking_two_gradients(self):
        self._climb.in_training_step = True
        try:
            yield
        finally:
            self._climb.in_training_step = False
            # Something is left to undo only if the step has failed half-way.
            self._descend()

    def get_config(self):
        """Return the constructor arguments."""
        return {**super().get_config(), "rho": self.rho, "adaptive": self.adaptive}


def _take_two_gradients(model: keras.Model) -> Callable:
    """Make a training step that runs the model's own one twice a batch."""
    plain_step = model.train_step

    def train_step(*arguments):
        optimizer = model.optimizer
        if not isinstance(optimizer, SAM):
            return plain_step(*arguments)
        with optimizer._taking_two_gradients():
            if keras.backend.backend() == "jax":
                return _run_stateless(plain_step, *arguments)
            return _run_stateful(plain_step, model, *arguments)

    train_step.takes_two_gradients = True  # type: ignore[attr-defined]
    return train_step


def _run_stateless(plain_step: Callable, state: tuple, data):
    """Training step of the JAX backend, which takes and returns all state."""
    logs, (trainable, non_trainable, optimizer, metrics) = plain_step(state, data)
    # The second run starts from the first one's random states.
    second_state = (trainable, state[1], optimizer, metrics)
    _, (trainable, _, optimizer, _) = plain_step(second_state, data)
    return logs, (trainable, non_trainable, optimizer, metrics)


def _run_stateful(plain_step: Callable, model: keras.Model, data):
    """Training step of the TensorFlow and torch backends."""
    before = [(v, ops.copy(v)) for v in model.non_trainable_variables]
    with _same_torch_randomness():
        logs = plain_step(data)
    # Metrics create their variables in their first run, so they are listed after it.
    state = [*model.non_trainable_variables, *model.metrics_variables]
    after = [(variable, ops.copy(variable)) for variable in state]
    for variable, value in before:
        variable.assign(value)
    plain_step(data)
    for variable, value in after:
        variable.assign(value)
    return logs


def _same_torch_randomness():
    """Rewind torch's own random generator, which Keras' unseeded dropout draws from."""
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.random.fork_rng()
