"""Measures whether float16 loses what float32 keeps, with the same weights."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.forward.compiled_forward import compiled_forward_cache
from kerasnorm.doctor.forward.statistics import run
from kerasnorm.doctor.sampling.samples import Samples, arrays_of
from kerasnorm.inspection.layer_tree import iter_layers


@dataclass(frozen=True)
class Precision:
    """Outputs in both precisions.

    Args:
        overflowing: Fraction of samples whose outputs are NaN or infinite in float16.
        overflowing_in_float32: The same fraction in float32.
        largest_difference: Largest difference of finite outputs.
    """

    overflowing: float
    overflowing_in_float32: float
    largest_difference: float


def measure_precision(model: keras.Model, samples: Samples) -> Precision | None:
    """Run the same samples in the model's precision and in float32.

    Args:
        model: The model.
        samples: A few samples.

    Returns:
        The comparison, None where no layer computes in float16.
    """
    layers = [layer for _, layer in iter_layers(model)]
    if not any(layer.compute_dtype == "float16" for layer in layers):
        return None
    numbers = [np.arange(samples.count)]
    # Passes that were compiled before know nothing of another precision.
    with compiled_forward_cache():
        half = _flat(run(model, samples, numbers))
    with compiled_forward_cache(), _in_float32([model, *layers]):
        full = _flat(run(model, samples, numbers))
    both = np.isfinite(half) & np.isfinite(full)
    return Precision(
        float((~np.isfinite(half)).any(axis=1).mean()),
        float((~np.isfinite(full)).any(axis=1).mean()),
        float(np.abs(half - full)[both].max(initial=0.0)),
    )


def _flat(outputs) -> np.ndarray:
    return np.concatenate([a.reshape(len(a), -1) for a in arrays_of(outputs)], axis=1)


@contextlib.contextmanager
def _in_float32(layers: list) -> Iterator[None]:
    policies = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in zip(layers, policies, strict=True):
            layer.dtype_policy = policy
