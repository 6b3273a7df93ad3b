"""Measures whether validation inputs look like training inputs, and what maps them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import permutations
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import evaluate_loss
from kerasnorm.doctor.loss_matrix.bootstrap import lower_limit
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.layer_tree import iter_layers

Map = Callable[[np.ndarray], np.ndarray]

#: Preparations of images that people mix up: name, slope, offset.
SCALINGS: tuple[tuple[str, float, float], ...] = (
    ("x * 255", 255.0, 0.0),
    ("x / 255", 1 / 255, 0.0),
    ("x / 127.5 - 1", 1 / 127.5, -1.0),
    ("(x + 1) * 127.5", 127.5, 127.5),
    ("x * 2 - 1", 2.0, -1.0),
    ("(x + 1) / 2", 0.5, 0.5),
    ("255 - x", -1.0, 255.0),
    ("1 - x", -1.0, 1.0),
)

# Maps that are also tried on training samples, the best ones.
CONTROLLED = 3
# Preparations differ by factors of 2 and more, the contrast of splits by less.
NEAR = 1.35


# Brightness, of 255, that 13 bits reach whose upper byte alone is kept.
NARROW = 31


@dataclass(frozen=True)
class MapTrial:
    """Loss of validation samples whose inputs went through one map.

    Args:
        name: What the map does to validation inputs.
        kind: `"scaling"`, `"moments"`, `"channels"` or `"orientation"`.
        loss: Mean loss with the map.
        gain: Mean fall of the loss, positive if the map repairs.
        low: Lower 95% limit of that fall.
        gain_on_training: Mean fall of the training loss with the same map, measured
            for the best maps: one that helps both splits is no difference of theirs.
    """

    name: str
    kind: str
    loss: float
    gain: float
    low: float
    gain_on_training: float = 0.0


@dataclass(frozen=True)
class InputMoments:
    """Moments and range of the inputs of one split, all channels together."""

    mean: float
    std: float
    smallest: float
    largest: float
    channel_means: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the values by the names that saved examinations have."""
        values = asdict(self)
        return {"mean": values.pop("mean"), "deviation": values.pop("std"), **values}


def describe_inputs(samples: Samples) -> InputMoments | None:
    """Return moments and range of single-array inputs, None for nested ones."""
    x = samples.inputs
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        return None
    x = x.astype("float32")
    axes = tuple(range(x.ndim - 1))
    return InputMoments(
        float(x.mean(dtype="float64")),
        float(x.std(dtype="float64")),
        float(x.min()),
        float(x.max()),
        tuple(x.mean(axis=axes, dtype="float64").reshape(-1)[:8].tolist()),
    )


def uses_little_of_its_range(x: Any) -> bool:
    """Return whether images from 0 to 1 or 0 to 255 use less than an eighth of it.

    Args:
        x: Inputs; others than images never do.
    """
    if not isinstance(x, np.ndarray) or x.ndim != 4 or x.dtype.kind not in "fiu":
        return False
    low, high = float(x.min()), float(x.max())
    if low < 0:
        return False
    is_unit = high <= NARROW / 255 and x.dtype.kind == "f"
    is_whole = 1 < high <= NARROW and bool(np.all(x == np.round(x)))
    return is_unit or is_whole


def try_maps(
    model: keras.Model, train: Samples, validation: Samples, loss: LossOfSamples
) -> list[MapTrial]:
    """Send validation inputs through simple maps and measure which lowers the loss.

    Args:
        model: The model, with the statistics under which the maps are to be judged.
        train: Training samples, for the moments to match.
        validation: Validation samples.
        loss: The loss of each sample.

    Returns:
        One trial for each map that could apply, the best first.
    """
    x = validation.inputs
    if not _can_be_mapped(model, train.inputs, x):
        return []
    x = x.astype("float32")
    before = evaluate_loss(model, validation, loss)
    trials = []
    for name, kind, function in _maps(train.inputs.astype("float32"), x):
        mapped = validation.with_inputs(np.ascontiguousarray(function(x), "float32"))
        after = evaluate_loss(model, mapped, loss)
        gain = before - after
        low = lower_limit(gain)
        trials.append(
            MapTrial(name, kind, float(after.mean()), float(gain.mean()), low)
        )
    trials = sorted(trials, key=lambda trial: -trial.gain)
    few = train.head(validation.count)
    before = evaluate_loss(model, few, loss)
    functions = {name: f for name, _, f in _maps(train.inputs.astype("float32"), x)}
    for place, trial in enumerate(trials[:CONTROLLED]):
        images = functions[trial.name](few.inputs.astype("float32"))
        mapped = few.with_inputs(np.ascontiguousarray(images, "float32"))
        gain = before - evaluate_loss(model, mapped, loss)
        trials[place] = replace(trial, gain_on_training=float(gain.mean()))
    return trials


def _can_be_mapped(model: keras.Model, train: Any, x: Any) -> bool:
    """Return whether inputs are amounts; numbers of words would become other words."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub" or x.ndim < 2:
        return False
    if train.ndim != x.ndim or train.shape[-1] != x.shape[-1]:
        return False
    words = any(isinstance(n, keras.layers.Embedding) for _, n in iter_layers(model))
    return not (words and x.ndim == 2) and (x.dtype.kind not in "iu" or x.ndim > 3)


def apply_map(name: str, train: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return inputs after the map of that name.

    Args:
        name: Name of a `MapTrial`.
        train: Training inputs, for the moments to match.
        x: Validation inputs.

    Raises:
        ValueError: If no map of that name applies to these inputs.
    """
    train, x = train.astype("float32"), x.astype("float32")
    maps = list(_maps(train, x, fitting=False))
    for known, _, function in maps:
        if known == name:
            return np.ascontiguousarray(function(x), "float32")
    for _, kind, function in maps:
        # Its name tells the moments of the samples that it was first tried on.
        if kind == "moments" and name.endswith("channel by channel"):
            return np.ascontiguousarray(function(x), "float32")
    raise ValueError(
        f"expected the name of a map, one of {[known for known, *_ in maps]}, received "
        f"{name!r}"
    )


def _maps(
    train: np.ndarray, x: np.ndarray, fitting: bool = True
) -> Iterator[tuple[str, str, Map]]:
    for name, slope, offset in SCALINGS:
        if not fitting or _fits(train, x, slope, offset):
            yield name, "scaling", partial(_scale, slope=slope, offset=offset)
    axes = tuple(range(x.ndim - 1))
    slope = (train.std(axis=axes) + 1e-6) / (x.std(axis=axes) + 1e-6)
    offset = train.mean(axis=axes) - x.mean(axis=axes) * slope
    text = f"x * {np.mean(slope):.3g} + {np.mean(offset):.3g}, channel by channel"
    yield text, "moments", partial(_scale, slope=slope, offset=offset)
    if x.ndim != 4:
        return
    if x.shape[-1] == 3:
        for order in permutations(range(3)):
            if order != (0, 1, 2):
                text = "channels in the order " + "".join("RGB"[i] for i in order)
                yield text, "channels", partial(np.take, indices=order, axis=-1)
    yield "upside down", "orientation", lambda v: v[:, ::-1]
    if x.shape[1] == x.shape[2]:
        yield "rows and columns exchanged", "orientation", lambda v: v.swapaxes(1, 2)


def _scale(x: np.ndarray, slope: Any, offset: Any) -> np.ndarray:
    return x * slope + offset


def _fits(train: np.ndarray, x: np.ndarray, slope: float, offset: float) -> bool:
    """Return whether a scaling brings the inputs near enough to those of training."""
    std = float(train.std()) + 1e-9
    wider = abs(slope) * float(x.std()) / std
    moved = abs(float(x.mean()) * slope + offset - float(train.mean()))
    return 1 / NEAR < wider < NEAR and moved < std * (NEAR - 1)


def best_map(trials: Sequence[MapTrial]) -> MapTrial | None:
    """Return the map that explains most, None without any.

    Args:
        trials: What `try_maps` returned.
    """
    # A named scaling explains more than moments that happen to match as well.
    for trial in trials:
        if trial.kind != "moments" and trial.gain > 0.9 * trials[0].gain:
            return trial
    return trials[0] if trials else None
