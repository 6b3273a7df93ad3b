"""What a network makes of images in front of its last layer."""

from functools import partial

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.compiled_forward import run_cached
from kerasnorm.doctor.losses.evaluation_batches import (
    evaluation_batches,
    states_preserved,
)
from kerasnorm.doctor.probes.labels.image_features import (
    gradient_features,
    standardize_images,
)
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.layer_tree import iter_layers
from kerasnorm.inspection.patched_calls import patched_calls

# More numbers than this for an image are a map of places, which no crop keeps.
MOST_FEATURES = 20_000


def features_of(model: keras.Model, samples: Samples) -> np.ndarray:
    """Return features of (samples, features): the inputs of the last dense layer.

    Without such a layer they are histograms of gradients, which know no network.

    Args:
        model: The model, in inference mode.
        samples: Samples whose only input are images.
    """
    layers = [layer for _, layer in iter_layers(model)]
    dense = [layer for layer in layers if isinstance(layer, keras.layers.Dense)]

    def forward(batch):
        seen: list = []
        with patched_calls(dict.fromkeys(dense, partial(_watch, seen))):
            model(batch[0], training=False)
        # Nothing, where no dense layer was called on features of whole images.
        return seen[-1] if seen else ops.zeros((1, 0))

    rows = []
    with states_preserved(model):
        for numbers in evaluation_batches(model, samples):
            made = run_cached(model, "features", forward, samples.take(numbers)[:1])
            rows.append(np.asarray(ops.convert_to_numpy(made), "float32"))
    width = rows[0].shape[1]
    if not 1 < width <= MOST_FEATURES or sum(map(len, rows)) != samples.count:
        return gradient_features(standardize_images(samples.inputs))[0]
    order = np.argsort(np.concatenate(list(evaluation_batches(model, samples))))
    return np.concatenate(rows)[order]


def _watch(seen: list, original, *args, **kwargs):
    inputs = args[0] if args else kwargs["inputs"]
    if len(inputs.shape) == 2:
        seen.append(ops.cast(inputs, "float32"))
    return original(*args, **kwargs)


def nearest(features: np.ndarray, others: np.ndarray, count: int) -> np.ndarray:
    """Return the numbers of the nearest rows, (rows, count), by their angle.

    Args:
        features: Whose neighbours are looked for, (rows, features).
        others: Where they are looked for; their moments are taken out of both.
        count: Number of neighbours.
    """
    mean, std = others.mean(axis=0), others.std(axis=0)
    std = np.maximum(std, 1e-6 * max(float(std.max()), 1e-30))
    ours, theirs = (np.nan_to_num((part - mean) / std) for part in (features, others))
    ours, theirs = (
        part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9)
        for part in (ours, theirs)
    )
    likeness = ours @ theirs.T
    count = min(count, len(others))
    return np.argpartition(-likeness, count - 1, axis=1)[:, :count]
