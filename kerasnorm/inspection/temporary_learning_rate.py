"""Changes the learning rate of any optimizer, wrapped or scheduled, for a while."""

import math

import keras


class TemporaryLearningRate:
    """Lets a model train with other learning rates, and then with its own again.

    Use it as a context manager. A learning rate that is a variable is assigned at each
    step. One that comes from a schedule cannot be, so there a schedule that rises by
    the same ratio stands in; the compiled training step is made again.

    Args:
        model: A compiled model with a built optimizer.
        first: The first learning rate.
        ratio: What it is multiplied by from step to step.

    Example:
        ```python
        with TemporaryLearningRate(model, 1e-6, 1.2) as learning_rate:
            for step, batch in enumerate(batches):
                learning_rate.set(1e-6 * 1.2**step)
                model.train_on_batch(*batch)
        ```
    """

    def __init__(self, model: keras.Model, first: float, ratio: float):
        self.model = model
        self.optimizer = innermost(model.optimizer)
        self.own = self.optimizer._learning_rate
        self.is_scheduled = not has_settable_rate(self.optimizer)
        steps_taken = int(keras.ops.convert_to_numpy(self.optimizer.iterations))
        self.ramp = _Ramp(first, ratio, steps_taken)

    def __enter__(self):
        if self.is_scheduled:
            self._replace(self.ramp)
        return self

    def __exit__(self, *failure):
        # A variable is restored together with the optimizer's other variables.
        if self.is_scheduled:
            self._replace(self.own)

    def set(self, learning_rate: float) -> None:
        """Set the learning rate of the next step, which a ramp does by itself."""
        if not self.is_scheduled:
            self.optimizer.learning_rate = learning_rate

    def _replace(self, schedule) -> None:
        self.optimizer.learning_rate = schedule
        # The schedule is part of the compiled step.
        self.model.train_function = None


class _Ramp(keras.optimizers.schedules.LearningRateSchedule):
    """Multiplies the learning rate by a fixed ratio every step."""

    def __init__(self, first: float, ratio: float, start: int):
        super().__init__()
        self.first = first
        self.ratio = ratio
        self.start = start

    def __call__(self, step):
        step = keras.ops.cast(step - self.start, "float32")
        return self.first * keras.ops.exp(step * math.log(self.ratio))


def innermost(optimizer):
    """Return the optimizer inside all wrappers, which keeps the learning rate."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def has_settable_rate(optimizer) -> bool:
    """Whether the learning rate is a number that can be set, and no schedule."""
    return isinstance(innermost(optimizer)._learning_rate, keras.Variable)
