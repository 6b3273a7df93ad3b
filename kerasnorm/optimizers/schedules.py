"""Learning-rate schedules that begin with a warm-up and can be saved."""

import math

import keras
from keras import ops

from kerasnorm.registration import register


class _Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Arguments, warm-up and configuration shared by the schedules of this file."""

    def __init__(
        self,
        learning_rate: float,
        total_steps: float,
        warmup_steps: float,
        initial_learning_rate: float,
        final_learning_rate: float,
        name: str | None,
    ):
        super().__init__()
        if total_steps <= 0:
            raise ValueError(
                f"Expected `total_steps` to be above 0, received {total_steps!r}. Pass "
                "the number of batches of the whole training."
            )
        if not 0 <= warmup_steps <= total_steps:
            raise ValueError(
                "Expected `warmup_steps` to lie between 0 and `total_steps` "
                f"({total_steps!r}), received {warmup_steps!r}. Shorten the warm-up."
            )
        self.learning_rate = learning_rate
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps
        self.initial_learning_rate = initial_learning_rate
        self.final_learning_rate = final_learning_rate
        self.name = name

    def __call__(self, step):
        step = ops.cast(step, "float32")
        after = self._after_warmup(step)
        if not self.warmup_steps:
            return after
        fraction = step / self.warmup_steps
        rise = self.learning_rate - self.initial_learning_rate
        warmup = self.initial_learning_rate + rise * fraction
        return ops.where(step < self.warmup_steps, warmup, after)

    def _after_warmup(self, step):
        raise NotImplementedError

    def get_config(self):
        """Return the constructor arguments."""
        return {
            "learning_rate": self.learning_rate,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "initial_learning_rate": self.initial_learning_rate,
            "final_learning_rate": self.final_learning_rate,
            "name": self.name,
        }


@register
class WarmupCosine(_Warmup):
    """Rise linearly, then fall along half a cosine.

    The usual schedule for training a CNN from scratch. With t the step and w the
    warm-up,

    - t < w: `initial + (learning_rate - initial) * t / w`
    - then: `final + (learning_rate - final) * (1 + cos(pi (t - w) / (total - w))) / 2`

    and `final` from `total_steps` on. Keras counts every batch as a step, under
    gradient accumulation too.

    Args:
        learning_rate: Highest learning rate, reached after the warm-up.
        total_steps: Steps of the whole training, warm-up included; above 0.
        warmup_steps: Steps of the rise, 0 to `total_steps`; about five epochs is
            usual. Default 0.
        initial_learning_rate: Learning rate at step 0 of a warm-up. Default 0.
        final_learning_rate: Learning rate at the end. Default 0.
        name: Name of the schedule.

    Raises:
        ValueError: If `total_steps` or `warmup_steps` is out of range.

    Example:
        ```python
        steps = epochs * len(train)
        schedule = WarmupCosine(0.1, total_steps=steps, warmup_steps=steps // 20)
        model.compile(keras.optimizers.SGD(schedule, momentum=0.9), "mse")
        ```

    Reference:
        He et al. 2018, Bag of tricks for image classification, section 5.1,
        https://arxiv.org/abs/1812.01187.
    """

    def __init__(
        self,
        learning_rate: float,
        total_steps: float,
        warmup_steps: float = 0,
        *,
        initial_learning_rate: float = 0.0,
        final_learning_rate: float = 0.0,
        name: str | None = None,
    ):
        super().__init__(
            learning_rate,
            total_steps,
            warmup_steps,
            initial_learning_rate,
            final_learning_rate,
            name,
        )

    def _after_warmup(self, step):
        length = max(self.total_steps - self.warmup_steps, 1e-9)
        fraction = ops.clip((step - self.warmup_steps) / length, 0.0, 1.0)
        fall = self.learning_rate - self.final_learning_rate
        return self.final_learning_rate + fall * 0.5 * (1 + ops.cos(math.pi * fraction))


@register
class WarmupStableDecay(_Warmup):
    """Rise linearly, stay flat, fall linearly.

    A schedule that can be prolonged in its flat part, and the one Ranger21 uses. With
    t the step, w the warm-up and d the warm-down,

    - t < w: `initial + (learning_rate - initial) * t / w`
    - t > total - d: `final + (learning_rate - final) * (total - t) / d`
    - between: `learning_rate`

    and `final` from `total_steps` on. Keras counts every batch as a step, under
    gradient accumulation too.

    Args:
        learning_rate: Learning rate of the flat part.
        total_steps: Steps of the whole training, both slopes included; above 0.
        warmup_steps: Steps of the rise. Default 0.
        decay_steps: Steps of the fall; with `warmup_steps` at most `total_steps`.
            Default 0: the learning rate drops to `final_learning_rate` at the end.
        initial_learning_rate: Learning rate at step 0 of a warm-up. Default 0.
        final_learning_rate: Learning rate at the end. Default 0.
        name: Name of the schedule.

    Raises:
        ValueError: If `total_steps`, `warmup_steps` or `decay_steps` is out of range.

    Example:
        ```python
        schedule = WarmupStableDecay(
            1e-3, total_steps=5000, warmup_steps=1000, decay_steps=1400
        )
        model.compile(keras.optimizers.AdamW(schedule), "mse")
        ```

    Reference:
        Wright and Demeure 2021, Ranger21, section 2.6,
        https://arxiv.org/abs/2106.13731.
    """

    def __init__(
        self,
        learning_rate: float,
        total_steps: float,
        warmup_steps: float = 0,
        decay_steps: float = 0,
        *,
        initial_learning_rate: float = 0.0,
        final_learning_rate: float = 0.0,
        name: str | None = None,
    ):
        super().__init__(
            learning_rate,
            total_steps,
            warmup_steps,
            initial_learning_rate,
            final_learning_rate,
            name,
        )
        if not 0 <= decay_steps <= total_steps - warmup_steps:
            raise ValueError(
                "Expected `decay_steps` to lie between 0 and `total_steps - "
                f"warmup_steps` ({total_steps - warmup_steps!r}), received "
                f"{decay_steps!r}. Shorten the warm-down."
            )
        self.decay_steps = decay_steps

    def _after_warmup(self, step):
        left = (self.total_steps - step) / max(self.decay_steps, 1e-9)
        fall = self.learning_rate - self.final_learning_rate
        return self.final_learning_rate + fall * ops.clip(left, 0.0, 1.0)

    def get_config(self):
        """Return the constructor arguments."""
        return {**super().get_config(), "decay_steps": self.decay_steps}
