"""Measures the statistics of norm layers, and re-estimates those of batch norms."""

import itertools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import (
    batch_moments,
    layer_tree,
    norm_variables,
    source_forms,
)
from kerasnorm.inspection.loss_gradients import without_gradients
from kerasnorm.inspection.own_methods import (
    can_be_called,
    counters_preserved,
    is_overridden,
    run_test_step,
)
from kerasnorm.inspection.patched_calls import patched_calls

Populations = dict[keras.layers.Layer, batch_moments.Moments]


def recalibrate_batch_norm(
    model: keras.Model, batches: Iterable, samples: int | None = 4096
) -> int:
    """Replace the moving statistics by those of real batches at today's weights.

    Moving averages lag behind the weights, weigh the last batch most, and are not
    averaged when weights are (EMA, SWA, Lookahead). This is the cure where only
    validation suffers; after training it costs one pass over a few thousand samples.

    Each batch runs once, with every batch norm on the statistics of that batch, as in
    training, and with dropout and other noise off. A batch norm then gets the mean of
    the batches' moments, weighed by their size: `mean = E[mean_b]`,
    `variance = E[variance_b + mean_b**2] - mean**2`. The order of the batches does not
    matter. All layers are measured in the same pass, so each sees inputs normalized
    by exact statistics at any depth. Layers that share one batch norm share one
    estimate. Use the batch size of the training; smaller batches blur deep layers.

    Batch norms with `trainable=False` keep their statistics, because they act on them
    in training too. Weights, optimizer and everything else stay as they are.

    Args:
        model: Any built Keras model; it is changed.
        batches: Batches as `fit` takes them, `inputs`, `(inputs, targets)` or
            `(inputs, targets, weights)`: a `tf.data.Dataset`, `PyDataset`, loader,
            generator or list; or one such tuple of whole arrays, which is cut into
            batches of 32. Take training batches, augmented as in training.
        samples: Stop after this many samples; None for all batches.

    Returns:
        The number of samples seen; 0 if there is no batch norm to recalibrate.

    Raises:
        TypeError: If `batches` is one array instead of batches of it.
        ValueError: If there are no batches, or the statistics are not finite or too
            large for the dtype of the weights. The model is then as before.

    Example:
        >>> recalibrate_batch_norm(model, train_batches)
        4096

    Reference:
        Wu and Johnson 2021, Rethinking "Batch" in BatchNorm,
        https://arxiv.org/abs/2105.07576.
    """
    if isinstance(batches, np.ndarray) or keras.ops.is_tensor(batches):
        raise TypeError(
            "Expected `batches` to be an iterable of batches. Received: one array, "
            f"{type(batches).__name__}. Pass for example `[array]`."
        )
    norms = find_batch_norms(model)
    if not norms:
        return 0
    seen, after = measure_norms(model, norms, batches, samples)
    missing = [norm.name for norm in norms if norm not in after]
    if len(missing) == len(norms):
        raise ValueError(
            f"Expected {type(model).__name__} to call its batch norms. Received: a "
            f"model whose `call` reaches none of {len(norms)}. Give it a `test_step` "
            "that does, or recalibrate the networks inside it one by one."
        )
    if missing:
        warnings.warn(
            f"Expected {type(model).__name__} to call all its batch norms. Received: "
            f"{len(norms) - len(missing)} of {len(norms)} called; {', '.join(missing)} "
            "keep their statistics. Recalibrate the network that they belong to.",
            stacklevel=2,
        )
    norm_variables.check_range(after)
    norm_variables.assign(after)
    return seen


def measure_norms(
    model: keras.Model,
    norms: Sequence[keras.layers.Layer],
    batches: Iterable,
    samples: int | None = None,
    floored: bool = False,
) -> tuple[int, dict[keras.layers.Layer, tuple[np.ndarray, np.ndarray]]]:
    """Measure mean and variance of the inputs of norms, with dropout off.

    Batch norms that train act on the statistics of the batch meanwhile.

    Args:
        model: Any built Keras model; it is left as it was.
        norms: The layers to measure.
        batches: As for `recalibrate_batch_norm`.
        samples: As for `recalibrate_batch_norm`.
        floored: Whether variances go through `batch_moments.floor`, for those who
            make constant factors of them.

    Returns:
        The number of samples seen, and for each norm that was reached the mean and
        the variance of its inputs, both of shape (channels,).

    Raises:
        ValueError: If there are no batches, or what is measured is not finite.
    """
    moments = {norm: batch_moments.Moments() for norm in norms}
    calls = {norm: _measuring(norm, moments, floored) for norm in norms}
    # Norms other than Keras' own move their statistics while they are measured.
    with counters_preserved(model), patched_calls(calls), without_gradients():
        seen = _run(model, batches, samples, moments)
    after = {norm: (m.mean, m.variance) for norm, m in moments.items() if m.count > 0}
    norm_variables.check_finite(after)
    return seen, after


def find_batch_norms(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Find the built, trainable layers that keep moving statistics of batches.

    Args:
        model: Any Keras model, nested or not.

    Returns:
        The layers that have `moving_mean` and `moving_variance`.
    """
    return [
        layer
        for _, layer in layer_tree.iter_layers(model)
        if norm_variables.kept_by(layer) and layer.trainable
    ]


def _measuring(norm: keras.layers.Layer, moments: Populations, floored: bool):
    """Make a call that notes the batch's moments and normalizes by them."""

    def call(original: Any, inputs: Any, *args: Any, **kwargs: Any):
        wide = keras.ops.cast(
            inputs, keras.backend.result_type(inputs.dtype, "float32")
        )
        # The axis of a layer normalization may be a list.
        axis = norm.axis[-1] if isinstance(norm.axis, list | tuple) else norm.axis
        count, mean, variance = batch_moments.measure(wide, axis, kwargs.get("mask"))
        if floored:
            variance = batch_moments.floor(variance, count)
        moments[norm].add(
            count,
            keras.ops.convert_to_numpy(mean),
            keras.ops.convert_to_numpy(variance),
        )
        if not norm.trainable or not norm_variables.kept_by(norm):
            return original(inputs, *args, **kwargs)
        if not isinstance(norm, keras.layers.BatchNormalization):
            return original(inputs, *args, **{**kwargs, "training": True})
        outputs = batch_moments.normalize(norm, wide, mean, variance)
        return keras.ops.cast(outputs, norm.compute_dtype)

    return call


def _run(
    model: keras.Model, batches: Iterable, samples: int | None, moments: Populations
) -> int:
    seen, forward = 0, None
    for batch in _iterate(source_forms.in_batches(batches, model)):
        if samples is not None and seen >= samples:
            break
        if forward is None:
            forward = _choose_forward(model, batch, moments)
        forward(batch)
        inputs = keras.utils.unpack_x_y_sample_weight(batch)[0]
        seen += int(keras.tree.flatten(inputs)[0].shape[0])
    if seen == 0:
        raise ValueError(
            "Expected at least one batch to recalibrate from. Received: none. A "
            "generator that has been used up gives no more batches."
        )
    return seen


def _choose_forward(
    model: keras.Model, batch: Any, moments: Populations
) -> Callable[[Any], Any]:
    """Return what runs a batch through the norms: `call`, or a `test_step` of its own.

    Some models are a frame around networks that only their steps call.
    """

    def call(batch: Any) -> None:
        model(keras.utils.unpack_x_y_sample_weight(batch)[0], training=False)

    def step(batch: Any) -> None:
        run_test_step(
            model, keras.tree.map_structure(keras.ops.convert_to_tensor, batch)
        )

    own = is_overridden(model, "test_step") and model.compiled
    if not can_be_called(model):
        if own:
            return step
        raise ValueError(
            "Expected a model with a `call` or a `test_step` of its own. Received: "
            f"{type(model).__name__}, which has neither. Give it one of them, or take "
            "the networks inside it one by one."
        )
    if not own:
        return call
    call(batch)
    reaches_all = all(found.count > 0 for found in moments.values())
    for norm in moments:
        moments[norm] = batch_moments.Moments()
    return call if reaches_all else step


def _iterate(batches: Iterable):
    """Iterate over batches; a `PyDataset` only knows its length and its items."""
    if isinstance(batches, keras.utils.PyDataset):
        count = batches.num_batches
        indices = itertools.count() if count is None else range(count)
        return (batches[index] for index in indices)
    return iter(batches)
