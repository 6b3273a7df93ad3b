"""Finds a learning rate by training a little with ever larger ones."""

import itertools
import math
import os
from collections.abc import Iterable

import keras
import numpy as np

from kerasnorm.callbacks.held_data import HeldData
from kerasnorm.inspection import random_state
from kerasnorm.inspection.learning_rates import check_one_rate
from kerasnorm.inspection.own_methods import is_built
from kerasnorm.inspection.source_forms import in_batches, take_batches
from kerasnorm.inspection.temporary_learning_rate import (
    TemporaryLearningRate,
    has_settable_rate,
)
from kerasnorm.inspection.training_step import batches_as_in_fit

# Fraction of the loss that must have gone; less may be rounding.
LEAST_FALL = 1e-4


class NoLearningRateError(RuntimeError):
    """The loss fell at no learning rate that a range test tried."""


class LearningRateFinder(HeldData, keras.callbacks.Callback):
    """Range test: raise the learning rate step by step and watch the loss.

    The loss first stays, then falls, then explodes; a good learning rate lies well
    before the one with the lowest loss. Use `find` before training, to choose the peak
    of a schedule, or pass the finder to `fit`, which then starts with the learning rate
    it suggests.

    The test trains in earnest, one batch a step, with the model's own optimizer. When
    it is over, the weights, moving statistics, random states, metrics and every
    variable of the optimizer (slots, iterations, learning rate) are as before.

    Args:
        batches: Training batches `(x, y)` or `(x, y, sample_weight)`: a list, a
            `tf.data.Dataset`, a `keras.utils.PyDataset`; anything that can be walked
            through more than once. Begun again if there are fewer than `steps`.
        minimum: First learning rate, above 0. Default 1e-6.
        maximum: Last learning rate, above `minimum`. Default 10.
        steps: Number of learning rates, evenly spaced by ratio, at least 10. The test
            stops early when the loss explodes. Default 100.
        smoothing: Fraction of the past in the moving average of the loss, 0 to 1.
            Default 0.9.
        stop_factor: The test stops when the smoothed loss is this many times its
            lowest value, above 1, or not finite. Default 4.
        share: The suggestion is this fraction of the learning rate with the lowest
            smoothed loss, 0 to 1, and never below `minimum`. Default 0.1.

    Attributes:
        learning_rates: Learning rates tried, as an array of shape (points,).
        losses: Loss of the batch after each of them, of shape (points,).
        smoothed_losses: Their moving average, of shape (points,).
        suggestion: Suggested learning rate, or `None` before the test.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        ```python
        finder = LearningRateFinder(train_batches)
        finder.find(model)
        finder.plot("learning_rates.png")
        model.optimizer.learning_rate = finder.suggestion
        ```

    Reference:
        Smith 2017, Cyclical learning rates for training neural networks, section 3.3,
        https://arxiv.org/abs/1506.01186.
    """

    DATA = ("batches",)

    def __init__(
        self,
        batches: Iterable,
        minimum: float = 1e-6,
        maximum: float = 10.0,
        *,
        steps: int = 100,
        smoothing: float = 0.9,
        stop_factor: float = 4.0,
        share: float = 0.1,
    ):
        super().__init__()
        if not 0 < minimum < maximum:
            raise ValueError(
                "Expected `minimum` to be above 0 and below `maximum`, received "
                f"minimum={minimum!r}, maximum={maximum!r}."
            )
        if steps < 10:
            raise ValueError(
                f"Expected `steps` to be at least 10, received {steps!r}; 100 is usual."
            )
        if not 0 <= smoothing < 1:
            raise ValueError(
                f"Expected `smoothing` to be 0 to below 1, received {smoothing!r}."
            )
        if stop_factor <= 1:
            raise ValueError(
                f"Expected `stop_factor` to be above 1, received {stop_factor!r}."
            )
        if not 0 < share <= 1:
            raise ValueError(
                f"Expected `share` to be above 0 and at most 1, received {share!r}."
            )
        self.batches = batches
        self.minimum = minimum
        self.maximum = maximum
        self.steps = steps
        self.smoothing = smoothing
        self.stop_factor = stop_factor
        self.share = share
        self.learning_rates = np.zeros(0)
        self.losses = np.zeros(0)
        self.smoothed_losses = np.zeros(0)
        self.suggestion: float | None = None

    def on_train_begin(self, logs=None):
        """Find a learning rate and start the training with it."""
        if not has_settable_rate(self.model.optimizer):
            raise ValueError(
                "Expected an optimizer whose learning rate can be set, received one "
                "with a schedule. Call `find(model)`, make the schedule from it."
            )
        self.model.optimizer.learning_rate = self.find(self.model)

    def find(self, model: keras.Model) -> float:
        """Run the test on a compiled and built model, and leave it as it was.

        Args:
            model: The model; its optimizer may have a schedule, which the test
                replaces for its duration.

        Returns:
            The suggested learning rate.

        Raises:
            ValueError: If the model is not compiled and built, the optimizer is a
                `MultiOptimizer`, or the batches end before the test does.
            NoLearningRateError: A RuntimeError, if the loss never fell, so that
                nothing can be suggested.
        """
        optimizer = getattr(model, "optimizer", None)
        if optimizer is None or not is_built(model):
            raise ValueError(
                "Expected a compiled and built model, received one that is not. Call "
                "`model.compile`, and `model.build` if it was not given an input shape."
            )
        check_one_rate(optimizer, "the finder")
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        # Copies: on some backends the arrays are views of the variables.
        memory = [
            (v, np.array(keras.ops.convert_to_numpy(v))) for v in _state_of(model)
        ]
        random_numbers = random_state.capture()
        try:
            self._sweep(model)
        finally:
            # The test may have created metrics.
            model.reset_metrics()
            for variable, value in memory:
                variable.assign(value)
            random_state.put_back(random_numbers)
        self.suggestion = self._suggest()
        return self.suggestion

    def plot(self, path: str | os.PathLike | None = None):
        """Draw the losses over the learning rates, and the suggestion.

        Args:
            path: Where to save the image (format by its ending), or `None`.

        Returns:
            The `matplotlib.figure.Figure`.

        Raises:
            RuntimeError: If the test has not been run.
        """
        if self.suggestion is None:
            raise RuntimeError(
                "Expected a test to plot, but none was run. Call `find(model)` first."
            )
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.learning_rates, self.losses, alpha=0.3, label="loss")
        axes.plot(self.learning_rates, self.smoothed_losses, label="smoothed loss")
        axes.axvline(
            self.suggestion,
            color="black",
            linestyle="dashed",
            label=f"suggestion {self.suggestion:.2g}",
        )
        axes.set_xscale("log")
        # What comes after the explosion would squeeze the rest.
        low, high = self.smoothed_losses.min(), self.smoothed_losses[0]
        margin = max(high - low, 1e-12) * 0.25
        axes.set_ylim(low - margin, max(high, self.losses[0]) + margin)
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        axes.legend()
        if path is not None:
            figure.savefig(path, dpi=120)
        return figure

    def _sweep(self, model: keras.Model) -> None:
        """Train with one learning rate after the other and record the losses."""
        ratio = (self.maximum / self.minimum) ** (1 / (self.steps - 1))
        rates = [self.minimum * ratio**step for step in range(self.steps)]
        points: list[tuple[float, float, float]] = []
        average, weight, lowest = 0.0, 0.0, math.inf
        exploded = False
        taken = take_batches(in_batches(self.batches, model), self.steps + 1)
        # The first batch tells whether batches are inputs alone.
        first = next(taken)
        with (
            TemporaryLearningRate(model, self.minimum, ratio) as learning_rate,
            batches_as_in_fit(model, bare=not isinstance(first, tuple)),
        ):
            for step, whole in enumerate(itertools.chain([first], taken)):
                batch = whole if isinstance(whole, tuple) else (whole,)
                if step < self.steps:
                    learning_rate.set(rates[step])
                loss = float(model.train_on_batch(*batch, return_dict=True)["loss"])
                exploded = not math.isfinite(loss)
                if exploded:
                    break
                average = self.smoothing * average + (1 - self.smoothing) * loss
                weight = self.smoothing * weight + (1 - self.smoothing)
                smoothed = average / weight
                lowest = min(lowest, smoothed)
                # A batch's loss is computed before its update, so it shows what the
                # learning rate of the step before has done.
                if step:
                    points.append((rates[step - 1], loss, smoothed))
                # Written so that it holds for losses below 0, too.
                exploded = smoothed - lowest > (self.stop_factor - 1) * abs(lowest)
                if exploded:
                    break
        columns = np.array(points).reshape(-1, 3).T
        self.learning_rates, self.losses, self.smoothed_losses = columns
        if not exploded and len(points) < self.steps:
            raise ValueError(
                f"expected `batches` that can be iterated more than once, received "
                f"{type(self.batches).__name__}, which ended after {len(points) + 1} "
                f"batches, with {len(points)} of {self.steps} learning rates tried; "
                "pass a list, a tf.data.Dataset or a PyDataset, or fewer `steps`"
            )

    def _suggest(self) -> float:
        """Take a fraction of the learning rate with the lowest smoothed loss."""
        losses = self.smoothed_losses
        lowest = int(np.argmin(losses)) if len(losses) else 0
        if lowest < 2 or losses[0] - losses[lowest] <= LEAST_FALL * abs(losses[0]):
            raise NoLearningRateError(
                "Expected a learning rate at which the loss falls, but it never fell. "
                "Lower `minimum`, or look for a fault in the model or the data."
            )
        # Rates below `minimum` were never tried.
        return max(float(self.share * self.learning_rates[lowest]), self.minimum)


def _state_of(model: keras.Model) -> list:
    """Every variable that training may change."""
    return [*model.variables, *model.metrics_variables, *model.optimizer.variables]
