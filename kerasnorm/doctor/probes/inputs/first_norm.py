"""The first norm of a network, and its statistics for any preparation of images."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.statistics import batch_norms
from kerasnorm.doctor.probes.inputs.input_map import InputMap
from kerasnorm.inspection.loss_gradients import without_gradients
from kerasnorm.inspection.patched_calls import patched_calls

# Numbers that the inputs of the norm hold at most, over all images.
ELEMENTS = 3e7
FEWEST_IMAGES, MOST_IMAGES = 16, 256
# Where the network is not affine up to the norm, every prediction is a pass of this
# many images; and for tables of more features than this a pass of all samples.
FEW_IMAGES, MOST_PARTS = 48, 4
# Residuals of predicted statistics that are normal, without lag and what the lag
# adds: of means in standard deviations, of variances in their logarithm.
MEAN_TOLERANCE, VARIANCE_TOLERANCE = (0.05, 0.14), (0.15, 0.5)
# Relative to the inputs of the norm: what differs more is not affine. Half precision
# rounds by 0.001.
AFFINE = 0.02
# Squared residuals count linearly from so many tolerances on.
OUTLIER = 3.0


@dataclass(frozen=True)
class FirstNorm:
    """A norm that no other is in front of, and what it has seen.

    Args:
        path: Path of the layer.
        mean: Moving mean, (channels,).
        variance: Moving variance.
        lag: Part of the initial statistics, 0 and 1, that is left in them.
    """

    path: str
    mean: np.ndarray
    variance: np.ndarray
    lag: float


class _ReachedError(BaseException):
    """Ends a pass at a norm; Keras adds words to every `Exception` on its way."""

    def __init__(self, layer: Any, inputs: Any) -> None:
        super().__init__()
        self.layer, self.inputs = layer, inputs


def find_first_norm(
    model: keras.Model, x: np.ndarray, steps: int | None
) -> FirstNorm | None:
    """Find the norm with moving statistics that the inputs reach first.

    Args:
        model: A built model.
        x: A few images.
        steps: Training steps, None or 0 where unknown.

    Returns:
        The norm, None if there is none or its statistics are not finite.
    """
    norms = batch_norms(model, frozen=True)
    reached = _run(norms, model, x[:1])
    if reached is None:
        return None
    path, layer = next((p, n) for p, n in norms.items() if n is reached.layer)
    mean, variance = (
        np.asarray(ops.convert_to_numpy(part), "float64")
        for part in (layer.moving_mean, layer.moving_variance)
    )
    momentum = getattr(layer, "momentum", None)
    lag = 0.0
    if steps and layer.trainable and momentum is not None:
        lag = float(momentum) ** steps
    usable = np.isfinite(mean).all() and np.isfinite(variance).all()
    if not usable or not (variance > 0).any():
        return None
    return FirstNorm(path, mean, variance, lag)


def _run(norms: dict, model: keras.Model, x: np.ndarray) -> _ReachedError | None:
    def stop(layer, original, *args, **kwargs):
        raise _ReachedError(layer, args[0] if args else kwargs["inputs"])

    calls = {layer: partial(stop, layer) for layer in norms.values()}
    try:
        with patched_calls(calls), without_gradients():
            model(ops.convert_to_tensor(x.astype("float32")), training=False)
    except _ReachedError as reached:
        return reached
    return None


class NormInputs:
    """Predicts the statistics of a norm's inputs for any map of the images.

    Args:
        model: The model.
        norm: Its first norm.
        x: Images; as many as needed are taken.
        axis: Axis of their channels.
    """

    def __init__(
        self, model: keras.Model, norm: FirstNorm, x: np.ndarray, axis: int
    ) -> None:
        self.model, self.norm, self.axis = model, norm, axis
        norms = batch_norms(model, frozen=True)
        self._norms = {norm.path: norms[norm.path]}
        one = self._inputs(x[:1])
        count = np.clip(ELEMENTS // one.size, FEWEST_IMAGES, MOST_IMAGES)
        self.x = x[: int(count)].astype("float32")
        self.count = x.shape[axis]
        self.is_affine = self.count <= MOST_PARTS and self._test_affine()
        if not self.is_affine and x.ndim == 4:
            self.x = self.x[:FEW_IMAGES]
        self._known: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
        if self.is_affine:
            self._start = self._inputs(np.zeros_like(self.x[:1]))

    def _inputs(self, x: np.ndarray) -> np.ndarray:
        """Return what the norm gets of images, (samples, positions, channels)."""
        reached = _run(self._norms, self.model, x)
        if reached is None:
            raise RuntimeError(
                f"expected images to reach {self.norm.path} as before, but they do "
                "not; call the model in the same way every time"
            )
        values = np.asarray(ops.convert_to_numpy(reached.inputs), "float32")
        values = np.moveaxis(values, reached.layer.axis, -1)
        return values.reshape(len(values), -1, values.shape[-1])

    def _test_affine(self) -> bool:
        first, second = self.x[:2], self.x[::-1][:2]
        parts = (first + second, first, second, np.zeros_like(first))
        both, one, other, none = (self._inputs(part) for part in parts)
        scale = np.abs(both - none).max() + np.abs(none).max()
        return bool(np.abs(both - one - other + none).max() <= AFFINE * scale)

    def moments(self, images: InputMap) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and variance of each channel of the norm's inputs.

        Args:
            images: What the images go through.
        """
        if not self.is_affine:
            values = self._inputs(images.apply(self.x)).reshape(-1, len(self.norm.mean))
            return values.mean(axis=0, dtype="float64"), values.var(
                axis=0, dtype="float64"
            )
        mean, covariance = self._parts(images.order)
        theta = np.concatenate([images.scale, images.offset])
        # Padding makes the constant part differ from place to place.
        theta = np.append(theta, 1.0)
        return mean @ theta, np.einsum("i,kij,j->k", theta, covariance, theta)

    def _parts(self, order: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return moments of the parts that scales, offsets and biases multiply.

        The inputs of the norm are `U scale + V offset + b`: U are the images with all
        channels but one set to 0, V is one channel of ones, b the answer to zeros. All
        vary over the places, where the convolution is padded.
        """
        if order in self._known:
            return self._known[order]
        constants = []
        for channel in range(self.count):
            ones = np.zeros_like(self.x[:1])
            self._channel(ones, channel)[...] = 1
            constants.append(self._inputs(ones) - self._start)
        constants.append(self._start)
        size = 2 * self.count + 1
        channels, total = self._start.shape[-1], 0
        sums = np.zeros((channels, size))
        products = np.zeros((channels, size, size))
        for begin in range(0, len(self.x), FEWEST_IMAGES):
            part = self.x[begin : begin + FEWEST_IMAGES]
            scaled = []
            for channel, source in enumerate(order):
                alone = np.zeros_like(part)
                self._channel(alone, channel)[...] = self._channel(part, source)
                scaled.append(self._inputs(alone) - self._start)
            whole = [np.broadcast_to(v, scaled[0].shape) for v in constants]
            stacked = np.stack([*scaled, *whole]).reshape(size, -1, channels)
            stacked = stacked.transpose(2, 0, 1).astype("float32")
            total += stacked.shape[-1]
            sums += stacked.sum(axis=-1, dtype="float64")
            products += np.matmul(stacked, stacked.swapaxes(1, 2))
        mean = sums / total
        covariance = products / total - mean[:, :, None] * mean[:, None, :]
        self._known[order] = mean, covariance
        return self._known[order]

    def _channel(self, x: np.ndarray, number: int) -> np.ndarray:
        return x[..., number] if self.axis == -1 else x[:, number]

    def misfit(self, images: InputMap) -> float:
        """Return how far moving statistics lie from those of mapped images.

        Args:
            images: What the images go through.

        Returns:
            Mean of the squared residuals in units of what is normal: about 1 for the
            images that the network was trained on.
        """
        residuals = self.residuals(images)
        # As in the fit: a single odd channel says little.
        return float((2 * OUTLIER**2 * (_root(residuals) - 1)).mean())

    def residuals(self, images: InputMap) -> np.ndarray:
        """Return residuals of moving means, then of variances, from predicted ones.

        Args:
            images: What the images go through.
        """
        mean, variance = self.moments(images)
        norm, lag = self.norm, self.norm.lag
        mean = (1 - lag) * mean
        variance = (1 - lag) * np.maximum(variance, 0) + lag
        least = 1e-6 * norm.variance.max()
        moving = np.maximum(norm.variance, least)
        tolerances = (a + b * lag for a, b in (MEAN_TOLERANCE, VARIANCE_TOLERANCE))
        of_mean, of_variance = tolerances
        return np.concatenate(
            [
                (norm.mean - mean) / (of_mean * np.sqrt(moving)),
                np.log(moving / np.maximum(variance, least)) / of_variance,
            ]
        )


def _root(residuals: np.ndarray) -> np.ndarray:
    return np.sqrt(1 + (residuals / OUTLIER) ** 2)
