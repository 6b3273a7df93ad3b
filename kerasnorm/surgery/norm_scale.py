"""The scale at which a network continues without its norms."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection.moving_statistics import measure_norms
from kerasnorm.surgery.locate import NormSite

Statistics = dict[keras.layers.Layer, tuple[np.ndarray, np.ndarray]]

NOISE_SAMPLES = 8
# For inputs whose height or width is unknown; large enough for five halvings.
NOISE_SIZE = 64


def choose_statistics(
    model: keras.Model, sites: Sequence[NormSite], batch: Any
) -> tuple[Statistics, str]:
    """Choose the mean and variance that stand for each norm from now on.

    A given batch is measured, each batch norm on the statistics of that batch, which
    count for less where they are of few numbers (`batch_moments.floor`).
    Without one, the moving statistics serve if all norms have them and they have been
    trained. Otherwise a batch of noise is measured.

    Args:
        model: The given model; it is left as it was.
        sites: The norms.
        batch: Inputs of one batch, or None.

    Returns:
        Mean and variance by layer, both of shape (channels,), and one sentence for
        the report.

    Raises:
        ValueError: If a norm is not reached, or noise cannot be made for the inputs.
    """
    norms = [site.layer for site in sites]
    source = "Scales come from the given batch."
    if batch is None:
        if all(_is_trained(norm) for norm in norms):
            moving = {norm: _moving(norm) for norm in norms}
            return moving, "Scales come from the moving statistics."
        batch, source = make_noise(model)
    _, measured = measure_norms(model, norms, [(batch,)], floored=True)
    for norm in measured:
        # A frozen batch norm acts on its moving statistics in training as well.
        if not norm.trainable and _keeps_moving(norm):
            measured[norm] = _moving(norm)
    missing = [site.path for site in sites if site.layer not in measured]
    if missing:
        raise ValueError(
            "Expected a batch that reaches every norm. Received: one that does not "
            f"reach {', '.join(missing)}."
        )
    return measured, source


def set_scale(
    layer: keras.layers.Layer,
    norm: keras.layers.Layer,
    mean: np.ndarray,
    variance: np.ndarray,
) -> None:
    """Start a `ChannelScale` at what a norm does with these statistics.

    Args:
        layer: The `ChannelScale`.
        norm: The norm it replaces.
        mean: Mean of the norm's inputs, of shape (channels,).
        variance: Their variance, of shape (channels,).
    """
    factor = 1.0 / np.sqrt(variance + norm.epsilon)
    offset = -mean * factor
    if getattr(norm, "gamma", None) is not None:
        gamma = keras.ops.convert_to_numpy(norm.gamma).astype("float64")
        factor, offset = factor * gamma, offset * gamma
    if getattr(norm, "beta", None) is not None:
        offset = offset + keras.ops.convert_to_numpy(norm.beta)
    layer.gamma.assign(factor.astype("float32"))
    layer.beta.assign(offset.astype("float32"))


def _moving(norm):
    return tuple(
        keras.ops.convert_to_numpy(value).astype("float64")
        for value in (norm.moving_mean, norm.moving_variance)
    )


def _keeps_moving(norm):
    return getattr(norm, "moving_mean", None) is not None


def _is_trained(norm):
    if not _keeps_moving(norm):
        return False
    mean, variance = _moving(norm)
    return bool(np.any(mean != 0) or np.any(variance != 1))


def make_noise(model: keras.Model) -> tuple[Any, str]:
    """Make a batch of the model's inputs where no data are given.

    Args:
        model: A model that knows its inputs.

    Returns:
        The inputs, and one sentence on them for a report.

    Raises:
        ValueError: If it does not know them, or they are sparse or ragged.
    """
    if getattr(model, "inputs", None) is None:
        raise ValueError(
            "Expected `batch`, because the inputs of this model are not known. "
            "Received: batch=None. Pass one batch of inputs."
        )
    if any(tensor.sparse or tensor.ragged for tensor in model.inputs):
        raise ValueError(
            "Expected `batch`, because there is no noise like sparse or ragged inputs. "
            "Received: batch=None. Pass one batch of inputs."
        )
    rescales = any(
        isinstance(layer, keras.layers.Rescaling | keras.layers.Normalization)
        for layer in model.layers
    )
    generator = np.random.default_rng(0)
    arrays = []
    for tensor in model.inputs:
        shape = [NOISE_SAMPLES, *(size or NOISE_SIZE for size in tensor.shape[1:])]
        noise = (
            generator.uniform(0, 255, shape)
            if rescales
            else generator.normal(0, 1, shape)
        )
        arrays.append(noise.astype("float32"))
    kind = "noise of 0 to 255" if rescales else "noise of -1 to 1"
    # A sequential model that was loaded has no `input` before its first call.
    inputs = (
        arrays[0]
        if isinstance(model, keras.Sequential)
        else keras.tree.pack_sequence_as(model.input, arrays)
    )
    return inputs, (
        f"Scales come from {kind}, because the norms have no trained statistics and no "
        "`batch` of real inputs was given. Pass one for a better start."
    )
