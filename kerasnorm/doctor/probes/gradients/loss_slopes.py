"""How fast the loss changes along the gradient of each layer, measured in float64."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.copies import CannotCloneError, computing_in, copy_model
from kerasnorm.doctor.probes.structure import random_layers
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.loss_gradients import without_gradients
from kerasnorm.inspection.own_methods import is_overridden

WIDE = "float64"
# A step changes the loss by this fraction of itself, and the weights of a layer by that
# fraction of their norm at most: so short that few units of a ReLU switch on the way.
CHANGE, FARTHEST = 1e-6, 1e-5
# A smaller change than this fraction of the loss is lost in rounding, and a smaller
# part of the gradient than that fraction of the whole is lost in float32.
LEAST, SMALLEST = 1e-11, 1e-5
# Where the first step agrees to this factor, no second one is needed.
AGREES = 1.1
# Attributes by which layers drop or add noise.
RATES = ("rate", "stddev", "drop_prob", "drop_rate")


def silence_dropout(model: keras.Model) -> bool:
    """Set the rates of dropout and its kin to 0; return whether nothing else is random.

    Args:
        model: A copy, which is changed.
    """
    for group, layers in random_layers(model).items():
        for layer in layers:
            name = next((n for n in RATES if isinstance(_get(layer, n), float)), None)
            if group == "augmentation" or name is None:
                return False
            setattr(layer, name, 0.0)
    return True


def _get(layer: Any, name: str) -> Any:
    value = getattr(layer, name, None)
    return float(value) if isinstance(value, int | float) else value


class WideLoss:
    """The loss of one batch, as a training step counts it, computed in float64.

    Args:
        model: A compiled model, which is left as it is.
        batch: Samples of one batch.

    Raises:
        CannotCloneError: If the model, its loss or the backend computes in no other
            type, or draws random numbers.
    """

    def __init__(self, model: keras.Model, batch: Samples) -> None:
        own = ("train_step", "compute_loss_and_updates")
        if any(is_overridden(model, method) for method in own):
            raise CannotCloneError("a training step of its own decides the loss")
        self.model = copy_model(model, batch, dtype=WIDE)
        if not silence_dropout(self.model):
            raise CannotCloneError("random numbers change the loss")
        self.variables = self.model.trainable_variables
        if any(variable.dtype != WIDE for variable in self.variables):
            raise CannotCloneError("some layers compute in their own type")
        self.batch = tuple(
            part for part in batch.take(np.arange(batch.count)) if part is not None
        )
        self.others = [
            (variable, keras.ops.convert_to_numpy(variable))
            for variable in self.model.non_trainable_variables
        ]
        try:
            value = self()
        # Code of the user runs here in a type it was not written for.
        except Exception as error:
            raise CannotCloneError(f"it does not compute in {WIDE}: {error}") from error
        if value == float(np.float32(value)):
            # PyTorch's mean of a loss, for one, for outputs of any type.
            raise CannotCloneError("its loss is rounded to float32 on the way")

    def __call__(self) -> float:
        """Return the loss with the weights as they are."""
        with computing_in(WIDE):
            # Not compiled: oneDNN warns of every operation that it has only in float32.
            with without_gradients():
                value = self._forward(self.batch)
            # Moving statistics may matter to the next step.
            for variable, before in self.others:
                variable.assign(before)
            return float(keras.ops.convert_to_numpy(value))

    def _forward(self, batch: tuple) -> Any:
        x, y, weights = (*batch, None, None)[:3]
        outputs = self.model(x, training=True)
        return self.model.compute_loss(
            x=x, y=y, y_pred=outputs, sample_weight=weights, training=True
        )

    def at(self, members: Sequence[int], step: Sequence[np.ndarray]) -> float:
        """Return the loss with some weights moved, which are put back.

        Args:
            members: Numbers of trainable variables.
            step: What to add to each.
        """
        before = [keras.ops.convert_to_numpy(self.variables[i]) for i in members]
        with computing_in(WIDE):
            for i, old, change in zip(members, before, step, strict=True):
                self.variables[i].assign(old + change)
        try:
            return self()
        finally:
            with computing_in(WIDE):
                for i, old in zip(members, before, strict=True):
                    self.variables[i].assign(old)


def measure_slopes(
    model: keras.Model,
    batch: Samples,
    gradients: Sequence[np.ndarray],
    loss_unit: float,
    has_time: Callable[[], bool],
) -> dict[str, float]:
    """Compare gradients with central differences of the loss, for each layer.

    Args:
        model: A compiled model, which is left as it is.
        batch: Samples of one batch.
        gradients: Gradient of each trainable variable.
        loss_unit: Loss that counts as one.
        has_time: Says whether another layer may be measured.

    Returns:
        By the path of each layer, fall of the loss along the layer's part of the
        gradient divided by what the gradient predicts. Layers are left out whose part
        is too small or too crooked to tell.

    Raises:
        CannotCloneError: If the model computes in no other type.
    """
    loss = WideLoss(model, batch)
    size = max(min(abs(loss()), loss_unit), 1e-3 * loss_unit)
    all_of_it = sum(float((g**2).sum()) for g in gradients)
    found = {}
    for path, members in layers_of(loss.variables).items():
        if not has_time():
            break
        own = [gradients[i].astype(WIDE) for i in members]
        square = sum(float((g**2).sum()) for g in own)
        if square <= SMALLEST**2 * all_of_it:
            continue
        weights = [keras.ops.convert_to_numpy(loss.variables[i]) for i in members]
        length = math.sqrt(sum(float((w**2).sum()) for w in weights))
        # Weights that begin at 0 have no length.
        length = max(length, 0.1 * math.sqrt(sum(w.size for w in weights)))
        step = min(CHANGE * size / square, FARTHEST * length / math.sqrt(square))
        if step * square < LEAST * size:
            continue
        ratio = _slope(loss, members, own, step, square)
        if not 1 / AGREES < ratio < AGREES:
            again = _slope(loss, members, own, step / 2, square)
            if not (ratio and 1 / AGREES < again / ratio < AGREES):
                continue
        found[path] = ratio
    return found


def layers_of(variables: Sequence[Any]) -> dict[str, list[int]]:
    """Return the numbers of the variables of each layer, by its path.

    Args:
        variables: The variables.
    """
    layers: dict[str, list[int]] = {}
    for i, variable in enumerate(variables):
        layers.setdefault(variable.path.rpartition("/")[0], []).append(i)
    return layers


def _slope(loss: WideLoss, members, own, step: float, square: float) -> float:
    up = loss.at(members, [step * g for g in own])
    down = loss.at(members, [-step * g for g in own])
    return (up - down) / (2 * step * square)
