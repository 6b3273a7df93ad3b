"""Takes the loss that Keras compiled apart into the losses of single samples."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops


class OnesLike(keras.layers.Layer):
    """Give ones in the place of values, under the mask of the values."""

    def __init__(self) -> None:
        super().__init__(dtype="float32")
        self.supports_masking = True

    def call(self, values: Any) -> Any:
        """Return ones."""
        return ops.ones_like(values)


class _View(keras.losses.Loss):
    """Another loss with its masks: its values, or ones for them, reduced otherwise."""

    def __init__(self, loss: keras.losses.Loss, reduction: str | None, ones: bool):
        super().__init__(reduction=reduction, dtype=loss.dtype)
        self.loss, self.ones = loss, ones

    def call(self, y_true: Any, y_pred: Any) -> Any:
        values = self.loss.call(y_true, y_pred)
        return OnesLike()(values) if self.ones else values


class SplitLoss:
    """A loss of (samples,) whose mean is what another loss gives for the batch.

    The reduction stays that of the loss: what one value weighs in it is measured on
    values of one, so that masks, weights, ignored labels and every reduction count as
    they do in training.

    Args:
        loss: A compiled loss of one output.
    """

    def __init__(self, loss: keras.losses.Loss) -> None:
        self._values = _View(loss, None, ones=False)
        self._weight = _View(loss, loss.reduction, ones=True)
        self._weights = _View(loss, None, ones=True)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return losses of (samples,)."""
        values = self._values(y_true, y_pred, sample_weight)
        whole = self._weight(y_true, y_pred, sample_weight)
        weights = ops.sum(self._weights(y_true, y_pred, sample_weight))
        count = ops.cast(ops.shape(values)[0], values.dtype)
        by_sample = ops.sum(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)
        return by_sample * ops.divide_no_nan(whole, weights) * count


def can_be_split(
    loss: keras.losses.Loss, y_true: Any, y_pred: Any, sample_weight: Any = None
) -> bool:
    """Return whether a loss is the mean of losses of single samples.

    Args:
        loss: A compiled loss of one output.
        y_true: Labels of a batch.
        y_pred: Outputs for it.
        sample_weight: Weights or None.
    """
    whole = loss(y_true, y_pred, sample_weight)
    try:
        values = _View(loss, None, ones=False)(y_true, y_pred, sample_weight)
        shape = ops.shape(values)
        if not shape or shape[0] != ops.shape(keras.tree.flatten(y_pred)[0])[0]:
            return False
        parts = SplitLoss(loss)(y_true, y_pred, sample_weight)
    # A loss of a user may have no `call`, or refuse to be taken apart.
    except Exception:
        return False
    whole, mean = (float(ops.convert_to_numpy(v)) for v in (whole, ops.mean(parts)))
    size = float(ops.convert_to_numpy(ops.mean(ops.abs(parts))))
    return whole != whole or abs(whole - mean) <= 1e-5 * max(size, abs(whole), 1e-30)


@contextlib.contextmanager
def losses_in_place(compiled: Any, losses: list[Any]) -> Iterator[None]:
    """Let other losses of single outputs take the place of the compiled ones.

    Args:
        compiled: What `compile` made of the losses of all outputs, built.
        losses: One for each of its losses.
    """
    own = compiled._flat_losses
    try:
        compiled._flat_losses = [
            entry._replace(loss=loss) for entry, loss in zip(own, losses, strict=True)
        ]
        yield
    finally:
        compiled._flat_losses = own
