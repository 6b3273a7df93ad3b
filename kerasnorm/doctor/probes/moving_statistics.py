"""Measures the moving statistics of each norm against those of its inputs."""

from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import Statistics, batch_norms


@dataclass(frozen=True)
class NormState:
    """Moving statistics of one norm beside those of its inputs now.

    Args:
        path: Path of the layer.
        momentum: Fraction of the old statistics kept at each step.
        not_finite: Channels whose moving mean or variance is NaN or infinite.
        negative: Channels with a negative moving variance.
        excess: Largest moving variance divided by the larger of the largest true
            variance and 1, the value it starts from: no average of the two exceeds 1.
            0 where the truth is not finite itself.
        mean_excess: The same for means: largest moving mean against the largest true
            mean and std, or 1.
        variance_ratio: Median over channels of moving to true variance.
        variance: Median true variance.
        initial_share: Fraction of the initial statistics that is left after all steps,
            divided by the true variance: 1 means that the initial 1 weighs as much as
            the truth. NaN where the number of steps is unknown.
    """

    path: str
    momentum: float
    not_finite: int
    negative: int
    excess: float
    mean_excess: float
    variance_ratio: float
    variance: float
    initial_share: float


def measure_norm_states(
    model: keras.Model, moving: Statistics, estimated: Statistics, steps: int | None
) -> list[NormState]:
    """Compare moving statistics with those re-estimated.

    Args:
        model: The model.
        moving: Moving statistics as found, by path.
        estimated: Statistics of the training inputs, by path.
        steps: Training steps taken, None where unknown.

    Returns:
        One record for each norm in training mode.
    """
    layers = batch_norms(model)
    return [
        _compare(path, layers[path], moving[path], estimated.get(path), steps)
        for path in moving
    ]


def _compare(path, layer, moving, estimated, steps) -> NormState:
    mean, variance = (np.asarray(part, "float64") for part in moving)
    true_mean, true_variance = (
        np.asarray(part, "float64") for part in (estimated or (mean, variance))
    )
    finite = np.isfinite(mean) & np.isfinite(variance)
    momentum = float(getattr(layer, "momentum", float("nan")))
    typical = float(np.median(true_variance))
    fraction = float("nan")
    if steps is not None and np.isfinite(momentum):
        fraction = momentum**steps / max(typical, 1e-12)
    known = np.isfinite(true_mean).all() and np.isfinite(true_variance).all()
    largest = np.abs(true_mean).max() + np.sqrt(max(true_variance.max(), 0.0))
    return NormState(
        path,
        momentum,
        int((~finite).sum()),
        int((variance < 0).sum()),
        _largest(variance[finite], max(1.0, true_variance.max())) if known else 0.0,
        _largest(np.abs(mean[finite]), max(1.0, largest)) if known else 0.0,
        float(np.median(variance / np.maximum(true_variance, 1e-12))),
        typical,
        fraction,
    )


def _largest(values: np.ndarray, loss_unit: float) -> float:
    return float(values.max() / loss_unit) if values.size else 0.0
