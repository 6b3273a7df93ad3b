"""What the moving statistics of the first norm say of the inputs it was trained on."""

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops
from scipy import optimize

from kerasnorm.callbacks.model_walk import stand_in
from kerasnorm.callbacks.recalibration import without_gradients
from kerasnorm.doctor.probes.input_map import InputMap, identity, named_maps
from kerasnorm.doctor.statistics import batch_norms

# Numbers that the inputs of the norm hold at most, over all images.
ELEMENTS = 3e7
FEWEST_IMAGES, MOST_IMAGES = 16, 256
# Where the network is not affine up to the norm, every prediction is a pass of this
# many images, and a fit ends after so many seconds.
FEW_IMAGES, FIT_SECONDS = 48, 3.0
# Part of the initial statistics that may be left: above it they tell nothing.
MOST_LAG = 0.5
# Deviations from predicted statistics that are normal, without lag and what the lag
# adds: of means in standard deviations, of variances in their logarithm.
MEAN_TOLERANCE, VARIANCE_TOLERANCE = (0.05, 0.14), (0.15, 0.5)
# Relative to the inputs of the norm: what differs more is not affine. Half precision
# rounds by 0.001.
AFFINE = 0.02
# Squared deviations count linearly from so many tolerances on.
OUTLIER = 3.0
# Weak knowledge about the answer: channels are scaled and shifted alike, within so
# many natural logarithms and standard deviations. It decides what filters do not see.
ALIKE = 1.0
# Deviation, in units of what is normal, below which images fit.
NORMAL = 3.0
# Part of the deviation of the images as given that a map may leave.
CLEARLY = 0.3


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
        with stand_in(calls), without_gradients():
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
        self.is_affine = self._test_affine()
        if not self.is_affine:
            self.x = self.x[:FEW_IMAGES]
        self._known: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
        if self.is_affine:
            self._start = self._inputs(np.zeros_like(self.x[:1]))

    def _inputs(self, x: np.ndarray) -> np.ndarray:
        """Return what the norm gets of images, (samples, positions, channels)."""
        reached = _run(self._norms, self.model, x)
        if reached is None:
            raise RuntimeError(f"{self.norm.path} was reached before, and now is not")
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
            Mean of the squared deviations in units of what is normal: about 1 for the
            images that the network was trained on.
        """
        residuals = self._residuals(images)
        # As in the fit: a single odd channel says little.
        return float((2 * OUTLIER**2 * (_root(residuals) - 1)).mean())

    def _residuals(self, images: InputMap) -> np.ndarray:
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

    def fit(self, start: InputMap) -> InputMap | None:
        """Fit scale and offset of every channel to the moving statistics.

        Args:
            start: Where to begin; its order is kept.

        Returns:
            The map, None where the norm has too few channels to tell.
        """
        count = self.count
        if len(self.norm.mean) < 2 * count:
            return None
        others = tuple(i for i in range(self.x.ndim) if i != self.axis % self.x.ndim)
        spread = float(np.mean(self.x.std(axis=others))) + 1e-12
        centre = self.x.mean(axis=others)[np.array(start.order)]

        # Logarithms of the scales, and where the mean of each channel comes to lie in
        # units of its standard deviation: numbers of one size for every range.
        def images(theta: np.ndarray) -> InputMap:
            scale = np.exp(np.clip(theta[:count], -60, 60))
            offset = scale * (theta[count:] * spread - centre)
            return InputMap(tuple(scale), tuple(offset), start.order, self.axis)

        def residuals(theta: np.ndarray) -> np.ndarray:
            parts = (theta[:count], theta[count:])
            weak = [(part - part.mean()) / ALIKE for part in parts]
            return np.concatenate([self._residuals(images(theta)), *weak])

        scale, offset = np.abs(start.scale), np.array(start.offset)
        theta = np.concatenate([np.log(scale), (offset / scale + centre) / spread])
        theta[:count] += self._wider(start)
        # All deviations count in full until most of them are small.
        for loss in ("linear", "soft_l1"):
            theta = optimize.least_squares(
                residuals,
                theta,
                loss=loss,
                f_scale=OUTLIER,
                max_nfev=self._steps(start),
            ).x
        return images(theta)

    def _steps(self, images: InputMap) -> int:
        """Return how many steps a fit may take."""
        if self.is_affine:
            return 200
        begin = time.perf_counter()
        self.moments(images)
        each = (2 * self.count + 1) * (time.perf_counter() - begin)
        return int(np.clip(FIT_SECONDS / each, 3, 60))

    def _wider(self, images: InputMap) -> float:
        """Return the logarithm by which variances ask for another common scale."""
        variance, lag = self.moments(images)[1], self.norm.lag
        moving = (self.norm.variance - lag) / (1 - lag)
        seen = (variance > 1e-12 * variance.max()) & (moving > 0)
        if not seen.any():
            return 0.0
        return float(np.median(np.log(moving[seen] / variance[seen])) / 2)


def _root(residuals: np.ndarray) -> np.ndarray:
    return np.sqrt(1 + (residuals / OUTLIER) ** 2)


@dataclass(frozen=True)
class StatisticsOfInputs:
    """Which maps the moving statistics of the first norm speak for.

    Args:
        norm: The norm.
        misfit: Deviation of its statistics from those of the images as given.
        maps: Maps that fit better, with their deviation: usual preparations first,
            the best of each kind first.
    """

    norm: FirstNorm
    misfit: float
    maps: tuple[tuple[InputMap, float], ...]

    @property
    def acquits(self) -> bool:
        """Whether the images as given fit, but for the order of their channels."""
        return self.misfit < NORMAL


def read_expected_inputs(
    model: keras.Model, x: np.ndarray, axis: int, steps: int | None
) -> StatisticsOfInputs | None:
    """Estimate from its moving statistics which inputs a network was trained on.

    Args:
        model: A built model.
        x: Training images as they are given to it now.
        axis: Axis of their channels.
        steps: Training steps, None or 0 where unknown.

    Returns:
        The maps to try, None where the statistics tell nothing.
    """
    norm = find_first_norm(model, x, steps)
    if norm is None:
        return None
    inputs = NormInputs(model, norm, x, axis)
    # Steps since it was compiled: statistics of a pretrained network are older.
    tried = [_with_lag(inputs, lag) for lag in {norm.lag, 0.0}]
    now, found, lag = min(tried, key=lambda one: one[1][0][1])
    inputs.norm = replace(norm, lag=lag)
    if lag > MOST_LAG:
        return StatisticsOfInputs(inputs.norm, now, ())
    if now >= NORMAL:
        # Fits begin at the best named map of each order.
        starts = {images.order: images for images, _ in reversed(found)}
        fitted = [inputs.fit(start) for start in starts.values()]
        found = found[:2] + [(m, inputs.misfit(m)) for m in fitted if m is not None]
    limit = max(CLEARLY * now, NORMAL)
    better = [pair for pair in found if pair[1] < limit]
    # Where a usual preparation fits, nothing speaks for any other numbers.
    better.sort(key=lambda pair: (pair[0].preparation is None, pair[1]))
    return StatisticsOfInputs(inputs.norm, now, tuple(better))


def _with_lag(
    inputs: NormInputs, lag: float
) -> tuple[float, list[tuple[InputMap, float]], float]:
    """Return the deviation of the images as given, and those of usual preparations."""
    inputs.norm = replace(inputs.norm, lag=lag)
    maps = named_maps(inputs.x, inputs.axis)
    found = [(images, inputs.misfit(images)) for images in maps]
    found.sort(key=lambda pair: pair[1])
    return inputs.misfit(identity(inputs.x, inputs.axis)), found, lag
