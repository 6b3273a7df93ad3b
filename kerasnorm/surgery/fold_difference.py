"""How far a model with folded norms is from the one it was made of."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import layer_tree
from kerasnorm.inspection.own_methods import check_callable
from kerasnorm.inspection.patched_calls import patched_calls
from kerasnorm.surgery import affine, norm_scale
from kerasnorm.surgery.fold import find_folds

# What images are usually scaled to; the norms know which it was.
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
# Of variances; for channels that do not vary at all.
SMALLEST_RATIO = 1e-12


def compare_folded(model: keras.Model, folded: keras.Model, batch: Any = None) -> str:
    """Say how many norms were folded and how far the folded layers differ.

    A folded layer is compared with the norm whose outputs it computes now, both in
    their models: predictions alone hide what lies before a saturated activation. The
    difference is relative to the std of the norm's outputs. Without a batch, both see
    noise of the range that fits the moving statistics of the first folded norm.

    Args:
        model: The model that was given to `fold_batch_norm`.
        folded: What it returned.
        batch: Inputs of one batch to compare on; noise of the shape of the model's
            inputs if None.

    Returns:
        A sentence, for people.

    Raises:
        ValueError: If `batch` is None and the model's inputs are not known, or the
            model has no `call`.

    Example:
        >>> print(compare_folded(model, fold_batch_norm(model)))
        52 norms folded, 1 left; on noise of 0 to 255, outputs of the folded layers
        differ by at most 3.1e-06 of their std, predictions of up to 0.98 by 2.1e-06.
    """
    check_callable(model)
    before, after = (
        sum(isinstance(x, affine.AFFINE) for _, x in layer_tree.iter_layers(one))
        for one in (model, folded)
    )
    pairs = _pairs(model, folded)
    where = "the given batch"
    if batch is None:
        batch, where = fitting_noise(model, [norm for norm, _ in pairs])
    expected, outputs_of_norms = _run(model, [norm for norm, _ in pairs], batch)
    received, outputs_of_folded = _run(folded, [layer for _, layer in pairs], batch)
    compared = [
        _relative_difference(outputs_of_norms[norm][1], outputs_of_folded[layer][1])
        for norm, layer in pairs
        if norm in outputs_of_norms and layer in outputs_of_folded
    ]
    size = max(np.max(np.abs(one), initial=0.0) for one in expected)
    difference = max(
        np.max(np.abs(one - other), initial=0.0)
        for one, other in zip(expected, received, strict=True)
    )
    inside = (
        f"outputs of the folded layers differ by at most {max(compared):.2g} of their "
        "std, "
        if compared
        else ""
    )
    return (
        f"{before - after} norms folded, {after} left; on {where}, {inside}predictions "
        f"of up to {size:.3g} by {difference:.2g}."
    )


def fitting_noise(model: keras.Model, norms: Sequence[Any]) -> tuple[Any, str]:
    """Return noise of the range that a model expects, and its name.

    Of the usual ranges it is the one with which the moments of the first norm's inputs
    are nearest to its moving statistics.

    Args:
        model: A model that knows its inputs.
        norms: Norms of the model; without one with moving statistics, the range is
            that of `norm_scale.make_noise`.

    Raises:
        ValueError: If the model does not know its inputs.
    """
    noise, _ = norm_scale.make_noise(model)
    first = [norm for norm in norms if hasattr(norm, "moving_mean")][:1]
    tried: list[tuple[float, int, Any, str]] = []
    for low, high in RANGES:
        draw = np.random.default_rng(0)
        batch = keras.tree.map_structure(
            lambda array, draw=draw, low=low, high=high: draw.uniform(
                low, high, array.shape
            ).astype("float32"),
            noise,
        )
        _, seen = _run(model, first, batch)
        for norm, (inputs, _) in seen.items():
            tried.append(
                (
                    _divergence(norm, inputs),
                    len(tried),
                    batch,
                    f"noise of {low:g} to {high:g}",
                )
            )
    if not tried:
        return noise, "noise"
    _, _, batch, name = min(tried, key=lambda one: one[:2])
    return batch, name


def _pairs(model: keras.Model, folded: keras.Model) -> list[tuple[Any, Any]]:
    """List the norms that were folded, each with the layer that does its work now."""
    path_of = {id(layer): path for path, layer in layer_tree.iter_layers(model)}
    by_path = dict(layer_tree.iter_layers(folded))
    found = [(norm, path_of[id(front)]) for norm, front in find_folds(model)]
    return [(norm, by_path[path]) for norm, path in found if path in by_path]


def _run(
    model: keras.Model, watched: Sequence[Any], batch: Any
) -> tuple[list[np.ndarray], dict[Any, tuple[np.ndarray, np.ndarray]]]:
    """Return predictions, and for each layer that is watched its inputs and outputs."""
    seen: dict[Any, tuple[np.ndarray, np.ndarray]] = {}

    def watch(layer):
        def call(original, inputs, *args, **kwargs):
            outputs = original(inputs, *args, **kwargs)
            # Wrappers may read_graph what is inside them; there are no numbers then.
            with contextlib.suppress(Exception):
                seen[layer] = _numbers(inputs), _numbers(outputs)
            return outputs

        return call

    with patched_calls({layer: watch(layer) for layer in watched}):
        outputs = keras.tree.flatten(model(batch, training=False))
    return [_numbers(output) for output in outputs], seen


def _numbers(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor)).astype("float64")


def _divergence(norm: Any, inputs: np.ndarray) -> float:
    """Return how far inputs of a norm are from what its moving statistics tell.

    It is the Kullback-Leibler divergence of two normal distributions, so that inputs
    that hardly vary are as far off as those that vary too much.
    """
    axes = tuple(axis for axis in range(inputs.ndim) if axis != norm.axis % inputs.ndim)
    variance = _numbers(norm.moving_variance) + norm.epsilon
    ratio = inputs.var(axes) / variance + SMALLEST_RATIO
    shift = (inputs.mean(axes) - _numbers(norm.moving_mean)) ** 2 / variance
    return float(np.mean(ratio + shift - 1 - np.log(ratio)) / 2)


def _relative_difference(expected: np.ndarray, received: np.ndarray) -> float:
    """Return the largest difference in units of the std of what is expected.

    Outputs that are the same everywhere have none; their size serves then.
    """
    scale = expected.std() or np.max(np.abs(expected), initial=0.0) or 1.0
    return float(np.max(np.abs(expected - received), initial=0.0) / scale)
