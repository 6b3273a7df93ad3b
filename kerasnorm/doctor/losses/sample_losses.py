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


def call_loss(loss: Any, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """Call a loss on weights of its own: on PyTorch Keras scales them in place.

    Args:
        loss: A loss, or what `compile` made of all of them.
        y_true: Labels of a batch.
        y_pred: Outputs for it.
        sample_weight: Weights or None.
    """
    weights = keras.tree.map_structure(
        lambda w: None if w is None else ops.copy(w), sample_weight
    )
    return loss(y_true, y_pred, weights)


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
        values = call_loss(self._values, y_true, y_pred, sample_weight)
        # Without a reduction `evaluate` shows the mean of what the loss gives.
        whole = ops.mean(call_loss(self._weight, y_true, y_pred, sample_weight))
        weights = ops.sum(call_loss(self._weights, y_true, y_pred, sample_weight))
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
    whole = ops.mean(call_loss(loss, y_true, y_pred, sample_weight))
    try:
        view = _View(loss, None, ones=False)
        values = call_loss(view, y_true, y_pred, sample_weight)
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


class Trial:
    """Find out whether a loss can be taken apart, where Keras calls it."""

    def __init__(self, loss: keras.losses.Loss) -> None:
        self.loss, self.splits = loss, False

    def __call__(self, y: Any, outputs: Any, weights: Any = None) -> Any:
        """Return the loss as it is, and remember the answer."""
        self.splits = can_be_split(self.loss, y, outputs, weights)
        return self.loss(y, outputs, weights)


def usable_outputs(outputs: Any) -> tuple[Any, Any]:
    """Return which samples have outputs that are no numbers, and outputs without them.

    PyTorch's cross-entropies refuse what others take; elsewhere, and where all are
    numbers, that is None and the outputs as they are, with their masks and logits.
    """
    tensors = keras.tree.flatten(outputs)
    if keras.backend.backend() != "torch" or all(
        bool(ops.all(ops.isfinite(tensor))) for tensor in tensors
    ):
        return None, outputs
    bad = [
        ops.any(ops.reshape(~ops.isfinite(t), (t.shape[0], -1)), axis=1)
        for t in tensors
    ]
    usable = keras.tree.map_structure(
        lambda t: ops.where(ops.isfinite(t), t, 0.5), outputs
    )
    return ops.any(ops.stack(bad), axis=0), usable


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
